//! What the console asks for again and again: only what is on screen, with an answer that says how old it is.

use egui_kittest::kittest::Queryable as _;
use qd_state::{Event, Poll, PollAnswer, ServiceHealth, ServiceStatus};
use qd_tests::desk::SampleDesk;
use qd_types::Role;
use qd_ui::testing::{DESK, LAPTOP, PHONE};

use crate::{Console, click, start};

// covers: RT-2
#[test]
fn only_what_is_on_screen_is_polled() {
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
    for size in [LAPTOP, PHONE, DESK] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        let polls = shown(&mut console);
        let unseen: Vec<_> = all.iter().filter(|poll| !polls.contains(**poll)).collect();
        assert!(unseen.is_empty(), "{unseen:?} at {size}");
    }
    let mut console = Console::live(Role::Trader);

    // Tabs: the positions lie behind the orders, and with them the day's lines.
    for button in ["Workspace: Desk", "Open workspace Tabs", "Open orders"] {
        click(&mut console, button);
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
    assert!(
        console.says("system unknown"),
        "the last answer is nobody's word"
    );
    console
        .harness
        .get_by_label_contains("system unknown")
        .hover();
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
    let up = ServiceHealth {
        name: "bus".to_owned(),
        status: ServiceStatus::Ok,
        detail: String::new(),
        latency_micros: None,
    };
    console
        .desk
        .apply(Event::PollLoaded(PollAnswer::Health(vec![up])));
    console.show();
    assert!(console.says("system ok"));
    console.desk.lose_connection(4_000);
    console.show();
    assert!(console.says("system unknown"));
}
