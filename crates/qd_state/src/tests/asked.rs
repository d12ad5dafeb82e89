//! What pages ask for: answered once, kept while it is open, and whole while the stream goes on.

use qd_types::{Money, OrderStatus, ZoneChoice};

use super::fixtures::*;
use crate::{
    AskPhase, Effect, Event, HistoryEnd, HistoryPage, HistoryView, OrderChange, OrderDetailView,
    OrderStep, OrderStory, PageAnswer, PageAsk, PageQuestion, PageQuestionId, RestAnswer,
};

impl Desk {
    /// A page asks; gives the question that goes out, if one does.
    fn ask(&mut self, ask: PageAsk) -> Option<(PageQuestionId, PageQuestion)> {
        self.effects.clear();
        self.play([Event::PageAsked(ask)]);
        match self.effects.pop() {
            Some(Effect::AskForPage {
                question_id,
                question,
            }) => Some((question_id, question)),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    fn tell(&mut self, question_id: PageQuestionId, answer: PageAnswer) {
        self.play([Event::PageAnswered {
            question_id,
            answer,
        }]);
    }

    fn history(&mut self) -> HistoryView {
        HistoryView::clone(&self.snapshot().history.unwrap())
    }

    fn detail(&mut self) -> OrderDetailView {
        OrderDetailView::clone(&self.snapshot().order_detail.unwrap())
    }
}

/// The fill number `n` of the day, as an entry: the greater the newer.
fn entry(n: i64) -> OrderChange {
    OrderChange {
        order: order(&format!("o{n}"), "NVDA", OrderStatus::Filled, 320),
        fill: Some(fill(&format!("F{n}"), 10, n * 1_000)),
    }
}

fn page(numbers: impl DoubleEndedIterator<Item = i64>, next: Option<&str>) -> PageAnswer {
    PageAnswer::History(HistoryPage {
        entries: numbers.rev().map(entry).collect(),
        total_today: 30,
        next: next.map(str::to_owned),
    })
}

fn numbers(view: &HistoryView) -> Vec<i64> {
    let number = |id: &str| id.trim_start_matches("fill F").parse().unwrap();
    view.rows.iter().map(|row| number(&row.row_id)).collect()
}

fn happens(n: i64, seq: u64) -> Event {
    let OrderChange { order, fill } = entry(n);
    order_event(seq, order, fill)
}

fn loaded() -> Desk {
    let mut desk = Desk::connected();
    desk.play([Event::RestLoaded(RestAnswer::Orders {
        pos: Some(pos(9_116)),
        orders: Vec::new(),
    })]);
    desk
}

// covers: DB-7
#[test]
fn pages_join_without_repeats_or_holes_while_new_fills_come() {
    let mut desk = loaded();
    assert!(desk.snapshot().history.is_none(), "nobody asked");
    let (first, question) = desk.ask(PageAsk::History).unwrap();
    assert_eq!(question, PageQuestion::History { before: None });
    assert_eq!(desk.history().phase, AskPhase::Loading);
    // While the answer is on its way 21 happens; the answer has it too, and 22, which the stream tells later.
    desk.play([happens(21, 9_117)]);
    desk.tell(first, page(13..=22, Some("r.13")));
    desk.play([happens(22, 9_118), happens(23, 9_119)]);
    let view = desk.history();
    assert_eq!(numbers(&view), (13..=23).rev().collect::<Vec<_>>());
    assert_eq!(view.end, HistoryEnd::More);

    let (older, question) = desk.ask(PageAsk::OlderHistory).unwrap();
    let PageQuestion::History { before } = question else {
        panic!("{question:?}");
    };
    assert_eq!(before.as_deref(), Some("r.13"));
    assert_eq!(desk.ask(PageAsk::OlderHistory), None, "one at a time");
    desk.play([happens(24, 9_120)]);
    desk.tell(older, page(3..=12, Some("r.3")));
    let (last, _) = desk.ask(PageAsk::OlderHistory).unwrap();
    // A backend whose pages overlap repeats nothing here.
    desk.tell(last, page(1..=4, None));
    let view = desk.history();
    assert_eq!(numbers(&view), (1..=24).rev().collect::<Vec<_>>());
    assert_eq!(
        (view.end, view.phase.clone()),
        (HistoryEnd::All, AskPhase::Loaded)
    );
    assert_eq!(desk.ask(PageAsk::OlderHistory), None, "there is no more");

    // One count of today: the server's thirty with what came after it had counted.
    let snapshot = desk.snapshot();
    assert_eq!(view.total_today, snapshot.activity.total_today);
    assert_eq!(view.total_today, 32);
    assert_eq!(&*view.text, "24 of 32 today");
    desk.play([Event::PageAsked(PageAsk::HistoryClosed)]);
    assert!(desk.snapshot().history.is_none());
    desk.play([happens(25, 9_121)]);
    assert!(desk.snapshot().history.is_none(), "closed is closed");
}

// covers: DB-7
#[test]
fn a_failed_page_is_asked_again_and_what_may_be_missing_is_said() {
    let mut desk = loaded();
    let (first, _) = desk.ask(PageAsk::History).unwrap();
    let failed = PageAnswer::Failed {
        detail: "no answer within 10 s".to_owned(),
    };
    desk.tell(first, failed.clone());
    let view = desk.history();
    assert!(
        matches!(&view.phase, AskPhase::Failed { detail } if &**detail == "no answer within 10 s")
    );
    let (again, _) = desk.ask(PageAsk::History).unwrap();
    // The first answer comes after all: nobody waits for it any more.
    desk.tell(first, page(1..=2, None));
    assert!(desk.history().rows.is_empty());
    desk.tell(again, page(11..=20, Some("r.11")));
    let (older, _) = desk.ask(PageAsk::OlderHistory).unwrap();
    desk.tell(older, failed);
    assert_eq!(desk.history().rows.len(), 10, "what is there stays");
    let (older, question) = desk.ask(PageAsk::OlderHistory).unwrap();
    assert!(matches!(
        question,
        PageQuestion::History { before: Some(_) }
    ));
    desk.tell(older, PageAnswer::OtherRun);
    assert!(desk.history().is_outdated, "the server began anew");
    let (anew, _) = desk.ask(PageAsk::History).unwrap();
    desk.tell(anew, page(1..=3, None));
    let view = desk.history();
    assert_eq!((view.rows.len(), view.is_outdated), (3, false));

    // The stream was read anew from REST: what ended in between it did not tell.
    let gone = || Event::GoneReceived {
        stream: orders(),
        pos: pos(9_500),
    };
    desk.play([happens(26, 9_400), gone(), gone()]);
    desk.play([Event::RestLoaded(RestAnswer::Orders {
        pos: Some(pos(9_500)),
        orders: Vec::new(),
    })]);
    assert!(desk.history().is_outdated);
    desk.play([Event::SessionEnded {
        reason: "signed out".to_owned(),
    }]);
    assert!(desk.snapshot().history.is_none());
}

fn story(status: OrderStatus, filled: i64) -> PageAnswer {
    let mut order = order("c1", "NVDA", status, filled);
    order.reason_code = (status == OrderStatus::Rejected).then(|| "never_reached_venue".to_owned());
    let step = |status, millis, evidence: &str| OrderStep {
        status,
        at: at(millis),
        reason_code: None,
        evidence: evidence.to_owned(),
        by: None,
    };
    PageAnswer::Order(Box::new(OrderStory {
        order,
        steps: vec![
            OrderStep {
                by: Some(alice()),
                ..step(OrderStatus::Accepted, -60_000, "alice: as planned")
            },
            OrderStep {
                reason_code: Some("no_answer".to_owned()),
                ..step(OrderStatus::Unknown, -50_000, "desk")
            },
            step(OrderStatus::Working, -40_000, "venue"),
        ],
        fills: vec![
            (fill("F1", 100, 1_000), Some(Money::parse("0.5").unwrap())),
            (fill("F2", 6, 2_000), Some(Money::parse("0.35").unwrap())),
        ],
    }))
}

fn wanted() -> PageAsk {
    PageAsk::Order {
        account: account(),
        client_order_id: order("c1", "NVDA", OrderStatus::Working, 0).client_order_id,
    }
}

// covers: DB-7
#[test]
fn an_orders_story_is_told_with_its_proofs_and_says_when_it_is_no_longer_all() {
    let mut desk = loaded();
    let (id, _) = desk.ask(wanted()).unwrap();
    assert_eq!(
        (desk.detail().phase, desk.detail().story),
        (AskPhase::Loading, None)
    );
    desk.tell(id, story(OrderStatus::PartiallyFilled, 106));
    let told = desk.detail().story.unwrap();
    let steps: Vec<String> = told
        .steps
        .iter()
        .map(|step| format!("{} {} {}", step.time, step.status, step.words))
        .collect();
    assert_eq!(
        steps,
        [
            "10:37:16.000 accepted alice: as planned",
            "10:37:26.000 unknown: resolving no answer \u{b7} desk",
            "10:37:36.000 working venue",
        ]
    );
    assert_eq!(
        (
            &*told.fills[0].fee,
            &*told.fills[1].fill_id,
            told.fees.as_deref()
        ),
        ("$0.50", "F2", Some("$0.85"))
    );
    let fact = |name: &str| told.facts.iter().find(|(known, _)| *known == name);
    assert_eq!(&*fact("Filled").unwrap().1, "106 of 320");
    assert_eq!(fact("Venue id"), None, "what is absent is left out");

    // What the stream repeats is no news; what it adds makes the story old.
    let same = order("c1", "NVDA", OrderStatus::PartiallyFilled, 106);
    desk.play([order_event(9_117, same, None)]);
    assert!(!desk.detail().is_outdated);
    let more = order("c1", "NVDA", OrderStatus::Filled, 320);
    desk.play([order_event(9_118, more, Some(fill("F3", 214, 3_000)))]);
    assert!(desk.detail().is_outdated);
    let (again, _) = desk.ask(wanted()).unwrap();
    assert!(desk.detail().story.is_some(), "stays until the answer");
    desk.tell(again, story(OrderStatus::Filled, 320));
    assert!(!desk.detail().is_outdated);

    desk.play([Event::ZoneChosen(ZoneChoice::Utc)]);
    assert_eq!(&*desk.detail().story.unwrap().steps[0].time, "15:37:16.000");
    desk.play([Event::PageAsked(PageAsk::OrderClosed)]);
    assert!(desk.snapshot().order_detail.is_none());
}

// covers: DB-7
#[test]
fn not_found_is_not_a_failure_and_another_orders_answer_is_not_shown() {
    let mut desk = loaded();
    let (first, _) = desk.ask(wanted()).unwrap();
    let other = PageAsk::Order {
        account: account(),
        client_order_id: order("c2", "XOM", OrderStatus::Working, 0).client_order_id,
    };
    let (second, _) = desk.ask(other).unwrap();
    desk.tell(first, story(OrderStatus::Working, 0));
    assert_eq!(
        (desk.detail().phase, desk.detail().story),
        (AskPhase::Loading, None)
    );
    desk.tell(second, PageAnswer::NoSuchOrder);
    assert_eq!(desk.detail().phase, AskPhase::NotFound);
}
