//! What the dense and the changed model tell, side by side.

use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::hints::sentence;
use crate::app::state::language_command::LanguageCommand;
use crate::app::state::text_request::TextRequest;
use crate::app::tasks::language::generate::{Texts, WrittenText};
use crate::app::widgets::colors;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::theme;
use eframe::egui::text::LayoutJob;
use eframe::egui::{Align, DragValue, Layout, RichText, ScrollArea, TextEdit, TextFormat, Ui};

/// The panel's own state.
#[derive(Default)]
pub struct StoryPanel {
    /// Number of the model that it is about: with another one it begins anew.
    model: usize,
    request: TextRequest,
}

impl StoryPanel {
    /// Draws the panel of generated texts.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let language = &state.language;
        let model = language.model().models();
        if self.model != model {
            *self = Self { model, ..Self::default() };
        }
        if language.info().is_none() {
            ui.weak("No language model is open");
            return None;
        }
        if !language.is_live() {
            ui.weak("This model is too large to tell a text beside the compressed one");
            return None;
        }
        self.sampling_ui(ui);
        match language.texts() {
            None => _ = ui.weak("Telling…"),
            Some(Err(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
            Some(Ok(texts)) => texts_ui(ui, state, texts),
        }
        Some(Command::Language(LanguageCommand::Generate(self.request.clone())))
    }

    fn sampling_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Begins with");
            let hint = "nothing: a text from its start";
            let field = TextEdit::singleline(&mut self.request.prompt).hint_text(hint).desired_width(170.0);
            ui.add(field).labelled_by(label.id).on_hover_text("Words that both go on from, as the model spells them");
            let label = ui.label("Seed");
            let why = "Both models draw with the same numbers: the texts part where the models disagree";
            ui.add(DragValue::new(&mut self.request.sampling.seed).range(0..=9999))
                .labelled_by(label.id)
                .on_hover_text(why);
            let label = ui.label("Temperature");
            let why = "0: always the likeliest word. 1: as the model says";
            let drag = DragValue::new(&mut self.request.sampling.temperature).range(0.0..=2.0).speed(0.01);
            ui.add(drag).labelled_by(label.id).on_hover_text(why);
        });
    }
}

fn texts_ui(ui: &mut Ui, state: &State, texts: &Texts) {
    let language = &state.language;
    // Layers that were compressed; else the one that is being tuned.
    let title = match (language.replaced(), language.on_screen()) {
        (0, None) => String::new(),
        (0, Some(on_screen)) => {
            let name = language.info().map_or(String::new(), |info| info.config.tensor_label(on_screen.id));
            format!("With {name} as on screen")
        }
        (count, _) if language.layers().is_tuned() => format!("With {count} tuned layers"),
        (count, _) => format!("With {count} compressed layers"),
    };
    let perplexity = |value: Option<f64>| value.map_or(String::new(), |value| format!(", perplexity {value:.3}"));
    scroll_ui(ui, ScrollArea::vertical().id_salt("told").auto_shrink(false), |ui| {
        ui.columns(2, |columns| {
            let stored = if language.info().is_some_and(|info| info.keeps_factors) { "As stored" } else { "Dense" };
            columns[0].strong(format!("{stored}{}", perplexity(language.dense())));
            speed_ui(&mut columns[0], &texts.dense);
            let common = texts.changed.as_ref().map_or(usize::MAX, |changed| {
                texts.dense.words.iter().zip(&changed.words).take_while(|(a, b)| a == b).count()
            });
            text_ui(&mut columns[0], &texts.dense.words, usize::MAX);
            let Some(changed) = &texts.changed else {
                _ = columns[1].weak("Compress layers, or run one of them: what the model tells then stands here");
                return;
            };
            let value = if language.layers().is_empty() { language.alone() } else { language.compressed() };
            let value = value.map(|(perplexity, _)| perplexity);
            let title = RichText::new(format!("{title}{}", perplexity(value))).strong();
            columns[1].with_layout(Layout::top_down(Align::Min), |ui| ui.label(title));
            speed_ui(&mut columns[1], changed);
            text_ui(&mut columns[1], &changed.words, common);
        });
    });
}

/// Tokens a second and bytes, as the model ran.
fn speed_ui(ui: &mut Ui, text: &WrittenText) {
    let rate = text.tokens_per_second.map_or("writing…".to_owned(), |rate| format!("{rate:.0} tokens/s"));
    ui.weak(format!("{rate}, {:.2} MB of weights", text.weight_bytes as f64 * 1e-6)).on_hover_text(
        "Measured while this text was written, with weights as they are stored: factors are not multiplied out",
    );
}

/// The words, from `from` on in the colour of what is changed.
fn text_ui(ui: &mut Ui, words: &[String], from: usize) {
    let mut job = LayoutJob::default();
    let font = eframe::egui::TextStyle::Body.resolve(ui.style());
    let (same, other) = words.split_at(from.min(words.len()));
    for (part, color) in [(same, ui.visuals().text_color()), (other, theme::readable(ui.visuals(), colors::DSF))] {
        job.append(&part.concat(), 0.0, TextFormat { font_id: font.clone(), color, ..TextFormat::default() });
    }
    // Not stretched to the column's width.
    ui.with_layout(Layout::top_down(Align::Min), |ui| ui.label(job));
}
