//! Every control has a role and a name, on every screen that a user can bring up, and the keyboard comes to all of them.

use std::collections::{BTreeMap, BTreeSet};

use egui::accesskit::Role as NodeRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_tests::desk::{SampleDesk, alert};
use qd_types::{AlertSeverity, AlertState, Role};
use qd_ui::testing::{DESK, PHONE};

use crate::{Console, start};

/// What stands lower is under the footer, or below the fold.
const FOOTER: f32 = 60.0;

/// What can be pressed, typed into or listed.
const CONTROLS: [NodeRole; 7] = [
    NodeRole::Button,
    NodeRole::CheckBox,
    NodeRole::RadioButton,
    NodeRole::TextInput,
    NodeRole::Link,
    NodeRole::Row,
    NodeRole::Table,
];

/// What can be used: pressed, typed into, moved, chosen.
const USABLE: [NodeRole; 11] = [
    NodeRole::Button,
    NodeRole::CheckBox,
    NodeRole::ComboBox,
    NodeRole::Link,
    NodeRole::MenuItem,
    NodeRole::RadioButton,
    NodeRole::Slider,
    NodeRole::SpinButton,
    NodeRole::Switch,
    NodeRole::Tab,
    NodeRole::TextInput,
];

/// What needs no name: it only holds what has one, or is a part of it. A field may be empty, and a scroll bar is its list's.
const HOLDERS: [NodeRole; 5] = [
    NodeRole::Unknown,
    NodeRole::GenericContainer,
    NodeRole::Pane,
    NodeRole::TextRun,
    NodeRole::ScrollBar,
];

/// The names of all controls on screen; fails on one without.
#[track_caller]
fn controls(console: &Console, screen: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for role in CONTROLS {
        for node in console.harness.query_all_by_role(role) {
            let node = node.accesskit_node();
            let name = node.label().unwrap_or_default();
            assert!(
                !name.trim().is_empty(),
                "{screen}: a {role:?} at {:?} has no name",
                node.raw_bounds()
            );
            names.insert(format!("{role:?} {name}"));
        }
    }
    names
}

fn press(console: &mut Console, label: &str) {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, label)
        .click();
    console.harness.run();
}

// covers: DB-1, DB-3, DB-5, DB-7
#[test]
fn every_control_of_every_screen_has_a_name() {
    for size in [DESK, PHONE] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        let desk = controls(&console, "the desk");
        assert!(desk.len() > 30, "{desk:?}");
        for opener in [
            "View of Positions: columns, filters, export",
            "View of Open orders: columns, filters, export",
            "Close AAPL",
            "Cancel BUY AAPL",
            "Cancel all…",
        ] {
            let is_there = console
                .harness
                .query_by_role_and_label(NodeRole::Button, opener)
                .is_some_and(|node| node.rect().max.y < size.y - FOOTER);
            if !is_there {
                continue;
            }
            press(&mut console, opener);
            let open = controls(&console, opener);
            assert!(
                open.len() != desk.len(),
                "{opener} opened nothing at {size}"
            );
            console.harness.key_press(Key::Escape);
            console.harness.run();
            assert_eq!(
                controls(&console, "after it").len(),
                desk.len(),
                "{opener} was left at {size}"
            );
        }
    }
}

// covers: BX-6
#[test]
fn the_tab_key_comes_to_every_control_that_is_on() {
    let mut console = Console::live(Role::Trader);
    let wanted: BTreeSet<String> = [NodeRole::Button, NodeRole::CheckBox, NodeRole::TextInput]
        .into_iter()
        .flat_map(|role| console.harness.query_all_by_role(role))
        .filter(|node| !node.accesskit_node().is_disabled())
        .filter_map(|node| node.accesskit_node().label())
        .collect();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        console.harness.key_press(Key::Tab);
        console.harness.run();
        let focused = console
            .harness
            .root()
            .children_recursive()
            .find(|node| node.accesskit_node().is_focused())
            .and_then(|node| node.accesskit_node().label());
        reached.extend(focused);
        if wanted.is_subset(&reached) {
            return;
        }
    }
    let missing: Vec<&String> = wanted.difference(&reached).collect();
    panic!("the keyboard never comes to {missing:?}");
}

/// What can be used, by its own number in the tree: a name may stand on screen twice.
fn usable(console: &Console) -> BTreeMap<String, String> {
    let nodes = console.harness.root().children_recursive();
    nodes
        .map(|node| node.accesskit_node())
        .filter(|node| USABLE.contains(&node.role()) && !node.is_disabled())
        .map(|node| {
            let name = node.label().unwrap_or_default();
            (
                format!("{:?}", node.id()),
                format!("{:?} {name}", node.role()),
            )
        })
        .collect()
}

/// Fails on a node that says neither what it is nor what it holds, unless it only holds others.
#[track_caller]
fn assert_no_nameless(console: &Console, screen: &str) {
    for node in console.harness.root().children_recursive() {
        let node = node.accesskit_node();
        let is_silent = |text: Option<String>| text.is_none_or(|text| text.trim().is_empty());
        let is_nameless = is_silent(node.label()) && is_silent(node.value());
        assert!(
            !is_nameless || HOLDERS.contains(&node.role()),
            "{screen}: a {:?} at {:?} has no name",
            node.role(),
            node.raw_bounds()
        );
    }
}

/// Goes on with `key` until everything of `wanted` has had the focus.
#[track_caller]
fn walk(console: &mut Console, screen: &str, key: Key, mut wanted: BTreeMap<String, String>) {
    for _ in 0..=4 * wanted.len() + 20 {
        let nodes = console.harness.root().children_recursive();
        let focused = nodes
            .map(|node| node.accesskit_node())
            .find(|node| node.is_focused())
            .map(|node| format!("{:?}", node.id()));
        if let Some(focused) = focused {
            wanted.remove(&focused);
        }
        if wanted.is_empty() {
            return;
        }
        console.harness.key_press(key);
        console.harness.run();
    }
    let missing: Vec<&String> = wanted.values().collect();
    panic!("{screen}: {key:?} never comes to {missing:?}");
}

/// A desk on which something can be opened everywhere.
fn busy(size: egui::Vec2) -> Console {
    let mut desk = SampleDesk::live(Role::Trader, start());
    for (id, severity) in [
        ("al-1", AlertSeverity::Warning),
        ("al-2", AlertSeverity::Critical),
    ] {
        desk.publish_alert(alert(id, severity, AlertState::Firing, start()));
    }
    desk.beat();
    Console::sized(desk, size)
}

// covers: BX-6, DB-4, DB-6
#[test]
fn whatever_is_opened_by_a_key_is_walked_by_keys_and_left_by_one() {
    let openers = [
        "Close AAPL",
        "Cancel BUY AAPL",
        "Cancel all\u{2026}",
        "Change SELL NVDA",
        "View of Positions: columns, filters, export",
        "View of Open orders: columns, filters, export",
        "Workspace: Desk",
        "Settings",
        "Notes: 2 new",
        "User: alice \u{b7} trader",
        "Alerts: 2 firing, the worst critical",
    ];
    let mut console = busy(DESK);
    assert_no_nameless(&console, "the desk");
    for opener in openers {
        let before = usable(&console);
        let button = console
            .harness
            .get_by_role_and_label(NodeRole::Button, opener);
        button.focus();
        console.harness.run();
        console.harness.key_press(Key::Enter);
        console.harness.run();
        let mut opened = usable(&console);
        opened.retain(|id, _| !before.contains_key(id));
        assert!(!opened.is_empty(), "{opener} opened nothing");
        assert_no_nameless(&console, opener);
        walk(&mut console, opener, Key::Tab, opened);
        console.harness.key_press(Key::Escape);
        console.harness.run();
        // A list that was open in it closes first.
        console.harness.key_press(Key::Escape);
        console.harness.run();
        // By number: what was read is not called new any more.
        assert!(
            usable(&console).keys().eq(before.keys()),
            "{opener} was left"
        );
    }
    assert_eq!(console.asked(), [], "and nothing was done on the way");
}

// covers: BX-6
#[test]
fn the_palette_and_the_list_of_keys_are_opened_walked_and_left_by_keys() {
    let mut console = busy(DESK);
    let before = usable(&console);
    console
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::K);
    console.harness.run();
    assert_no_nameless(&console, "the palette");
    let options = console.harness.query_all_by_role(NodeRole::ListBoxOption);
    let options: BTreeMap<String, String> = options
        .map(|node| node.accesskit_node())
        .map(|node| (format!("{:?}", node.id()), node.label().unwrap_or_default()))
        .collect();
    assert!(options.len() >= 8, "{options:?}");
    walk(&mut console, "the palette", Key::ArrowDown, options);
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(usable(&console), before, "the palette was left");

    console.harness.event(egui::Event::Text("?".to_owned()));
    console.harness.key_press(Key::Questionmark);
    console.harness.run();
    let mut opened = usable(&console);
    opened.retain(|id, _| !before.contains_key(id));
    assert!(!opened.is_empty(), "the list of keys");
    assert_no_nameless(&console, "the list of keys");
    walk(&mut console, "the list of keys", Key::Tab, opened);
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(usable(&console), before, "the list of keys was left");
}
