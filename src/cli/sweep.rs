//! `sweep`: the paper's figures, or one or two settings over lists of values.

use super::explicit_flags::Given;
use super::language::LanguageArgs;
use super::layer::{InputsArgs, LayersArgs};
use super::method::MethodArgs;
use super::resume::ResumableOutput;
use super::side_by_side::side_by_side;
use super::solver_args::Tuning;
use super::table::Table;
use super::{Failure, output};
use crate::Named;
use crate::compare::{Choice, Figure, Point, Quantity, Record, Results, Subject, Sweep as Plan, View};
use crate::factorize::Settings;
use crate::measure::Note;
use crate::measure::cost::remaining_secs;
use crate::methods::Method;
use crate::model::Fingerprint;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde_json::{Map, Value, json};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// The command's arguments.
#[derive(clap::Args)]
pub struct Sweep {
    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    layers: LayersArgs,

    #[command(flatten)]
    inputs: InputsArgs,

    #[command(flatten)]
    language: LanguageArgs,

    /// One of the paper's figures, by name or number, or another sweep that has a name
    #[arg(long, value_enum, required_unless_present = "vary")]
    figure: Option<Shown>,

    /// What is varied: a setting, method, preset or size (of W's leading square), and its values with commas. Given twice,
    /// the first goes to the right and the second is a line each
    #[arg(long, value_name = "NAME=A,B,…", conflicts_with = "figure", value_parser = axis)]
    vary: Vec<Axis>,

    #[command(flatten)]
    method: MethodArgs,

    #[command(flatten)]
    tuning: Tuning,

    /// What goes up [default: what fits: the layer-wise error with a calibration, the figures' own]
    #[arg(long, value_enum)]
    y: Option<Quantity>,

    /// What goes to the right in place of what is varied
    #[arg(long, value_enum)]
    x: Option<Quantity>,

    /// Worker threads of each point: as many points go on at once as there are processors for [default: 1]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Write a table (.csv), all numbers (.json) and the chart (.png, .svg) to this folder; what an interrupted sweep has
    /// measured is taken from there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Replace an earlier sweep of other settings
    #[arg(long)]
    force: bool,

    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

/// A value of `--figure`.
#[derive(Clone, Copy)]
enum Shown {
    /// A sweep over layers.
    Layers(Figure),
    /// The sweep over a whole language model.
    Perplexity,
}

impl ValueEnum for Shown {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Shown; Figure::ALL.len() + 1] = {
            let mut all = [Shown::Perplexity; Figure::ALL.len() + 1];
            let mut at = 0;
            while at < Figure::ALL.len() {
                all[at] = Shown::Layers(Figure::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Layers(figure) => figure.to_possible_value(),
            Self::Perplexity => Some(
                PossibleValue::new("perplexity")
                    .alias("8")
                    .help("Fig. 8: a language model's perplexity by the bytes of its layers; FILE is its folder"),
            ),
        }
    }
}

/// A setting to vary, with its values.
#[derive(Clone)]
struct Axis {
    name: String,
    choices: Vec<Choice>,
}

fn axis(text: &str) -> Result<Axis, Failure> {
    let wrong = || Failure::unexplained("it must be a name and values, for example density=0.1,0.2,0.3");
    let (name, values) = text.split_once('=').ok_or_else(wrong)?;
    let values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
    let mut choices: Vec<Choice> = Vec::new();
    for value in values {
        let choice = Choice::parse(name, value)?;
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    if choices.is_empty() {
        let hint = format!("give some, for example {name}=0.1,0.2,0.3");
        return Err(Failure::new(format!("{name} has no values"), hint));
    }
    Ok(Axis { name: name.trim().replace(['-', '_'], " "), choices })
}

impl Sweep {
    /// Measures all points, except those that are there already.
    pub fn run(self) -> Result<(), Failure> {
        self.refuse_given()?;
        self.out.iter().try_for_each(|out| output::check_folder("--out", out))?;
        self.tuning.settings.check()?;
        let figure = match self.figure {
            Some(Shown::Perplexity) => return self.of_a_model(),
            Some(Shown::Layers(figure)) => Some(figure),
            None => None,
        };
        if self.vary.len() > 2 {
            return Err(Failure::new("at most two things are varied", "give --vary once or twice"));
        }
        if let [first, second] = &self.vary[..]
            && first.name == second.name
        {
            let what = format!("{} is varied twice", first.name);
            return Err(Failure::new(what, "give all its values in one --vary"));
        }
        let subjects = self.subjects()?;
        for subject in &subjects {
            for note in Note::of_inputs(&subject.problem) {
                output::note(&format!("{}: {note}", subject.layer.name));
            }
        }
        let plan = self.plan(figure, &subjects);
        self.refuse_varied(&plan)?;
        let (points, not) = plan.points(&subjects)?;
        let left_out = not.len();
        match (points.is_empty(), not.into_iter().next()) {
            (true, Some((_, why))) => return Err(Failure::from(why).of("no point of this sweep can be measured")),
            // Some of a figure's own points never fit.
            (false, Some((_, why))) if figure.is_none() => {
                let points = if left_out == 1 { "point is" } else { "points are" };
                output::note(&format!("{left_out} {points} left out, the first because {}", Failure::from(why)));
            }
            _ => {}
        }
        let name = figure.map_or("sweep", Figure::name);
        let files = ResumableOutput::new(
            [name, figure.map_or("sweep", Figure::numbers)],
            self.out.clone(),
            identity(&plan, &subjects),
        );
        let before: Vec<Record> = files.before(self.force)?;
        let found = points.iter().filter(|point| before.iter().any(|record| record.is_of(point))).count();
        if found > 0 {
            output::note(&format!("{found} of {} points are there already", points.len()));
        }
        // Output that cannot be written is refused before the work.
        files.keep(&plan.title, &before)?;
        let mut results = Results { sweep: plan, records: before };
        self.measure(&subjects, &points, &mut results, &files)?;
        let view = View {
            x: self.x.or(results.sweep.view.x),
            y: self.y.unwrap_or(results.sweep.view.y),
            ..results.sweep.view
        };
        if results.records.is_empty() {
            return Err(Failure::unexplained("no point could be measured: the notes above say why"));
        }
        let missing = |quantity: &Quantity| results.records.iter().all(|record| record.value(*quantity).is_none());
        if let Some(quantity) = [view.x, Some(view.y)].into_iter().flatten().find(missing) {
            let what = format!("there is no {} here", quantity.label());
            return Err(Failure::new(what, "give --calibration and --held-out"));
        }
        files.keep(&results.sweep.title, &results.records)?;
        let written = files.finish(&results.to_csv(), &results.drawn(view).to_svg(960))?;
        match self.json {
            true => output::json(&json!({ "title": results.sweep.title, "records": results.records })),
            false => {
                output::print(&table(&results, view))?;
                written.iter().try_for_each(|file| output::print(&format!("written: {}", file.display())))
            }
        }
    }

    /// Refuses flags without effect on any sweep of this kind.
    fn refuse_given(&self) -> Result<(), Failure> {
        const OF_A_MODEL: [&str; 6] =
            ["calibration_text", "calibration_samples", "calibration_context", "text", "context", "tokens"];
        const OF_ALL: [&str; 6] = ["file", "figure", "threads", "out", "force", "json"];
        let for_model = |name: &str| OF_A_MODEL.contains(&name);
        match self.figure {
            Some(Shown::Perplexity) => self.given.refuse(
                |name| !for_model(name) && !OF_ALL.contains(&name),
                "has no effect on this figure, which has its own methods and densities of a whole model",
                "leave it out (`table` takes --methods and --densities)",
            ),
            figure => {
                self.given.refuse(for_model, "is for --figure perplexity, of a whole model", "leave it out")?;
                match figure {
                    Some(_) => self.given.refuse(
                        |name| name == "method",
                        "has no effect on a figure",
                        "vary something with --vary",
                    ),
                    None => Ok(()),
                }
            }
        }
    }

    /// Refuses flags that this sweep varies, and those that no method in it uses.
    fn refuse_varied(&self, plan: &Plan) -> Result<(), Failure> {
        let axes = [&plan.x, &plan.series];
        let every = |has: &dyn Fn(&Choice) -> bool| axes.iter().any(|axis| axis.iter().all(has));
        let varied = |name: &str| match name {
            "method" => every(&|choice| choice.method.is_some()),
            name => every(&|choice| choice.settings.contains_key(name)),
        };
        self.given.refuse(varied, "has no effect, for this sweep varies it", "leave it out")?;
        let methods = axes.iter().flat_map(|axis| axis.iter()).filter_map(|choice| choice.method);
        let methods: Vec<Method> = methods.chain((!varied("method")).then_some(plan.base.method)).collect();
        self.given.refuse_for(&methods)
    }

    fn subjects(&self) -> Result<Vec<Subject>, Failure> {
        let layers = self.layers.open()?;
        let subject = |layer| {
            let problem = self.inputs.problem(&layer)?;
            Ok(Subject { layer: Arc::new(layer), problem })
        };
        layers.into_iter().map(subject).collect()
    }

    /// Runs the sweep over a model: Fig. 8 is the table's rows at more densities.
    fn of_a_model(self) -> Result<(), Failure> {
        let densities = vec![0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15];
        let study = self.language.of(self.layers.file);
        let Self { threads, out, force, json, .. } = self;
        Table { name: "perplexity", study, densities, methods: Vec::new(), tune: None, threads, out, force, json }.run()
    }

    fn plan(&self, figure: Option<Figure>, subjects: &[Subject]) -> Plan {
        let base = self.method.candidate(&self.tuning.settings);
        // Settings given beside the preset apply to other presets too.
        let Tuning { preset, settings } = &self.tuning;
        let usual = json!(Settings { factor_density: None, ..settings.clone() }.with_preset(*preset));
        let all = json!(settings).as_object().cloned().unwrap_or_default();
        let given: Map<String, Value> = all.into_iter().filter(|(key, value)| usual[key] != *value).collect();
        if let Some(figure) = figure {
            return Plan { given, ..figure.sweep(subjects, &base) };
        }
        let mut axes = self.vary.clone();
        // Choices with positions on an axis go on the x axis.
        let numbered = |axis: &Axis| axis.choices.iter().all(|choice| choice.number.is_some());
        if axes.len() == 2 && !numbered(&axes[0]) && numbered(&axes[1]) {
            axes.swap(0, 1);
        }
        let calibrated =
            subjects.iter().all(|subject| subject.problem.calibration.as_ref().is_some_and(|inputs| !inputs.is_zero()));
        let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
        let title = format!("{} by {}", base.method.title(), names.join(" and "));
        let mut axes = axes.into_iter();
        let first = axes.next();
        Plan {
            title,
            x_label: first.as_ref().map_or(String::new(), |axis| axis.name.clone()),
            x: first.map_or(Vec::new(), |axis| axis.choices),
            series: axes.next().map_or(vec![Choice::default()], |axis| axis.choices),
            base,
            given,
            view: View { x: None, y: if calibrated { Quantity::LayerError } else { Quantity::Error }, log_x: false },
            quick: false,
        }
    }

    /// Measures as many points at a time as there are processors for, and writes each at once.
    fn measure(
        &self,
        subjects: &[Subject],
        points: &[Point],
        results: &mut Results,
        files: &ResumableOutput,
    ) -> Result<(), Failure> {
        let cost = |point: &Point| point.cost(&subjects[point.subject]);
        let missing: Vec<&Point> =
            points.iter().filter(|point| !results.records.iter().any(|record| record.is_of(point))).collect();
        let all: f64 = missing.iter().map(|point| cost(point)).sum();
        let threads = self.threads.map_or(1, NonZeroUsize::get);
        let begun = Instant::now();
        let bar = output::Share::new(&results.sweep.title);
        let (records, title) = (&mut results.records, &results.sweep.title);
        let (mut done, mut failed) = (0.0, Vec::new());
        let measure = |at: usize| Ok(missing[at].measure(&subjects[missing[at].subject], threads, &|_| true)?);
        side_by_side(missing.len(), threads, measure, |at, made| {
            let point = missing[at];
            done += cost(point);
            match made {
                Ok(record) => records.push(record),
                Err(why) => failed.push(format!("{} {} {}: {why}", point.layer, point.x, point.series)),
            }
            let share = done / all.max(f64::MIN_POSITIVE);
            let left = remaining_secs(begun.elapsed().as_secs_f64(), share, 1.0 - share);
            bar.update(share, left, &format!("{} of {} points", records.len(), points.len()));
            if let Err(error) = files.keep(title, records) {
                failed.push(error.to_string());
            }
        });
        bar.finish();
        failed.iter().for_each(|why| output::note(why));
        // In the order of the points, whichever was measured first.
        records.sort_by_key(|record| points.iter().position(|point| record.is_of(point)));
        records.retain(|record| points.iter().any(|point| record.is_of(point)));
        Ok(())
    }
}

/// Identity of what is measured, however it is shown: error by density and error by bytes are the same points.
fn identity(plan: &Plan, subjects: &[Subject]) -> Value {
    let mut data = Fingerprint::default();
    for subject in subjects {
        let statistics = [&subject.problem.calibration, &subject.problem.held_out];
        let matrices = statistics.into_iter().flatten().map(|inputs| inputs.xtx());
        for matrix in std::iter::once(&*subject.layer.weight).chain(matrices) {
            matrix.as_slice().iter().for_each(|x| data.add(&x.to_le_bytes()));
        }
    }
    let Plan { x, series, base, given, .. } = plan;
    json!({ "x": x, "series": series, "base": base, "given": given, "data": data.hex() })
}

/// The results as a text table: choices down, lines across, the mean over the layers in each cell.
fn table(results: &Results, view: View) -> String {
    let Plan { x, series, x_label, .. } = &results.sweep;
    let mut head = vec![x_label.clone()];
    head.extend(
        series.iter().map(|choice| if choice.name.is_empty() { view.y.label().into() } else { choice.name.clone() }),
    );
    let mut rows = vec![head];
    for x in x {
        let mut row = vec![x.name.clone()];
        for series in series {
            let here = results.records.iter().filter(|record| record.x == x.name && record.series == series.name);
            let values: Vec<f64> = here.filter_map(|record| record.value(view.y)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            row.push(if values.is_empty() { "–".into() } else { format!("{mean:.4}") });
        }
        if row[1..].iter().any(|cell| cell != "–") {
            rows.push(row);
        }
    }
    format!("{}, {}:\n{}", results.sweep.title, view.y.label(), output::table(&rows))
}
