//! Rotary position embedding: queries and keys are rotated by angles that grow with the position (RoFormer, arXiv
//! 2104.09864).

use super::config::{Config, Rope, Rotary, Scaling};

/// Cosine and sine for every position and frequency.
#[derive(Clone, Debug, Default)]
pub struct Angles {
    positions: usize,
    interleaved: bool,
    /// Pairs of entries of a head that are rotated.
    pairs: usize,
    /// For each of the model's [`Rope`]s: `(cos, sin)`, `pairs` entries for each position.
    tables: Vec<Vec<(f32, f32)>>,
}

impl Angles {
    /// Computes the angles of the first `positions` positions of a text, of which `at_once` are computed at once and each
    /// of the others after those before it: frequencies may depend on the length of the text.
    pub fn new(config: &Config, positions: usize, at_once: usize) -> Self {
        let Some(rotary) = &config.rotary else { return Self { positions, ..Self::default() } };
        let pairs = rotary.width / 2;
        let table = |rope: &Rope| {
            let mut table = Vec::with_capacity(positions * pairs);
            let mut known = None;
            for position in 0..positions {
                let length = at_once.max(position + 1);
                let fresh = known.is_none() || rope.scaling.depends_on(length);
                if fresh {
                    known = Some(frequencies(rope, rotary, length));
                }
                let scale = rope.scaling.attention();
                table.extend(known.iter().flatten().map(|&frequency| {
                    // transformers multiplies in f32, and so do we: at large positions the last bits matter.
                    let angle = f64::from(position as f32 * frequency);
                    ((angle.cos() * scale) as f32, (angle.sin() * scale) as f32)
                }));
            }
            table
        };
        let tables = rotary.ropes.iter().map(table).collect();
        Self { positions, interleaved: rotary.interleaved, pairs, tables }
    }

    /// Number of positions covered.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Rotates the heads of one token at `position`, each `width` wide, by the frequencies number `rope`.
    pub fn rotate(&self, rope: usize, heads: &mut [f32], width: usize, position: usize) {
        let cos_sin = &self.tables[rope][position * self.pairs..][..self.pairs];
        for head in heads.chunks_exact_mut(width) {
            let rotated = &mut head[..2 * self.pairs];
            if self.interleaved {
                for (pair, &(cos, sin)) in rotated.chunks_exact_mut(2).zip(cos_sin) {
                    (pair[0], pair[1]) = (pair[0] * cos - pair[1] * sin, pair[1] * cos + pair[0] * sin);
                }
                continue;
            }
            let (first, second) = rotated.split_at_mut(self.pairs);
            for ((x, y), &(cos, sin)) in first.iter_mut().zip(second).zip(cos_sin) {
                (*x, *y) = (*x * cos - *y * sin, *y * cos + *x * sin);
            }
        }
    }
}

impl Angles {
    /// Turns gradients with respect to the rotated heads of one token into those with respect to the heads before: the
    /// transpose of [`Angles::rotate`].
    pub(super) fn rotate_back(&self, rope: usize, heads: &mut [f32], width: usize, position: usize) {
        let cos_sin = &self.tables[rope][position * self.pairs..][..self.pairs];
        for head in heads.chunks_exact_mut(width) {
            let rotated = &mut head[..2 * self.pairs];
            if self.interleaved {
                for (pair, &(cos, sin)) in rotated.chunks_exact_mut(2).zip(cos_sin) {
                    (pair[0], pair[1]) = (pair[0] * cos + pair[1] * sin, pair[1] * cos - pair[0] * sin);
                }
                continue;
            }
            let (first, second) = rotated.split_at_mut(self.pairs);
            for ((x, y), &(cos, sin)) in first.iter_mut().zip(second).zip(cos_sin) {
                (*x, *y) = (*x * cos + *y * sin, *y * cos - *x * sin);
            }
        }
    }
}

impl Scaling {
    /// Whether the frequencies of a text of this length may differ from those of the same text without its last token.
    fn depends_on(&self, length: usize) -> bool {
        match self {
            Self::Dynamic { original, .. } => length as f64 > *original,
            Self::LongRope { original, .. } => length as f64 > *original && (length - 1) as f64 <= *original,
            _ => false,
        }
    }

    /// Factor of the rotated queries and keys.
    fn attention(&self) -> f64 {
        match self {
            Self::Yarn { attention, .. } | Self::LongRope { attention, .. } => *attention,
            _ => 1.0,
        }
    }
}

/// Angle per position of each pair of entries, in a text of `length` tokens.
fn frequencies(rope: &Rope, rotary: &Rotary, length: usize) -> Vec<f32> {
    let (width, pairs) = (rotary.width as f64, rotary.width / 2);
    let of_base = |base: f64| (0..pairs).map(move |j| base.powf(-2.0 * j as f64 / width));
    let plain = of_base(rope.theta);
    let scaled: Vec<f64> = match &rope.scaling {
        Scaling::None => plain.collect(),
        Scaling::Linear { factor } => plain.map(|frequency| frequency / factor).collect(),
        Scaling::Dynamic { factor, original } => {
            let grown = factor * (length as f64).max(*original) / original - (factor - 1.0);
            of_base(rope.theta * grown.powf(width / (width - 2.0).max(1.0))).collect()
        }
        Scaling::LongRope { short, long, original, .. } => {
            let divisors = if length as f64 > *original { long } else { short };
            plain.zip(divisors).map(|(frequency, divisor)| frequency / divisor).collect()
        }
        Scaling::Yarn { factor, fast, slow, original, truncate, .. } => {
            // The frequency that turns this often in a text of training, as a number j.
            let turning =
                |turns: f64| width * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * rope.theta.ln());
            let (mut low, mut high) = (turning(*fast), turning(*slow));
            if *truncate {
                (low, high) = (low.floor(), high.ceil());
            }
            let (low, mut high) = (low.max(0.0), high.min(width - 1.0));
            if low == high {
                high += 0.001;
            }
            let stretched = |j: usize| ((j as f64 - low) / (high - low)).clamp(0.0, 1.0);
            plain
                .enumerate()
                .map(|(j, frequency)| frequency / factor * stretched(j) + frequency * (1.0 - stretched(j)))
                .collect()
        }
        &Scaling::Llama3 { factor, low, high, original } => plain
            .map(|frequency| {
                let wave = std::f64::consts::TAU / frequency;
                if wave < original / high {
                    frequency
                } else if wave > original / low {
                    frequency / factor
                } else {
                    let share = (original / wave - low) / (high - low);
                    (1.0 - share) * frequency / factor + share * frequency
                }
            })
            .collect(),
    };
    scaled.into_iter().map(|frequency| frequency as f32).collect()
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

    fn frequencies_of(scaling: &str, length: usize) -> Vec<f32> {
        let rotary = config(scaling).rotary.unwrap();
        frequencies(&rotary.ropes[0], &rotary, length)
    }

    fn near(got: &[f32], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len());
        got.iter()
            .zip(wanted)
            .for_each(|(&got, want)| assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{got} {want}"));
    }

    #[test]
    fn by_hand() {
        // Width 8: frequencies 1, 1/10, 1/100, 1/1000.
        let angles = Angles::new(&config(""), 3, 3);
        assert_eq!(angles.positions(), 3);
        let mut head = [1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0];
        angles.rotate(0, &mut head, 8, 2);
        let wanted = [2f32.cos(), -2.0 * 0.2f32.sin(), 0.0, 0.0, 2f32.sin(), 2.0 * 0.2f32.cos(), 0.0, 0.0];
        head.iter().zip(wanted).for_each(|(got, want)| assert!((got - want).abs() < 1e-6, "{got} {want}"));
        // Neighbours as pairs, and the first half of a head only.
        let mut config = config("");
        config.rotary = Some(Rotary { width: 4, interleaved: true, ..config.rotary.unwrap() });
        let mut head = [1.0, 0.0, 0.0, 2.0, 5.0, 6.0, 7.0, 8.0];
        Angles::new(&config, 3, 3).rotate(0, &mut head, 8, 2);
        let wanted = [2f32.cos(), 2f32.sin(), -2.0 * 0.02f32.sin(), 2.0 * 0.02f32.cos(), 5.0, 6.0, 7.0, 8.0];
        head.iter().zip(wanted).for_each(|(got, want)| assert!((got - want).abs() < 1e-6, "{got} {want}"));
    }

    #[test]
    fn scaled_frequencies() {
        assert_eq!(frequencies_of(r#","rope_scaling":{"rope_type":"linear","factor":4.0}"#, 1)[0], 0.25);
        // Waves of 6.3, 63, 628 and 6283 positions; short below 64/4 = 16, long above 64.
        let scaling = r#","rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}"#;
        // For the wave of 62.83: share (64/62.83 − 1)/3 = 0.0061972.
        let share = (64.0 / (20.0 * std::f64::consts::PI) - 1.0) / 3.0;
        near(&frequencies_of(scaling, 1), &[1.0, 0.1 * ((1.0 - share) / 8.0 + share), 0.01 / 8.0, 0.001 / 8.0]);
        // Twice the text of training, factor 3: the base grows by (3·2 − 2)^(8/6).
        let scaling = r#","max_position_embeddings":10,"rope_scaling":{"type":"dynamic","factor":3.0}"#;
        near(&frequencies_of(scaling, 10), &[1.0, 0.1, 0.01, 0.001]);
        let base = 1e4 * 4f64.powf(8.0 / 6.0);
        near(&frequencies_of(scaling, 20), &[1.0, base.powf(-0.25), base.powf(-0.5), base.powf(-0.75)]);
        // Texts of training of 2π·100 tokens: j = 0 turns 100 times, 1 ten times, 2 once. Kept above 10 turns, stretched
        // below one.
        let scaling = r#","rope_scaling":{"rope_type":"yarn","factor":4.0,"beta_fast":10,"beta_slow":1,"original_max_position_embeddings":628.3185307179586,"truncate":false}"#;
        near(&frequencies_of(scaling, 1), &[1.0, 0.1, 0.01 / 4.0, 0.001 / 4.0]);
        let scaling = r#","rope_scaling":{"type":"su","short_factor":[1,1,1,2],"long_factor":[2,4,5,8],"original_max_position_embeddings":16}"#;
        near(&frequencies_of(scaling, 16), &[1.0, 0.1, 0.01, 0.0005]);
        near(&frequencies_of(scaling, 17), &[0.5, 0.025, 0.002, 0.000125]);
    }

    #[test]
    fn a_text_that_grows_keeps_what_was_rotated() {
        let config = config(r#","max_position_embeddings":4,"rope_scaling":{"type":"dynamic","factor":3.0}"#);
        let (grown, all) = (Angles::new(&config, 8, 4), Angles::new(&config, 8, 8));
        // The first four as in a text of four, the last as in one of eight.
        assert_eq!(grown.tables[0][..16], Angles::new(&config, 4, 4).tables[0][..]);
        assert_eq!(grown.tables[0][28..], all.tables[0][28..]);
        assert_ne!(grown.tables[0][..16], all.tables[0][..16]);
    }
}
