//! What is needed is on screen and nothing lies over it, on large and small screens.

use super::driver::{click, finished, press, settled, until};
use dsf_explorer::app::{Explorer, LaunchOptions};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Rect, Vec2, vec2};
use egui_kittest::{Harness, kittest::NodeT, kittest::Queryable};
use serde_json::json;

const DESKTOP: Vec2 = vec2(1280.0, 800.0);
const SMALL: Vec2 = vec2(1024.0, 700.0);
const PHONE: Vec2 = vec2(390.0, 844.0);

fn sized(size: Vec2) -> Harness<'static, Explorer> {
    let mut harness = Harness::builder()
        .with_size(size)
        .with_max_steps(10_000)
        .build_eframe(|cc| Explorer::new(cc, LaunchOptions::default()));
    until(&mut harness, "the run", finished);
    harness.run_steps(5);
    harness
}

/// Where the control is; none that is cut off.
fn place(harness: &Harness<'_, Explorer>, role: Role, label: &str) -> Rect {
    let screen = harness.ctx.content_rect().expand(1.0);
    let rect = harness.get_by_role_and_label(role, label).rect();
    assert!(screen.contains_rect(rect), "{label} at {rect:?} is not on the screen {screen:?}");
    rect
}

fn order(harness: &mut Harness<'_, Explorer>, order: serde_json::Value) {
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &order).unwrap();
}

/// What each card speaks of first, and what it shows beside it where there is room.
const CARDS: [[(Role, &str); 2]; 10] = [
    [(Role::Slider, "Density"), (Role::Region, "W − A·B panel")],
    [(Role::Region, "Paths panel"), (Role::Region, "A·B panel")],
    [(Role::Slider, "Density"), (Role::ComboBox, "Split")],
    [(Role::Button, "⏭ Step"), (Role::Region, "A panel")],
    [(Role::ComboBox, "ρ₀ schedule"), (Role::Region, "Curves panel")],
    [(Role::ComboBox, "Start"), (Role::Region, "Curves panel")],
    [(Role::Slider, "Density"), (Role::Region, "Curves panel")],
    [(Role::Button, "Compress all"), (Role::Region, "Story panel")],
    [(Role::Button, "Tune"), (Role::Region, "Story panel")],
    [(Role::Button, "Compress all"), (Role::Region, "Images panel")],
];

fn the_tour_covers_nothing(size: Vec2) {
    let mut harness = sized(size);
    let phone = size == PHONE;
    for (at, controls) in CARDS.into_iter().enumerate() {
        order(&mut harness, json!({ "tour": at + 1 }));
        let title = format!("{} of 10", at + 1);
        // Until the scene is set and all has come to its place.
        harness.run_steps(2);
        until(&mut harness, "the scene", |harness| harness.state().state()["tour"]["is_set"] == true);
        until(&mut harness, "the scene's run", finished_or_paused);
        harness.run_steps(30);
        let card = if phone {
            assert!(harness.query_by_label(&title).is_some());
            place(&harness, Role::Region, "Tour card")
        } else {
            place(&harness, Role::Window, &title)
        };
        for (first, (role, label)) in [true, false].into_iter().zip(controls) {
            // On a phone only as much is outlined as its panel has room for.
            let settings = harness.query_by_role_and_label(Role::Region, "Settings panel").map(|node| node.rect());
            let inside = |settings: Rect| settings.contains_rect(harness.get_by_role_and_label(role, label).rect());
            if phone && !first && role == Role::ComboBox && !settings.is_some_and(inside) {
                continue;
            }
            let control = place(&harness, role, label);
            assert!(control.height() > 10.0, "{title}: {label} is {control:?}");
            assert!(!control.shrink(1.0).intersects(card), "{title} at {card:?} covers {label} at {control:?}");
        }
    }
}

fn finished_or_paused(harness: &Harness<'_, Explorer>) -> bool {
    let state = harness.state().state();
    let run = state["runs"].as_array().and_then(|runs| runs.last()).cloned().unwrap_or_default();
    ["finished", "paused"].iter().any(|word| run["state"] == *word)
}

#[test]
fn the_tours_card_stands_beside_what_it_outlines() {
    the_tour_covers_nothing(DESKTOP);
}

#[test]
fn the_tours_card_stands_beside_it_in_a_small_window() {
    the_tour_covers_nothing(SMALL);
}

#[test]
fn the_tours_card_stands_beside_it_on_a_phone() {
    the_tour_covers_nothing(PHONE);
}

/// As a finger does it: the next card by its button, and what the card speaks of can be touched.
#[test]
fn the_tour_is_walked_by_touch() {
    let mut harness = sized(PHONE);
    click(&mut harness, "Tour");
    for card in 1..=9 {
        until(&mut harness, "the card", |harness| harness.query_by_label(&format!("{card} of 10")).is_some());
        harness.run_steps(20);
        let next = harness.get_by_role_and_label(Role::Button, "Next").rect().center();
        touch(&mut harness, next);
    }
    until(&mut harness, "the last card", |harness| harness.query_by_label("10 of 10").is_some());
    let done = harness.get_by_role_and_label(Role::Button, "Done").rect().center();
    touch(&mut harness, done);
    assert!(harness.state().state()["tour"].is_null());
}

fn touch(harness: &mut Harness<'_, Explorer>, pos: egui::Pos2) {
    let (device_id, id) = (egui::TouchDeviceId(1), egui::TouchId::from(1u64));
    for (phase, pressed) in [(egui::TouchPhase::Start, true), (egui::TouchPhase::End, false)] {
        let events = &mut harness.input_mut().events;
        events.push(egui::Event::Touch { device_id, id, phase, pos, force: None });
        events.push(egui::Event::PointerMoved(pos));
        let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
        events.push(egui::Event::PointerButton { pos, button, pressed, modifiers });
        harness.run_steps(2);
    }
    harness.input_mut().events.push(egui::Event::PointerGone);
    harness.run_steps(2);
}

#[test]
fn the_bar_below_overprints_nothing_on_a_phone() {
    let mut harness = sized(PHONE);
    order(&mut harness, json!({ "settings": { "density": 0.4 } }));
    until(&mut harness, "a second run", |harness| harness.state().runs().len() == 2 && finished(harness));
    let name = harness.state().runs()[1].name.clone();
    harness.run_steps(5);
    let device = harness.query_all_by_label_contains("Computed on").next().unwrap().accesskit_node().label().unwrap();
    let parts = [
        place(&harness, Role::Button, "Play the iterations"),
        place(&harness, Role::Slider, "Iteration"),
        place(&harness, Role::ComboBox, &device),
        harness.query_all_by_label(&name).map(|node| node.rect()).max_by(|x, y| x.max.y.total_cmp(&y.max.y)).unwrap(),
    ];
    for (at, one) in parts.iter().enumerate() {
        assert!(parts[..at].iter().all(|other| !other.intersects(one.shrink(1.0))), "{parts:?}");
    }
    harness.get_by_role_and_label(Role::ComboBox, &device).click();
    harness.run_steps(10);
    place(&harness, Role::Button, "the faster one");
    let screen = harness.ctx.content_rect();
    for item in harness.query_all_by_label_contains("GPU") {
        assert!(screen.contains_rect(item.rect()), "{:?}", item.rect());
    }
    press(&mut harness, Modifiers::NONE, Key::Escape);
    press(&mut harness, Modifiers::COMMAND, Key::K);
    harness.run_steps(5);
    place(&harness, Role::TextInput, "Find a command");
}

#[test]
fn every_matrix_of_the_lesson_is_seen_whole() {
    for size in [vec2(1440.0, 900.0), SMALL] {
        let mut harness = sized(size);
        order(&mut harness, json!({ "show": "Lesson" }));
        harness.run_steps(10);
        let panel = place(&harness, Role::Region, "Lesson panel");
        for name in ["W", "A", "B", "A·B"] {
            let numbers = harness.get_by_label_contains(&format!("Numbers of {name}:")).rect();
            let wide = numbers.left() >= panel.left() && numbers.right() <= panel.right();
            assert!(wide, "{size:?}: {name} at {numbers:?} in {panel:?}");
        }
    }
}

#[test]
fn dialogs_open_below_the_bars() {
    for size in [DESKTOP, SMALL, PHONE] {
        let mut harness = sized(size);
        let narrow = size == PHONE;
        for (action, title) in
            [("Open…", "Open"), ("Export…", "Export"), ("Shortcuts", "Shortcuts"), ("Link…", "Link to this")]
        {
            order(&mut harness, json!({ "act": action }));
            harness.run_steps(10);
            let bars = place(&harness, Role::Region, if narrow { "Toolbar" } else { "Display options" });
            let dialog = harness.get_by_role_and_label(Role::Window, title).rect();
            assert!(dialog.top() >= bars.bottom() - 1.0, "{size:?}: {title} at {dialog:?} over {bars:?}");
            press(&mut harness, Modifiers::NONE, Key::Escape);
            press(&mut harness, Modifiers::NONE, Key::Escape);
            assert!(harness.query_by_role_and_label(Role::Window, title).is_none(), "{title} is closed");
        }
    }
}

/// What card 7 of the tour says in numbers is so on the built-in layer.
#[test]
fn what_the_tour_says_about_the_gap_is_true() {
    let mut harness = sized(DESKTOP);
    let mut at = |density: f64| {
        order(&mut harness, json!({ "settings": { "density": density } }));
        until(&mut harness, "its run", |harness| harness.state().settings().density == density && finished(harness));
        settled(&mut harness);
        let baselines = |harness: &Harness<'_, Explorer>| {
            let state = harness.state().state();
            let run = state["runs"].as_array().unwrap().last().unwrap()["error"].as_f64();
            let of = |name: &str| state["baselines"][name].as_f64();
            Some((run?, of("magnitude")?, of("svd")?))
        };
        until(&mut harness, "the baselines", |harness| baselines(harness).is_some());
        harness.run_steps(20);
        baselines(&harness).unwrap()
    };
    let [half, third, quarter, least] = [0.5, 0.35, 0.25, 0.05].map(&mut at);
    println!("{half:?} {third:?} {quarter:?} {least:?}");
    assert!(half.0 / half.1 < 1.0 / 3.0);
    assert!((0.5..0.6).contains(&(quarter.0 / quarter.1)), "a little more than half");
    assert!((least.0 / least.1 - 5.0 / 6.0).abs() < 0.04, "five sixths");
    assert!(half.0 / half.1 < third.0 / third.1 && third.0 / third.1 < quarter.0 / quarter.1);
    // Where the tour shows them, they are well apart.
    assert!(half.2 / half.1 > 1.15);
}
