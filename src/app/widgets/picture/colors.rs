//! Values to colours, by a table that the CPU and the GPU share.

use super::pyramid::Kind;
use super::shade::Shade;
use crate::app::widgets::colors;
use crate::export::Palette;
use eframe::egui::Color32;
use serde::{Deserialize, Serialize};

/// Half the length of the diverging part of the table.
pub const HALF: usize = 255;
/// The least that a nonzero is away from zero's colour, in steps of the table: it never looks like zero.
pub const FAINTEST: f32 = 0.12 * HALF as f32;
/// Index of the first colour of densities, which go from zero's to that of the mask.
pub const RAMP: usize = 2 * HALF + 1;
/// Index of the colour of the mask.
pub const INK: usize = RAMP + HALF;
/// Index of the first colour of the eight sets.
pub const SETS: usize = INK + 1;

/// Colours of a comparison's masks: both, only the first, only the second.
const SET_COLORS: [Color32; 3] = [colors::BOTH, colors::ONLY_FIRST, colors::ONLY_SECOND];

/// Colouring of a matrix: another range, shade or theme never touches the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Colors {
    /// Quantity shown: value, density or mask.
    pub shade: Shade,
    /// Full colour at this magnitude.
    pub range: f32,
    /// Whether the background is dark.
    pub dark: bool,
}

impl Colors {
    /// All colours: those from −range to range, the mask's, and the sets'.
    pub fn table(dark: bool) -> Vec<[u8; 3]> {
        let palette = if dark { Palette::Dark } else { Palette::Light };
        let mut table = palette.table(2 * HALF + 1);
        let (ground, ink) = (palette.color(0.0), palette.text());
        table.extend((0..=HALF).map(|at| {
            let part = |from: u8, to: u8| (usize::from(from) * (HALF - at) + usize::from(to) * at) / HALF;
            [0, 1, 2].map(|channel| part(ground[channel], ink[channel]) as u8)
        }));
        table.extend((0..8).map(|set| mix(ground, set)));
        table
    }

    /// Returns the index in the table of an entry of a pyramid of this kind.
    pub fn index(&self, kind: Kind, value: f32) -> usize {
        match (kind, self.shade) {
            (Kind::Sets, _) => SETS + (value as usize).min(7),
            (_, Shade::Any) if value != 0.0 => INK,
            _ if value == 0.0 || value.is_nan() => HALF,
            (_, Shade::Density) => RAMP + step(value.abs()).round() as usize,
            _ => (step(value / self.range).round() + HALF as f32) as usize,
        }
    }
}

/// From −HALF to HALF, never near 0.
fn step(t: f32) -> f32 {
    let t = t * HALF as f32;
    t.abs().clamp(FAINTEST, HALF as f32).copysign(t)
}

/// The mean colour of the set's members.
fn mix(ground: [u8; 3], set: usize) -> [u8; 3] {
    let members = (0..3).filter(|bit| set >> bit & 1 == 1).map(|bit| SET_COLORS[bit].to_array());
    let members: Vec<[u8; 4]> = members.collect();
    if members.is_empty() {
        return ground;
    }
    [0, 1, 2].map(|part| {
        let sum: usize = members.iter().map(|color| usize::from(color[part])).sum();
        (sum / members.len()) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;

    #[test]
    fn nonzeros_never_look_like_zero() {
        for dark in [true, false] {
            let table = Colors::table(dark);
            assert_eq!(table.len(), SETS + 8);
            for &shade in Shade::ALL {
                let colors = Colors { shade, range: 1.0, dark };
                let zero = table[colors.index(Kind::Values, 0.0)];
                for value in [1e-30f32, -1e-30, 1e-3, 0.5, 1.0, 7.0, f32::INFINITY] {
                    assert_ne!(table[colors.index(Kind::Values, value)], zero, "{value} as {shade:?}");
                }
            }
            let sets: Vec<_> = (0..8).map(|set| table[SETS + set]).collect();
            assert!((1..8).all(|set| sets[..set].iter().all(|other| *other != sets[set])), "{sets:?}");
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        let colors = Colors { shade: Shade::Value, range: 2.0, dark: true };
        let at = |value| colors.index(Kind::Values, value);
        assert_eq!([at(-2.0), at(0.0), at(2.0), at(-9.0), at(1.0)], [0, HALF, 2 * HALF, 0, 383]);
    }
}
