//! Rotary position embedding: queries and keys are rotated by angles that grow with the position (RoFormer, arXiv
//! 2104.09864).

use super::{Config, config::Scaling};

/// Cosine and sine for every position and frequency, for rotation by halves as in transformers' Llama.
#[derive(Clone, Debug, Default)]
pub struct Angles {
    half: usize,
    /// `(cos, sin)`, `half` entries for each position.
    cos_sin: Vec<(f32, f32)>,
}

impl Angles {
    /// Computes the angles of the first `positions` positions.
    pub fn new(config: &Config, positions: usize) -> Self {
        let frequencies = frequencies(config);
        let cos_sin = (0..positions).flat_map(|position| {
            // transformers multiplies in f32, and so do we: at large positions the last bits matter.
            frequencies.iter().map(move |&frequency| {
                let angle = f64::from(position as f32 * frequency);
                (angle.cos() as f32, angle.sin() as f32)
            })
        });
        Self { half: frequencies.len(), cos_sin: cos_sin.collect() }
    }

    /// Number of positions covered.
    pub fn positions(&self) -> usize {
        self.cos_sin.len() / self.half.max(1)
    }

    /// Rotates the heads of one token at `position`: entry j of a head pairs with entry j + d/2.
    pub fn rotate(&self, heads: &mut [f32], position: usize) {
        let cos_sin = &self.cos_sin[position * self.half..][..self.half];
        for head in heads.chunks_exact_mut(2 * self.half) {
            let (first, second) = head.split_at_mut(self.half);
            for ((x, y), &(cos, sin)) in first.iter_mut().zip(second).zip(cos_sin) {
                (*x, *y) = (*x * cos - *y * sin, *y * cos + *x * sin);
            }
        }
    }
}

/// Angle per position of each pair of entries, d/2 of them.
fn frequencies(config: &Config) -> Vec<f32> {
    let plain = |j: usize| config.rope.theta.powf(-2.0 * j as f64 / config.head_dim as f64);
    let scaled = |frequency: f64| match config.rope.scaling {
        Scaling::None => frequency,
        Scaling::Linear { factor } => frequency / factor,
        Scaling::Llama3 { factor, low, high, original } => {
            let wave = std::f64::consts::TAU / frequency;
            if wave < original / high {
                frequency
            } else if wave > original / low {
                frequency / factor
            } else {
                let share = (original / wave - low) / (high - low);
                (1.0 - share) * frequency / factor + share * frequency
            }
        }
    };
    (0..config.head_dim / 2).map(|j| scaled(plain(j)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Config;

    fn config(scaling: &str) -> Config {
        let json = format!(
            r#"{{"architectures":["LlamaForCausalLM"],"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,
            "num_attention_heads":1,"vocab_size":8,"rope_theta":10000.0{scaling}}}"#
        );
        Config::read(json.as_bytes()).unwrap()
    }

    #[test]
    fn by_hand() {
        // Width 8: frequencies 1, 1/10, 1/100, 1/1000.
        let angles = Angles::new(&config(""), 3);
        assert_eq!(angles.positions(), 3);
        let mut head = [1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0];
        angles.rotate(&mut head, 2);
        let wanted = [2f32.cos(), -2.0 * 0.2f32.sin(), 0.0, 0.0, 2f32.sin(), 2.0 * 0.2f32.cos(), 0.0, 0.0];
        head.iter().zip(wanted).for_each(|(got, want)| assert!((got - want).abs() < 1e-6, "{got} {want}"));
    }

    #[test]
    fn scaled_frequencies() {
        let scaling = r#","rope_scaling":{"rope_type":"linear","factor":4.0}"#;
        assert_eq!(frequencies(&config(scaling))[0], 0.25);
        // Waves of 6.3, 63, 628 and 6283 positions; short below 64/4 = 16, long above 64.
        let scaling = r#","rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}"#;
        let got = frequencies(&config(scaling));
        // For the wave of 62.83: share (64/62.83 − 1)/3 = 0.0061972.
        let share = (64.0 / (20.0 * std::f64::consts::PI) - 1.0) / 3.0;
        let wanted = [1.0, 0.1 * ((1.0 - share) / 8.0 + share), 0.01 / 8.0, 0.001 / 8.0];
        got.iter().zip(wanted).for_each(|(&got, want)| assert!((f64::from(got) / want - 1.0).abs() < 1e-6));
    }
}
