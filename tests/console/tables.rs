//! The tables as their users work in them: filters, columns, selection, clipboard, files, and rows that come and go.

use egui::accesskit::Role as NodeRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_tests::desk::{SampleDesk, position_of};
use qd_types::Role;
use qd_ui::testing::PHONE;

use crate::{Console, start};

/// The summaries of the rows of positions on screen, from top to bottom.
fn rows(console: &Console) -> Vec<String> {
    let mut rows: Vec<(f32, String)> = console
        .harness
        .query_all_by_role(NodeRole::Row)
        .filter_map(|node| {
            let label = node.accesskit_node().label()?;
            (label.contains(", quantity ")).then(|| (node.rect().top(), label))
        })
        .collect();
    rows.sort_by(|left, right| left.0.total_cmp(&right.0));
    rows.into_iter().map(|(_, label)| label).collect()
}

fn symbols(console: &Console) -> Vec<String> {
    rows(console)
        .iter()
        .filter_map(|row| row.split(',').next().map(str::to_owned))
        .collect()
}

fn click(console: &mut Console, role: NodeRole, label: &str) {
    console.harness.get_by_role_and_label(role, label).click();
    console.harness.run();
}

fn type_into(console: &mut Console, field: &str, text: &str) {
    console.harness.get_by_label(field).focus();
    console.harness.run();
    console.harness.get_by_label(field).type_text(text);
    console.harness.run();
}

fn open_view(console: &mut Console) {
    click(
        console,
        NodeRole::Button,
        "View of Positions: columns, filters, export",
    );
}

fn copied(console: &Console) -> Option<String> {
    let commands = &console.harness.output().platform_output.commands;
    commands.iter().rev().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

// covers: DB-3
#[test]
fn a_range_of_numbers_filters_a_column_and_the_totals_stay_over_all() {
    let mut console = Console::live(Role::Trader);
    let total = |console: &Console| {
        let total = console.harness.get_by_label_contains("Total of all");
        total.accesskit_node().label().unwrap()
    };
    let before = total(&console);
    let all = symbols(&console).len();
    open_view(&mut console);
    type_into(&mut console, "Filter column P&L ($)", ">0");
    assert!(console.says("hidden by filter"));
    let shown = rows(&console);
    assert!(!shown.is_empty() && shown.len() < all);
    assert!(shown.iter().all(|row| row.contains("P&L +$")), "{shown:?}");
    assert_eq!(total(&console), before);
    // What is no range hides nothing and says so.
    type_into(&mut console, "Filter column P&L ($)", "x");
    assert!(console.says("Not a range of numbers"));
    click(&mut console, NodeRole::Button, "Clear filters");
    assert!(!console.says("hidden by filter"));
    assert_eq!(symbols(&console).len(), all);
}

// covers: DB-5
#[test]
fn orders_are_filtered_by_side_and_status() {
    let mut console = Console::live(Role::Trader);
    click(
        &mut console,
        NodeRole::Button,
        "View of Open orders: columns, filters, export",
    );
    console.harness.get_by_label("Only Side SELL").click();
    console.harness.run();
    let cancels = |console: &Console, side: &str| {
        let name = format!("Cancel {side} ");
        console.harness.query_all_by_label_contains(&name).count()
    };
    assert_eq!(cancels(&console, "BUY"), 0);
    let sells = cancels(&console, "SELL");
    assert!(sells > 1);
    type_into(&mut console, "Filter column Status", "!working");
    assert!(cancels(&console, "SELL") < sells);
}

// covers: DB-3
#[test]
fn columns_are_hidden_moved_and_come_back() {
    let mut console = Console::live(Role::Trader);
    let place = |console: &Console, title: &str| {
        console
            .harness
            .query_by_role_and_label(NodeRole::Button, title)
            .map(|node| node.rect().left())
    };
    assert!(place(&console, "Avg entry") < place(&console, "Current"));
    open_view(&mut console);
    click(&mut console, NodeRole::CheckBox, "Show column Value");
    click(&mut console, NodeRole::Button, "Move column Current up");
    assert_eq!(place(&console, "Value"), None);
    assert!(place(&console, "Current") < place(&console, "Avg entry"));
    // A row without its name is no row.
    let symbol = console
        .harness
        .get_by_role_and_label(NodeRole::CheckBox, "Show column Symbol");
    assert!(symbol.accesskit_node().is_disabled());
    click(&mut console, NodeRole::Button, "Reset columns");
    assert!(place(&console, "Value").is_some());
    assert!(place(&console, "Avg entry") < place(&console, "Current"));
}

// covers: DB-3
#[test]
fn a_header_has_a_menu_for_pointer_and_keyboard() {
    let mut console = Console::live(Role::Trader);
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Qty")
        .click_secondary();
    console.harness.run();
    click(&mut console, NodeRole::Button, "Hide: Qty");
    assert!(
        console
            .harness
            .query_by_role_and_label(NodeRole::Button, "Qty")
            .is_none()
    );

    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Value")
        .focus();
    console.harness.run();
    console
        .harness
        .key_press_modifiers(Modifiers::SHIFT, Key::F10);
    console.harness.run();
    click(&mut console, NodeRole::Button, "Sort descending: Value");
    let values: Vec<f64> = rows(&console)
        .iter()
        .filter_map(|row| row.split("value ").nth(1))
        .map(|value| {
            let plain = value.split([' ']).next().unwrap_or_default();
            let plain = plain.replace(['$', ','], "").replace('\u{2212}', "-");
            plain.trim_end_matches(',').parse().unwrap()
        })
        .collect();
    assert!(
        values.len() > 5 && values.is_sorted_by(|a, b| a >= b),
        "{values:?}"
    );
}

// covers: DB-3
#[test]
fn rows_are_selected_with_click_ctrl_shift_and_arrows() {
    let mut console = Console::live(Role::Trader);
    let names = symbols(&console);
    let row_of = |console: &Console, place: usize| {
        let label = rows(console)[place].clone();
        console.harness.get_by_label(&label).rect().center()
    };
    let press = |console: &mut Console, place: usize, modifiers: Modifiers| {
        let at = row_of(console, place);
        console.harness.hover_at(at);
        for pressed in [true, false] {
            console.harness.event_modifiers(
                egui::Event::PointerButton {
                    pos: at,
                    button: egui::PointerButton::Primary,
                    pressed,
                    modifiers,
                },
                modifiers,
            );
        }
        console.harness.run();
    };
    press(&mut console, 1, Modifiers::NONE);
    assert!(console.says("1 selected"));
    press(&mut console, 4, Modifiers::SHIFT);
    assert!(console.says("4 selected"));
    press(&mut console, 2, Modifiers::COMMAND);
    assert!(console.says("3 selected"));
    press(&mut console, 0, Modifiers::NONE);
    assert!(console.says("1 selected"));
    console
        .harness
        .key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    console.harness.run();
    assert!(console.says("2 selected"));

    // What is copied is what is selected, exact.
    console.harness.event(egui::Event::Copy);
    console.harness.step();
    let text = copied(&console).expect("copied");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("Symbol\tQty\tAvg entry"), "{text}");
    assert!(lines[1].starts_with(&format!("{}\t", names[0])), "{text}");
    assert!(
        !lines[1..].concat().contains(['$', ',', '\u{2212}']),
        "{text}"
    );
    console.harness.run();
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(!console.says("selected"));
}

// covers: DB-3
#[test]
fn a_file_holds_exactly_what_is_on_screen_with_its_seal() {
    let mut console = Console::live(Role::Trader);
    type_into(&mut console, "Filter positions", "a");
    let shown = symbols(&console);
    console.asked();
    open_view(&mut console);
    click(&mut console, NodeRole::Button, "Export CSV");
    let saved = console.asked();
    let [Command::SaveFile { name, contents, .. }] = saved.as_slice() else {
        panic!("{saved:?}");
    };
    assert!(
        name.starts_with("quarterdeck-positions-2026-11-18T"),
        "{name}"
    );
    let text: &str = &contents.0;
    assert!(text.contains("# seal,verified to #18402 of run "), "{text}");
    assert!(text.contains("# time zone,UTC"), "{text}");
    assert!(text.contains("# filter,any column: a"), "{text}");
    let listed: Vec<&str> = text
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(listed, shown);
}

// covers: DB-3
#[test]
fn a_row_that_leaves_takes_its_mark_along_and_the_others_keep_theirs() {
    let mut console = Console::live(Role::Trader);
    for name in ["Select AAPL", "Select MSFT"] {
        click(&mut console, NodeRole::CheckBox, name);
    }
    assert!(console.says("2 selected"));
    console.desk.publish_removed("AAPL");
    console.show();
    assert!(!symbols(&console).contains(&"AAPL".to_owned()));
    assert!(console.says("1 selected"));
    let mark = console.harness.get_by_label("Select MSFT");
    assert_eq!(
        mark.accesskit_node().toggled(),
        Some(egui::accesskit::Toggled::True)
    );
}

// covers: DB-3
#[test]
fn scroll_and_the_keyboards_row_stay_while_values_change() {
    let mut console = Console::new(SampleDesk::large(200, start()));
    let first = rows(&console)[0].clone();
    console.harness.get_by_label(&first).click();
    console.harness.run();
    for _ in 0..3 {
        console.harness.key_press(Key::PageDown);
        console.harness.run();
    }
    let before = symbols(&console);
    assert!(before[0] != symbols_of(&first));
    for step in 1..4 {
        console.desk.publish_moved(step);
        console.show();
    }
    assert_eq!(symbols(&console), before);
}

fn symbols_of(summary: &str) -> String {
    summary.split(',').next().unwrap_or_default().to_owned()
}

// covers: DB-1, DB-3
#[test]
fn on_a_phone_the_menu_is_there_and_fits() {
    let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), PHONE);
    open_view(&mut console);
    for name in ["Export CSV", "Filter column Qty", "Show column Value"] {
        let rect = console.harness.get_by_label(name).rect();
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, PHONE);
        assert!(screen.contains_rect(rect), "{name} at {rect:?}");
    }
}

// covers: DB-3, DB-4
#[test]
fn what_is_folded_unfolds_into_the_stakes_and_one_of_them_is_closed() {
    let held =
        |strategy: &str, qty: i64| position_of(strategy, "AAPL", qty, "229.52", "217.19", start());
    let stakes = vec![held("momentum", 100), held("reversion", -40)];
    let mut console = Console::new(SampleDesk::holding(Role::Trader, start(), stakes));
    assert_eq!(symbols(&console), ["AAPL"]);
    open_view(&mut console);
    click(&mut console, NodeRole::CheckBox, "Fold by symbol");
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(symbols(&console), ["AAPL of momentum", "AAPL of reversion"]);
    assert!(console.says("Total of all 1 positions"));
    type_into(&mut console, "Filter positions", "rever");
    assert_eq!(symbols(&console), ["AAPL of reversion"]);
    console.asked();
    click(&mut console, NodeRole::Button, "Close AAPL of reversion");
    assert!(console.says("Close AAPL of reversion on "));
    assert!(console.says("Buys back 40 AAPL"));
    click(&mut console, NodeRole::Button, "Buy back 40 AAPL");
    let sent = console.asked();
    let [
        Command::ClosePosition {
            part: Some(part), ..
        },
    ] = sent.as_slice()
    else {
        panic!("{sent:?}");
    };
    assert_eq!(part.strategy.as_str(), "reversion");
}

// covers: DB-5
#[test]
fn selected_orders_are_marked_and_escape_leaves_them() {
    let mut console = Console::live(Role::Trader);
    console.harness.get_by_label("Rows of Open orders").focus();
    console.harness.run();
    console
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::A);
    console.harness.run();
    assert!(console.says("6 selected"));
    let row = console.harness.get_by_label_contains("NVDA SELL 106/320");
    assert_eq!(row.accesskit_node().is_selected(), Some(true));
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(!console.says("6 selected"));
}

// covers: DB-3
#[test]
fn a_menu_s_keys_are_the_menu_s_and_the_keyboard_comes_back_from_it() {
    let mut console = Console::live(Role::Trader);
    click(&mut console, NodeRole::CheckBox, "Select AAPL");
    let header = |console: &Console| {
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Value")
            .accesskit_node()
            .is_focused()
    };
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Value")
        .focus();
    console.harness.run();
    console
        .harness
        .key_press_modifiers(Modifiers::SHIFT, Key::F10);
    console.harness.run();
    let field = console.harness.get_by_label("Filter column Value");
    assert!(field.accesskit_node().is_focused(), "into the menu");
    console.harness.key_press(Key::ArrowDown);
    console.harness.run();
    assert!(console.says("1 selected"), "no row was walked to or taken");
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(console.harness.query_by_label("Hide: Value").is_none());
    assert!(header(&console), "back where it came from");
    assert!(console.says("1 selected"));
}
