//! An image with the answers to it.

use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::app::widgets::atlas::Tile;
use crate::app::widgets::colors;
use crate::app::widgets::theme::readable;
use crate::vision::Evaluation;
use eframe::egui::text::{LayoutJob, TextFormat, TextWrapping};
use eframe::egui::{FontId, Rect, Role, Sense, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// Side of an image on screen, in points.
const SIDE: f32 = 64.0;

/// Size of the answers below it, in points.
const TEXT: f32 = 10.5;

/// What is known of an image.
pub struct Answers {
    /// Its own class, if it is known.
    class: Option<String>,
    dense: String,
    /// If it is another one than the dense network's.
    now: Option<String>,
    /// Whether the last answer is right, if that is known.
    is_right: Option<bool>,
    place: usize,
}

impl Answers {
    /// Of the image at this place.
    pub fn of(info: &NetworkInfo, dense: &Evaluation, now: Option<&Evaluation>, place: usize) -> Self {
        let answer = |of: &Evaluation| of.answers.get(place).copied();
        let (before, after) = (answer(dense), now.and_then(answer));
        let label = dense.labels.get(place).copied();
        let last = after.or(before);
        Self {
            class: label.map(|label| info.class(label)),
            dense: before.map_or(String::new(), |class| info.class(class)),
            now: after.filter(|_| after != before).map(|class| info.class(class)),
            is_right: label.map(|label| last == Some(label)),
            place,
        }
    }

    /// The image, framed by whether its answer is right; below it the dense network's answer, and the new one if it is
    /// another.
    pub fn ui(&self, ui: &mut Ui, tile: Tile) {
        let (font, height) = (FontId::proportional(TEXT), TEXT + 3.0);
        let size = vec2(SIDE + 8.0, SIDE + 8.0 + 2.0 * height);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let now = self.now.as_ref().map_or(String::new(), |now| format!(", now {now}"));
        let class = self.class.as_ref().map_or(String::new(), |class| format!("{class}: "));
        let spoken = format!("Image {}, {class}dense {}{now}", self.place, self.dense);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &spoken));
        response.on_hover_text(spoken.clone());
        if !ui.is_rect_visible(rect) {
            return;
        }
        let picture = Rect::from_min_size(rect.min + vec2(4.0, 4.0), vec2(SIDE, SIDE));
        tile.paint(ui, picture);
        let color = match (self.is_right, &self.now) {
            (Some(true), _) => colors::RIGHT,
            (Some(false), _) => colors::WRONG,
            (None, Some(_)) => colors::DSF,
            (None, None) => colors::CUT,
        };
        let stroke = (if self.now.is_some() { 3.0 } else { 1.0 }, color);
        ui.painter().rect_stroke(picture, 1.0, stroke, StrokeKind::Outside);
        let visuals = ui.visuals();
        let lines = [
            (&self.dense, visuals.weak_text_color()),
            (self.now.as_ref().unwrap_or(&self.dense), readable(visuals, color)),
        ];
        for (at, (text, color)) in lines.into_iter().enumerate() {
            let text = match at {
                0 => text.clone(),
                _ if self.now.is_none() => continue,
                _ => format!("→ {text}"),
            };
            let format = TextFormat::simple(font.clone(), color);
            let mut job = LayoutJob::single_section(text, format);
            job.wrap = TextWrapping::truncate_at_width(size.x);
            let galley = ui.painter().layout_job(job);
            let left = rect.center().x - 0.5 * galley.size().x;
            ui.painter().galley(pos2(left, picture.bottom() + 3.0 + at as f32 * height), galley, color);
        }
    }
}
