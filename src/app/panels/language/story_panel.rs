//! What the dense and the changed model tell, side by side.

use crate::app::panels::language::{LanguageModelState, Replaced, Telling};
use crate::app::tasks::language::work::{Change, Tell, Told};
use crate::app::widgets::colors;
use eframe::egui::text::LayoutJob;
use eframe::egui::{Align, DragValue, Layout, RichText, ScrollArea, TextEdit, TextFormat, Ui};
use std::time::Duration;

impl LanguageModelState {
    /// The panel.
    pub fn story_ui(&mut self, ui: &mut Ui, threads: Option<usize>) {
        let (Some(facts), Some(model)) = (self.facts().cloned(), self.opened.clone()) else {
            ui.weak("No language model is open");
            return;
        };
        if !self.is_live(&facts) {
            ui.weak("This model is too large to tell a text beside the compressed one");
            return;
        }
        self.sampling_ui(ui);
        // Layers that were compressed; else the one that is being tuned.
        let (change, replaced, title) = match &self.tuned {
            _ if !self.layers.is_empty() => {
                let count = self.layers.len();
                let title = format!("With {count} compressed layers");
                (Some(self.change()), Replaced::Compressed(self.version), title)
            }
            Some(tuned) => {
                let name = format!("{}.{}", tuned.id.block, tuned.id.linear.short_name());
                let change = Change::SingleLayer(tuned.id, tuned.moment.clone());
                (Some(change), Replaced::SingleLayer(tuned.clone()), format!("With {name} as on screen"))
            }
            None => (None, Replaced::Nothing, String::new()),
        };
        let moving = matches!(&replaced, Replaced::SingleLayer(alone) if alone.moment.step().is_some());
        let key = Telling {
            study: self.number,
            replaced,
            prompt: self.prompt.clone(),
            temperature: self.sampling.temperature,
            seed: self.sampling.seed,
        };
        let sampling = self.sampling;
        let pause = if moving || self.work.is_some() { Duration::from_millis(700) } else { Duration::from_millis(50) };
        self.told.want_slowly(ui.ctx(), key, pause, |key| {
            let prompt = key.prompt.clone();
            Tell { model, change, prompt, sampling, threads }
        });
        let Some(told) = self.told.latest() else {
            ui.weak("Telling…");
            return;
        };
        match told.as_ref() {
            Err(why) => _ = ui.colored_label(ui.visuals().error_fg_color, why),
            Ok(told) => self.texts_ui(ui, told, &title),
        }
    }

    fn sampling_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Begins with");
            let hint = "nothing: a text from its start";
            let field = TextEdit::singleline(&mut self.prompt).hint_text(hint).desired_width(170.0);
            ui.add(field).labelled_by(label.id).on_hover_text("Words that both go on from, as the model spells them");
            let label = ui.label("Seed");
            let why = "Both models draw with the same numbers: the texts part where the models disagree";
            ui.add(DragValue::new(&mut self.sampling.seed).range(0..=9999)).labelled_by(label.id).on_hover_text(why);
            let label = ui.label("Temperature");
            let why = "0: always the likeliest word. 1: as the model says";
            let drag = DragValue::new(&mut self.sampling.temperature).range(0.0..=2.0).speed(0.01);
            ui.add(drag).labelled_by(label.id).on_hover_text(why);
        });
    }

    fn texts_ui(&self, ui: &mut Ui, told: &Told, title: &str) {
        let perplexity = |value: Option<f64>| value.map_or(String::new(), |value| format!(", perplexity {value:.3}"));
        ScrollArea::vertical().id_salt("told").auto_shrink(false).show(ui, |ui| {
            ui.columns(2, |columns| {
                columns[0].strong(format!("Dense{}", perplexity(self.dense())));
                let common = told
                    .changed
                    .as_ref()
                    .map_or(usize::MAX, |changed| told.dense.iter().zip(changed).take_while(|(a, b)| a == b).count());
                text_ui(&mut columns[0], &told.dense, usize::MAX);
                let Some(changed) = &told.changed else {
                    _ = columns[1].weak("Compress layers, or run one of them: what the model tells then stands here");
                    return;
                };
                let value = if self.layers.is_empty() { self.alone() } else { self.compressed() };
                let value = value.map(|(perplexity, _)| perplexity);
                let title = RichText::new(format!("{title}{}", perplexity(value))).strong();
                columns[1].with_layout(Layout::top_down(Align::Min), |ui| ui.label(title));
                text_ui(&mut columns[1], changed, common);
            });
        });
    }
}

/// The words, from `from` on in the colour of what is changed.
fn text_ui(ui: &mut Ui, words: &[String], from: usize) {
    let mut job = LayoutJob::default();
    let font = eframe::egui::TextStyle::Body.resolve(ui.style());
    let (same, other) = words.split_at(from.min(words.len()));
    for (part, color) in [(same, ui.visuals().text_color()), (other, colors::DSF)] {
        job.append(&part.concat(), 0.0, TextFormat { font_id: font.clone(), color, ..TextFormat::default() });
    }
    // Not stretched to the column's width.
    ui.with_layout(Layout::top_down(Align::Min), |ui| ui.label(job));
}
