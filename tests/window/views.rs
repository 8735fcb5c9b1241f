//! The matrix views: thin and odd matrices, zooming, the keyboard.

use super::driver::{finished, npy, press, ready, scratch, settled, until, window};
use dsf_explorer::app::{Explorer, LaunchOptions, Pane};
use dsf_explorer::model::Source;
use egui::accesskit::Live;
use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, TouchPhase, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A window on a matrix, as soon as it is seen.
fn seen(path: PathBuf, label: &str) -> Harness<'static, Explorer> {
    let mut harness = window(LaunchOptions { source: Some(Source::from(path)), ..LaunchOptions::default() });
    until(&mut harness, label, |harness| harness.query_by_label(label).is_some());
    harness
}

/// What a screen reader says of a view's pointer: `row 3, column 5: 0.01234`.
fn told(harness: &Harness<'_, Explorer>, label: &str) -> Option<String> {
    harness.get_by_label(label).accesskit_node().value()
}

/// The (row, column) under the mouse.
fn pointed(harness: &mut Harness<'_, Explorer>, label: &str, at: Pos2) -> Option<(usize, usize)> {
    harness.hover_at(at);
    harness.run_steps(3);
    let told = told(harness, label)?;
    let (row, rest) = told.strip_prefix("row ")?.split_once(", column ")?;
    Some((row.parse().ok()?, rest.split_once(':')?.0.parse().ok()?))
}

/// Turns the wheel and waits until the movement has ended.
fn scroll(harness: &mut Harness<'_, Explorer>, by: f32) {
    let (delta, phase, source) = (vec2(0.0, by), TouchPhase::Move, MouseWheelSource::Wheel);
    harness.event(Event::MouseWheel { unit: MouseWheelUnit::Point, delta, phase, source, modifiers: Modifiers::NONE });
    harness.run_steps(60);
}

#[test]
fn every_entry_of_a_thin_matrix_can_be_pointed_at() {
    for (rows, cols) in [(1, 5000), (5000, 3)] {
        let label = format!("Picture of W, {rows} by {cols}");
        let mut harness = seen(npy(&format!("thin_{rows}.npy"), rows, cols), &label);
        let area = harness.state().view_area(Pane::W);
        let (mut places, mut across) = (0, BTreeSet::new());
        // Over the short side in steps of a point.
        let (length, start) =
            if rows == 1 { (area.height(), area.center_top()) } else { (area.width(), area.left_center()) };
        for at in (0..length as usize).step_by(1) {
            let by = if rows == 1 { vec2(0.0, at as f32) } else { vec2(at as f32, 0.0) };
            if let Some((row, col)) = pointed(&mut harness, &label, start + by) {
                places += 1;
                across.insert(if rows == 1 { row } else { col });
            }
        }
        assert!((10..=14).contains(&places), "{rows}×{cols}: {places} points thick");
        assert_eq!(across, (0..rows.min(cols)).collect(), "{rows}×{cols}");
    }
}

#[test]
fn zooming_into_a_tall_layer_keeps_the_entry_under_the_pointer() {
    let label = "Picture of W, 1536 by 576";
    let mut harness = seen(npy("tall.npy", 1536, 576), label);
    let area = harness.state().view_area(Pane::W);
    let mut zooms = 0;
    for (x, y) in [(0.42, 0.2), (0.5, 0.5), (0.56, 0.8), (0.45, 0.9)] {
        let at = area.min + area.size() * vec2(x, y);
        let Some(mut before) = pointed(&mut harness, label, at) else { continue };
        // In and out again; far in, a point is less than an entry.
        for by in [90.0, 250.0, 400.0, -150.0, 300.0, -200.0] {
            scroll(&mut harness, by);
            let after = pointed(&mut harness, label, at).expect("still an entry");
            let apart = [after.0.abs_diff(before.0), after.1.abs_diff(before.1)];
            assert!(apart.iter().all(|&apart| apart <= 1), "{before:?} {after:?} by {by} at {x}, {y}");
            before = after;
            zooms += 1;
        }
        press(&mut harness, Modifiers::NONE, Key::F);
    }
    assert!(zooms >= 12, "only {zooms} times on the matrix");
}

/// W, A·B and the error share what is seen of them, in views of different sizes.
#[test]
fn zooming_keeps_the_entry_in_linked_views() {
    let mut harness = ready();
    for pane in [Pane::W, Pane::Product, Pane::Error, Pane::A] {
        let title = pane.title();
        let label = harness.state().pictures().and_then(|pictures| pictures.of_pane(pane).cloned()).map(|pyramid| {
            let (rows, cols) = pyramid.matrix().shape();
            format!("Picture of {title}, {rows} by {cols}")
        });
        let label = label.expect("a picture");
        let at = harness.state().view_area(pane).center() + vec2(31.0, -23.0);
        let mut before = pointed(&mut harness, &label, at).expect("an entry");
        for by in [300.0, 500.0, -260.0, 120.0] {
            scroll(&mut harness, by);
            let after = pointed(&mut harness, &label, at).expect("an entry");
            let apart = [after.0.abs_diff(before.0), after.1.abs_diff(before.1)];
            assert!(apart.iter().all(|&apart| apart <= 1), "{title}: {before:?} {after:?} by {by}");
            before = after;
        }
    }
}

/// 96×64 small numbers and one of 1e30.
fn outlier() -> PathBuf {
    let path = npy("outlier.npy", 96, 64);
    let mut bytes = std::fs::read(&path).unwrap();
    for (at, value) in bytes[128..].chunks_exact_mut(4).enumerate() {
        let small = f32::from_le_bytes([value[0], value[1], value[2], value[3]]) * 0.003;
        value.copy_from_slice(&(if at == 777 { 1e30 } else { small }).to_le_bytes());
    }
    let path = scratch("outlier_1e30.npy");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_beyond_the_colours_is_said_and_can_be_shown() {
    let mut harness = seen(outlier(), "Picture of W, 96 by 64");
    let beyond = |harness: &Harness<'_, Explorer>| {
        harness.query_by_label_contains(" of W beyond ±").and_then(|node| node.accesskit_node().label())
    };
    harness.run_steps(3);
    let label = beyond(&harness).expect("a mark");
    assert!(label.contains("beyond ±0.0030, up to 1.0e30"), "{label}");
    let count: usize = label.split(' ').next().and_then(|count| count.parse().ok()).expect("a number");
    assert!((1..=1 + 96 * 64 / 200).contains(&count), "{label}");

    until(&mut harness, "the run", finished);
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("relative error 0.0000").is_none());
    assert!(harness.query_by_label_contains("relative error ").is_some_and(|node| {
        node.accesskit_node().value().or(node.accesskit_node().label()).is_some_and(|text| text.contains("e-"))
    }));

    harness.get_by_label(&label).click();
    harness.run_steps(3);
    assert_eq!(beyond(&harness), None, "the whole range has nothing beyond it");
}

#[test]
fn the_arrows_move_the_pointer_while_a_view_has_the_focus() {
    let mut harness = ready();
    let label = "Picture of W, 256 by 256";
    let step = harness.state().state()["step"].clone();
    harness.get_by_label(label).focus();
    harness.run_steps(3);
    let place = |harness: &Harness<'_, Explorer>| {
        let told = told(harness, label).unwrap_or_default();
        told.split_once(':').map_or(told.clone(), |(place, _)| place.to_owned())
    };
    assert_eq!(place(&harness), "row 128, column 128");
    assert_eq!(harness.get_by_label(label).accesskit_node().live(), Live::Polite);
    for (modifiers, key, expected) in [
        (Modifiers::NONE, Key::ArrowRight, "row 128, column 129"),
        (Modifiers::NONE, Key::ArrowUp, "row 127, column 129"),
        (Modifiers::SHIFT, Key::ArrowDown, "row 137, column 129"),
        (Modifiers::SHIFT, Key::ArrowLeft, "row 137, column 119"),
        (Modifiers::NONE, Key::Home, "row 137, column 0"),
        (Modifiers::NONE, Key::ArrowLeft, "row 137, column 0"),
        (Modifiers::NONE, Key::End, "row 137, column 255"),
        (Modifiers::NONE, Key::Plus, "row 137, column 255"),
        (Modifiers::NONE, Key::Minus, "row 137, column 255"),
        (Modifiers::NONE, Key::Num0, "row 137, column 255"),
    ] {
        press(&mut harness, modifiers, key);
        harness.run_steps(2);
        assert_eq!(place(&harness), expected, "after {key:?}");
    }
    assert_eq!(harness.state().state()["step"], step, "the iteration on screen is not the arrows' now");

    // Held there, also when the focus goes on.
    press(&mut harness, Modifiers::NONE, Key::Enter);
    harness.run_steps(2);
    assert!(told(&harness, label).is_some_and(|told| told.ends_with(", held")), "{:?}", told(&harness, label));
    press(&mut harness, Modifiers::NONE, Key::ArrowUp);
    harness.run_steps(2);
    assert_eq!(place(&harness), "row 136, column 255");
    let value = told(&harness, label).unwrap();
    let w = harness.state().pictures().and_then(|pictures| pictures.of_pane(Pane::W).cloned()).unwrap();
    assert_eq!(value, format!("row 136, column 255: {:.5}, held", w.matrix().get(136, 255)));
    press(&mut harness, Modifiers::NONE, Key::Enter);
    harness.run_steps(2);
    assert!(told(&harness, label).is_some_and(|told| !told.ends_with(", held")), "released");
}

/// Tab comes to each picture once, and to nothing else in it.
#[test]
fn a_picture_is_one_stop_of_the_tab_key() {
    let mut harness = ready();
    harness.get_by_label("Picture of W, 256 by 256").focus();
    harness.run_steps(2);
    let label = |harness: &Harness<'_, Explorer>| {
        harness
            .query_all_by_label_contains("")
            .find(|node| node.is_focused())
            .and_then(|node| node.accesskit_node().label())
    };
    assert_eq!(label(&harness).as_deref(), Some("Picture of W, 256 by 256"));
    press(&mut harness, Modifiers::NONE, Key::Tab);
    harness.run_steps(2);
    let next = label(&harness).unwrap_or_default();
    assert!(!next.contains("of W"), "{next}");
}

#[test]
fn zooming_by_keys_brings_numbers_that_are_pointed_at_into_sight() {
    let mut harness = ready();
    harness.hover_at(pos2(1.0, 1.0));
    let label = "Picture of W, 256 by 256";
    harness.get_by_label(label).focus();
    harness.run_steps(2);
    for key in [Key::Home].into_iter().chain([Key::Plus; 8]) {
        press(&mut harness, Modifiers::NONE, key);
    }
    settled(&mut harness);
    // The left edge of the matrix has stayed where it was, so that the entry is seen.
    let area = harness.state().view_area(Pane::W);
    let seen = (0..40).filter_map(|at| {
        let x = area.left() + area.width() * (at as f32 + 0.5) / 40.0;
        pointed(&mut harness, label, pos2(x, area.center().y))
    });
    assert!(seen.collect::<Vec<_>>().iter().any(|&(_, col)| col == 0));
}
