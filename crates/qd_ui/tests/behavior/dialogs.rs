//! The dialog: Escape and Enter, buttons in flight, what comes back.

use std::cell::RefCell;
use std::rc::Rc;

use egui::accesskit::Role;
use egui::{Key, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_types::Tone;
use qd_ui::button::Button;
use qd_ui::dialog::{Dialog, DialogOutcome, DialogStatus, Warning};

use super::harness;

/// A dialog under test: what it was last asked and what came back.
struct DialogCase {
    danger: bool,
    status: DialogStatus<'static>,
    outcomes: Rc<RefCell<Vec<DialogOutcome>>>,
}

fn dialog_harness(case: &DialogCase) -> Harness<'static> {
    let (danger, status, outcomes) = (case.danger, case.status, Rc::clone(&case.outcomes));
    harness(vec2(900.0, 600.0), move |ui, cx| {
        Button::new("Behind").ui(ui, cx);
        let warnings = [Warning {
            tone: Tone::Warn,
            text: "The price is 42 s old.",
        }];
        let mut dialog = Dialog::new("Close 82 AAPL?", &["Sells 82 at market."], "Close AAPL")
            .warnings(&warnings)
            .status(status);
        if danger {
            dialog = dialog.danger();
        }
        let outcome = dialog.show(ui.ctx(), cx, "close");
        if outcome != DialogOutcome::Open {
            outcomes.borrow_mut().push(outcome);
        }
    })
}

fn dialog_case(danger: bool, status: DialogStatus<'static>) -> DialogCase {
    DialogCase {
        danger,
        status,
        outcomes: Rc::default(),
    }
}

#[test]
fn escape_cancels_a_dialog() {
    let case = dialog_case(true, DialogStatus::Ready);
    let mut harness = dialog_harness(&case);
    harness.run();
    harness.get_by_role_and_label(Role::AlertDialog, "Close 82 AAPL?");
    harness.key_press(Key::Escape);
    harness.run();
    assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Cancelled]);
}

#[test]
fn enter_never_confirms_by_habit() {
    for danger in [true, false] {
        let case = dialog_case(danger, DialogStatus::Ready);
        let mut harness = dialog_harness(&case);
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        assert!(
            !case.outcomes.borrow().contains(&DialogOutcome::Confirmed),
            "danger: {danger}"
        );
        assert_eq!(
            *case.outcomes.borrow(),
            [DialogOutcome::Cancelled],
            "the keyboard starts on Cancel"
        );
    }
}

#[test]
fn a_dialog_is_confirmed_by_its_button() {
    let case = dialog_case(true, DialogStatus::Ready);
    let mut harness = dialog_harness(&case);
    harness.run();
    harness.get_by_label("The price is 42 s old.");
    harness
        .get_by_role_and_label(Role::Button, "Close AAPL")
        .click();
    harness.run();
    assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Confirmed]);
}

#[test]
fn a_dialog_in_flight_takes_nothing_and_a_refused_one_comes_back() {
    let case = dialog_case(true, DialogStatus::InFlight);
    let mut harness = dialog_harness(&case);
    harness.run();
    assert!(
        harness
            .get_by_role_and_label(Role::Button, "Sending…")
            .accesskit_node()
            .is_disabled()
    );
    assert!(
        harness
            .get_by_role_and_label(Role::Button, "Cancel")
            .accesskit_node()
            .is_disabled()
    );
    harness.key_press(Key::Escape);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(*case.outcomes.borrow(), []);

    let case = dialog_case(
        true,
        DialogStatus::Failed("The breaker “daily loss” is tripped."),
    );
    let mut harness = dialog_harness(&case);
    harness.run();
    harness.get_by_label("The breaker “daily loss” is tripped.");
    harness
        .get_by_role_and_label(Role::Button, "Close AAPL")
        .click();
    harness.run();
    assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Confirmed]);
}
