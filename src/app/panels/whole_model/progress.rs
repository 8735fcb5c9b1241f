//! How far a compression is.

use crate::app::tasks::compressing::Compressing;
use crate::app::tasks::compression::Compression;
use crate::app::widgets::text::duration;
use crate::compress::LayerKey;
use crate::hint::Failure;
use crate::tasks::Task;
use eframe::egui::{ProgressBar, Role, Ui, WidgetInfo};

/// Draws a bar with the layer in work, which `label` names, and the time that is left.
pub fn progress_ui<K: LayerKey, T>(ui: &mut Ui, work: &Compression<K, T>, label: impl Fn(K) -> String)
where
    T: Task<Progress = Compressing<K>, Output = Result<(), Failure>>,
{
    let (done, left) = work.progress();
    let about = match work.current() {
        Some((id, _, Some(stage))) => format!("{}, {}", label(id), stage.title()),
        Some((id, _, None)) => label(id),
        None => "collecting inputs".into(),
    };
    let left = left.map_or(String::new(), |left| format!(", {} left", duration(left)));
    let text = format!("{about}{left}");
    let bar = ui.add(ProgressBar::new(done as f32).text(&text));
    bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
}
