//! What makes the console somebody's own: settings that take effect at once, at every width and by the keyboard.

use std::sync::Arc;

use egui::Key;
use egui::accesskit::{Role as NodeRole, Toggled};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::{Chime, Preferences, ZonePreference};
use qd_state::{ActivityRow, CommandRequested, Event, RowKey};
use qd_tests::desk::{SampleDesk, alert};
use qd_types::{AlertSeverity, AlertState, HaltState, LocalZone, Role, Symbol};
use qd_ui::DesignTokens;
use qd_ui::testing::{DESK, LAPTOP, PHONE};
use qd_ui::tokens::{MoneyPalette, Theme};

use crate::{Console, start};

fn preferences(console: &Console) -> Preferences {
    console.harness.state().state.preferences
}

fn press(console: &mut Console, name: &str) {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, name)
        .click();
    console.harness.run();
}

fn open_settings(console: &mut Console) {
    // On a phone the sign has no room: the user's menu has it.
    if console.harness.query_by_label("Settings").is_none() {
        press(console, "User: alice · trader");
    }
    press(console, "Settings");
}

fn choose(console: &mut Console, option: &str) {
    console
        .harness
        .get_by_role_and_label(NodeRole::RadioButton, option)
        .click();
    console.harness.run();
}

fn is_chosen(console: &Console, option: &str) -> bool {
    let node = console
        .harness
        .get_by_role_and_label(NodeRole::RadioButton, option);
    node.accesskit_node().toggled() == Some(Toggled::True)
}

fn color_of(console: &Console, text: &str) -> egui::Color32 {
    console
        .painted(text)
        .unwrap_or_else(|| panic!("{text} is painted"))
        .color
}

/// The ground that the window is cleared with and the largest rectangle of the page: both must follow the theme.
fn fills(console: &Console) -> Vec<egui::Color32> {
    let rects = console.harness.output().shapes.iter();
    rects
        .filter_map(|clipped| match &clipped.shape {
            egui::Shape::Rect(rect) if rect.rect.area() > 20_000.0 => Some(rect.fill),
            _ => None,
        })
        .filter(|fill| fill.a() == 255)
        .collect()
}

#[test]
fn a_theme_and_a_palette_take_effect_in_the_next_frame_everywhere() {
    let mut console = Console::live(Role::Trader);
    let dark = DesignTokens::dark();
    assert_eq!(color_of(&console, "Open orders"), dark.text_strong);
    open_settings(&mut console);
    assert!(is_chosen(&console, "Theme: Dark"));
    choose(&mut console, "Theme: Light");
    choose(&mut console, "Gain and loss: Mint and violet");
    assert!(is_chosen(&console, "Theme: Light"));
    assert!(!is_chosen(&console, "Theme: Dark"));

    let tokens = DesignTokens::new(Theme::Light, MoneyPalette::MintViolet);
    assert_eq!(color_of(&console, "Open orders"), tokens.text_strong);
    // AAPL has lost, AMZN has won: see the desk's figures.
    assert_eq!(color_of(&console, "\u{2212}$1,011.06"), tokens.loss);
    assert_eq!(color_of(&console, "+$1,113.60"), tokens.gain);
    let known = [
        tokens.surface_base,
        tokens.surface_raised,
        tokens.surface_overlay,
        tokens.surface_bar,
    ];
    let fills = fills(&console);
    assert!(fills.len() > 4, "{fills:?}");
    for fill in fills {
        assert!(
            known.contains(&fill),
            "{fill:?} is no surface of the light theme"
        );
    }
    let visuals = console.harness.ctx.global_style().visuals.clone();
    assert!(!visuals.dark_mode);
    assert_eq!(
        visuals.panel_fill, tokens.surface_base,
        "the window is cleared with it"
    );
    // No dark leftover: every word on screen is dark enough for a light ground, or stands on a fill of its own.
    assert!(
        !console
            .all_painted()
            .iter()
            .any(|text| text.color == dark.text_primary)
    );
}

#[test]
fn settings_are_reached_by_keys_and_give_the_keyboard_back() {
    let mut console = Console::live(Role::Trader);
    let gear = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Settings");
    gear.focus();
    console.harness.run();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    assert!(console.says("Theme: Dark"));
    for _ in 0..2 {
        console.harness.key_press(Key::Tab);
        console.harness.run();
    }
    console.harness.key_press(Key::Space);
    console.harness.run();
    assert_eq!(preferences(&console).theme, Theme::Light);
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(!console.says("Theme: Dark"), "Escape closes");
    let gear = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Settings");
    assert!(
        gear.accesskit_node().is_focused(),
        "the sign has the keyboard again"
    );
}

#[test]
fn settings_are_on_screen_at_every_width() {
    for size in [DESK, LAPTOP, PHONE] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        // The longest words that a zone has.
        console.harness.state_mut().state.machine.local_zone = Some(LocalZone::fixed(3_600));
        open_settings(&mut console);
        for option in [
            "Theme: Light",
            "Gain and loss: Green and red",
            "Gain and loss: Blue and orange",
            "Gain and loss: Mint and violet",
            "Times: New York",
            "Times: UTC",
        ] {
            let node = console
                .harness
                .get_by_role_and_label(NodeRole::RadioButton, option);
            assert!(
                screen.contains_rect(node.rect()),
                "{option} at {size}: {:?}",
                node.rect()
            );
        }
        choose(&mut console, "Theme: Light");
        assert_eq!(preferences(&console).theme, Theme::Light, "at {size}");
    }
}

/// What stands in the header, from left to right.
fn header(console: &Console, width: f32) -> Vec<(String, egui::Rect)> {
    let header = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(width, 48.0));
    let nodes = console.harness.root().children_recursive();
    let mut rects: Vec<(String, egui::Rect)> = nodes
        .filter_map(|node| {
            let access = node.accesskit_node();
            let name = access.label().or_else(|| access.value());
            matches!(access.role(), NodeRole::Button | NodeRole::Label)
                .then(|| (name.unwrap_or_default(), node.rect()))
        })
        .filter(|(_, rect)| header.contains(rect.center()))
        .collect();
    rects.sort_by(|(_, a), (_, b)| a.left().total_cmp(&b.left()));
    rects
}

#[test]
fn nothing_in_the_header_overlaps_at_any_width_in_any_state() {
    let mut widths: Vec<f32> = (14_u16..=50).map(|part| f32::from(part) * 30.0).collect();
    widths.extend([507.0, 508.0, 931.0, 932.0, 1231.0, 1232.0]);
    widths.extend([1427.0, 1428.0, 1435.0, 1436.0]);
    for width in widths {
        for (num_alerts, is_bad) in [(0, false), (12, false), (12, true)] {
            let mut desk = SampleDesk::live(Role::Trader, start());
            for number in 0..num_alerts {
                let id = format!("al-{number}");
                desk.publish_alert(alert(
                    &id,
                    AlertSeverity::Warning,
                    AlertState::Firing,
                    start(),
                ));
            }
            if is_bad {
                desk.publish_halt(HaltState::Halted, Some("drill"));
                desk.lose_connection(12_000);
                desk.advance_millis(1_000);
            }
            let console = Console::sized(desk, egui::vec2(width, 900.0));
            let parts = header(&console, width);
            assert!(parts.len() >= 6, "{parts:?}");
            for pair in parts.windows(2) {
                let [(left, a), (right, b)] = pair else {
                    continue;
                };
                assert!(
                    a.right() <= b.left() + 0.5,
                    "at {width}: {left:?} {a:?} over {right:?} {b:?}"
                );
            }
            for (name, rect) in &parts {
                assert!(
                    rect.left() >= 0.0 && rect.right() <= width,
                    "at {width}: {name} at {rect:?}"
                );
            }
        }
    }
}

#[test]
fn the_scale_goes_in_steps_and_says_its_end() {
    let mut console = Console::live(Role::Trader);
    open_settings(&mut console);
    press(&mut console, "Larger");
    assert_eq!(preferences(&console).scale.percent(), 110);
    assert!((console.harness.ctx.zoom_factor() - 1.1).abs() < 1e-4);
    press(&mut console, "Size 100 %");
    assert_eq!(preferences(&console).scale.percent(), 100);
    for _ in 0..5 {
        if preferences(&console).scale.smaller().is_some() {
            press(&mut console, "Smaller");
        }
    }
    assert_eq!(preferences(&console).scale.percent(), 75);
    let smaller = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Smaller");
    assert!(smaller.accesskit_node().is_disabled());
    press(&mut console, "All settings as delivered");
    assert_eq!(preferences(&console), Preferences::default());
}

#[test]
fn every_time_on_the_page_follows_the_zone() {
    let mut console = Console::live(Role::Trader);
    // 14:38:16 UTC is 09:38:16 in New York; an order of a minute before it is in the table.
    assert!(console.says("09:38:16 New York · 14:38:16 UTC"));
    let times = |console: &Console| -> Vec<String> {
        let painted = console.all_painted().into_iter();
        let is_time = |text: &str| text.len() == 12 && text.matches(':').count() == 2;
        painted
            .map(|painted| painted.text)
            .filter(|text| is_time(text))
            .collect()
    };
    let before = times(&console);
    assert!(
        before.len() > 5,
        "orders and activity have times: {before:?}"
    );
    assert!(
        before.iter().all(|time| time.starts_with("09:")),
        "{before:?}"
    );
    assert!(console.says("· 09:38:16.204"), "the seals");

    open_settings(&mut console);
    choose(&mut console, "Times: UTC");
    console.show();
    let after = times(&console);
    assert_eq!(after.len(), before.len());
    assert!(
        after.iter().all(|time| time.starts_with("14:")),
        "{after:?}"
    );
    assert!(console.says("14:38:16 UTC · 09:38:16 New York"));
    assert!(console.says("· 14:38:16.204"), "the seals");
}

#[test]
fn the_local_zone_is_offered_where_the_machine_says_it() {
    let mut console = Console::live(Role::Trader);
    open_settings(&mut console);
    let local = console
        .harness
        .get_by_role_and_label(NodeRole::RadioButton, "Times: Local");
    assert!(
        local.accesskit_node().is_disabled(),
        "not known: not offered"
    );
    // As restored on a machine that does not say.
    console.harness.state_mut().state.preferences.zone = ZonePreference::Local;
    console.show();
    assert!(console.says("does not say in which time zone it stands. Times are New York's."));
    assert!(console.says("09:38:16 New York"));

    console.harness.state_mut().state.machine.local_zone = Some(LocalZone::fixed(3_600));
    console.show();
    assert!(console.says("15:38:16 local · 09:38:16 New York"));
    assert!(is_chosen(&console, "Times: Local (UTC+01:00)"));
    assert!(console.says("· 15:38:16.204"), "the seals");
}

#[test]
fn sound_is_offered_where_it_can_be_made_and_tells_fills_from_trouble() {
    let mut console = Console::live(Role::Trader);
    open_settings(&mut console);
    let on = console
        .harness
        .get_by_role_and_label(NodeRole::RadioButton, "Sound: On");
    assert!(on.accesskit_node().is_disabled(), "this build has none");
    console.harness.state_mut().state.machine.has_sound = true;
    console.show();
    assert!(is_chosen(&console, "Sound: Off"), "off as delivered");

    let first = console.desk.snapshot();
    let mut rows = first.activity.rows.iter();
    let fill = rows.find(|row| row.fill.is_some()).unwrap();
    let mut cancelled = (**fill).clone();
    cancelled.fill = None;
    // The same list with one more row on top, of later.
    let with = |row: &ActivityRow, millis: i64| {
        let mut row = row.clone();
        row.appeared_at = row.appeared_at.plus_millis(millis);
        let mut view = (*first.activity).clone();
        view.rows = std::iter::once(Arc::new(row))
            .chain(view.rows.iter().map(Arc::clone))
            .collect();
        let mut snapshot = (*first).clone();
        snapshot.activity = Arc::new(view);
        snapshot
    };
    let state = &mut console.harness.state_mut().state;
    assert_eq!(state.take_chime(&first), None, "what was there is silent");
    assert_eq!(state.take_chime(&with(fill, 1_000)), None, "sound is off");
    choose(&mut console, "Sound: On");
    let state = &mut console.harness.state_mut().state;
    assert_eq!(
        state.take_chime(&with(fill, 1_000)),
        None,
        "what came while it was off too"
    );
    assert_eq!(state.take_chime(&with(fill, 2_000)), Some(Chime::Fill));
    assert_eq!(state.take_chime(&with(fill, 2_000)), None, "once");
    assert_eq!(
        state.take_chime(&with(&cancelled, 3_000)),
        None,
        "a cancel is no fill"
    );

    let command_id = console.harness.state().commands.new_command_id();
    console
        .desk
        .apply(Event::CommandRequested(CommandRequested {
            command_id,
            row: RowKey::Position(Symbol::new("AAPL").unwrap()),
            label: "close AAPL".to_owned(),
            client_order_id: None,
        }));
    console
        .desk
        .refuse(command_id, "no_position", "Nothing is held.");
    let mut refused = (*console.desk.snapshot()).clone();
    refused.activity = Arc::clone(&with(fill, 4_000).activity);
    let state = &mut console.harness.state_mut().state;
    assert_eq!(
        state.take_chime(&refused),
        Some(Chime::Alert),
        "trouble is louder"
    );
    assert_eq!(state.take_chime(&refused), None);
}
