//! Alerts on screen: the badge in the header, the list that it opens, and what is said in passing.

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_tests::desk::{SampleDesk, alert};
use qd_types::{Alert, AlertSeverity, AlertState, Role, UserId};
use qd_ui::testing::{DESK, LAPTOP, PHONE};

use crate::{Console, start};

fn busy(size: egui::Vec2) -> Console {
    let mut desk = SampleDesk::live(Role::Trader, start());
    let firing = AlertState::Firing;
    desk.publish_alert(alert("al-1", AlertSeverity::Warning, firing, start()));
    desk.publish_alert(Alert {
        rule: "halt_not_active".to_owned(),
        title: "Trading is halted".to_owned(),
        detail: "olivia: a drill".to_owned(),
        ..alert("al-2", AlertSeverity::Critical, firing, start())
    });
    desk.advance_millis(5_000);
    desk.beat();
    Console::sized(desk, size)
}

fn press(console: &mut Console, name: &str) {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, name)
        .click();
    console.harness.run();
}

fn is_open(console: &Console) -> bool {
    let dialog = console
        .harness
        .query_by_role_and_label(NodeRole::Dialog, "Alerts");
    dialog.is_some()
}

fn rows(console: &Console) -> Vec<String> {
    let rows = console.harness.query_all_by_role(NodeRole::ListItem);
    rows.filter_map(|row| row.accesskit_node().label())
        .collect()
}

const TWO: &str = "Alerts: 2 firing, the worst critical";

// covers: RT-1
#[test]
fn the_badge_counts_what_fires_in_the_tone_of_the_worst_at_every_width() {
    for size in [DESK, LAPTOP, PHONE] {
        let console = busy(size);
        let badge = console.harness.get_by_role_and_label(NodeRole::Button, TWO);
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        assert!(screen.contains_rect(badge.rect()), "{:?}", badge.rect());
        // With as much to say beside it as here, a phone has room for the sign and the number.
        let is_phone = size == PHONE;
        if is_phone {
            assert!(console.painted("2 alerts").is_none());
            assert!(badge.rect().width() < 45.0);
            continue;
        }
        let words = console.painted("2 alerts").expect("painted");
        assert!(!words.is_cut);
        let danger = console.harness.state().tokens.badge(qd_types::Tone::Danger);
        assert_eq!(words.color, danger.text);
    }
}

// covers: RT-1
#[test]
fn no_alerts_is_said_only_when_it_is_proven() {
    let console = Console::new(SampleDesk::silent(start()));
    assert!(console.painted("alerts unverified").is_some());
    assert!(
        console
            .harness
            .query_by_label("Alerts: unverified")
            .is_some()
    );
    assert!(!console.says("no alerts"));

    let mut console = Console::live(Role::Viewer);
    assert!(console.painted("no alerts").is_some());
    assert!(
        console
            .harness
            .query_by_label("Alerts: none firing")
            .is_some()
    );
    // A number is missing: what fires now nobody knows.
    let over = alert("al-7", AlertSeverity::Info, AlertState::Resolved, start());
    console.desk.lose_alerts(over.clone());
    console.show();
    assert!(console.painted("alerts ?").is_some());
    assert!(
        console
            .harness
            .query_by_label("Alerts: unverified")
            .is_some()
    );
    let lost = alert("al-6", AlertSeverity::Warning, AlertState::Firing, start());
    console.desk.resend_alerts([lost, over]);
    console.show();
    assert!(console.painted("1 alert").is_some());
}

// covers: RT-1
#[test]
fn the_list_opens_from_the_badge_and_gives_the_keyboard_back_to_it() {
    for size in [DESK, PHONE] {
        let mut console = busy(size);
        let now = console.desk.now();
        let over = Alert {
            title: "Breaker drawdown has tripped".to_owned(),
            detail: String::new(),
            rule: "breaker_not_normal".to_owned(),
            ..alert("al-0", AlertSeverity::Critical, AlertState::Resolved, now)
        };
        console.desk.publish_alert(over);
        let mut taken = alert(
            "al-3",
            AlertSeverity::Info,
            AlertState::Acknowledged,
            start(),
        );
        taken.by = UserId::new("olivia").ok();
        console.desk.publish_alert(taken);
        console.show();
        press(&mut console, TWO);
        assert!(is_open(&console), "at {size}");
        assert_eq!(
            rows(&console),
            [
                "critical, firing 5.0 s ago: Trading is halted: olivia: a drill (halt_not_active)",
                "warning, firing 5.0 s ago: PAPER-1 uses 80 % of its margin or more: 240000 of 298000 usd (limit_margin)",
                "info, acknowledged by olivia 5.0 s ago: PAPER-1 uses 80 % of its margin or more: 240000 of 298000 usd (limit_margin)",
                "critical, resolved 0.0 s ago: Breaker drawdown has tripped (breaker_not_normal)",
            ]
        );
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        for row in console.harness.query_all_by_role(NodeRole::ListItem) {
            assert!(
                screen.contains_rect(row.rect()),
                "{:?} at {size}",
                row.rect()
            );
        }
        // The header and what it says stay in view.
        assert!(console.says(TWO));
        console.harness.key_press(Key::Escape);
        console.harness.run();
        assert!(!is_open(&console), "Escape closes");
        console.harness.run();
        let badge = console.harness.get_by_role_and_label(NodeRole::Button, TWO);
        assert!(badge.accesskit_node().is_focused(), "at {size}");
        // And by the keyboard alone.
        console.harness.key_press(Key::Enter);
        console.harness.run();
        assert!(is_open(&console));
        press(&mut console, "Close alerts");
        assert!(!is_open(&console));
    }
}

#[test]
fn the_list_has_a_key_and_a_command_and_says_when_it_is_empty() {
    let mut console = Console::live(Role::Trader);
    console.harness.key_press(Key::A);
    console.harness.run();
    assert!(is_open(&console));
    assert!(console.says("No alerts: nothing fires"));
    assert_eq!(rows(&console).len(), 0);
    console.harness.key_press(Key::A);
    console.harness.run();
    assert!(!is_open(&console), "the key that opens it closes it");
    console.harness.run();

    console
        .harness
        .key_press_modifiers(egui::Modifiers::COMMAND, Key::K);
    console.harness.run();
    console
        .harness
        .get_by_role_and_label(NodeRole::TextInput, "Find a command")
        .type_text("alerts firing");
    console.harness.run();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    assert!(is_open(&console));

    // What nobody vouches for is no proof of calm.
    console.harness.key_press(Key::Escape);
    console.harness.run();
    console.desk.lose_connection(10_000);
    console.show();
    console.harness.run();
    console.harness.key_press(Key::A);
    console.harness.run();
    assert!(console.says("nobody vouches for that now"));
}

#[test]
fn a_long_list_is_walked_through_by_keys() {
    let mut desk = SampleDesk::live(Role::Trader, start());
    for number in 0..60 {
        let mut one = alert(
            &format!("al-{number}"),
            AlertSeverity::Warning,
            AlertState::Firing,
            start().plus_millis(-1_000 * i64::from(number)),
        );
        one.title = format!("alert {number}");
        desk.publish_alert(one);
    }
    let mut console = Console::new(desk);
    console.harness.key_press(Key::A);
    console.harness.run();
    let first = |console: &Console| rows(console).first().cloned().unwrap();
    assert!(first(&console).contains("alert 0:"), "{}", first(&console));
    for _ in 0..3 {
        console.harness.key_press(Key::PageDown);
        console.harness.run();
    }
    assert!(!console.says("alert 0:"), "{}", first(&console));
    for _ in 0..12 {
        console.harness.key_press(Key::PageDown);
        console.harness.run();
    }
    assert!(console.says("alert 59:"));
    console.harness.key_press(Key::ArrowUp);
    console.harness.run();
    assert!(is_open(&console));
}

// covers: RT-1
#[test]
fn news_is_a_toast_and_what_stood_at_the_start_is_none() {
    let toasts = |console: &Console| console.harness.query_all_by_role(NodeRole::Alert).count();
    let mut desk = SampleDesk::live(Role::Trader, start());
    desk.publish_alert(alert(
        "al-1",
        AlertSeverity::Critical,
        AlertState::Firing,
        start(),
    ));
    let console = Console::new(desk);
    assert_eq!(toasts(&console), 1);
    assert!(console.says("PAPER-1 uses 80 % of its margin or more: 240000 of 298000 usd"));
    // The same in an answer, as after a reload: shown, not said.
    let mut fresh = SampleDesk::silent(start());
    fresh.come_live_with(
        Role::Trader,
        vec![alert(
            "al-1",
            AlertSeverity::Critical,
            AlertState::Firing,
            start(),
        )],
    );
    let console = Console::new(fresh);
    assert_eq!(toasts(&console), 0);
    assert!(console.painted("1 alert").is_some());
}
