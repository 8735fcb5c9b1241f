//! SVG pictures as PNG, through resvg, with the letters that the window has.

use super::Error;

/// Whether charts can be drawn as pixels here: a page leaves that to the browser, which shows SVG as it is.
pub const CHARTS_AS_PNG: bool = cfg!(not(target_arch = "wasm32"));

/// The picture `scale` times as large as it says, at most 16384 pixels a side.
#[cfg(not(target_arch = "wasm32"))]
pub fn svg_to_png(svg: &str, scale: f32) -> Result<Vec<u8>, Error> {
    use resvg::{tiny_skia, usvg};
    use std::sync::Arc;

    const MOST: f32 = 16384.0;
    let failed = |what: &dyn std::fmt::Display| Error::Picture { what: what.to_string() };
    let mut options = usvg::Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
    if let Some(family) = family {
        fonts.set_sans_serif_family(&family);
        options.font_family = family;
    }
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| failed(&error))?;
    let size = tree.size();
    let scale = scale.min(MOST / size.width()).min(MOST / size.height());
    let pixels = [size.width(), size.height()].map(|side| (side * scale).round().max(1.0) as u32);
    let mut canvas = tiny_skia::Pixmap::new(pixels[0], pixels[1]).ok_or_else(|| failed(&"it is empty"))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut canvas.as_mut());
    canvas.encode_png().map_err(|error| failed(&error))
}

/// Not in a page: see [`CHARTS_AS_PNG`].
#[cfg(target_arch = "wasm32")]
pub fn svg_to_png(_: &str, _: f32) -> Result<Vec<u8>, Error> {
    Err(Error::Picture { what: "a page draws no pixels".into() })
}

#[cfg(test)]
mod tests {
    use super::super::{Chart, Series};
    use super::*;

    #[test]
    fn charts_become_pictures_with_letters() {
        let points = vec![(0.0, 1.0), (1.0, 2.0)];
        let series = vec![Series { name: "ρ₀".into(), color: [200, 0, 0], points, ..Series::default() }];
        let draw = |title: &str| {
            let chart = Chart { title: title.into(), series: series.clone(), ..Chart::default() };
            let png = svg_to_png(&chart.to_svg(320, 240), 2.0).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((info.width, info.height), (640, 480));
            pixels
        };
        let dark = |pixels: &[u8]| pixels.chunks_exact(4).filter(|pixel| pixel[0] < 100 && pixel[1] < 100).count();
        // A title is ink that was not there before.
        assert!(dark(&draw("Error over the density")) > dark(&draw("")) + 100);
        assert!(svg_to_png("no picture", 1.0).is_err());
    }
}
