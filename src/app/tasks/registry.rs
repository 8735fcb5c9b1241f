//! Everything that the window's page has its Workers do.

use super::language::eval_set::LanguageSource;
use super::language::{collect, generate, lazy_model, measure_row, perplexity, save, sensitivity};
use super::vision::{self, network_set::VisionSource};
use super::whole_model::compress_model::CompressModel;
use super::whole_model::tuning::tune::Tune;
use super::{
    adapter, baselines, bench, masks, norms, pictures, reading, replace, speed, split, sweep, view_renderer,
    write_export,
};
use crate::job::Job;
use crate::tasks::Registry;

/// All tasks and actors of the window.
pub fn registry() -> Registry {
    let registry = Registry::default()
        .actor::<Job>()
        .actor::<adapter::FindAdapter>()
        .task::<view_renderer::DrawLayer>()
        .task::<pictures::DrawRequest>()
        .task::<masks::CompareMasks>()
        .task::<baselines::MeasurePruning>()
        .task::<baselines::Spectra>()
        .task::<norms::MeasureNorms>()
        .task::<write_export::WriteExport>()
        .task::<split::FindSplit>()
        .task::<replace::Replace>()
        .task::<sweep::MeasurePoint>()
        .task::<bench::Bench>()
        .task::<speed::MeasureSpeed>();
    let registry = registry
        .task::<reading::Open>()
        .task::<reading::ReadLayer>()
        .task::<reading::ReadFactors>()
        .task::<reading::Compare>()
        .task::<reading::ReadInputs>();
    let registry = registry
        .task::<vision::lazy_network::ReadNetwork>()
        .task::<vision::evaluate::Evaluate>()
        .task::<vision::evaluate_layer::EvaluateLayer>()
        .task::<vision::samples::ReadSamples>()
        .task::<vision::collect::CollectPatches>()
        .task::<CompressModel<VisionSource>>()
        .task::<vision::save::SaveNetwork>();
    registry
        .task::<lazy_model::Read>()
        .task::<perplexity::MeasureDense>()
        .task::<perplexity::MeasureReplaced>()
        .task::<generate::Generate>()
        .task::<sensitivity::MeasureSensitivity>()
        .task::<collect::Collect>()
        .task::<CompressModel<LanguageSource>>()
        .task::<measure_row::MeasureRow>()
        .task::<save::SaveModel>()
        .actor::<Tune<LanguageSource>>()
        .actor::<Tune<VisionSource>>()
}
