//! Errors of a compression.

use crate::hint::{Explain, Hint};
use crate::{export, factorize, finetune, language, methods, model, vision};
use std::path::PathBuf;

/// Error that stops a compression.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An error of the language model.
    #[error(transparent)]
    Language(#[from] language::Error),
    /// An error of the vision model.
    #[error(transparent)]
    Vision(#[from] vision::Error),
    /// Of a layer's run.
    #[error("{tensor}: {source}")]
    Layer {
        /// Name of the layer's weight tensor.
        tensor: String,
        /// Error that stopped the layer's run.
        source: methods::Error,
    },
    /// Statistics that were to be used are missing or do not fit.
    #[error(transparent)]
    Statistics(#[from] model::Error),
    /// Of what is written.
    #[error(transparent)]
    Export(#[from] export::Error),
    /// The output is there already.
    #[error("{} exists", path.display())]
    Exists {
        /// Path of the folder.
        path: PathBuf,
    },
    /// A folder of work that was interrupted belongs to another compression.
    #[error("{} holds the beginnings of another compression ({what})", path.display())]
    OtherPlan {
        /// The folder of the work.
        path: PathBuf,
        /// Name of what differs.
        what: String,
        /// Whether several processes may work there, none of which drops what others made.
        shared: bool,
    },
    /// Layers that were to be made before.
    #[error("{missing} of the {all} layers to be replaced are not finished yet, {first} for one")]
    Unfinished {
        /// Number of them.
        missing: usize,
        /// Number of layers to be replaced.
        all: usize,
        /// Name of the first.
        first: String,
    },
    /// Another process works there.
    #[error("{} is being worked on by another process", path.display())]
    Busy {
        /// The folder of the work.
        path: PathBuf,
    },
    /// The system refused to write.
    #[error("{} cannot be written ({reason})", path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// Message of the operating system.
        reason: String,
    },
    /// The compression was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A setting outside its range.
    #[error(transparent)]
    Setting(#[from] factorize::Error),
    /// Something else stands where the work is to be kept.
    #[error("{} is in the way", path.display())]
    InTheWay {
        /// The folder of the work.
        path: PathBuf,
    },
    /// A folder to be replaced that was made by something else.
    #[error("{} was not written by this program and is not replaced", path.display())]
    NotOurs {
        /// Path of the folder.
        path: PathBuf,
    },
    /// The model keeps factors already.
    #[error("layers of {model} are kept as factors already")]
    IsCompressed {
        /// Name of the model.
        model: String,
    },
    /// A layout was asked for that does not hold what the method makes.
    #[error("what {method} makes is not written as {layout}")]
    NoFactors {
        /// Title of the method.
        method: &'static str,
        /// Name of the layout.
        layout: &'static str,
    },
    /// Of the tuning of a compressed model.
    #[error(transparent)]
    Finetune(#[from] finetune::Error),
    /// A compressed model of which only the products of its factors are there.
    #[error("{model} holds the products of its factors, and not the factors")]
    OnlyProducts {
        /// Name of the model.
        model: String,
    },
    /// What stands in a layer's place is not written in this layout.
    #[error("what stands in the place of {tensor} is not written as {layout}")]
    LayerLayout {
        /// Name of the layer's weight tensor.
        tensor: String,
        /// Name of the layout.
        layout: &'static str,
    },
    /// A method that needs what the layers read.
    #[error("{method} needs the layers' inputs")]
    NeedsText {
        /// Title of the method.
        method: &'static str,
    },
    /// A method that needs what the layers read, for a vision model.
    #[error("{method} needs the layers' inputs")]
    NeedsImages {
        /// Title of the method.
        method: &'static str,
    },
    /// A bound that no choice of densities keeps.
    #[error("the layers cost {least} at the lowest densities, more than {bound}")]
    Bound {
        /// What they may cost.
        bound: usize,
        /// What they cost at least.
        least: usize,
    },
    /// Blocks are tuned on a text, which each reads through the compressed ones before it.
    #[error("blocks are tuned on a text that each reads through the compressed blocks before it")]
    BlocksNeedText,
    /// A vision model was to be compressed block after block.
    #[error("only language models are compressed block after block")]
    NoBlocks,
    /// Statistics of a block that were to be collected before its layers are compressed.
    #[error("the statistics of block {block} are not collected yet, or not all parts of them")]
    NoStatistics {
        /// Number of the block, from 0.
        block: usize,
    },
    /// Statistics of a block that were deleted because a later one was begun.
    #[error("the statistics of block {block} are gone, for a later block was begun")]
    StatisticsGone {
        /// Number of the block, from 0.
        block: usize,
    },
    /// Statistics of blocks that were begun with another number of parts.
    #[error("the statistics in {} are collected in {parts} {}", path.display(), if *parts == 1 { "part" } else { "parts" })]
    OtherParts {
        /// The folder of the work.
        path: PathBuf,
        /// Number of their parts.
        parts: usize,
    },
    /// A layer that was to be compressed before statistics of later ones are collected.
    #[error("{layer} is not finished yet, and later blocks are to see it compressed")]
    NotFinished {
        /// Full name.
        layer: String,
    },
    /// A block that a model does not have.
    #[error("{model} has {blocks} blocks, from 0 to {}: there is no block {block}", blocks - 1)]
    NoBlock {
        /// Name of the model.
        model: String,
        /// Number of its blocks.
        blocks: usize,
        /// Number that was given.
        block: usize,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Language(error) => return error.hint(),
            Self::Vision(error) => return error.hint(),
            Self::Layer { source, .. } => return source.hint(),
            Self::Statistics(error) => return error.hint(),
            Self::Export(error) => return error.hint(),
            Self::Setting(error) => return error.hint(),
            Self::Exists { .. } => Hint::ReplaceFolder,
            Self::OtherPlan { shared: false, .. } => Hint::DropWork,
            Self::OtherPlan { shared: true, .. } => Hint::say("go on with its settings, or delete that folder"),
            Self::Unfinished { .. } => Hint::FinishLayers,
            Self::Busy { .. } => Hint::WaitOrOtherFolder,
            Self::InTheWay { .. } => Hint::say("move it, or give another folder"),
            Self::NotOurs { .. } => Hint::say("give another folder"),
            Self::Write { .. } => Hint::GoOn,
            Self::Cancelled => Hint::say("layers that were finished are kept"),
            Self::IsCompressed { .. } => Hint::say("compress the model that they were made from"),
            Self::Finetune(error) => return error.hint(),
            Self::OnlyProducts { .. } => Hint::KeepFactors,
            Self::NoFactors { .. } | Self::LayerLayout { .. } => Hint::ChooseMerged { product: false },
            Self::Bound { .. } => Hint::say("allow more"),
            Self::NeedsImages { .. } => Hint::GiveCalibrationImages,
            Self::NoBlocks => Hint::say("compress the layers of a vision model one after the other, or all at once"),
            Self::NoStatistics { block } => Hint::CollectBlock { block: *block },
            Self::StatisticsGone { .. } => Hint::say("start anew in another folder"),
            Self::OtherParts { .. } => Hint::say("go on with as many, or delete that folder"),
            Self::NotFinished { .. } => Hint::FinishLayers,
            Self::NoBlock { .. } => Hint::say("give one of them"),
            Self::NeedsText { .. } | Self::BlocksNeedText => Hint::GiveCalibrationText,
        })
    }
}
