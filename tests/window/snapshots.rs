//! How small pieces of the window look, beside pictures kept in `tests/window/snapshots`, each made by this program on a
//! software adapter and looked at. `UPDATE_SNAPSHOTS=1 cargo test --test window` makes them anew.

use super::driver::{click, finished, settled, until};
use super::runs::says;
use dsf_explorer::app::{Explorer, LaunchOptions};
use egui::{Key, Modifiers};
use egui_kittest::{Harness, OsThreshold, SnapshotOptions, kittest::Queryable};

/// `None` where there is no adapter, and none is demanded.
fn drawn(size: [f32; 2]) -> Option<Harness<'static, Explorer>> {
    let made =
        std::panic::catch_unwind(|| {
            Harness::builder().with_size(size).with_theme(egui::Theme::Dark).with_max_steps(10_000).wgpu().build_eframe(
                move |cc| Explorer::new(cc, LaunchOptions { threads: Some(1), ..LaunchOptions::default() }),
            )
        });
    match made {
        Ok(mut harness) => {
            until(&mut harness, "the run", finished);
            settled(&mut harness);
            let perplexity = |harness: &Harness<'_, Explorer>| harness.state().language().alone();
            until(&mut harness, "its perplexity", |harness| perplexity(harness).is_some_and(|(_, current)| current));
            until(&mut harness, "that of magnitude pruning", |harness| says(harness, "magnitude pruning 3."));
            Some(harness)
        }
        Err(_) if std::env::var_os("DSF_TEST_GPU").is_none() => {
            println!("skipped: no graphics adapter");
            None
        }
        Err(_) => panic!("no graphics adapter, and DSF_TEST_GPU is set"),
    }
}

/// Compares without what differs from run to run: times, and hints at the pointer, which come after a number of frames.
fn compare(harness: &mut Harness<'_, Explorer>, name: &str) {
    harness.hover_at(egui::pos2(1.0, 1.0));
    harness.run_steps(4);
    (0..3).for_each(|_| _ = harness.render());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/window/snapshots");
    // Another driver rounds here and there; a view that is empty or misplaced differs in far more pixels.
    let options =
        SnapshotOptions::default().output_path(folder).threshold(2.0).max_failed_pixels(OsThreshold::new(1500));
    harness.snapshot_options(name, &options);
}

#[test]
fn zoomed_into_numbers() {
    let Some(mut harness) = drawn([700.0, 480.0]) else { return };
    let middle = harness.state().view_area(dsf_explorer::app::Pane::W).center();
    harness.hover_at(middle);
    for _ in 0..12 {
        super::driver::press(&mut harness, Modifiers::NONE, Key::Plus);
    }
    compare(&mut harness, "numbers");
}

#[test]
fn two_masks() {
    let Some(mut harness) = drawn([700.0, 480.0]) else { return };
    click(&mut harness, "Two masks");
    until(&mut harness, "the comparison", |harness| says(harness, "overlap "));
    compare(&mut harness, "two_masks");
}

#[test]
fn a_figure() {
    let Some(mut harness) = drawn([900.0, 560.0]) else { return };
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &serde_json::json!({ "show": "Sweeps" })).unwrap();
    harness.run_steps(3);
    harness.get_by_role_and_label(egui::accesskit::Role::ComboBox, "Figure").click();
    harness.run_steps(3);
    harness.get_by_label("Starts (Fig. 6)").click();
    harness.run_steps(3);
    click(&mut harness, "Sweep");
    super::driver::until(&mut harness, "all points", |harness| {
        let sweep = &harness.state().state()["sweep"];
        sweep["done"].as_u64() > Some(0) && sweep["going"] == false
    });
    compare(&mut harness, "figure");
}
