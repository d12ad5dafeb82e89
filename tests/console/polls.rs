//! What the console asks for again and again: only what is on screen, with an answer that says how old it is.

use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::Queryable as _;
use qd_state::{Event, Poll, PollAnswer, ServiceHealth, ServiceStatus};
use qd_types::Role;

use crate::Console;

// covers: RT-2
#[test]
fn only_what_is_on_screen_is_polled() {
    let mut console = Console::live(Role::Trader);
    let shown = |console: &mut Console| {
        console.harness.state().commands.take_shown();
        console.harness.run();
        console.harness.state().commands.take_shown()
    };
    let all = [
        Poll::Prices,
        Poll::Series,
        Poll::MarketClock,
        Poll::Health,
        Poll::Stats,
    ];
    let polls = shown(&mut console);
    assert!(all.iter().all(|poll| polls.contains(*poll)), "{polls:?}");

    // Tabs: the positions lie behind the orders, and with them the day's lines.
    for button in ["Workspace: Desk", "Open workspace Tabs", "Open orders"] {
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, button)
            .click();
        console.harness.run();
    }
    let polls = shown(&mut console);
    let unseen: Vec<_> = all.iter().filter(|poll| !polls.contains(**poll)).collect();
    assert_eq!(unseen, [&Poll::Series]);
}

// covers: RT-2
#[test]
fn the_footer_says_how_the_services_are_and_since_when() {
    let mut console = Console::live(Role::Trader);
    assert!(console.says("system ok"));
    console
        .desk
        .apply(Event::PollLoaded(PollAnswer::Health(vec![
            ServiceHealth {
                name: "bus".to_owned(),
                status: ServiceStatus::Down,
                detail: "no answer for 4 s".to_owned(),
                latency_micros: None,
            },
            ServiceHealth {
                name: "execution".to_owned(),
                status: ServiceStatus::Ok,
                detail: String::new(),
                latency_micros: Some(400),
            },
        ])));
    console.show();
    assert!(console.says("system down"));
    console.desk.apply(Event::PollFailed {
        poll: Poll::Health,
        detail: "503".to_owned(),
        retry_at: None,
    });
    console.desk.advance_millis(4_000);
    console.show();
    console.harness.get_by_label_contains("system down").hover();
    console.harness.run_steps(120);
    for words in [
        "Asked 4.0 s ago",
        "bus: down \u{b7} no answer for 4 s",
        "execution: ok, 0.4 ms",
        "The last question failed: 503",
    ] {
        let painted = console.all_painted();
        assert!(
            painted.iter().any(|painted| painted.text.contains(words)),
            "{words}"
        );
    }
    // Nobody vouches for an old answer.
    console.desk.advance_millis(60_000);
    console.show();
    assert!(console.says("system unknown"));
}
