//! Everything one can ask for by a key, a button or the command palette, under one name each.

use crate::Named;
use crate::app::widgets::picture;
use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};
use strum::{IntoStaticStr, VariantArray};

/// An action: what keys, buttons and the palette ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[expect(missing_docs, reason = "their names say it; see Action::title and Action::about")]
pub enum Action {
    Open,
    Example,
    VisionExample,
    Export,
    Start,
    Pause,
    Step,
    Iteration,
    Cancel,
    Compare,
    Undo,
    Redo,
    Earlier,
    Later,
    Latest,
    Play,
    Fit,
    OneToOne,
    Closer,
    Farther,
    Shade,
    Arrange,
    Marginals,
    Unpin,
    PreviousRun,
    NextRun,
    Star,
    Rename,
    Delete,
    Restore,
    Differences,
    NextPanel,
    PreviousPanel,
    Theme,
    ResetLayout,
    FrameTimes,
    Commands,
    Shortcuts,
    Tour,
    Lesson,
    Share,
    Reset,
    Quit,
}

const NONE: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const COMMAND: Modifiers = Modifiers::COMMAND;
const BOTH: Modifiers = Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

impl Action {
    /// Name of the action.
    pub fn title(self) -> &'static str {
        self.facts().0
    }

    /// Under which name the place of its button is known: a setting may have the same title.
    pub fn mark(self) -> String {
        format!("Do: {}", self.title())
    }

    /// Description for tooltips and lists.
    pub fn about(self) -> &'static str {
        self.facts().1
    }

    /// Keyboard shortcut, if it has one.
    pub fn shortcut(self) -> Option<KeyboardShortcut> {
        self.facts().2.map(|(modifiers, key)| KeyboardShortcut::new(modifiers, key))
    }

    #[rustfmt::skip]
    fn facts(self) -> (&'static str, &'static str, Option<(Modifiers, Key)>) {
        match self {
            Self::Open => ("Open…", "A checkpoint, a matrix, or factors exported before", Some((COMMAND, Key::O))),
            Self::Example => ("Example", "The built-in layer", None),
            Self::VisionExample => ("Vision example", "The built-in network, which tells drawn shapes and letters apart", None),
            Self::Export => ("Export…", "Factors, pictures, curves, a report", Some((COMMAND, Key::E))),
            Self::Start => ("Start", "A new run with the settings as they are", Some((COMMAND, Key::Enter))),
            Self::Pause => ("Pause or resume", "Takes effect after the step in work", Some((NONE, Key::Space))),
            Self::Step => ("One half-step", "Or one factor finalized; then pause", Some((NONE, Key::Period))),
            Self::Iteration => ("One iteration", "On to the end of the outer iteration, then pause", Some((SHIFT, Key::Period))),
            Self::Cancel => ("Cancel", "End the run and keep its best factors", Some((NONE, Key::Escape))),
            Self::Compare => ("Compare methods", "This layer by all ticked methods, each with the same number of nonzeros", None),
            Self::Undo => ("Undo", "The last change of a setting", Some((COMMAND, Key::Z))),
            Self::Redo => ("Redo", "The change of a setting that was undone", Some((BOTH, Key::Z))),
            Self::Earlier => ("Earlier iteration", "Every picture goes back with it", Some((NONE, Key::ArrowLeft))),
            Self::Later => ("Later iteration", "Towards the end of the run", Some((NONE, Key::ArrowRight))),
            Self::Latest => ("Latest iteration", "Follow the run, or show its result", Some((NONE, Key::End))),
            Self::Play => ("Play", "Run through the iterations that were kept", Some((NONE, Key::P))),
            Self::Fit => ("Fit", "All of every matrix (or double-click one)", Some((NONE, Key::F))),
            Self::OneToOne => ("1:1", "One pixel for each entry", Some((NONE, Key::Num1))),
            Self::Closer => ("Zoom in", "About what the shared pointer is at, or the middle", Some((NONE, Key::Plus))),
            Self::Farther => ("Zoom out", "About what the shared pointer is at, or the middle", Some((NONE, Key::Minus))),
            Self::Shade => ("Next shading", "Values, density of nonzeros, or the mask alone", Some((NONE, Key::V))),
            Self::Arrange => ("Next order", "Rows and columns as stored, by density, by norm, by cluster", Some((NONE, Key::O))),
            Self::Marginals => ("Marginals", "Nonzeros of each row and column beside the pictures", Some((NONE, Key::M))),
            Self::Unpin => ("Unpin", "Let the shared pointer follow the mouse again", Some((NONE, Key::U))),
            Self::PreviousRun => ("Previous run", "The one above in the list", Some((NONE, Key::ArrowUp))),
            Self::NextRun => ("Next run", "The one below in the list", Some((NONE, Key::ArrowDown))),
            Self::Star => ("Star", "Mark the run on screen", Some((NONE, Key::S))),
            Self::Rename => ("Rename…", "The run on screen", Some((NONE, Key::F2))),
            Self::Delete => ("Delete", "Forget the run on screen", Some((NONE, Key::Delete))),
            Self::Restore => ("Bring back", "The run that was deleted last", Some((SHIFT, Key::Delete))),
            Self::Differences => ("What differs", "Between the run on screen and another one", Some((NONE, Key::D))),
            Self::NextPanel => ("Next panel", "The keyboard goes on to the next panel, bar or dialog; Tab leads into it", Some((NONE, Key::F6))),
            Self::PreviousPanel => ("Previous panel", "The keyboard goes back to the panel, bar or dialog before", Some((SHIFT, Key::F6))),
            Self::Theme => ("Light or dark", "The other theme", Some((NONE, Key::T))),
            Self::ResetLayout => ("Reset layout", "All panels back to their places", None),
            Self::FrameTimes => ("Frame times", "How long the window takes to draw itself", None),
            Self::Commands => ("All commands…", "Find a command, a panel or a layer by its name", Some((COMMAND, Key::K))),
            Self::Tour => ("Tour", "Ten cards about pruning, over the real window", None),
            Self::Lesson => ("8×8 lesson", "A factorization with every number to read", None),
            Self::Share => ("Link…", "To this layer, these settings, this view and iteration", None),
            Self::Reset => ("Begin again", "As the window or the link began: the same layer, settings and run", None),
            Self::Quit => ("Quit", "Factors that were not saved are asked about first", Some((COMMAND, Key::Q))),
            Self::Shortcuts => ("Shortcuts", "All keys", Some((NONE, Key::Questionmark))),
        }
    }

    /// The one whose keys were pressed in this frame, of those that are `allowed`.
    pub fn pressed(ctx: &Context, allowed: impl Fn(&KeyboardShortcut) -> bool) -> Option<Self> {
        // Redo's keys hold those of undo.
        let mut all: Vec<(Self, KeyboardShortcut)> = Self::ALL
            .iter()
            .copied()
            .filter_map(|action| Some((action, action.shortcut().filter(&allowed)?)))
            .filter(|(_, shortcut)| !picture::answers(ctx, shortcut))
            .collect();
        all.sort_by_key(|(_, shortcut)| !shortcut.modifiers.shift);
        ctx.input_mut(|input| {
            // On most keyboards the question mark needs shift, which egui then reports too.
            let help = KeyboardShortcut::new(SHIFT, Key::Questionmark);
            if allowed(&help) && input.consume_shortcut(&help) {
                return Some(Self::Shortcuts);
            }
            all.into_iter().find(|(_, shortcut)| input.consume_shortcut(shortcut)).map(|(action, _)| action)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_means_one_thing() {
        for (at, action) in Action::ALL.iter().copied().enumerate() {
            for other in &Action::ALL[..at] {
                assert_ne!(action.title(), other.title());
                assert!(action.shortcut().is_none() || action.shortcut() != other.shortcut(), "{action:?} {other:?}");
            }
        }
    }
}
