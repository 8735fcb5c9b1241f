//! Flags of `compress` for residual networks.

use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Images that a network is calibrated and measured on.
#[derive(clap::Args)]
pub struct ImageArgs {
    /// Of a residual network: images that the layers' inputs are taken from, as many as --calibration-samples says [default:
    /// 1024], spread evenly over the set; the built-in network, `compress glyphs`, brings its own. A .bin of CIFAR-10 or a
    /// folder of them, a .npy [n, 3, height, width] of bytes, or a folder with a subfolder for each class
    #[arg(long, value_name = "FILE_OR_DIR", conflicts_with = "calibration_text")]
    pub calibration_images: Option<PathBuf>,

    /// Change the calibration images at random as in training: small ones are shifted by up to an eighth, and every second one
    /// is mirrored. For batch normalization they always are
    #[arg(long)]
    pub augment: bool,

    /// Labelled images that the accuracy is measured on [default: the calibration images; of the built-in network ones that its
    /// training did not see]
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub images: Option<PathBuf>,

    /// Only the first so many of them
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,

    /// Leave batch normalization as it is. Otherwise its means and variances are estimated anew on the calibration images, after
    /// each layer (but with --parallel) and in the end
    #[arg(long)]
    pub keep_batch_norm: bool,
}

/// Whether a flag is for residual networks.
pub fn is_for_images(name: &str) -> bool {
    ["calibration_images", "augment", "images", "limit", "keep_batch_norm", "mean", "std", "flops"].contains(&name)
}
