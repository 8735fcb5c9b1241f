//! A convolution's weights and factors as pictures: filters, and what each output takes of B's.

use super::kernel_tiles::{Look, MOST, filters, mixtures};
use crate::app::panels::state::State;
use crate::app::state::pane::Pane;
use crate::app::tasks::pictures::Pictures;
use crate::app::widgets::atlas::{Atlas, Tile};
use crate::app::widgets::regions::scroll_ui;
use crate::export::Palette;
use crate::vision::LayerShape;
use eframe::egui::{
    Align2, Color32, ColorImage, Rect, Role, ScrollArea, Sense, StrokeKind, TextStyle, Ui, WidgetInfo, vec2,
};
use std::sync::Arc;

/// Side of a picture on screen, in points, at least, and at most.
const SIDES: (f32, f32) = (44.0, 96.0);

/// Number of B's filters that are shown of an output at most, the weightiest.
const MOST_TAKEN: usize = 24;

/// The matrices that there are pictures of.
const PANES: [(Pane, &str); 4] = [
    (Pane::W, "W's rows: the filter of each output channel"),
    (Pane::Product, "A·B's rows: the filter of each output channel, as it is now"),
    (Pane::B, "B's rows: the filters that the outputs share"),
    (Pane::A, "A's rows: what each output channel takes of B's filters"),
];

/// The panel's own state.
pub struct KernelsPanel {
    shown: Pane,
    /// The output channel that is looked at.
    output: usize,
    drawn: Option<Drawn>,
}

impl Default for KernelsPanel {
    fn default() -> Self {
        Self { shown: Pane::W, output: 0, drawn: None }
    }
}

/// Pictures as textures, and what they were made of.
struct Drawn {
    of: Arc<Pictures>,
    layer: usize,
    looks: (f64, bool),
    atlases: [Option<Atlas>; 4],
}

impl KernelsPanel {
    /// Draws the pictures of the layer on screen.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) {
        let layer = state.network_layer_on_screen().zip(state.vision.info()).zip(state.pictures());
        let Some(((layer, info), pictures)) = layer else {
            ui.weak("Open a layer of the vision model: its filters are shown here as pictures");
            return;
        };
        let shape = &info.architecture.layers[layer];
        self.draw(ui, state, (layer, shape), pictures);
        let Some(drawn) = &self.drawn else { return };
        let (height, width) = shape.kernel;
        let name = info.label(layer);
        ui.label(format!("{name}: {} filters of {} channels, {height}×{width}", shape.outputs, shape.inputs));
        ui.horizontal_wrapped(|ui| {
            for ((pane, why), atlas) in PANES.into_iter().zip(&drawn.atlases) {
                let button = eframe::egui::Button::selectable(self.shown == pane, pane.title());
                let button = ui.add_enabled(atlas.is_some(), button).on_hover_text(why);
                if button.on_disabled_hover_text("Not there yet").clicked() {
                    self.shown = pane;
                }
            }
        });
        let at = PANES.iter().position(|(pane, _)| *pane == self.shown).unwrap_or(0);
        let by_output = self.shown != Pane::B;
        let mut output = self.output.min(shape.outputs.saturating_sub(1));
        scroll_ui(ui, ScrollArea::vertical().auto_shrink(false), |ui| {
            output_ui(ui, pictures, drawn, output);
            ui.separator();
            ui.weak(PANES[at].1);
            let Some(atlas) = &drawn.atlases[at] else { return };
            let chosen = grid_ui(ui, PANES[at].0.title(), atlas, by_output.then_some(output));
            output = chosen.filter(|_| by_output).unwrap_or(output);
            if atlas.len() >= MOST {
                ui.weak(format!("The first {MOST}"));
            }
        });
        self.output = output;
    }

    /// Makes the pictures anew if they are of something else.
    fn draw(&mut self, ui: &Ui, state: &State, (layer, shape): (usize, &LayerShape), pictures: &Arc<Pictures>) {
        let looks = (state.preferences.looks.percentile, ui.visuals().dark_mode);
        let same = |drawn: &Drawn| Arc::ptr_eq(&drawn.of, pictures) && drawn.layer == layer && drawn.looks == looks;
        if self.drawn.as_ref().is_some_and(same) {
            return;
        }
        let palette = if looks.1 { Palette::Dark } else { Palette::Light };
        let range = |pane: Pane| pictures.of_pane(pane).map(|of| of.spread().range(looks.0));
        let of_pane = |pane: Pane| -> Option<Vec<ColorImage>> {
            let matrix = pictures.of_pane(pane)?.matrix();
            // W and A·B share W's range, as in the views.
            let own = if pane == Pane::Product { range(Pane::W) } else { None };
            let look = Look { range: own.or(range(pane))?.max(f32::MIN_POSITIVE), palette };
            let fits = |cols: usize| matrix.cols() == cols;
            match pane {
                Pane::A => Some(mixtures(matrix, (&pictures.out, &pictures.inner), look)),
                Pane::B => {
                    fits(shape.shape().1).then(|| filters(matrix, (&pictures.inner, &pictures.input), shape, look))
                }
                _ => fits(shape.shape().1).then(|| filters(matrix, (&pictures.out, &pictures.input), shape, look)),
            }
        };
        let atlases = PANES.map(|(pane, _)| {
            let images = of_pane(pane).filter(|images| !images.is_empty())?;
            Some(Atlas::new(ui.ctx(), pane.title(), &images))
        });
        self.drawn = Some(Drawn { of: pictures.clone(), layer, looks, atlases });
    }
}

/// Size of a picture on screen: its pixels as whole points where there is room.
fn size_of(atlas: &Atlas) -> f32 {
    let side = atlas.size().into_iter().max().unwrap_or(1) as f32;
    ((SIDES.0 / side).ceil() * side).clamp(SIDES.0, SIDES.1)
}

/// Draws a picture; returns whether it was clicked.
fn tile_ui(ui: &mut Ui, tile: Tile, side: f32, label: &str, is_chosen: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Image, true, is_chosen, label));
    tile.paint(ui, rect);
    let color = if is_chosen { ui.visuals().selection.stroke.color } else { Color32::TRANSPARENT };
    ui.painter().rect_stroke(rect.expand(1.0), 1.0, (2.0, color), StrokeKind::Outside);
    response.on_hover_text(label).clicked()
}

/// Draws a picture with a few words below it.
fn captioned_ui(ui: &mut Ui, tile: Tile, side: f32, caption: &str, label: &str) {
    let line = ui.text_style_height(&TextStyle::Body);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side + line + 2.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, label));
    tile.paint(ui, Rect::from_min_size(rect.min, vec2(side, side)));
    let (font, color) = (TextStyle::Body.resolve(ui.style()), ui.visuals().text_color());
    ui.painter().text(rect.center_bottom(), Align2::CENTER_BOTTOM, caption, font, color);
    response.on_hover_text(label);
}

/// All pictures of a matrix; returns the one that was clicked.
fn grid_ui(ui: &mut Ui, title: &str, atlas: &Atlas, chosen: Option<usize>) -> Option<usize> {
    let side = size_of(atlas);
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(10.0, 10.0);
        for at in 0..atlas.len() {
            if tile_ui(ui, atlas.tile(at), side, &format!("Row {at} of {title}"), chosen == Some(at)) {
                clicked = Some(at);
            }
        }
    });
    clicked
}

/// One output channel: its filter in W and in A·B, and the filters of B that it is the sum of.
fn output_ui(ui: &mut Ui, pictures: &Pictures, drawn: &Drawn, output: usize) {
    let [w, product, b, _] = &drawn.atlases;
    ui.strong(format!("Output {output}"));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(10.0, 6.0);
        for (atlas, title) in [(w, "W"), (product, "A·B")] {
            if let Some(atlas) = atlas.as_ref().filter(|atlas| output < atlas.len()) {
                captioned_ui(ui, atlas.tile(output), size_of(atlas), title, &format!("{title}, output {output}"));
            }
        }
        let Some(b) = b else { return };
        let taken = taken(pictures, output);
        if !taken.is_empty() {
            ui.label("A·B =").on_hover_text("The sum of these rows of B, each times the number below it, from A");
        }
        for (at, &(inner, weight)) in taken.iter().filter(|(inner, _)| *inner < b.len()).take(MOST_TAKEN).enumerate() {
            let sign = if weight < 0.0 {
                "−"
            } else if at > 0 {
                "+"
            } else {
                ""
            };
            let caption = format!("{sign}{:.2}×", weight.abs());
            captioned_ui(ui, b.tile(inner), size_of(b), &caption, &format!("Row {inner} of B, times {weight:.4}"));
        }
        if taken.len() > MOST_TAKEN {
            ui.weak(format!("and {} more", taken.len() - MOST_TAKEN));
        }
    });
}

/// What an output takes of B's rows: (inner index, entry of A), the weightiest first.
fn taken(pictures: &Pictures, output: usize) -> Vec<(usize, f32)> {
    let (Some(a), Some(b)) = (&pictures.a, &pictures.b) else { return Vec::new() };
    let (a, b) = (a.matrix(), b.matrix());
    let row = pictures.out.position(output);
    if row >= a.rows() {
        return Vec::new();
    }
    let size = |place: usize| b.row(place).iter().map(|x| x * x).sum::<f32>().sqrt() * a.get(row, place).abs();
    let mut places: Vec<usize> = (0..a.cols().min(b.rows())).filter(|&place| a.get(row, place) != 0.0).collect();
    places.sort_by(|&x, &y| size(y).total_cmp(&size(x)));
    places.into_iter().map(|place| (pictures.inner.index(place), a.get(row, place))).collect()
}
