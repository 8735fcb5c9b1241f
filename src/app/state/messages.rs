//! What the window has to say: each thing once, until it is dismissed or old; all of it in the log.

use eframe::egui::{self, Align2, Area, Context, Frame, Id, RichText, ScrollArea, Ui, vec2};

/// How grave a message is.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Done,
    Problem,
}

#[derive(Clone)]
struct Message {
    level: Level,
    text: String,
    /// When it was said, in seconds from the start.
    at: f64,
    until: f64,
}

/// The log goes back so far.
const LOGGED: usize = 500;

/// The messages on screen, and all before.
#[derive(Default)]
pub struct Messages {
    shown: Vec<Message>,
    log: Vec<Message>,
}

impl Messages {
    /// Something was done; goes by itself.
    pub fn done(&mut self, ctx: &Context, text: impl Into<String>) {
        self.add(ctx, Level::Done, text.into(), 6.0);
    }

    /// Something went wrong; stays long enough to be read, and the current work stays as it is.
    pub fn problem(&mut self, ctx: &Context, text: impl Into<String>) {
        self.add(ctx, Level::Problem, text.into(), 20.0);
    }

    /// Only for the log.
    pub fn note(&mut self, ctx: &Context, text: impl Into<String>) {
        let at = ctx.input(|input| input.time);
        self.keep(Message { level: Level::Done, text: text.into(), at, until: at });
    }

    fn add(&mut self, ctx: &Context, level: Level, text: String, secs: f64) {
        self.shown.retain(|message| message.text != text);
        let at = ctx.input(|input| input.time);
        let message = Message { level, text, at, until: at + secs };
        self.keep(message.clone());
        self.shown.push(message);
        ctx.request_repaint();
    }

    fn keep(&mut self, message: Message) {
        if self.log.len() == LOGGED {
            self.log.remove(0);
        }
        self.log.push(message);
    }

    /// All that was said, oldest first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.log.iter().map(|message| message.text.as_str())
    }

    /// The log, newest first.
    pub fn log_ui(&self, ui: &mut Ui) {
        if self.log.is_empty() {
            ui.weak("Nothing to report");
        }
        let text = || self.log.iter().map(|m| format!("{:>8.1} s  {}\n", m.at, m.text)).collect::<String>();
        if !self.log.is_empty() && ui.small_button("Copy").on_hover_text("The whole log, to the clipboard").clicked() {
            ui.ctx().copy_text(text());
        }
        ScrollArea::vertical().id_salt("log").auto_shrink(false).show(ui, |ui| {
            for message in self.log.iter().rev() {
                ui.horizontal_top(|ui| {
                    ui.weak(RichText::new(format!("{:>7.1} s", message.at)).monospace());
                    ui.add(egui::Label::new(RichText::new(&message.text).color(color(ui, message.level))).wrap());
                });
            }
        });
    }

    /// In the lower right corner, over everything.
    pub fn ui(&mut self, ctx: &Context) {
        let now = ctx.input(|input| input.time);
        self.shown.retain(|message| message.until > now);
        let Some(next) = self.shown.iter().map(|message| message.until).reduce(f64::min) else { return };
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(next - now));
        let mut dismissed = None;
        Area::new(Id::unique("messages"))
            .order(egui::Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -12.0))
            .show(ctx, |ui| {
                for (at, message) in self.shown.iter().enumerate() {
                    Frame::popup(ui.style()).show(ui, |ui| {
                        ui.set_max_width(420.0);
                        ui.horizontal_top(|ui| {
                            let close = ui.small_button("✖");
                            close.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Dismiss"));
                            if close.on_hover_text("Dismiss").clicked() {
                                dismissed = Some(at);
                            }
                            let color = color(ui, message.level);
                            ui.add(egui::Label::new(RichText::new(&message.text).color(color)).wrap());
                        });
                    });
                }
            });
        if let Some(at) = dismissed {
            self.shown.remove(at);
        }
    }
}

fn color(ui: &Ui, level: Level) -> egui::Color32 {
    match level {
        Level::Done => ui.visuals().text_color(),
        Level::Problem => ui.visuals().error_fg_color,
    }
}
