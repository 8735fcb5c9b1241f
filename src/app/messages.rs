//! What the window has to say: each thing once, until it is dismissed or old.

use eframe::egui::{self, Align2, Area, Context, Frame, Id, vec2};

/// How grave a message is.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Done,
    Problem,
}

struct Message {
    level: Level,
    text: String,
    until: f64,
}

/// The messages on screen.
#[derive(Default)]
pub struct Messages {
    shown: Vec<Message>,
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

    fn add(&mut self, ctx: &Context, level: Level, text: String, secs: f64) {
        self.shown.retain(|message| message.text != text);
        self.shown.push(Message { level, text, until: ctx.input(|input| input.time) + secs });
        ctx.request_repaint();
    }

    /// In the lower right corner, over everything.
    pub fn ui(&mut self, ctx: &Context) {
        let now = ctx.input(|input| input.time);
        self.shown.retain(|message| message.until > now);
        let Some(next) = self.shown.iter().map(|message| message.until).reduce(f64::min) else { return };
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(next - now));
        let mut dismissed = None;
        Area::new(Id::unique("messages")).anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -12.0)).show(ctx, |ui| {
            for (at, message) in self.shown.iter().enumerate() {
                Frame::popup(ui.style()).show(ui, |ui| {
                    ui.set_max_width(420.0);
                    ui.horizontal_top(|ui| {
                        let color = match message.level {
                            Level::Done => ui.visuals().text_color(),
                            Level::Problem => ui.visuals().error_fg_color,
                        };
                        if ui.small_button("✖").on_hover_text("Dismiss").clicked() {
                            dismissed = Some(at);
                        }
                        ui.add(egui::Label::new(egui::RichText::new(&message.text).color(color)).wrap());
                    });
                });
            }
        });
        if let Some(at) = dismissed {
            self.shown.remove(at);
        }
    }
}
