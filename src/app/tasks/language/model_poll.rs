//! What happens to the open language model from frame to frame: what was measured, written and compressed comes in.

use super::generate::Texts;
use super::measure_row::MeasureRow;
use super::model_state::LanguageModelState;
use super::table::{Cell, ModelTable};
use crate::app::state::chart_files::ChartFiles;
use crate::app::state::error::Error;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::hints::{sentence, sentence_of};
use crate::app::state::text_request::TextRequest;
use crate::app::state::tried::Tried;
use crate::app::tasks::pending_task::{PACE, PendingTask};
use crate::app::tasks::whole_model::replaced_layers::SingleLayer;
use crate::compare::{ModelResults, ModelRow};
use crate::compress::distribute;
use crate::hint::Failure;
use crate::language::LayerId;
use eframe::egui::Context;

/// Texts that the models write.
impl LanguageModelState {
    /// Sees that the dense and the changed model write a text.
    pub fn want_texts(&mut self, ctx: &Context, request: &TextRequest, threads: Option<usize>) {
        let Some(model) = self.open.lazy() else { return };
        let (layers, working) = (&self.layers, self.is_working());
        let replaced = (layers, self.measures.perplexities.on_screen());
        self.measures.texts.want(ctx, (self.open.number(), model), replaced, request, (working, threads));
    }

    /// The last texts, or why there are none.
    pub fn texts(&self) -> Option<Result<&Texts, &Failure>> {
        self.measures.texts.latest()
    }
}

/// The table of methods on the model.
impl LanguageModelState {
    /// The cells of the table, with their state.
    pub fn table(&self) -> &ModelTable {
        &self.measures.table
    }

    /// Number of measured cells of the table.
    pub fn table_count(&self) -> usize {
        self.measures.table.count()
    }

    /// Whether cells of the table are being measured.
    pub fn table_is_going(&self) -> bool {
        self.measures.table.is_wanted()
    }

    /// Measures what is missing of the table; in a sentence why not.
    pub fn measure_table(&mut self) -> Result<(), &'static str> {
        match self.no_table() {
            Some(why) => Err(why),
            None => {
                self.measures.table.start();
                Ok(())
            }
        }
    }

    /// Ends what is being measured; what is measured stays.
    pub fn pause_table(&mut self) {
        // Nothing else in the table waits for the sensitivity of layers.
        if self.measures.table.is_wanted() && self.measures.table.distributes() && self.proxy().is_none() {
            self.measures.sensitivity.stop();
        }
        self.measures.table.pause();
    }

    /// Why nothing can be measured for the table now.
    pub fn no_table(&self) -> Option<&'static str> {
        let Some(info) = self.info() else { return Some("no language model is open") };
        match () {
            () if !info.calibrates => Some("Give a text first, under Text to measure on"),
            () if self.dense().is_none() => Some("The dense model is not measured yet"),
            () if self.measures.table.next().is_none() => Some("All of it is measured"),
            () => self.why_busy(),
        }
    }

    /// The table so far, as charts and files have it.
    pub fn table_results(&self) -> Option<ModelResults> {
        let (dense, model, rows) = (self.dense()?, self.open.name()?.to_owned(), self.measures.table.records());
        (!rows.is_empty()).then_some(ModelResults { model, dense, floor: self.floor(), rows })
    }

    /// The table as it can be saved.
    pub fn table_files(&self) -> Option<ChartFiles> {
        let results = self.table_results()?;
        let json = serde_json::to_string_pretty(&results).unwrap_or_default() + "\n";
        Some(ChartFiles { csv: results.to_csv(), json, svg: results.chart().to_svg(960, 600) })
    }
}

/// Updates from frame to frame.
impl LanguageModelState {
    /// Everything that has happened since the last frame, and what is wanted now. `on_screen` is the layer on screen and the
    /// factors in its place, `kept` how many entries magnitude pruning would leave of it.
    pub fn poll(
        &mut self,
        ctx: &Context,
        threads: Option<usize>,
        on_screen: Option<(LayerId, FactorsAt)>,
        kept: Option<usize>,
    ) {
        self.poll_work(ctx);
        self.measures.texts.poll();
        self.note_tried();
        let (Some(info), Some(model)) = (self.info().cloned(), self.open.lazy().cloned()) else { return };
        let number = self.open.number();
        if info.text.is_some() && !self.waits_for_request() {
            self.measures.perplexities.want_dense(ctx, number, &model, threads);
        }
        let on_screen = on_screen.filter(|(id, factors)| *factors != FactorsAt::Nothing && info.has(*id));
        self.measures.perplexities.set_on_screen(on_screen.map(|(id, factors)| SingleLayer {
            model: number,
            id,
            factors,
        }));
        self.want_losses(ctx, kept);
        self.poll_table(ctx, threads);
        if info.calibrates {
            self.measures.sensitivity.want(ctx, number, model, threads);
        }
    }

    /// Notes what the compressed layers came to, once it is known.
    fn note_tried(&mut self) {
        let version = self.layers.version();
        if self.is_working()
            || self.layers.is_empty()
            || self.measures.tried.iter().any(|tried| tried.version == version)
        {
            return;
        }
        let (Some((perplexity, true)), Some(texts)) = (self.compressed(), self.measures.texts.of_compressed(version))
        else {
            return;
        };
        let Some(changed) = &texts.changed else { return };
        let dense = &texts.dense;
        self.measures.tried_dense = Some((dense.weight_bytes, dense.tokens_per_second));
        let (bytes, rate) = (changed.weight_bytes, changed.tokens_per_second);
        let label = self.layers.summary();
        // What a tuning left and an undoing brought back was tried before.
        if let Some(same) =
            self.measures.tried.iter_mut().find(|tried| tried.label == label && tried.perplexity == perplexity)
        {
            same.version = version;
            return;
        }
        self.measures.tried.push(Tried { version, label, perplexity, bytes, tokens_per_second: rate });
    }

    fn want_losses(&mut self, ctx: &Context, kept: Option<usize>) {
        if self.dense().is_none() {
            return;
        }
        let live = self.is_live();
        if live {
            self.measures.perplexities.want_single(ctx);
            kept.into_iter().for_each(|kept| self.measures.perplexities.want_pruned(ctx, kept));
        }
        // A large model keeps the processors for its layers, and is measured when they are done.
        if self.layers.is_empty() {
            self.measures.perplexities.forget_compressed();
        } else if live || !self.is_working() {
            self.measures.perplexities.want_all(ctx, self.open.number(), &mut self.layers);
        }
    }

    /// Takes in what was measured for the table, and begins the next cell.
    fn poll_table(&mut self, ctx: &Context, threads: Option<usize>) {
        let Some((row, density)) = self.measures.table.poll(self.open.number()) else { return };
        let Some(model) = self.open.lazy().cloned() else { return };
        let mut shares = None;
        if ModelRow::ALL[row].distributed {
            if let Some(Err(why)) = self.measures.sensitivity.of(self.open.number()) {
                return self.measures.table.give_up(sentence(why));
            }
            let (Some(info), Some(proxy)) = (self.info(), self.proxy()) else {
                if self.measures.sensitivity.has_given_up() {
                    return self.measures.table.give_up(sentence_of(Error::NoSensitivity));
                }
                // It comes.
                return self.measures.sensitivity.start();
            };
            shares = Some(distribute(&info.config, proxy, density));
        }
        let task = MeasureRow { model, row, density, shares, threads };
        self.measures.table.begin(Cell { row, density, share: 0.0, task: PendingTask::new(ctx, task, PACE) });
    }

    /// Returns the state of the model, for a program that drives the window.
    pub fn state(&self) -> serde_json::Value {
        let texts = self.texts().and_then(Result::ok);
        serde_json::json!({
            "dense": self.dense(),
            "floor": self.floor(),
            "alone": self.alone().map(|(perplexity, _)| perplexity),
            "alone_is_current": self.alone().is_some_and(|(_, current)| current),
            "compressed": self.compressed().map(|(perplexity, _)| perplexity),
            "compressed_is_current": self.compressed().is_some_and(|(_, current)| current),
            "replaced": self.replaced(),
            "layers": self.info().map(|info| info.config.layers().count()),
            "working": self.is_working(),
            "problem": self.problem(),
            "tuning": self.tuning().state(),
            "tuned": self.layers.is_tuned(),
            "tuning_step": self.tuning().curve().step(),
            "tuning_steps": self.tuning().curve().steps,
            "held_out": self.tuning().curve().held_out(),
            "table": self.table_count(),
            "table_is_going": self.table_is_going(),
            "story": texts.map(|texts| texts.dense.words.concat()),
            "changed_story": texts.and_then(|texts| Some(texts.changed.as_ref()?.words.concat())),
            "tried": self.measures.tried.len(),
        })
    }
}
