//! Tests of the module's claims: the same bytes everywhere, classes in equal numbers, colours that say nothing, areas
//! that are as large as geometry says.

use super::mask::{Mask, SIDE};
use super::{CLASSES, Glyph, picture};

/// FNV-1a of the labels and pixels of 500 pictures.
fn checksum(seed: u64) -> u64 {
    let pictures = (0..500).map(|index| picture(seed, index));
    let bytes = pictures.flat_map(|glyph| glyph.pixels.into_iter().chain([glyph.label as u8]));
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The values are those of x86-64 and of wasm32 in Node.
#[test]
fn pictures_are_the_same_on_every_platform() {
    assert_eq!([checksum(1), checksum(u64::MAX)], [0xD0DE_9EC7_8046_5814, 0xC928_2FC1_0883_5A60]);
}

#[test]
fn other_seeds_and_numbers_give_other_pictures() {
    let mut pixels: Vec<_> = (0..100).flat_map(|seed| (0..100).map(move |index| picture(seed, index).pixels)).collect();
    pixels.sort_unstable();
    pixels.dedup();
    assert_eq!(pixels.len(), 10_000);
}

#[test]
fn every_class_is_as_likely() {
    const PICTURES: u64 = 24_000;
    let mut counts = [0.0; CLASSES.len()];
    (0..PICTURES).for_each(|index| counts[picture(3, index).label] += 1.0);
    let expected = PICTURES as f64 / CLASSES.len() as f64;
    let chi_squared: f64 = counts.iter().map(|count| (count - expected) * (count - expected) / expected).sum();
    // The quantile of 0.1 % of 11 degrees of freedom.
    assert!(chi_squared < 31.26, "{counts:?}");
}

/// The share of 6000 pictures whose nearest class mean is their class's, both measured by `features`.
fn nearest_mean_accuracy<const N: usize>(features: impl Fn(&Glyph) -> [f64; N]) -> f64 {
    let (mut means, mut counts) = (vec![[0.0; N]; CLASSES.len()], [0.0; CLASSES.len()]);
    for glyph in (0..6000).map(|index| picture(4, index)) {
        counts[glyph.label] += 1.0;
        means[glyph.label].iter_mut().zip(features(&glyph)).for_each(|(sum, feature)| *sum += feature);
    }
    means.iter_mut().zip(counts).for_each(|(mean, count)| mean.iter_mut().for_each(|sum| *sum /= count));
    let right = (0..6000).map(|index| picture(5, index)).filter(|glyph| {
        let here = features(glyph);
        let distance = |mean: &[f64; N]| -> f64 { mean.iter().zip(here).map(|(m, f)| (m - f) * (m - f)).sum() };
        let nearest = (0..CLASSES.len()).min_by(|&a, &b| distance(&means[a]).total_cmp(&distance(&means[b])));
        nearest == Some(glyph.label)
    });
    right.count() as f64 / 6000.0
}

/// Chance is 8.3 %.
#[test]
fn colours_and_templates_do_not_tell_the_class() {
    let mean_color = nearest_mean_accuracy(|glyph| {
        std::array::from_fn::<_, 3, _>(|plane| {
            let pixels = &glyph.pixels[plane * SIDE * SIDE..(plane + 1) * SIDE * SIDE];
            pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64
        })
    });
    let template = nearest_mean_accuracy(|glyph| glyph.pixels.map(f64::from));
    assert!(mean_color < 0.12 && template < 0.2, "mean colour {mean_color}, template {template}");
}

fn area(mask: &Mask) -> f32 {
    let mut area = 0.0;
    mask.cover(|_, _, share| area += share);
    area
}

#[test]
fn areas_are_those_of_geometry() {
    let mut disc = Mask::empty();
    disc.disc([9.3, 10.1], 6.0);
    assert!((area(&disc) - 36.0 * std::f32::consts::PI).abs() < 1.0, "{}", area(&disc));

    let mut triangle = Mask::empty();
    triangle.polygon(&[[1.0, 2.0], [18.0, 4.0], [6.0, 17.0]]);
    // Half of the cross product of (17, 2) and (5, 15).
    assert!((area(&triangle) - 122.5).abs() < 1.0, "{}", area(&triangle));

    // A rectangle and two half discs.
    let mut line = Mask::empty();
    line.line(&[[4.0, 4.0], [16.0, 9.0]], 3.0);
    assert!((area(&line) - (13.0 * 3.0 + 2.25 * std::f32::consts::PI)).abs() < 1.0, "{}", area(&line));

    let mut both = disc.clone();
    both.keep(&triangle);
    let mut rest = disc.clone();
    rest.remove(&triangle);
    let mut either = disc.clone();
    either.swap(&triangle);
    assert!((area(&both) + area(&rest) - area(&disc)).abs() < 1e-3);
    assert!((area(&either) - (area(&disc) + area(&triangle) - 2.0 * area(&both))).abs() < 1e-3);
    assert_eq!(area(&Mask::full()), (SIDE * SIDE) as f32);
}

#[test]
fn what_lies_outside_is_cut_off() {
    let mut corner = Mask::empty();
    corner.polygon(&[[-50.0, -50.0], [3.0, -50.0], [3.0, 2.0], [-50.0, 2.0]]);
    assert_eq!(area(&corner), 6.0);
    let mut outside = Mask::empty();
    outside.disc([-9.0, 30.0], 3.0);
    outside.line(&[[25.0, -4.0], [40.0, 60.0]], 2.0);
    assert_eq!(outside, Mask::empty());
}
