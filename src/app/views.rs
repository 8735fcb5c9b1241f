//! The five matrices of a run, under one pointer.

use super::colors;
use super::matrix_view::{Marks, MatrixView, Viewport};
use super::pyramid::Pyramid;
use super::run::Pictures;
use crate::matrix::Matrix;
use eframe::egui::{Label, Rect, RichText, Ui, UiBuilder, vec2};

/// The views' own state.
#[derive(Default)]
pub struct Views {
    w: MatrixView,
    a: MatrixView,
    b: MatrixView,
    product: MatrixView,
    error: MatrixView,
    /// W, A·B and the error have the same shape and are looked at together.
    whole: Viewport,
    a_viewport: Viewport,
    b_viewport: Viewport,
    /// The entry of W under the pointer, as (row, column), from the last frame.
    pointer: Option<(usize, usize)>,
}

impl Views {
    /// Back to everything in sight.
    pub fn fit(&mut self) {
        (self.whole, self.a_viewport, self.b_viewport) = Default::default();
    }

    /// W, A·B and the error above, A and B below.
    pub fn ui(&mut self, ui: &mut Ui, w: Option<&Pyramid>, pictures: Option<&Pictures>) {
        let status = ui.text_style_height(&eframe::egui::TextStyle::Body) + 4.0;
        let space = ui.available_rect_before_wrap();
        let gap = 8.0;
        let size = vec2((space.width() - 2.0 * gap) / 3.0, (space.height() - gap - status) / 2.0);
        let place = |column: usize, row: usize| {
            let corner = space.min + vec2(column as f32 * (size.x + gap), row as f32 * (size.y + gap));
            Rect::from_min_size(corner, size)
        };
        let mut pointer = None;
        let (row, col) = self.pointer.unzip();
        let both = Marks { row, col };
        // W, A·B and the error in W's colours: what is pale in the error is small against W.
        let as_w = w.map(Pyramid::range);
        let in_range = |pyramid: &'_ _| -> f32 { as_w.unwrap_or(Pyramid::range(pyramid)) };
        let mut whole = [
            ("W", colors::W, w, &mut self.w, place(0, 0)),
            ("A·B", colors::DSF, pictures.map(|p| &p.product), &mut self.product, place(1, 0)),
            ("W − A·B", colors::ERROR, pictures.and_then(|p| p.error.as_ref()), &mut self.error, place(2, 0)),
        ];
        for (title, accent, pyramid, view, rect) in &mut whole {
            let hovered = ui
                .scope_builder(UiBuilder::new().max_rect(*rect).id_salt(*title), |ui| {
                    view.ui(ui, title, *accent, pyramid.map(|p| (p, in_range(p))), &mut self.whole, both)
                })
                .inner;
            pointer = pointer.or(hovered);
        }
        ui.scope_builder(UiBuilder::new().max_rect(place(0, 1)).id_salt("A"), |ui| {
            let row_of_a = Marks { row, col: None };
            self.a.ui(ui, "A", colors::A, pictures.map(|p| (&p.a, p.a.range())), &mut self.a_viewport, row_of_a)
        });
        ui.scope_builder(UiBuilder::new().max_rect(place(1, 1)).id_salt("B"), |ui| {
            let column_of_b = Marks { row: None, col };
            self.b.ui(ui, "B", colors::B, pictures.map(|p| (&p.b, p.b.range())), &mut self.b_viewport, column_of_b)
        });
        ui.scope_builder(UiBuilder::new().max_rect(place(2, 1)).id_salt("entry"), |ui| {
            entry_ui(ui, self.pointer, w.map(Pyramid::matrix), pictures);
        });
        if pointer != self.pointer {
            self.pointer = pointer;
            ui.ctx().request_repaint();
        }
    }
}

/// How the entry under the pointer comes about: the paths from input j over the inner index to output i.
fn entry_ui(ui: &mut Ui, pointer: Option<(usize, usize)>, w: Option<&Matrix>, pictures: Option<&Pictures>) {
    let (Some((i, j)), Some(w)) = (pointer, w) else {
        ui.weak("Point at an entry of W, A·B or the error: here you see which entries of A and B make it.");
        ui.weak("Scroll to zoom, drag to move, double-click to see all.");
        return;
    };
    if i >= w.rows() || j >= w.cols() {
        return;
    }
    ui.strong(format!("Row {i}, column {j}"));
    ui.monospace(format!("W          {:>11.5}", w.get(i, j)));
    let Some(pictures) = pictures.filter(|p| p.product.matrix().shape() == w.shape()) else { return };
    let (a, b, product) = (pictures.a.matrix(), pictures.b.matrix(), pictures.product.matrix());
    ui.monospace(format!("(AB)       {:>11.5}", product.get(i, j)));
    ui.monospace(format!("error      {:>11.5}", w.get(i, j) - product.get(i, j)));
    let mut paths: Vec<(usize, f32, f32)> =
        (0..a.cols()).map(|l| (l, a.get(i, l), b.get(l, j))).filter(|(_, a, b)| *a != 0.0 && *b != 0.0).collect();
    paths.sort_by(|x, y| (y.1 * y.2).abs().total_cmp(&(x.1 * x.2).abs()));
    ui.label(format!("= Σ A·B over {} inner indices:", paths.len()));
    let line = ui.text_style_height(&eframe::egui::TextStyle::Monospace) + ui.spacing().item_spacing.y;
    let fitting = ((ui.available_height() / line) as usize).saturating_sub(1).max(1);
    for (l, a, b) in paths.iter().take(fitting) {
        let line = format!("{l:>4} {a:>7.3}·{b:>6.3} ={:>8.4}", a * b);
        ui.add(Label::new(RichText::new(line).monospace()).truncate());
    }
    if paths.len() > fitting {
        ui.weak(format!("and {} smaller ones", paths.len() - fitting));
    }
}
