//! Every control has a role and a name, on every screen that a user can bring up, and the keyboard comes to all of them.

use std::collections::BTreeSet;

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_tests::desk::SampleDesk;
use qd_types::Role;
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
