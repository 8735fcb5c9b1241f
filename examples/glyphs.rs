//! Draws pictures of every class on a sheet: `cargo run --example glyphs [FILE [SEED]]`

use dsf_explorer::export::Image;
use dsf_explorer::glyphs::{CLASSES, Glyph, SIDE, picture};
use embedded_graphics::Drawable;
use embedded_graphics::geometry::Point;
use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_9X18};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Baseline, Text};

/// Pictures of a class.
const COLUMNS: usize = 16;
/// Points of a pixel's side on the sheet.
const ZOOM: usize = 3;
/// From one picture to the next, in points.
const PITCH: usize = SIDE * ZOOM + 4;
/// Where the pictures begin, to the right of the names.
const LEFT: usize = 90;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| "target/glyphs.png".into());
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;

    let mut sheet = Image::new(LEFT + COLUMNS * PITCH, CLASSES.len() * PITCH, [255; 3]);
    for (class, name) in CLASSES.into_iter().enumerate() {
        let style = MonoTextStyle::new(&FONT_9X18, Rgb888::BLACK);
        let place = Point::new(4, (class * PITCH + PITCH / 2 - 9) as i32);
        let Ok(_) = Text::with_baseline(name, place, style, Baseline::Top).draw(&mut sheet);
        let of_class = (0..).map(|index| picture(seed, index)).filter(|glyph| glyph.label == class);
        for (column, glyph) in of_class.take(COLUMNS).enumerate() {
            paste(&mut sheet, LEFT + column * PITCH, class * PITCH + 2, &glyph);
        }
    }
    std::fs::write(&file, sheet.to_png())?;
    println!("{file}: {COLUMNS} pictures of each of {} classes", CLASSES.len());
    Ok(())
}

/// Copies a picture to the sheet, larger.
fn paste(sheet: &mut Image, left: usize, top: usize, glyph: &Glyph) {
    for y in 0..SIDE * ZOOM {
        for x in 0..SIDE * ZOOM {
            let at = y / ZOOM * SIDE + x / ZOOM;
            let color = std::array::from_fn(|plane| glyph.pixels[plane * SIDE * SIDE + at]);
            sheet.set(left + x, top + y, color);
        }
    }
}
