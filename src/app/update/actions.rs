//! What each action does.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::state::action::Action;
use crate::app::state::document::Beginning;
use crate::app::state::pane::Pane;
use crate::app::state::preferences::Preferences;
use crate::app::state::run::RunState;
use crate::app::state::workspace::Workspaces;
use crate::app::widgets::picture::Shade;
use crate::app::widgets::regions;
use crate::job::Command;
use crate::matrix::Arrangement;
use eframe::egui::{Context, Theme, ThemePreference, ViewportCommand};

impl Explorer {
    /// Does what can be done now.
    pub(in crate::app) fn act(&mut self, ctx: &Context, action: Action) {
        if self.state.why_not(action).is_none() {
            self.do_action(ctx, action);
        }
    }

    /// Does it, or says why it cannot be done now.
    pub(in crate::app) fn try_to(&mut self, ctx: &Context, action: Action) {
        match self.state.why_not(action) {
            None => self.do_action(ctx, action),
            Some(why) => {
                let text = format!("{} is not possible now: {why}", action.title());
                self.state.messages.done(ctx, text);
            }
        }
    }

    fn do_action(&mut self, ctx: &Context, action: Action) {
        let (state, shell) = (&mut self.state, &mut self.shell);
        let looks = &mut state.preferences.looks;
        match action {
            Action::Open => shell.dialogs.open.start(),
            Action::Example => state.computed.loader.open_example(None),
            Action::VisionExample => self.open_vision_example(),
            Action::Export => shell.dialogs.export.start(None),
            Action::Start => {
                state.runs.clear_queue();
                self.start_run(ctx, false);
            }
            Action::Pause | Action::Step | Action::Iteration | Action::Cancel => self.tell_run(action),
            Action::Compare => {
                self.show(Pane::Compare);
                self.compare_ticked(ctx);
            }
            Action::Undo => {
                if state.preferences.undo() {
                    self.restart(ctx);
                }
            }
            Action::Redo => {
                if state.preferences.redo() {
                    self.restart(ctx);
                }
            }
            Action::Earlier => state.runs.shift(false),
            Action::Later => state.runs.shift(true),
            Action::Latest => state.runs.go_to_latest(),
            Action::Play => state.runs.play(ctx.input(|input| input.time)),
            Action::Fit => self.panels.views.fit(),
            Action::OneToOne => self.panels.views.show_at(1.0 / ctx.pixels_per_point()),
            Action::Closer | Action::Farther => {
                let factor = if action == Action::Closer { 1.5 } else { 1.0 / 1.5 };
                self.panels.views.zoom(factor, state.pictures().map(AsRef::as_ref));
            }
            Action::Shade => looks.shade = next(Shade::ALL, looks.shade),
            Action::Arrange => looks.arrangement = next(Arrangement::ALL, looks.arrangement),
            Action::Marginals => looks.marginals ^= true,
            Action::Unpin => self.panels.views.unpin(),
            Action::PreviousRun => state.runs.select_neighbour(false),
            Action::NextRun => state.runs.select_neighbour(true),
            Action::Star => state.runs.shown_mut().into_iter().for_each(|run| run.starred ^= true),
            Action::Rename => {
                self.show(Pane::Runs);
                self.state.runs.shown().into_iter().for_each(|run| self.panels.runs.rename(run));
            }
            Action::Delete => state.runs.selected().into_iter().for_each(|at| self.delete_run(ctx, at)),
            Action::Restore => state.runs.bring_back(),
            Action::Differences => {
                self.panels.runs.differences ^= true;
                self.show(Pane::Runs);
            }
            Action::NextPanel => regions::step(ctx, true),
            Action::PreviousPanel => regions::step(ctx, false),
            Action::Theme => {
                let dark = ctx.theme() == Theme::Dark;
                ctx.set_theme(if dark { ThemePreference::Light } else { ThemePreference::Dark });
            }
            Action::ResetLayout => shell.workspace.reset(),
            Action::FrameTimes => state.preferences.frame_times ^= true,
            Action::Commands => shell.dialogs.palette.open(),
            Action::Shortcuts => shell.dialogs.shortcuts ^= true,
            Action::Tour => shell.tour.start(),
            Action::Lesson => self.show(Pane::Lesson),
            Action::Share => shell.dialogs.share.open = true,
            Action::Reset => self.begin_again(),
            Action::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
        }
        ctx.request_repaint();
    }

    /// As it all began.
    fn begin_again(&mut self) {
        let Beginning { source, tensor, saved, .. } = self.state.document.beginning.clone();
        let first = Preferences::restore(&saved, None);
        let preferences = &mut self.state.preferences;
        (preferences.settings, preferences.looks) = (first.settings, first.looks);
        self.shell.workspace = Workspaces::restore(&saved.layout);
        self.shell.tour.close();
        self.state.runs.clear_queue();
        let computed = &mut self.state.computed;
        (computed.comparison, computed.sweeps, computed.split) = Default::default();
        (self.panels.compare, self.panels.sweeps) = Default::default();
        self.follow_first_link();
        let loader = &mut self.state.computed.loader;
        match source {
            Some(source) => loader.open(source, tensor),
            None => loader.open_example(tensor),
        }
    }

    fn tell_run(&mut self, action: Action) {
        self.state.runs.go_to_latest();
        let Some(run) = self.state.runs.shown_mut() else { return };
        run.send(match action {
            Action::Pause if run.state == RunState::Paused => Command::Resume,
            Action::Pause => Command::Pause,
            Action::Step => Command::Step,
            Action::Iteration => Command::Iteration,
            _ => Command::Cancel,
        });
    }
}

fn next<T: Copy + PartialEq>(all: &[T], current: T) -> T {
    let at = all.iter().position(|&item| item == current).unwrap_or(0);
    all[(at + 1) % all.len()]
}
