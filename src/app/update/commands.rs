//! What each action does, and when it cannot be done.

use crate::app::explorer::{Beginning, Explorer, is_exportable};
use crate::app::panels::dialogs::command_palette::Found;
use crate::app::panels::runs::in_order;
use crate::app::platform::open_example;
use crate::app::state::action::Action;
use crate::app::state::run::{Run, RunState};
use crate::app::state::workspace::{Workspace, Workspaces};
use crate::app::widgets::picture::Shade;
use crate::factorize::Preset;
use crate::job::Command;
use crate::matrix::Arrangement;
use eframe::egui::Context;

impl Explorer {
    /// Why an action cannot be done now.
    pub fn why_not(&self, action: Action) -> Option<String> {
        let shown = self.shown();
        let active = shown.is_some_and(Run::is_active);
        let unless = |possible: bool, why: &str| (!possible).then(|| why.to_owned());
        match action {
            Action::Start => self.blocked(),
            Action::Pause | Action::Step | Action::Iteration | Action::Cancel => unless(active, "No run is going on"),
            Action::Compare => self.no_comparison(),
            Action::Export => unless(self.subject.is_some() || shown.is_some(), "Nothing is open"),
            Action::Undo => unless(self.history.has_undo(&self.settings), "No setting was changed"),
            Action::Redo => unless(self.history.has_redo(&self.settings), "Nothing was undone"),
            Action::Earlier | Action::Later | Action::Latest | Action::Play => {
                let film = shown.is_some_and(|run| !run.snapshots.all().is_empty());
                unless(film, "No iteration is kept")
            }
            Action::Star | Action::Rename | Action::Delete => unless(shown.is_some(), "No run is on screen"),
            Action::Restore => unless(self.deleted.is_some(), "No run was deleted"),
            Action::PreviousRun | Action::NextRun => unless(self.runs.len() > 1, "There is no other run"),
            Action::Differences => unless(self.runs.len() > 1, "There are no two runs yet"),
            Action::Unpin => unless(self.views.is_pinned(), "The shared pointer is not held"),
            _ => None,
        }
    }

    /// Why the run on screen cannot be written.
    pub(in crate::app) fn no_run_to_write(&self) -> Option<&'static str> {
        match self.shown() {
            None => Some("No run is on screen"),
            Some(run) if run.state == RunState::Opened => Some("These factors came from a file"),
            Some(run) if !is_exportable(run) => Some("The run on screen has not ended"),
            Some(_) => None,
        }
    }

    /// Does what can be done.
    pub(in crate::app) fn perform(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Open => self.opening.start(),
            Action::Example => open_example(&mut self.loader, None),
            Action::Export => self.export.start(None),
            Action::Start => {
                self.queue.clear();
                self.start(ctx, false);
            }
            Action::Pause | Action::Step | Action::Iteration | Action::Cancel => self.tell(action),
            Action::Compare => {
                self.show(crate::app::state::workspace::Pane::Compare);
                self.compare_ticked(ctx);
            }
            Action::Undo => {
                if let Some(settings) = self.history.undo(&self.settings).cloned() {
                    self.settings = settings;
                    self.restart(ctx);
                }
            }
            Action::Redo => {
                if let Some(settings) = self.history.redo(&self.settings).cloned() {
                    self.settings = settings;
                    self.restart(ctx);
                }
            }
            Action::Earlier | Action::Later | Action::Latest | Action::Play => self.travel(ctx, action),
            Action::Fit => self.views.fit(),
            Action::OneToOne => self.views.show_at(1.0 / ctx.pixels_per_point()),
            Action::Closer | Action::Farther => {
                let factor = if action == Action::Closer { 1.5 } else { 1.0 / 1.5 };
                let pictures = self.showing.latest().cloned();
                self.views.zoom(factor, pictures.as_deref());
            }
            Action::Shade => self.saved.looks.shade = next(&Shade::ALL, self.saved.looks.shade),
            Action::Arrange => self.saved.looks.arrangement = next(&Arrangement::ALL, self.saved.looks.arrangement),
            Action::Marginals => self.saved.looks.marginals ^= true,
            Action::Unpin => self.views.unpin(),
            Action::PreviousRun | Action::NextRun => {
                let order = in_order(&self.runs);
                let at = order.iter().position(|&at| Some(at) == self.selected).unwrap_or(0);
                let to = if action == Action::PreviousRun { at.saturating_sub(1) } else { at + 1 };
                self.select(order.get(to).or(order.last()).copied());
            }
            Action::Star => {
                if let Some(run) = self.selected.and_then(|at| self.runs.get_mut(at)) {
                    run.starred ^= true;
                }
            }
            Action::Rename => {
                self.show(crate::app::state::workspace::Pane::Runs);
                if let Some(run) = self.selected.and_then(|at| self.runs.get(at)) {
                    self.run_list.rename(run);
                }
            }
            Action::Delete => self.selected.into_iter().for_each(|at| self.forget(ctx, at)),
            Action::Restore => self.deleted.take().into_iter().for_each(|run| self.bring_back(run)),
            Action::Differences => self.run_list.differences ^= true,
            Action::Theme => Self::other_theme(ctx),
            Action::ResetLayout => self.workspace.reset(),
            Action::FrameTimes => self.saved.frame_times ^= true,
            Action::Commands => self.palette.open(),
            Action::Shortcuts => self.shortcuts_open ^= true,
            Action::Tour => self.tour.start(),
            Action::Lesson => self.show(crate::app::state::workspace::Pane::Lesson),
            Action::Share => self.share.open = true,
            Action::Reset => self.begin_again(),
            Action::Quit => ctx.send_viewport_cmd(eframe::egui::ViewportCommand::Close),
        }
        ctx.request_repaint();
    }

    /// As it all began.
    fn begin_again(&mut self) {
        let Beginning { source, tensor, link, saved } = &self.beginning;
        let (source, tensor, link) = (source.clone(), tensor.clone(), link.clone());
        self.settings = saved.settings.clone().unwrap_or_else(|| Preset::Fast.settings());
        self.saved.looks = saved.looks.clone();
        self.workspace = Workspaces::new(Workspace::restore(&saved.layout).unwrap_or_default());
        self.queue.clear();
        self.comparing = Default::default();
        self.sweeps = Default::default();
        self.split = Default::default();
        self.tour.close();
        if let Some(link) = &link {
            self.follow(link);
        }
        match source {
            Some(source) => self.loader.open(source, tensor),
            None => open_example(&mut self.loader, tensor),
        }
    }

    /// Tells the run on screen.
    pub(in crate::app) fn tell_shown(&mut self, command: Command) {
        if let Some(run) = self.selected.and_then(|at| self.runs.get_mut(at)) {
            run.send(command);
        }
    }

    fn tell(&mut self, action: Action) {
        let Some(run) = self.selected.and_then(|at| self.runs.get_mut(at)) else { return };
        self.timeline.latest();
        run.send(match action {
            Action::Pause if run.state == RunState::Paused => Command::Resume,
            Action::Pause => Command::Pause,
            Action::Step => Command::Step,
            Action::Iteration => Command::Iteration,
            _ => Command::Cancel,
        });
    }

    fn travel(&mut self, ctx: &Context, action: Action) {
        let Some(run) = self.selected.and_then(|at| self.runs.get(at)) else { return };
        match action {
            Action::Earlier => self.timeline.shift(run, false),
            Action::Later => self.timeline.shift(run, true),
            Action::Play => self.timeline.play(run, ctx.input(|input| input.time)),
            _ => self.timeline.latest(),
        }
    }

    /// What was chosen in the command palette.
    pub(in crate::app) fn found(&mut self, ctx: &Context, found: Found) {
        match found {
            Found::Do(action) => match self.why_not(action) {
                None => self.perform(ctx, action),
                Some(why) => self.messages.done(ctx, format!("{} is not possible now: {why}", action.name())),
            },
            Found::Show(pane) => self.show(pane),
            Found::Layer(name) => {
                if let Some(checkpoint) = &self.checkpoint {
                    self.loader.layer(checkpoint, name, self.layers.orientation());
                }
            }
        }
    }
}

fn next<T: Copy + PartialEq>(all: &[T], current: T) -> T {
    let at = all.iter().position(|&item| item == current).unwrap_or(0);
    all[(at + 1) % all.len()]
}
