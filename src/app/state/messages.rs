//! What the window has to say: each thing once, until it is dismissed or old; all of it in the log.

use crate::model::printable;
use eframe::egui::Context;

/// Severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Success of an operation; disappears by itself.
    Done,
    /// A problem; stays long enough to be read.
    Problem,
}

/// Something that the window has to say.
#[derive(Clone)]
pub struct Message {
    /// Severity of the message.
    pub level: Level,
    /// Text of the message.
    pub text: String,
    /// Time at which it was said, in seconds from the start.
    pub at: f64,
    /// Time at which it leaves the screen, in seconds from the start.
    pub until: f64,
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
        self.keep(Message { level: Level::Done, text: shown(&text.into()), at, until: at });
    }

    fn add(&mut self, ctx: &Context, level: Level, text: String, secs: f64) {
        let text = shown(&text);
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

    /// The log, oldest first.
    pub fn log(&self) -> &[Message] {
        &self.log
    }

    /// Those on screen at `now`, in seconds.
    pub fn shown(&mut self, now: f64) -> &[Message] {
        self.shown.retain(|message| message.until > now);
        &self.shown
    }

    /// Takes one of those on screen away.
    pub fn dismiss(&mut self, at: usize) {
        self.shown.remove(at);
    }
}

/// A message in lines of its own, with the names in it escaped.
fn shown(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}
