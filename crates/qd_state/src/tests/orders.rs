//! Orders, activity and commands: ranks, one line per fill, errors at their place.
//!
//! Sequence rules are not tested here.

use qd_types::{Epoch, OrderStatus, OrderType, Price, Qty, Seq, Side, StreamPos};

use super::fixtures::*;
use crate::{
    CommandId, CommandOutcome, CommandPhase, CommandRequested, Event, OrderChange, RestAnswer,
    RowKey,
};

fn loaded(open: Vec<qd_types::Order>) -> Desk {
    let mut desk = Desk::connected();
    desk.play([
        Event::RestLoaded(RestAnswer::Orders {
            pos: Some(pos(9_116)),
            orders: open,
        }),
        Event::RestLoaded(RestAnswer::History {
            entries: Vec::new(),
            total_today: 30,
        }),
    ]);
    desk
}

/// The beat that ends an answer: until it came, nothing is sealed.
fn orders_beat(seq: u64) -> Event {
    Event::BeatReceived {
        positions: vec![(orders(), pos(seq))],
        at: start(),
    }
}

// covers: DB-5
// covers: DB-7
#[test]
fn orders_and_fills_become_rows_and_activity() {
    let mut market = order("c2", "AAPL", OrderStatus::Sent, 0);
    market.order_type = OrderType::Market;
    market.limit_price = None;
    market.side = Side::Buy;
    market.created_at = at(-1_000);
    let mut desk = loaded(vec![order("c1", "NVDA", OrderStatus::Working, 0), market]);
    desk.play([
        order_event(
            9_117,
            order("c1", "NVDA", OrderStatus::PartiallyFilled, 106),
            Some(fill("f1", 106, 200)),
        ),
        order_event(9_118, order("c3", "XOM", OrderStatus::Rejected, 0), None),
        orders_beat(9_118),
    ]);
    insta::assert_snapshot!(picture(&desk.snapshot()), @r"
    PAPER | HALT STATE UNKNOWN | Live
    unrealized: (skeleton) Neutral | 0 positions | Unknown
    realized: (skeleton) Neutral |  | Unknown
    positions: (skeleton) Neutral | 0 long · 0 short | Unknown
    buying power: (skeleton) Neutral |  | Unknown
    exposure: (skeleton) Neutral | net $0 | Unknown
    positions [waiting for data…] Unknown
      total
    orders [✓ verified to #9,118 · 10:38:16.000]
      NVDA SELL 106/320*Up limit 106.98 partly filled*Up 10:37:16.000
      AAPL BUY 0/320 market MKT sent, not acknowledged 10:38:15.000
    activity [last 2 of 32 today]
      10:38:16.200 NVDA SELL 106 106.98 partly filled
      10:38:16.000 XOM SELL 320 106.98 rejected
    notice Danger: SELL 320 XOM rejected: no reason given
    ");
}

#[test]
fn a_late_message_never_moves_an_order_back_and_never_opens_an_ended_one() {
    let mut desk = loaded(vec![order("c1", "NVDA", OrderStatus::PartiallyFilled, 106)]);
    let status = |desk: &mut Desk| {
        let snapshot = desk.snapshot();
        let texts: Vec<_> = snapshot
            .orders
            .rows
            .iter()
            .map(|r| r.status.text.to_string())
            .collect();
        texts.join(",")
    };
    let mut seq = 9_116;
    let mut tell = |desk: &mut Desk, status, filled| {
        seq += 1;
        desk.play([order_event(seq, order("c1", "NVDA", status, filled), None)]);
    };
    tell(&mut desk, OrderStatus::Working, 0);
    assert_eq!(status(&mut desk), "partly filled");
    // The same rank with fewer shares is older.
    tell(&mut desk, OrderStatus::PartiallyFilled, 50);
    assert_eq!(&*desk.snapshot().orders.rows[0].filled.text, "106/320");
    tell(&mut desk, OrderStatus::CancelSent, 106);
    assert_eq!(status(&mut desk), "cancel sent: may still fill");
    tell(&mut desk, OrderStatus::Cancelled, 106);
    assert_eq!(status(&mut desk), "");
    tell(&mut desk, OrderStatus::Working, 106);
    assert_eq!(status(&mut desk), "");
    // A fill that crossed the cancel is the truth.
    tell(&mut desk, OrderStatus::Filled, 320);
    let lines: Vec<_> = desk
        .snapshot()
        .activity
        .rows
        .iter()
        .map(|r| r.status)
        .collect();
    assert_eq!(lines, ["filled", "cancelled"]);
}

// covers: OC-8
#[test]
fn a_change_shows_with_the_venues_word_and_a_refused_one_is_said() {
    let mut desk = loaded(vec![order("c1", "NVDA", OrderStatus::Working, 0)]);
    let mut seq = 9_116_u64;
    let mut tell = |desk: &mut Desk, status, reason: Option<&str>, qty: i64, limit: &str| {
        seq += 1;
        let mut order = order("c1", "NVDA", status, 0);
        order.qty = Qty::from_units(qty, 0);
        order.limit_price = Some(Price::parse(limit).unwrap());
        order.reason_code = reason.map(str::to_owned);
        order.updated_at = order.updated_at.plus_millis(seq.cast_signed());
        desk.play([order_event(seq, order, None)]);
        let snapshot = desk.snapshot();
        let row = &snapshot.orders.rows[0];
        format!(
            "{} at {}, {}",
            row.filled.text, row.price.text, row.status.text
        )
    };
    let (sent, back) = (OrderStatus::ReplaceSent, OrderStatus::Working);
    assert_eq!(
        tell(&mut desk, sent, Some("change_sent"), 320, "106.98"),
        "0/320 at 106.98, change sent"
    );
    assert_eq!(
        tell(&mut desk, back, None, 200, "107"),
        "0/200 at 107.00, working"
    );
    assert!(desk.snapshot().notices.is_empty());
    tell(&mut desk, sent, Some("change_sent"), 200, "107");
    assert_eq!(
        tell(&mut desk, back, Some("change_rejected"), 200, "107"),
        "0/200 at 107.00, working"
    );
    let snapshot = desk.snapshot();
    assert_eq!(
        &*snapshot.notices[0].text,
        "SELL 200 NVDA: change refused by the venue, it stays working"
    );
}

#[test]
fn history_and_stream_tell_the_same_fill_once() {
    let mut desk = Desk::connected();
    let filled = |id: &str, millis| OrderChange {
        order: order("c1", "NVDA", OrderStatus::PartiallyFilled, 100),
        fill: Some(fill(id, 50, millis)),
    };
    let history = |entries: Vec<OrderChange>, total_today| {
        Event::RestLoaded(RestAnswer::History {
            entries,
            total_today,
        })
    };
    let rest = Event::RestLoaded(RestAnswer::Orders {
        pos: Some(pos(4)),
        orders: Vec::new(),
    });
    // f2 and f3 come by stream before the history answers, which knows f2 but not f3.
    let told = |seq, id: &str, millis| {
        let change = filled(id, millis);
        order_event(seq, change.order, change.fill)
    };
    desk.play([
        rest,
        told(5, "f2", 20),
        told(6, "f3", 30),
        history(vec![filled("f1", 10), filled("f2", 20)], 25),
    ]);
    let snapshot = desk.snapshot();
    let ids: Vec<_> = snapshot
        .activity
        .rows
        .iter()
        .map(|r| r.row_id.to_string())
        .collect();
    assert_eq!(ids, ["fill f3", "fill f2", "fill f1"]);
    assert_eq!(snapshot.activity.total_today, 26);
    assert_eq!(&*snapshot.activity.text, "last 3 of 26 today");
    // Told again by a resync: no second line, no second count.
    desk.play([history(vec![filled("f2", 20), filled("f3", 30)], 26)]);
    assert_eq!(desk.snapshot().activity.total_today, 26);
}

#[test]
fn the_list_is_the_last_twenty_and_counts_the_day() {
    let mut desk = loaded(Vec::new());
    for i in 0..25_u64 {
        let millis = i64::try_from(i).unwrap();
        let fill = fill(&format!("f{i}"), 1, millis);
        let change = order("c1", "NVDA", OrderStatus::PartiallyFilled, millis);
        desk.play([order_event(9_117 + i, change, Some(fill))]);
    }
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.activity.rows.len(), 20);
    assert_eq!(&*snapshot.activity.rows[0].row_id, "fill f24");
    assert_eq!(&*snapshot.activity.text, "last 20 of 55 today");
    // The next trading day counts from zero.
    desk.wait(24 * 3_600_000);
    assert_eq!(desk.snapshot().activity.total_today, 0);
}

fn close_aapl(command_id: u64) -> Event {
    Event::CommandRequested(CommandRequested {
        command_id: CommandId(command_id),
        row: RowKey::Position(sym("AAPL")),
        label: "close AAPL".to_owned(),
        client_order_id: Some(qd_types::ClientOrderId::new("c9").unwrap()),
    })
}

fn answered(command_id: u64, outcome: CommandOutcome) -> Event {
    Event::CommandAnswered {
        command_id: CommandId(command_id),
        outcome,
    }
}

// covers: DB-4
#[test]
fn a_command_disables_its_row_until_the_answer_and_its_error_stands_there() {
    let mut desk = Desk::connected();
    let row_command = |desk: &mut Desk| {
        let snapshot = desk.snapshot();
        let at_row = snapshot.positions.rows[0].command.clone();
        assert_eq!(
            at_row.as_ref(),
            snapshot.command_at(&RowKey::Position(sym("AAPL"))),
            "one command, two ways to it"
        );
        at_row.map(|command| command.phase.clone())
    };
    desk.play([
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
        close_aapl(1),
    ]);
    assert_eq!(row_command(&mut desk), Some(CommandPhase::InFlight));
    let refused = CommandOutcome::Refused {
        code: "halted".to_owned(),
        detail: "the kill switch is engaged".to_owned(),
    };
    desk.play([answered(1, refused)]);
    assert!(matches!(
        row_command(&mut desk),
        Some(CommandPhase::Failed { code, .. }) if &*code == "halted"
    ));
    // Another attempt takes the error's place; accepted, nothing is left but the notice.
    desk.play([close_aapl(2)]);
    assert_eq!(row_command(&mut desk), Some(CommandPhase::InFlight));
    let accepted = CommandOutcome::Accepted {
        detail: String::new(),
    };
    desk.play([answered(2, accepted.clone())]);
    assert_eq!(row_command(&mut desk), None);
    let texts: Vec<_> = desk
        .snapshot()
        .notices
        .iter()
        .map(|n| n.text.to_string())
        .collect();
    assert_eq!(
        texts,
        [
            "close AAPL: accepted",
            "close AAPL: refused, the kill switch is engaged"
        ]
    );
    // An answer without its question is still said.
    desk.play([answered(77, accepted)]);
    assert_eq!(&*desk.snapshot().notices[0].text, "a command: accepted");
}

#[test]
fn an_unknown_answer_is_settled_by_the_orders_next_event_and_an_error_leaves_after_a_minute() {
    let mut desk = loaded(Vec::new());
    desk.play([
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
        close_aapl(1),
        answered(
            1,
            CommandOutcome::Unknown {
                detail: "no answer in 5 s".to_owned(),
            },
        ),
    ]);
    desk.wait(120_000);
    let phase = |desk: &mut Desk| {
        let command = desk.snapshot().positions.rows[0].command.clone();
        command.map(|command| command.phase.clone())
    };
    assert!(matches!(
        phase(&mut desk),
        Some(CommandPhase::Unknown { .. })
    ));
    // The row went and came back: what is unknown stays with it.
    let row = held("AAPL", 100, "10", "12");
    desk.play([welcomed(), positions_snapshot(2, Vec::new())]);
    desk.play([positions_snapshot(3, vec![row])]);
    assert!(matches!(
        phase(&mut desk),
        Some(CommandPhase::Unknown { .. })
    ));
    desk.play([order_event(
        9_117,
        order("c9", "AAPL", OrderStatus::Working, 0),
        None,
    )]);
    assert_eq!(phase(&mut desk), None);
    assert_eq!(
        &*desk.snapshot().notices[0].text,
        "close AAPL: found, working"
    );

    let refused = CommandOutcome::Refused {
        code: "rail".to_owned(),
        detail: String::new(),
    };
    desk.play([close_aapl(2), answered(2, refused)]);
    desk.wait(59_999);
    assert!(phase(&mut desk).is_some());
    desk.wait(1);
    assert_eq!(phase(&mut desk), None);
}

#[test]
fn a_log_that_begins_late_says_what_was_never_seen_and_keeps_what_was_known() {
    let log_at = |epoch: &str, seq| {
        Event::RestLoaded(RestAnswer::OrdersLog {
            pos: StreamPos {
                epoch: Epoch::new(epoch).unwrap(),
                seq: Seq(seq),
            },
        })
    };
    let seal = |desk: &mut Desk| desk.snapshot().orders.seal.text.to_string();
    let working = order("c1", "NVDA", OrderStatus::Working, 0);

    // From the first entry on nothing is missing.
    let mut desk = Desk::connected();
    desk.play([log_at("e1", 0), order_event(1, working.clone(), None)]);
    assert!(desk.snapshot().orders.seal.missing.is_empty());

    let mut desk = Desk::connected();
    desk.play([log_at("e1", 7), order_event(8, working, None)]);
    assert_eq!(desk.snapshot().orders.rows.len(), 1);
    assert!(
        seal(&mut desk).contains("missing #1"),
        "{}",
        seal(&mut desk)
    );

    // The log moved on while we were away: orders we know of are kept, and the jump is said.
    desk.play([
        Event::GoneReceived {
            stream: orders(),
            pos: pos(20),
        },
        Event::GoneReceived {
            stream: orders(),
            pos: pos(20),
        },
        log_at("e1", 20),
    ]);
    assert_eq!(desk.snapshot().orders.rows.len(), 1);
    let missing = desk.snapshot().orders.seal.missing.to_vec();
    assert_eq!(missing.len(), 2, "{missing:?}");

    // Another run of numbers is another book of orders.
    desk.play([
        Event::BeatReceived {
            positions: vec![(
                orders(),
                StreamPos {
                    epoch: Epoch::new("e2").unwrap(),
                    seq: Seq(3),
                },
            )],
            at: start(),
        },
        log_at("e2", 0),
    ]);
    assert_eq!(desk.snapshot().orders.rows.len(), 0);
}
