//! Keys: first the tour's, then what Escape closes, then the actions'.

use crate::app::explorer::Explorer;
use crate::app::state::action::Action;
use crate::app::state::closing::Closing;
use crate::app::state::command::Command;
use crate::app::widgets::regions::is_focused;
use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers, Popup};

impl Explorer {
    /// Does what the keys of this frame ask for.
    pub(super) fn keys(&mut self, ctx: &Context) {
        self.tour_keys(ctx);
        let typing = ctx.text_edit_focused();
        let taken = self.shell.keyboard_taken;
        if ctx.input(|input| input.key_pressed(Key::Escape)) && !taken && self.close_one() {
            ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        }
        let allowed = |shortcut: &KeyboardShortcut| match shortcut.logical_key {
            // A field has an undo of its own.
            Key::Z => !typing,
            Key::F6 => true,
            _ if shortcut.modifiers.command => true,
            // What a control that has the keyboard answers to itself; egui takes the focus away on Escape before this.
            Key::Escape => !taken,
            Key::Space | Key::Enter => !taken && !typing,
            Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown | Key::End => !taken && !typing,
            _ => !typing,
        };
        if let Some(action) = Action::pressed(ctx, allowed) {
            self.act(ctx, action);
        }
    }

    /// Keys of the tour, before those of the window.
    fn tour_keys(&mut self, ctx: &Context) {
        let free = !self.shell.keyboard_taken && !ctx.text_edit_focused();
        let Some((card, _)) = self.shell.tour.card().filter(|_| free) else { return };
        let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let to = match () {
            () if pressed(Key::Space) || pressed(Key::ArrowRight) => card + 1,
            () if pressed(Key::ArrowLeft) => card.saturating_sub(1).max(1),
            () => return,
        };
        self.perform(ctx, Command::GoToCard(to));
    }

    /// Closes what is in front, as Escape does before it cancels a run.
    fn close_one(&mut self) -> bool {
        let (shell, dialogs) = (&mut self.shell.tour, &mut self.shell.dialogs);
        let open = [
            &mut dialogs.palette.open,
            &mut dialogs.open.open,
            &mut dialogs.export.open,
            &mut dialogs.shortcuts,
            &mut dialogs.share.open,
            &mut self.panels.runs.differences,
        ];
        let any = open.into_iter().find(|open| **open).map(|open| *open = false).is_some() || shell.close();
        let asked = self.shell.closing == Closing::Asked;
        if !any && asked {
            self.shell.closing = Closing::No;
        }
        any || asked
    }

    /// Whether a control has the keyboard, or a menu is open: the next frame's keys are for it.
    pub(super) fn is_keyboard_taken(&self, ctx: &Context) -> bool {
        // The palette's own field does not count: Escape closes the palette.
        // Neither does a panel as a whole: only what is in it has keys of its own.
        let a_control = ctx.memory(|memory| memory.focused().is_some()) && !is_focused(ctx);
        let focused = a_control && !self.shell.dialogs.palette.open;
        focused || Popup::is_any_open(ctx) || ctx.dragged_id().is_some()
    }
}
