//! The keyboard alone: where the focus goes, and that it can be seen there. And the way out.

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::Queryable as _;
use qd_pages::Command;
use qd_state::{CommandRequested, Event, RowKey};
use qd_tests::desk::SampleDesk;
use qd_types::{Role, Symbol};
use qd_ui::testing::{DESK, PHONE};

use crate::{Console, start};

fn focused_rect(console: &Console) -> Option<egui::Rect> {
    let ctx = &console.harness.ctx;
    let focused = ctx.memory(|memory| memory.focused())?;
    ctx.read_response(focused).map(|response| response.rect)
}

#[test]
fn what_the_tab_key_comes_to_is_on_screen() {
    let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), PHONE);
    let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, PHONE);
    let mut lowest = 0.0_f32;
    let mut filters = 0;
    for step in 0..120 {
        console.harness.key_press(Key::Tab);
        console.harness.run();
        // Between frames a widget's place is that of the frame before the last.
        console.harness.run_steps(2);
        let Some(rect) = focused_rect(&console) else {
            continue;
        };
        assert!(
            screen.contains(rect.center()) || rect.height() > 200.0,
            "after {step} steps the focus is at {rect:?}"
        );
        lowest = lowest.max(rect.bottom());
        let filter = console.harness.query_by_label("Filter orders");
        filters += u32::from(
            filter.is_some_and(|filter| filter.rect().center().distance(rect.center()) < 8.0),
        );
    }
    assert!(
        filters > 0,
        "the orders' filter, below the fold, was reached"
    );
    assert!(lowest > 300.0);
}

#[test]
fn the_focus_returns_to_the_button_that_asked() {
    for by_key in [true, false] {
        let mut console = Console::live(Role::Trader);
        let button = console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Close MSFT");
        let place = button.rect();
        if by_key {
            button.focus();
            console.harness.run();
            console.harness.key_press(Key::Enter);
        } else {
            button.click();
        }
        console.harness.run();
        assert!(console.says("Close MSFT?"), "asked, by key: {by_key}");
        assert_ne!(
            focused_rect(&console),
            Some(place),
            "the keyboard is the question's"
        );
        console.harness.key_press(Key::Escape);
        console.harness.run();
        assert!(!console.says("Close MSFT?"));
        let now = focused_rect(&console).expect("something has the focus");
        assert!(
            place.contains(now.center()),
            "by key: {by_key}: {now:?} instead of {place:?}"
        );
    }
}

#[test]
fn what_was_said_in_passing_is_kept_and_the_user_s_menu_signs_out() {
    for size in [DESK, PHONE] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
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
        console.show();
        for _ in 0..30 {
            console.desk.advance_millis(3_000);
            console.desk.beat();
        }
        console.show();
        let state = &console.harness.state().state;
        assert_eq!(state.toasts.live().count(), 0, "it has left the screen");
        let text = state.toasts.history().next().unwrap().text.clone();
        assert!(!console.says(&text));

        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Notes: 1 new")
            .click();
        console.harness.run();
        assert!(console.says(&text), "{text}");
        console.harness.key_press(Key::Escape);
        console.harness.run();
        assert!(!console.says(&text));

        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "User: alice · trader")
            .click();
        console.harness.run();
        assert!(console.says("Alice Archer (alice)"));
        assert!(console.says("Roles: trader"));
        let out = console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Sign out");
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        assert!(screen.contains_rect(out.rect()), "{:?}", out.rect());
        out.click();
        console.harness.run();
        assert_eq!(console.asked(), [Command::SignOut]);
        assert!(!console.says("Roles: trader"), "the menu is closed");
    }
}
