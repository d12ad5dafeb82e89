//! The data table from the keyboard: walking, marking, opening, copying, sorting.

use egui::accesskit::Role;
use egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;
use qd_ui::table::{SortDir, SortState};

use super::table_harness;

#[test]
fn a_header_is_sorted_from_the_keyboard_too() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness
        .get_by_role_and_label(Role::Button, "Symbol")
        .focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(
        harness.state().requested,
        [SortState::by("symbol", SortDir::Ascending)]
    );
}

#[test]
fn the_keyboard_walks_through_a_table_that_has_the_focus() {
    let mut harness = table_harness(vec2(500.0, 300.0), 100);
    harness.run();
    harness.key_press(Key::PageDown);
    harness.run();
    assert_eq!(harness.state().cursor, None, "without focus nothing moves");

    harness
        .get_by_role_and_label(Role::Button, "Symbol")
        .focus();
    harness.run();
    for (key, fits) in [
        (Key::ArrowDown, (|row| row == 0) as fn(usize) -> bool),
        (Key::ArrowDown, |row| row == 1),
        (Key::ArrowUp, |row| row == 0),
        (Key::PageDown, |row| (6..10).contains(&row)),
        (Key::PageDown, |row| (12..20).contains(&row)),
        (Key::PageUp, |row| (6..10).contains(&row)),
        (Key::End, |row| row == 99),
        (Key::Home, |row| row == 0),
    ] {
        harness.key_press(key);
        harness.run();
        let state = harness.state();
        let row = state.cursor.expect("the keyboard is at a row");
        assert!(fits(row), "{key:?} led to row {row}");
        let visible = &state.last.as_ref().expect("shown").visible_rows;
        assert!(
            visible.contains(&row),
            "{key:?}: {row} is not in {visible:?}"
        );
    }

    // From a row's button: it leaves the screen, the keys stay with the table.
    harness.get_by_label("Close SYM1").focus();
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().cursor, Some(2), "from the button's row");
    harness.key_press(Key::End);
    harness.run();
    assert_eq!(harness.state().cursor, Some(99));
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(harness.state().cursor, Some(0));
}

#[test]
fn keys_mark_extend_open_and_copy_while_the_keyboard_is_at_a_row() {
    let mut harness = table_harness(vec2(500.0, 300.0), 10);
    harness.run();
    // A click brings the keyboard to the table.
    harness.get_by_label("SYM2, quantity 20").click();
    harness.run();
    harness.state_mut().cursor = Some(2);
    harness.run();
    harness.key_press(Key::Space);
    harness.run();
    assert_eq!(harness.state().toggled, [2]);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().activated, [2]);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.run();
    assert_eq!(
        harness.state().asked,
        ["extend", "all", "copy"],
        "nothing was selected: Escape left the table"
    );

    harness.get_by_label("SYM2, quantity 20").click();
    harness.state_mut().rows.selected = vec![1];
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.run();
    assert_eq!(
        harness.state().asked[3..],
        ["clear", "copy"],
        "Escape left the selection and not the table"
    );
    // On a button they are the button's.
    harness.get_by_label("Close SYM1").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().rows.closed, Some(1));
    assert_eq!(harness.state().activated, [2]);
}
