//! For everybody: by keys alone, on small screens, readable.

use super::driver::{finished, press, ready, scratch, until};
use dsf_explorer::app::Explorer;
use egui::accesskit::Role;
use egui::{Key, Modifiers, Rect};
use egui_kittest::{Harness, kittest::Queryable};

fn tab(harness: &mut Harness<'_, Explorer>) {
    harness.key_press(Key::Tab);
    // Scrolling takes some frames.
    harness.run_steps(12);
}

/// The control with the keyboard: all of it, and what is seen.
fn focused(harness: &Harness<'_, Explorer>) -> Option<(Rect, Rect)> {
    let id = harness.ctx.memory(|memory| memory.focused())?;
    harness.ctx.read_response(id).map(|control| (control.rect, control.interact_rect))
}

fn has_keyboard(harness: &Harness<'_, Explorer>, role: Role, label: &str) -> bool {
    harness.query_all_by_role(role).any(|node| {
        use egui_kittest::kittest::NodeT;
        node.is_focused() && node.accesskit_node().label().is_some_and(|text| text == label)
    })
}

/// The row with the cursor has the keyboard for screen readers, the tree for egui.
fn in_tree_of_layers(harness: &Harness<'_, Explorer>) -> bool {
    has_keyboard(harness, Role::TreeItem, "q_proj")
}

fn type_text(harness: &mut Harness<'_, Explorer>, text: &str) {
    harness.input_mut().events.push(egui::Event::Text(text.to_owned()));
    harness.run_steps(3);
}

/// Asks the palette, as one does by keys.
fn ask(harness: &mut Harness<'_, Explorer>, text: &str) {
    press(harness, Modifiers::COMMAND, Key::K);
    harness.run_steps(2);
    type_text(harness, text);
    harness.key_press(Key::Enter);
    harness.run_steps(12);
}

#[test]
fn tab_comes_round_and_never_out_of_sight() {
    let mut harness = ready();
    let (mut in_tree, mut in_settings, mut stops) = (0, false, Vec::new());
    for at in 0..160 {
        tab(&mut harness);
        in_tree += usize::from(in_tree_of_layers(&harness));
        in_settings |= has_keyboard(&harness, Role::Slider, "Density");
        let Some((whole, seen)) = focused(&harness) else { continue };
        // The list of runs scrolls by itself only.
        let runs = harness.get_by_role_and_label(Role::Region, "Runs panel").rect();
        if runs.y_range().contains(whole.center().y) && runs.expand(1.0).x_range().contains(seen.right()) {
            continue;
        }
        let high = whole.height().min(40.0);
        assert!(seen.height() >= high - 1.0 && seen.width() > 4.0, "stop {at}: {seen:?} is seen of {whole:?}");
        stops.push(whole);
    }
    assert_eq!(in_tree, 1, "the tree of layers is one stop in {}", stops.len());
    assert!(in_settings, "the settings are reached");
}

#[test]
fn a_key_goes_from_panel_to_panel_and_back() {
    let mut harness = ready();
    let regions = ["Toolbar", "Display options", "Layers panel", "W panel", "A·B panel", "W − A·B panel"];
    for region in regions {
        press(&mut harness, Modifiers::NONE, Key::F6);
        assert!(has_keyboard(&harness, Role::Region, region), "{region}");
    }
    press(&mut harness, Modifiers::SHIFT, Key::F6);
    press(&mut harness, Modifiers::SHIFT, Key::F6);
    assert!(has_keyboard(&harness, Role::Region, "W panel"));
    // The panel as a whole has no keys of its own: those of the window go on.
    let step = harness.state().state()["step"].clone();
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_ne!(harness.state().state()["step"], step);
    ask(&mut harness, "go to panel settings");
    assert!(has_keyboard(&harness, Role::Region, "Settings panel"));
    press(&mut harness, Modifiers::NONE, Key::F6);
    press(&mut harness, Modifiers::NONE, Key::F6);
    assert!(has_keyboard(&harness, Role::Region, "Toolbar"), "after the status bar it begins again");
}

#[test]
fn arrows_go_through_the_tree_of_layers() {
    let mut harness = ready();
    harness.get_by_role_and_label(Role::Tree, "Tree of layers").focus();
    harness.run_steps(3);
    let seen = |harness: &Harness<'_, Explorer>, label: &str| {
        harness.query_all_by_role_and_label(Role::TreeItem, label).count()
    };
    assert_eq!(seen(&harness, "model (29)"), 1);
    press(&mut harness, Modifiers::NONE, Key::Home);
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(seen(&harness, "layers (28)"), 0, "closed");
    press(&mut harness, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(seen(&harness, "layers (28)"), 1, "open again");
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    let name = |harness: &Harness<'_, Explorer>| harness.state().state()["layer"]["name"].clone();
    until(&mut harness, "the first layer", |harness| name(harness) == "model.embed_tokens.weight");
    press(&mut harness, Modifiers::NONE, Key::End);
    harness.run_steps(12);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "the last layer", |harness| name(harness) == "model.layers.3.self_attn.v_proj.weight");
    assert!(seen(&harness, "v_proj") > 0, "scrolled into view");
}

#[test]
fn the_palette_goes_to_a_setting_and_sets_it() {
    let mut harness = ready();
    ask(&mut harness, "density");
    assert!(has_keyboard(&harness, Role::Slider, "Density"));
    ask(&mut harness, "density 0.3");
    assert_eq!(harness.state().settings().density, 0.3);
    until(&mut harness, "its run", |harness| harness.state().runs().len() == 2 && finished(harness));
    // Far down, and out of sight before.
    ask(&mut harness, "exact values");
    let who = harness.ctx.memory(|memory| memory.focused()).and_then(|id| harness.ctx.read_response(id));
    assert!(has_keyboard(&harness, Role::CheckBox, "Exact values"), "{:?}", who.map(|who| who.rect));
    let (whole, seen) = focused(&harness).unwrap();
    assert!(seen.contains_rect(whole.shrink(1.0)), "{seen:?} of {whole:?}");
    press(&mut harness, Modifiers::NONE, Key::Space);
    assert!(harness.state().settings().exact);
}

fn hit(keys: &mut Vec<String>, harness: &mut Harness<'_, Explorer>, modifiers: Modifiers, key: Key) {
    keys.push(format!("{}{key:?}", if modifiers.command { "Ctrl+" } else { "" }));
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(12);
}

/// From the start to a file, without a pointer.
#[test]
fn keys_alone_lead_to_an_exported_file() {
    let path = scratch("by_keys.safetensors");
    let mut harness = ready();
    let mut keys = Vec::new();
    while !has_keyboard(&harness, Role::Region, "Layers panel") && keys.len() < 20 {
        hit(&mut keys, &mut harness, Modifiers::NONE, Key::F6);
    }
    while !in_tree_of_layers(&harness) && keys.len() < 20 {
        hit(&mut keys, &mut harness, Modifiers::NONE, Key::Tab);
    }
    hit(&mut keys, &mut harness, Modifiers::NONE, Key::ArrowDown);
    hit(&mut keys, &mut harness, Modifiers::NONE, Key::Enter);
    println!("{}", keys.join(" "));
    until(&mut harness, "the next layer", |harness| {
        harness.state().state()["layer"]["name"] == "model.layers.0.self_attn.v_proj.weight" && finished(harness)
    });
    hit(&mut keys, &mut harness, Modifiers::COMMAND, Key::K);
    type_text(&mut harness, "density 0.3");
    hit(&mut keys, &mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "its run", |harness| {
        let settings = harness.state().shown().and_then(|run| run.spec.settings.as_ref());
        settings.is_some_and(|settings| settings.density == 0.3) && finished(harness)
    });
    hit(&mut keys, &mut harness, Modifiers::COMMAND, Key::E);
    hit(&mut keys, &mut harness, Modifiers::COMMAND, Key::A);
    type_text(&mut harness, path.to_str().unwrap());
    hit(&mut keys, &mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "the file", |_| path.exists());
    println!("{}", keys.join(" "));
    assert!(keys.len() < 20, "{keys:?}");
}

/// A layer or a path may be named in any script.
#[test]
fn names_in_other_scripts_have_letters() {
    let harness = ready();
    let font = egui::FontId::proportional(14.0);
    let written = |name: &str| harness.ctx.fonts_mut(|fonts| fonts.has_glyphs(&font, name));
    assert!(written("Ελληνικά.βάρος") && written("Кириллица.вес"), "egui's own fonts have these");
    let dejavu = std::path::Path::new("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");
    if dejavu.exists() {
        assert!(written("العربية"), "the system has them");
    } else {
        println!("skipped: no known font of the system");
    }
}
