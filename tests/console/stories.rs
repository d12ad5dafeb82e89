//! What is behind a line: one order's story, and the whole history page by page.

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_state::{
    Event, HistoryPage, OrderChange, OrderStep, OrderStory, PageAnswer, PageAsk, PageQuestionId,
};
use qd_tests::desk::SampleDesk;
use qd_types::{Fill, FillId, Money, Order, OrderStatus, Price, Qty, Role};
use qd_ui::testing::{DESK, PHONE};

use crate::{Console, start};

impl Console {
    /// What the page has asked for since the last call, carried to the store as the feed does it.
    fn carry(&mut self) -> (Vec<PageAsk>, Option<PageQuestionId>) {
        let mut asks = Vec::new();
        let mut question = None;
        for command in self.asked() {
            let Command::AskForPage(ask) = command else {
                panic!("{command:?}");
            };
            question = self.desk.ask_page(ask.clone()).or(question);
            asks.push(ask);
        }
        self.show();
        (asks, question)
    }

    fn tell(&mut self, question_id: Option<PageQuestionId>, answer: PageAnswer) {
        self.desk.apply(Event::PageAnswered {
            question_id: question_id.unwrap(),
            answer,
        });
        self.show();
    }

    fn click(&mut self, role: NodeRole, name: &str) {
        self.harness.get_by_role_and_label(role, name).click();
        self.harness.run();
    }

    fn order_of_line(&self, i: usize) -> Order {
        let rows = &self.harness.state().snapshot.activity.rows;
        (*rows[i].order).clone()
    }
}

fn story(order: Order) -> PageAnswer {
    let created_at = order.created_at;
    let step = |status, millis: i64, reason: Option<&str>, evidence: &str| OrderStep {
        status,
        at: created_at.plus_millis(millis),
        reason_code: reason.map(str::to_owned),
        evidence: evidence.to_owned(),
        by: None,
    };
    let fill = Fill {
        fill_id: FillId::new("V-77-1").unwrap(),
        qty: Qty::from_units(400, 0),
        price: Price::parse("153.41").unwrap(),
        at: created_at.plus_millis(900),
        realized_pl: Money::parse("-12.5").unwrap(),
    };
    PageAnswer::Order(Box::new(OrderStory {
        steps: vec![
            step(OrderStatus::Accepted, 0, None, "alice: as planned"),
            step(OrderStatus::Unknown, 500, Some("no_answer"), "desk"),
            step(OrderStatus::Filled, 900, None, "fill V-77-1"),
        ],
        fills: vec![(fill, Some(Money::parse("2").unwrap()))],
        order,
    }))
}

const LINE: &str = "Details of SELL 400 AAPL";

// covers: DB-7
#[test]
fn a_line_of_activity_opens_the_orders_story_with_its_proofs_and_its_money() {
    let mut console = Console::live(Role::Viewer);
    console.click(NodeRole::Link, LINE);
    let (asks, question) = console.carry();
    let order = console.order_of_line(0);
    let wanted = PageAsk::Order {
        account: order.account.clone(),
        client_order_id: order.client_order_id.clone(),
    };
    assert_eq!(asks, std::slice::from_ref(&wanted), "asked once");
    assert!(console.says("Loading the order"));
    let mut before = order;
    before.status = OrderStatus::Working;
    console.tell(question, story(before));
    for words in [
        "accepted",
        "alice: as planned",
        "no answer \u{b7} desk",
        "Fills: 1, fees $2.00",
        "400 at 153.41, fee $2.00, realized \u{2212}$12.50, venue id V-77-1",
        "Account: PAPER-1",
        "Strategy: momentum",
    ] {
        assert!(console.says(words), "nothing says {words}");
    }
    assert_eq!(console.asked(), [], "it does not ask by itself");

    // A story that is longer than its sheet moves with the keys.
    let top = |console: &Console| console.painted("Life").map(|painted| painted.rect.top());
    console.harness.set_size(egui::vec2(900.0, 420.0));
    console.harness.run();
    let at_first = top(&console).unwrap();
    console.harness.key_press(Key::End);
    console.harness.run();
    assert!(
        top(&console).is_none_or(|top| top < at_first),
        "it did not move"
    );
    console.harness.key_press(Key::Home);
    console.harness.run();
    assert_eq!(top(&console), Some(at_first));
    console.harness.set_size(DESK);
    console.harness.run();

    // The order changes while its story is read: that is said, and asked for by hand only.
    let filled = console.order_of_line(0);
    console.desk.publish_order(filled);
    console.show();
    assert!(console.says("The order has changed since."));
    console.click(NodeRole::Button, "Load again");
    let (asks, question) = console.carry();
    assert_eq!(asks, [wanted]);
    assert!(
        console.says("Fills: 1"),
        "what is known stays until the answer"
    );
    let failed = PageAnswer::Failed {
        detail: "no answer within 10 s".to_owned(),
    };
    console.tell(question, failed);
    assert!(console.says("It could not be loaded again: no answer within 10 s"));
    assert!(console.says("Fills: 1"));

    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(console.carry().0, [PageAsk::OrderClosed]);
    assert!(!console.says("Fills: 1"));
    let mut links = console
        .harness
        .get_all_by_role_and_label(NodeRole::Link, LINE);
    assert!(
        links.any(|link| link.accesskit_node().is_focused()),
        "the keyboard is back"
    );
}

// covers: DB-7
#[test]
fn an_order_that_is_not_there_and_an_answer_that_does_not_come_are_told_apart() {
    let mut console = Console::live(Role::Trader);
    console.click(NodeRole::Link, LINE);
    let (_, question) = console.carry();
    let failed = PageAnswer::Failed {
        detail: "the execution side does not answer".to_owned(),
    };
    console.tell(question, failed);
    assert!(console.says("The order could not be loaded"));
    assert!(console.says("the execution side does not answer"));
    console.click(NodeRole::Button, "Retry");
    let (asks, question) = console.carry();
    assert_eq!(asks.len(), 1);
    console.tell(question, PageAnswer::NoSuchOrder);
    assert!(console.says("It never reached this gateway"));
    console.click(NodeRole::Button, "Close");
    assert_eq!(console.carry().0, [PageAsk::OrderClosed]);

    // Signed out and in again while it is open: it can be asked for again.
    console.click(NodeRole::Link, LINE);
    console.asked();
    assert!(console.says("Asking for the order"));
    console.click(NodeRole::Button, "Ask again");
    assert_eq!(console.carry().0.len(), 1);
}

// covers: DB-5, DB-7
#[test]
fn an_open_order_tells_its_story_by_a_double_click_and_by_the_keyboard() {
    let mut console = Console::live(Role::Trader);
    let name = "Details of SELL NVDA o2";
    console
        .harness
        .get_by_role_and_label(NodeRole::Link, name)
        .focus();
    console.harness.run();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    let (asks, _) = console.carry();
    let [
        PageAsk::Order {
            client_order_id, ..
        },
    ] = asks.as_slice()
    else {
        panic!("{asks:?}");
    };
    assert_eq!(client_order_id.as_str(), "o2");
    console.harness.key_press(Key::Escape);
    console.harness.run();
    console.carry();

    let at = console.painted("106/320").unwrap().rect.center();
    // A step of the harness is a quarter of a second: too slow for a double click as people make it.
    console.harness.ctx.options_mut(|options| {
        options.input_options.max_double_click_delay = 5.0;
    });
    for pressed in [true, false, true, false] {
        console.harness.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
    }
    console.harness.run();
    let (asks, _) = console.carry();
    assert!(
        matches!(asks.as_slice(), [PageAsk::Order { client_order_id, .. }] if client_order_id.as_str() == "o2"),
        "{asks:?}"
    );
}

/// Entries `numbers` of the day, the greatest newest.
fn page(
    console: &Console,
    numbers: std::ops::RangeInclusive<i64>,
    next: Option<&str>,
) -> PageAnswer {
    let order = console.order_of_line(0);
    let entry = |n: i64| {
        let mut order = order.clone();
        order.client_order_id = qd_types::ClientOrderId::new(&format!("h{n}")).unwrap();
        OrderChange {
            fill: Some(Fill {
                fill_id: FillId::new(&format!("H{n}")).unwrap(),
                qty: Qty::from_units(n, 0),
                price: Price::parse("10").unwrap(),
                // Newer than what the dashboard began with.
                at: start().plus_millis(n * 10 - 1_000),
                realized_pl: Money::ZERO,
            }),
            order,
        }
    };
    PageAnswer::History(HistoryPage {
        entries: numbers.rev().map(entry).collect(),
        total_today: 31,
        next: next.map(str::to_owned),
    })
}

const HISTORY: &str = "History: last 5 of 31 today";

// covers: DB-7
#[test]
fn the_whole_history_opens_from_the_count_and_goes_back_page_by_page() {
    let mut console = Console::live(Role::Viewer);
    console.click(NodeRole::Button, HISTORY);
    let (asks, question) = console.carry();
    assert_eq!(asks, [PageAsk::History]);
    assert!(console.says("Loading the history"));
    let newest = page(&console, 22..=31, Some("r.22"));
    console.tell(question, newest);
    assert!(console.says("10 of 31 today"));
    console.click(NodeRole::Button, "Load older");
    let (asks, question) = console.carry();
    assert_eq!(asks, [PageAsk::OlderHistory]);
    let off = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Load older");
    assert!(off.accesskit_node().is_disabled(), "one page at a time");
    let failed = PageAnswer::Failed {
        detail: "no answer within 10 s".to_owned(),
    };
    console.tell(question, failed);
    assert!(console.says("Older ones could not be loaded: no answer within 10 s"));
    console.click(NodeRole::Button, "Retry");
    let (asks, question) = console.carry();
    assert_eq!(asks, [PageAsk::OlderHistory]);
    let rest = page(&console, 1..=21, None);
    console.tell(question, rest);
    assert!(console.says("31 of 31 today"));
    assert!(console.says("That is all of today."));
    assert_eq!(console.asked(), [], "it does not ask by itself");

    // A line of it opens its story over it, and closing that leads back.
    console
        .harness
        .get_all_by_role_and_label(NodeRole::Link, "Details of SELL 31 AAPL")
        .last()
        .unwrap()
        .click();
    console.harness.run();
    let (asks, _) = console.carry();
    assert!(
        matches!(asks.as_slice(), [PageAsk::Order { client_order_id, .. }] if client_order_id.as_str() == "h31")
    );
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(console.carry().0, [PageAsk::OrderClosed]);
    assert!(console.says("31 of 31 today"));
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(console.carry().0, [PageAsk::HistoryClosed]);
    assert!(!console.says("31 of 31 today"));
    let opener = console.harness.get_by_label_contains("History: ");
    assert!(opener.accesskit_node().is_focused(), "the keyboard is back");
}

// covers: DB-7
#[test]
fn a_history_that_cannot_be_loaded_or_may_have_holes_says_so_and_offers_the_way_out() {
    let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), PHONE);
    let opener = console.harness.get_by_label(HISTORY);
    opener.focus();
    console.harness.run();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    let (_, question) = console.carry();
    let failed = || PageAnswer::Failed {
        detail: "the execution side does not answer".to_owned(),
    };
    console.tell(question, failed());
    assert!(console.says("The history could not be loaded"));
    console.click(NodeRole::Button, "Retry");
    let (_, question) = console.carry();
    let newest = page(&console, 22..=31, Some("r.22"));
    console.tell(question, newest);
    console.click(NodeRole::Button, "Load older");
    let (_, question) = console.carry();
    console.tell(question, PageAnswer::OtherRun);
    assert!(console.says("the server has started anew since this was opened"));
    console.click(NodeRole::Button, "Load anew");
    let (asks, question) = console.carry();
    assert_eq!(asks, [PageAsk::History]);
    let few = page(&console, 30..=31, None);
    console.tell(question, few);
    assert!(console.says("The server keeps no older ones: 29 of today are not shown."));
}

// covers: DB-7
#[test]
fn the_keyboard_walks_through_the_activity_opens_a_story_and_comes_back() {
    let mut console = Console::live(Role::Trader);
    console.harness.get_by_label("Rows of Activity").focus();
    console.harness.run();
    for _ in 0..2 {
        console.harness.key_press(Key::ArrowDown);
        console.harness.run();
    }
    console.asked();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    let asked = console.asked();
    assert!(
        matches!(
            asked.as_slice(),
            [Command::AskForPage(PageAsk::Order { .. })]
        ),
        "the second line's story: {asked:?}"
    );
    console.harness.key_press(Key::Escape);
    console.harness.run();
    let rows = console.harness.get_by_label("Rows of Activity");
    assert!(rows.accesskit_node().is_focused(), "back at the list");
}
