//! A replay's header: where the tape stands, and what it can be told by keys and pointer.

use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::Queryable as _;
use qd_pages::Command;
use qd_state::{TapeClock, TapeMotion};
use qd_tests::desk::SampleDesk;
use qd_types::{Role, TapeAction, UtcMicros};
use qd_ui::testing::PHONE;

use crate::{Console, is_disabled, start};

fn tape(motion: TapeMotion) -> TapeClock {
    TapeClock {
        at: UtcMicros::parse_rfc3339("2013-10-07T14:30:00Z").unwrap(),
        speed: 60,
        motion,
        day: 2,
        num_days: 5,
        until: UtcMicros::parse_rfc3339("2013-10-07T20:01:00Z").unwrap(),
    }
}

fn console(role: Role, motion: TapeMotion) -> Console {
    Console::new(SampleDesk::replaying(role, start(), tape(motion)))
}

/// Opens the menu of the word REPLAY.
fn open(console: &mut Console) {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "REPLAY: pause, step, speed")
        .click();
    console.harness.run();
}

fn press(console: &mut Console, name: &str) -> Vec<Command> {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, name)
        .click();
    console.harness.run();
    console.asked()
}

#[test]
fn a_playing_tape_is_paused_and_given_another_speed() {
    let mut console = console(Role::Trader, TapeMotion::Plays);
    assert!(console.says("Tape: 2013-10-07 10:30:00 New York · ×60"));
    open(&mut console);
    assert!(console.says("day 2 of 5"));
    assert!(
        is_disabled(&console, "Play the tape's next instant"),
        "a step wants a tape that stands"
    );
    assert!(is_disabled(&console, "Speed ×60"), "it is the present one");
    assert_eq!(
        press(&mut console, "Pause the tape"),
        [Command::ControlTape(TapeAction::Pause)]
    );
    assert_eq!(
        press(&mut console, "Speed ×300"),
        [Command::ControlTape(TapeAction::SetSpeed(300))]
    );
}

#[test]
fn a_paused_tape_says_so_steps_and_goes_on() {
    let mut console = console(Role::Trader, TapeMotion::Paused);
    console.desk.advance_millis(5_000);
    console.desk.beat();
    console.show();
    assert!(
        console.says("Tape: 2013-10-07 10:30:00 New York · PAUSED"),
        "its clock stands"
    );
    open(&mut console);
    assert!(console.says("paused: nothing trades"));
    assert_eq!(
        press(&mut console, "Play the tape's next instant"),
        [Command::ControlTape(TapeAction::Step)]
    );
    assert_eq!(
        press(&mut console, "Play the tape"),
        [Command::ControlTape(TapeAction::Resume)]
    );
    // What the server answered is on screen.
    console.desk.tell_tape(tape(TapeMotion::Plays));
    console.desk.advance_millis(1_000);
    console.show();
    assert!(console.says("Tape: 2013-10-07 10:31:00 New York · ×60"));
}

#[test]
fn who_may_not_trade_may_not_stop_the_tape_and_is_told_why() {
    let mut console = console(Role::Viewer, TapeMotion::Plays);
    open(&mut console);
    for name in ["Pause the tape", "Speed ×10"] {
        assert!(is_disabled(&console, name), "{name}");
    }
    assert_eq!(press(&mut console, "Pause the tape"), []);
}

#[test]
fn a_tape_that_is_over_offers_nothing() {
    let mut console = console(Role::Trader, TapeMotion::Over);
    assert!(console.says("· over"));
    open(&mut console);
    assert!(console.says("Played to its end."));
    assert!(is_disabled(&console, "Pause the tape"));
}

#[test]
fn the_tape_can_be_stopped_on_a_phone_too() {
    let desk = SampleDesk::replaying(Role::Trader, start(), tape(TapeMotion::Plays));
    let mut console = Console::sized(desk, PHONE);
    open(&mut console);
    assert_eq!(
        press(&mut console, "Pause the tape"),
        [Command::ControlTape(TapeAction::Pause)]
    );
}
