//! W, A, B, A·B and the error under one pointer.

use super::state::State;
use crate::app::state::command::Command;
use crate::app::state::display_options::DisplayOptions;
use crate::app::state::export::ExportKind;
use crate::app::state::pane::Pane;
use crate::app::state::paths::paths;
use crate::app::state::pointer::{Pointer, SharedPointer};
use crate::app::tasks::pictures::{Drawn, Pictures};
use crate::app::widgets::picture::{AUTOMATIC, Colors, Frame, Marks, MatrixView, Readout, Seen, Viewport};
use crate::matrix::ReplacementKind;
use eframe::egui::{Id, Rect, Response, Ui, Vec2};

/// Largest number of highlighted entries of a product's paths, the weightiest ones.
const MOST_LIT: usize = 300;

/// The views' own state.
pub struct LinkedViews {
    /// W, A·B and the error have the same shape and are looked at together.
    whole: Viewport,
    a: Viewport,
    b: Viewport,
    hovered: Pointer,
    /// Where keys have moved the pointer, until the mouse moves it.
    typed: Option<Pointer>,
    pinned: Option<Pointer>,
    /// Pointer of the frame that is being drawn.
    next: Pointer,
    /// View that was pointed at last.
    pointed_at: Pane,
    /// Area of each view in the last frame, in points, and the picture in it.
    areas: [Rect; 5],
    picture_areas: [Rect; 5],
}

impl Default for LinkedViews {
    fn default() -> Self {
        let (whole, a, b, hovered, typed, pinned, next) = Default::default();
        let areas = [Rect::ZERO; 5];
        Self { whole, a, b, hovered, typed, pinned, next, pointed_at: Pane::W, areas, picture_areas: areas }
    }
}

impl LinkedViews {
    /// All matrices in sight again.
    pub fn fit(&mut self) {
        (self.whole, self.a, self.b) = Default::default();
    }

    /// Each entry so many points large.
    pub fn show_at(&mut self, points: f32) {
        [&mut self.whole, &mut self.a, &mut self.b].into_iter().for_each(|viewport| viewport.show_at(points));
    }

    /// Zooms all views about what the shared pointer is at, or about the middle.
    pub fn zoom(&mut self, factor: f32, pictures: Option<&Pictures>) {
        let pointer = self.pointer();
        // Of the views that share a part, the one that is pointed at keeps its entry in place.
        let whole = if matches!(self.pointed_at, Pane::A | Pane::B) { Pane::W } else { self.pointed_at };
        for pane in [whole, Pane::A, Pane::B] {
            let about = pictures.map_or((None, None), |pictures| place(pane, pointer, pictures));
            let area = self.picture_areas[slot(pane)];
            self.viewport(pane).zoom(factor, about, area);
        }
    }

    /// Holds the pointer at an entry of W.
    pub fn pin(&mut self, out: usize, input: usize) {
        self.pinned = Some(Pointer { out: Some(out), inner: None, input: Some(input) });
    }

    /// The pointer follows the mouse again.
    pub fn unpin(&mut self) {
        self.pinned = None;
    }

    /// Returns the position of the shared pointer.
    fn pointer(&self) -> Pointer {
        self.pinned.or(self.typed).unwrap_or(self.hovered)
    }

    /// Returns the position of the shared pointer, once all views of a frame have been drawn.
    pub fn end_frame(&mut self) -> SharedPointer {
        self.hovered = std::mem::take(&mut self.next);
        SharedPointer { at: self.pointer(), is_pinned: self.pinned.is_some() }
    }

    /// The part of a matrix that its view shows, and the view's width over its height.
    pub fn part(&mut self, pane: Pane) -> (Viewport, f32) {
        let area = self.area(pane);
        (*self.viewport(pane), (area.width() / area.height().max(1.0)).max(0.05))
    }

    /// Returns the area of a view on screen, in points.
    pub fn area(&self, pane: Pane) -> Rect {
        self.areas[slot(pane)]
    }

    /// One of the five views.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, pane: Pane) -> Option<Command> {
        let (pictures, looks) = (state.pictures().map(AsRef::as_ref), &state.preferences.looks);
        let Some((pictures, pyramid)) = pictures.and_then(|pictures| Some((pictures, pictures.of_pane(pane)?))) else {
            let one = pictures.is_some_and(|pictures| pictures.kind == ReplacementKind::Sparse && pictures.b.is_some());
            let words = match pane {
                Pane::W => "Nothing is open",
                Pane::A if one => "A is the identity: B alone stands in the place of W",
                _ => "Not there yet",
            };
            ui.centered_and_justified(|ui| ui.weak(words));
            return None;
        };
        let pointer = self.pointer();
        let marks = marks(pane, pointer, pictures);
        let frame = Frame {
            title: pane.title(),
            accent: pane.accent(state.method_on_screen()),
            pyramid,
            colors: colors_of(pane, pictures, looks, ui.visuals().dark_mode),
            marks: &marks,
            readout: readout(pane, pointer, pictures)
                .map(|readout| Readout { is_held: self.pinned.is_some(), ..readout }),
            marginals: looks.marginals,
        };
        self.areas[slot(pane)] = ui.available_rect_before_wrap();
        let seen = MatrixView(Id::unique(pane.title())).ui(ui, &frame, self.viewport(pane));
        self.picture_areas[slot(pane)] = seen.area;
        self.point(ui, pane, &seen, pictures);
        let mut command = seen.wants_whole_range.then_some(Command::SetColorRange(1.0));
        seen.response.context_menu(|ui| command = self.menu_ui(ui, pane, looks).or(command.take()));
        command
    }

    /// Moves, holds or releases the shared pointer, as mouse and keys ask.
    fn point(&mut self, ui: &Ui, pane: Pane, seen: &Seen, pictures: &Pictures) {
        let Seen { hovered, moved, response, .. } = seen;
        let pointed_at = |(row, col)| pointed(pane, row, col, pictures);
        if let Some(moved) = moved.map(pointed_at) {
            let place = if self.pinned.is_some() { &mut self.pinned } else { &mut self.typed };
            *place = Some(moved);
            self.pointed_at = pane;
            ui.ctx().request_repaint();
        }
        if response.lost_focus() {
            self.typed = None;
        }
        let pointed = hovered.map(pointed_at);
        if let Some(pointed) = pointed {
            if ui.input(|input| input.pointer.delta() != Vec2::ZERO) {
                self.typed = None;
                self.pointed_at = pane;
            }
            self.next = pointed;
        }
        self.hold(response, pointed);
    }

    /// A click holds the pointer or lets it go, and so does Enter, which egui takes for a click.
    fn hold(&mut self, response: &Response, pointed: Option<Pointer>) {
        // A double-click shows all; its first half has let go of the pointer, or held it.
        if response.double_clicked() {
            self.pinned = None;
        } else if response.clicked() {
            match self.pinned.take() {
                // The keys go on from where it was.
                Some(held) if response.has_focus() => self.typed = Some(held),
                Some(_) => {}
                None => self.pinned = self.typed.or(pointed),
            }
        }
    }

    fn menu_ui(&mut self, ui: &mut Ui, pane: Pane, looks: &DisplayOptions) -> Option<Command> {
        if ui.button("Save picture…").clicked() {
            return Some(Command::Export(Some(ExportKind::View(pane))));
        }
        if ui.button("Fit").clicked() {
            *self.viewport(pane) = Viewport::default();
        }
        if ui.button("1:1").clicked() {
            let points = 1.0 / ui.pixels_per_point();
            self.viewport(pane).show_at(points);
        }
        ui.separator();
        let ranges = [
            (
                "Automatic range",
                AUTOMATIC,
                "Colours for 99.5 % of the nonzeros; for fewer where most entries are zero, or few are far larger",
            ),
            ("Whole range", 1.0, "Colours up to the largest magnitude"),
        ];
        let mut command = None;
        for (label, share, about) in ranges {
            if ui.radio(looks.percentile == share, label).on_hover_text(about).clicked() {
                command = Some(Command::SetColorRange(share));
                ui.close();
            }
        }
        command
    }

    fn viewport(&mut self, pane: Pane) -> &mut Viewport {
        match pane {
            Pane::A => &mut self.a,
            Pane::B => &mut self.b,
            _ => &mut self.whole,
        }
    }
}

/// The colours of a view. W, A·B and the error share W's range: what is pale in the error is small against W.
pub fn colors_of(pane: Pane, pictures: &Pictures, looks: &DisplayOptions, dark: bool) -> Colors {
    let measure = match pane {
        Pane::A | Pane::B => pictures.of_pane(pane),
        _ => pictures.w.as_ref().or(pictures.product.as_ref()),
    };
    let range = measure.map_or(1.0, |pyramid| pyramid.spread().range(looks.percentile));
    Colors { shade: looks.shade, range, dark }
}

fn slot(pane: Pane) -> usize {
    match pane {
        Pane::W => 0,
        Pane::A => 1,
        Pane::B => 2,
        Pane::Product => 3,
        _ => 4,
    }
}

/// Indices that a position on screen stands for.
fn pointed(pane: Pane, row: usize, col: usize, pictures: &Pictures) -> Pointer {
    let Drawn { out, inner, input, .. } = &**pictures;
    match pane {
        Pane::A => Pointer { out: Some(out.index(row)), inner: Some(inner.index(col)), input: None },
        Pane::B => Pointer { out: None, inner: Some(inner.index(row)), input: Some(input.index(col)) },
        _ => Pointer { out: Some(out.index(row)), inner: None, input: Some(input.index(col)) },
    }
}

/// Returns the position of the pointer in a view, as (row, column) on screen.
fn place(pane: Pane, pointer: Pointer, pictures: &Pictures) -> (Option<usize>, Option<usize>) {
    let out = pointer.out.map(|at| pictures.out.position(at));
    let inner = pointer.inner.map(|at| pictures.inner.position(at));
    let input = pointer.input.map(|at| pictures.input.position(at));
    match pane {
        Pane::A => (out, inner),
        Pane::B => (inner, input),
        _ => (out, input),
    }
}

fn marks(pane: Pane, pointer: Pointer, pictures: &Pictures) -> Marks {
    let (row, col) = place(pane, pointer, pictures);
    let mut entries: Vec<(usize, usize)> = row.zip(col).into_iter().collect();
    // Of an entry of W: the entries of A and B that make it.
    if pointer.inner.is_none()
        && let ((Some(out), Some(input)), Some(a), Some(b)) =
            (place(Pane::W, pointer, pictures), &pictures.a, &pictures.b)
    {
        let paths = paths(a, b, out, input);
        match pane {
            Pane::A => entries = paths.iter().take(MOST_LIT).map(|path| (out, path.inner)).collect(),
            Pane::B => entries = paths.iter().take(MOST_LIT).map(|path| (path.inner, input)).collect(),
            _ => {}
        }
    }
    Marks { row, col, entries }
}

/// The value under the shared pointer, with its indices.
fn readout(pane: Pane, pointer: Pointer, pictures: &Pictures) -> Option<Readout> {
    let (Some(row), Some(col)) = place(pane, pointer, pictures) else { return None };
    let matrix = pictures.of_pane(pane)?.matrix();
    let value = (row < matrix.rows() && col < matrix.cols()).then(|| matrix.get(row, col))?;
    let (row, col) = match pane {
        Pane::A => (pointer.out?, pointer.inner?),
        Pane::B => (pointer.inner?, pointer.input?),
        _ => (pointer.out?, pointer.input?),
    };
    Some(Readout { row, col, value: number(value), is_held: false })
}

/// With five digits after the point, or with as many in all where these would be zeros, or not the last ones of many.
fn number(value: f32) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) { format!("{value:.5}") } else { format!("{value:.4e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;
    use crate::app::state::factors_at::FactorsAt;
    use crate::app::tasks::pictures::DrawRequest;
    use crate::matrix::{Arrangement, Factors, Matrix, Replacement};
    use std::sync::Arc;

    fn pictures(arrangement: Arrangement) -> Pictures {
        // A 3×4 and B 4×2; (AB)₂₁ = 2·3 + 5·7.
        let a = Matrix::from_vec(3, 4, vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 2.0, 1.0, 0.0, 5.0]);
        let b = Matrix::from_vec(4, 2, vec![0.0, 3.0, 6.0, 0.0, 1.0, 1.0, 0.0, 7.0]);
        let replacement = Replacement::Factors(Factors::from_dense(&a, &b));
        Pictures::of(DrawRequest { layer: None, factors: FactorsAt::End(Arc::new(replacement)), arrangement })
    }

    #[test]
    fn pointing_at_an_entry_lights_what_makes_it() {
        for &arrangement in Arrangement::ALL {
            let pictures = pictures(arrangement);
            let pointer = Pointer { out: Some(2), inner: None, input: Some(1) };
            let (row, col) = place(Pane::W, pointer, &pictures);
            let product = pictures.product.as_ref().unwrap().matrix();
            assert_eq!(product.get(row.unwrap(), col.unwrap()), 41.0, "{arrangement:?}");
            let paths = paths(pictures.a.as_ref().unwrap(), pictures.b.as_ref().unwrap(), row.unwrap(), col.unwrap());
            let found: Vec<_> =
                paths.iter().map(|path| (pictures.inner.index(path.inner), path.a, path.b, path.product())).collect();
            assert_eq!(found, [(3, 5.0, 7.0, 35.0), (0, 2.0, 3.0, 6.0)]);
            let lit = |pane| marks(pane, pointer, &pictures).entries.len();
            assert_eq!((lit(Pane::W), lit(Pane::A), lit(Pane::B)), (1, 2, 2));
            assert_eq!(readout(Pane::Product, pointer, &pictures).unwrap().short(), "2, 1: 41.00000");
            // Back from every place on screen to the same indices.
            for (row, col) in [(0, 0), (2, 3), (1, 2)] {
                assert_eq!(place(Pane::A, pointed(Pane::A, row, col, &pictures), &pictures), (Some(row), Some(col)));
            }
        }
    }

    #[test]
    fn pointing_at_a_factor_lights_its_row_and_column() {
        let pictures = pictures(Arrangement::Stored);
        let pointer = pointed(Pane::A, 2, 3, &pictures);
        assert_eq!(pointer, Pointer { out: Some(2), inner: Some(3), input: None });
        let in_b = marks(Pane::B, pointer, &pictures);
        assert_eq!((in_b.row, in_b.col), (Some(3), None));
        let in_w = marks(Pane::W, pointer, &pictures);
        assert_eq!((in_w.row, in_w.col), (Some(2), None));
        assert_eq!(readout(Pane::A, pointer, &pictures).unwrap().spoken(), "row 2, column 3: 5.00000");
        assert_eq!([0.0, 1e30, -3.2e-7].map(number), ["0.00000", "1.0000e30", "-3.2000e-7"]);
    }
}
