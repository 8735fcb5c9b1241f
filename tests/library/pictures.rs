//! What the GPU draws of a matrix, against the same picture made on the CPU. A software adapter will do.
use dsf_explorer::Named;
use dsf_explorer::app::picture::{Colors, Frame, Kind, Marks, MatrixView, Pyramid, Shade, Viewport, draw, install};
use dsf_explorer::export::Image;
use dsf_explorer::matrix::Matrix;
use egui::{CentralPanel, Color32, Id, Pos2, Rect, Ui, vec2};
use egui_kittest::Harness;
use std::sync::Arc;

/// A window with nothing but one matrix.
struct One {
    pyramid: Arc<Pyramid>,
    colors: Colors,
    viewport: Viewport,
    area: Rect,
}

impl eframe::App for One {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        CentralPanel::default().frame(egui::Frame::NONE).show(ui, |ui| {
            self.area = ui.available_rect_before_wrap();
            let frame = Frame {
                title: "W",
                accent: Color32::GRAY,
                pyramid: &self.pyramid,
                colors: self.colors,
                marks: &Marks::default(),
                readout: None,
                marginals: false,
            };
            MatrixView(Id::unique("one")).ui(ui, &frame, &mut self.viewport);
        });
    }
}

/// `None` where there is no adapter, and none is demanded.
fn window(pyramid: Pyramid, colors: Colors, size: (f32, f32)) -> Option<Harness<'static, One>> {
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Harness::builder().with_size(vec2(size.0, size.1)).wgpu().build_eframe(move |cc| {
            install(cc.wgpu_render_state.as_ref().expect("a renderer"));
            // The mark of what is beyond the colours stands in this font only.
            let mut fonts = egui::FontDefinitions::default();
            fonts.families.entry(egui::FontFamily::Proportional).or_default().push("Hack".to_owned());
            cc.egui_ctx.set_fonts(fonts);
            One { pyramid: Arc::new(pyramid), colors, viewport: Viewport::default(), area: Rect::NOTHING }
        })
    }));
    match made {
        Ok(harness) => Some(harness),
        Err(_) if std::env::var_os("DSF_TEST_GPU").is_none() => {
            println!("skipped: no graphics adapter");
            None
        }
        Err(why) => panic!("no graphics adapter, and DSF_TEST_GPU is set: {why:?}"),
    }
}

/// The window's pixels; tiles that are missing at first are there after a few frames.
fn pixels(harness: &mut Harness<'_, One>) -> Image {
    harness.run_steps(2);
    (0..4).for_each(|_| _ = harness.render());
    let rendered = harness.render().expect("a picture");
    let (width, height) = (rendered.width() as usize, rendered.height() as usize);
    let rgb = rendered.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
    Image { width, height, rgb }
}

/// Where the colour bar is not.
fn beside_the_bar(image: &Image) -> impl Iterator<Item = (usize, usize)> + '_ {
    let all = (0..image.width * image.height).map(|at| (at % image.width, at / image.width));
    all.filter(|&(x, y)| x > 260 || y + 30 < image.height)
}

/// Pixels that show something else than zeros.
fn lit(image: &Image, colors: &Colors) -> usize {
    let table = Colors::table(colors.dark);
    let [one, zero] = [1e-3, 0.0].map(|value| table[colors.index(Kind::Values, value)]);
    let lit = beside_the_bar(image).filter(|&(x, y)| {
        let seen = image.pixel(x, y);
        let brighter = || seen.iter().zip(zero).all(|(&seen, zero)| seen > zero + 8);
        // A share of nonzeros grows with the zoom, up to all of an entry.
        seen == one || colors.shade == Shade::Density && brighter()
    });
    lit.count()
}

#[test]
fn a_lone_nonzero_in_4096_by_11008_is_seen_at_every_zoom() {
    let (i, j) = (1777, 7311);
    let mut matrix = Matrix::zeros(4096, 11008);
    matrix.as_mut_slice()[i * 11008 + j] = 1e-3;
    let colors = Colors { shade: Shade::Value, range: 1.0, dark: true };
    let Some(mut harness) = window(Pyramid::new(Arc::new(matrix)), colors, (620.0, 250.0)) else { return };
    let Some(mut nothing) = window(Pyramid::new(Arc::new(Matrix::zeros(40, 100))), colors, (620.0, 250.0)) else {
        return;
    };
    for &shade in Shade::ALL {
        harness.state_mut().colors.shade = shade;
        nothing.state_mut().colors.shade = shade;
        assert_eq!(lit(&pixels(&mut nothing), &nothing.state().colors), 0, "zeros are not lit as {shade:?}");
        for (zoom, range) in (0..=14).zip([1.0, 1e-3].into_iter().cycle()) {
            let state = harness.state_mut();
            state.colors.range = range;
            state.viewport = Viewport::default();
            if zoom > 0 {
                state.viewport.zoom(1.7f32.powi(zoom), (Some(i), Some(j)), Rect::ZERO);
            }
            let colors = state.colors;
            let image = pixels(&mut harness);
            assert!(lit(&image, &colors) > 0, "{shade:?}, zoom {zoom}, range {range}");
        }
    }
}

#[test]
fn the_gpu_draws_what_the_cpu_draws() {
    let random = |i: usize, j: usize| {
        let bits = (i * 7919 + j * 104_729 + i * j * 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if bits >> 61 == 0 { ((bits >> 20 & 0xffff) as f32 - 32768.0) / 32768.0 } else { 0.0 }
    };
    for (rows, cols) in [(900, 1400), (300, 70), (5, 9), (1, 5000), (5000, 3), (40, 9000)] {
        let pyramid = Pyramid::new(Arc::new(Matrix::from_fn(rows, cols, random)));
        let colors = Colors { shade: Shade::Value, range: 0.8, dark: false };
        let Some(mut harness) = window(pyramid, colors, (500.0, 330.0)) else { return };
        for (shade, dark) in [(Shade::Value, false), (Shade::Density, true), (Shade::Any, true)] {
            for zoom in [1.0, 1.3, 2.9, 14.0] {
                let state = harness.state_mut();
                state.colors = Colors { shade, range: 0.8, dark };
                state.viewport = Viewport::default();
                state.viewport.zoom(zoom, (None, None), Rect::ZERO);
                let shape = vec2(cols as f32, rows as f32);
                let image = pixels(&mut harness);
                let state = harness.state();
                let (cells, points) = state.viewport.cells(state.area, shape);
                if points.min_elem() > 30.0 {
                    continue; // then numbers are written over it
                }
                let expected = draw(&state.pyramid, cells, (image.width, image.height), &state.colors);
                let inside = |&(x, y): &(usize, usize)| {
                    let at = cells.min + (Pos2::new(x as f32 + 0.5, y as f32 + 0.5) - state.area.min) / points;
                    at.x > 0.0 && at.y > 0.0 && at.x < shape.x && at.y < shape.y
                };
                let compared: Vec<(usize, usize)> = beside_the_bar(&image).filter(inside).collect();
                let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) <= 2);
                let same = compared.iter().filter(|&&(x, y)| near(image.pixel(x, y), expected.pixel(x, y))).count();
                // On the edges of numbers the two may round differently.
                let share = same as f64 / compared.len() as f64;
                assert!(share > 0.985, "{rows}×{cols}, {shade:?}, zoom {zoom}: {share} of {} alike", compared.len());
            }
        }
    }
}
