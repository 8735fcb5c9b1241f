//! Colour maps of signed numbers.

/// A diverging colour map: negative blue, zero neutral, positive red.
///
/// Computed in the perceptual Oklab space: lightness and chroma go straight from the middle to the ends, the same on
/// both sides, so that equal magnitudes of either sign look equally strong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// Zero near white, for paper and images.
    #[default]
    Light,
    /// Zero near black, for a dark window.
    Dark,
}

/// Hues of the two ends, in degrees.
const BLUE: f64 = 260.0;
const RED: f64 = 27.0;

impl Palette {
    /// Colour of `t` from −1 to 1, as sRGB. Values outside have the ends' colours, NaN is mid-grey.
    pub fn color(self, t: f32) -> [u8; 3] {
        if t.is_nan() {
            return [128; 3];
        }
        let t = f64::from(t.clamp(-1.0, 1.0));
        let (zero, end, chroma) = match self {
            Self::Light => (0.97, 0.45, 0.19),
            Self::Dark => (0.16, 0.72, 0.15),
        };
        let hue = if t < 0.0 { BLUE } else { RED };
        let lightness = zero + (end - zero) * t.abs();
        srgb_from_oklch(lightness, chroma * t.abs(), hue)
    }

    /// Colours of `size` evenly spaced values from −1 to 1, as a lookup table for a GPU.
    pub fn table(self, size: usize) -> Vec<[u8; 3]> {
        let last = size.saturating_sub(1).max(1) as f32;
        (0..size).map(|i| self.color(2.0 * i as f32 / last - 1.0)).collect()
    }

    /// Background colour around a picture.
    pub fn background(self) -> [u8; 3] {
        match self {
            Self::Light => [255; 3],
            Self::Dark => [24; 3],
        }
    }

    /// Text colour on [`Palette::background`].
    pub fn text(self) -> [u8; 3] {
        match self {
            Self::Light => [32; 3],
            Self::Dark => [224; 3],
        }
    }
}

/// Converts Björn Ottosson's Oklab in polar coordinates to sRGB bytes.
fn srgb_from_oklch(lightness: f64, chroma: f64, hue_degrees: f64) -> [u8; 3] {
    let (sin, cos) = hue_degrees.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.3963377774 * a + 0.2158037573 * b).powi(3);
    let m = (lightness - 0.1055613458 * a - 0.0638541728 * b).powi(3);
    let s = (lightness - 0.0894841775 * a - 1.2914855480 * b).powi(3);
    let linear = [
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ];
    linear.map(|x: f64| {
        let x = x.clamp(0.0, 1.0);
        let encoded = if x <= 0.0031308 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG defines it.
    fn luminance([r, g, b]: [u8; 3]) -> f64 {
        let linear = |x: u8| {
            let x = f64::from(x) / 255.0;
            if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn oklab_of_known_colors() {
        // Ottosson's figures for sRGB red and blue.
        assert_eq!(srgb_from_oklch(0.627955, 0.257683, 29.2339), [255, 0, 0]);
        assert_eq!(srgb_from_oklch(0.452014, 0.313214, 264.052), [0, 0, 255]);
        assert_eq!(srgb_from_oklch(1.0, 0.0, 0.0), [255, 255, 255]);
    }

    #[test]
    fn negative_is_blue_positive_is_red_and_zero_neutral() {
        for palette in [Palette::Light, Palette::Dark] {
            let [r, g, b] = palette.color(0.0);
            assert!(r == g && g == b);
            let ([minus_r, _, minus_b], [plus_r, _, plus_b]) = (palette.color(-1.0), palette.color(1.0));
            assert!(minus_b > minus_r + 60 && plus_r > plus_b + 60, "{palette:?}");
            assert_eq!(palette.color(-7.0), palette.color(-1.0));
            assert_eq!(palette.color(f32::INFINITY), palette.color(1.0));
        }
        assert!(luminance(Palette::Light.color(0.0)) > 0.85 && luminance(Palette::Dark.color(0.0)) < 0.02);
    }

    #[test]
    fn lightness_goes_one_way_from_zero_and_alike_on_both_sides() {
        for (palette, direction) in [(Palette::Light, -1.0), (Palette::Dark, 1.0)] {
            for i in 0..20 {
                let (t, next) = (i as f32 / 20.0, (i + 1) as f32 / 20.0);
                for sign in [-1.0, 1.0] {
                    let change = luminance(palette.color(sign * next)) - luminance(palette.color(sign * t));
                    assert!(direction * change > 0.0, "{palette:?} at {t}");
                }
                let (minus, plus) = (luminance(palette.color(-t)), luminance(palette.color(t)));
                assert!((minus - plus).abs() < 0.1, "{palette:?} at {t}: {minus} {plus}");
            }
        }
    }
}
