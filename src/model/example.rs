//! The built-in example: the weights of a small language model, trained by `examples/train_stories`.

#[cfg(not(target_arch = "wasm32"))]
use super::Checkpoint;

/// A page fetches the file beside the program instead.
#[cfg(not(target_arch = "wasm32"))]
static STORIES: &[u8] = include_bytes!("../../assets/stories/model.safetensors");

/// File name of the example's checkpoint.
pub const EXAMPLE_NAME: &str = "stories.safetensors";

/// The layer to begin with: square, and small enough to be factorized with every move of a slider.
pub const EXAMPLE_LAYER: &str = "model.layers.0.self_attn.q_proj.weight";

/// The example's checkpoint, part of the desktop program: a Llama architecture with 4 blocks of width 256.
#[cfg(not(target_arch = "wasm32"))]
pub fn example() -> Checkpoint {
    Checkpoint::from_bytes(EXAMPLE_NAME, STORIES.to_vec()).expect("the example is a valid checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Orientation;

    #[test]
    fn the_example_opens_and_its_layer_is_there() {
        let layer = example().layer(EXAMPLE_LAYER, Orientation::AsStored).unwrap();
        assert_eq!(layer.weight.shape(), (256, 256));
    }
}
