//! A scripted bus: what a producer and a network can do, step by step, and the picture that the console shows of it.
//!
//! The bytes go over a real redis-server through hub, lanes, reader and reducer. After each step the picture is written
//! down as text, without instants, and compared with the one that was read and found right.

use std::fmt::Write as _;

use qd_bus::{AppendOutcome, AppendRequest, Bus, RedisConfig};
use qd_state::{SealState, Snapshot};
use qd_types::{Epoch, HaltState, HaltStatus, MessageKind, Position, Seq, StreamName, StreamPos};
use qd_wire::message::{halt_body, positions_delta_body, positions_snapshot_body};
use qd_wire::{Body, Head, write_message};

use crate::desk::{order_event, position, totals, user};
use crate::redis_server::RedisServer;
use crate::{Console, clock, verified_pos};

const BURST: u64 = 5_000;

/// A producer whose every message is made by hand.
struct Producer {
    bus: Bus,
    rows: Vec<Position>,
}

fn place(epoch: &str, seq: u64) -> StreamPos {
    StreamPos {
        epoch: Epoch::new(epoch).unwrap(),
        seq: Seq(seq),
    }
}

fn positions() -> StreamName {
    StreamName::Positions(user())
}

fn orders() -> StreamName {
    StreamName::Orders(user())
}

impl Producer {
    fn message(
        stream: &StreamName,
        pos: &StreamPos,
        kind: MessageKind,
        body: &Body,
    ) -> (Head, Vec<u8>) {
        let now = clock().now();
        let head = Head {
            stream: stream.clone(),
            epoch: pos.epoch.clone(),
            seq: pos.seq,
            base_seq: (kind == MessageKind::Delta).then(|| Seq(pos.seq.0 - 1)),
            kind,
            made_at: now,
            published_at: now,
        };
        let bytes = write_message(&head, body);
        (head, bytes)
    }

    /// Numbers and sends as a publisher does, behind what the store holds.
    async fn append(&self, expected: Option<StreamPos>, head: Head, bytes: Vec<u8>) {
        let request = AppendRequest {
            stream: head.stream.clone(),
            expected,
            reset: head.kind == MessageKind::Snapshot,
            head,
            bytes: bytes.into(),
        };
        assert_eq!(
            self.bus.append(&request).await.unwrap(),
            AppendOutcome::Appended
        );
    }

    /// All rows, as the first word of a run or behind the number before.
    async fn snapshot(&self, expected: Option<StreamPos>, pos: StreamPos) {
        let body = positions_snapshot_body(&totals(&self.rows), &self.rows);
        let (head, bytes) = Self::message(&positions(), &pos, MessageKind::Snapshot, &body);
        self.append(expected, head, bytes).await;
    }

    fn delta_bytes(&mut self, index: usize, price_cents: i64, pos: &StreamPos) -> (Head, Vec<u8>) {
        self.rows[index] = position(index, price_cents);
        let changed = [self.rows[index].clone()];
        let body = positions_delta_body(&totals(&self.rows), &changed, &[]);
        Self::message(&positions(), pos, MessageKind::Delta, &body)
    }

    async fn delta(&mut self, index: usize, price_cents: i64, behind: u64, pos: StreamPos) {
        let (head, bytes) = self.delta_bytes(index, price_cents, &pos);
        let expected = StreamPos {
            epoch: pos.epoch,
            seq: Seq(behind),
        };
        self.append(Some(expected), head, bytes).await;
    }

    async fn fill(&self, behind: u64, seq: u64) {
        let pos = place("a", seq);
        let body = order_event(seq, clock().now());
        let (head, bytes) = Self::message(&orders(), &pos, MessageKind::Event, &body);
        let expected = (behind > 0).then(|| place("a", behind));
        self.append(expected, head, bytes).await;
    }

    async fn raw(&self, channel: &str, text: impl Into<Vec<u8>>) {
        let text = String::from_utf8(text.into()).unwrap();
        self.bus.publish_raw(channel, text).await.unwrap();
    }
}

/// What the seal says, without the instants.
fn seal(seal: &qd_state::Seal) -> String {
    let state = match &seal.state {
        SealState::Loading => "loading".to_owned(),
        SealState::Verified { pos, .. } => format!("verified {}#{}", pos.epoch, pos.seq.0),
        SealState::Resyncing { reason, .. } => format!("resyncing: {reason:?}"),
        SealState::Unverified { .. } => "unverified".to_owned(),
    };
    let missing: Vec<String> = seal
        .missing
        .iter()
        .map(|range| format!("{}..{:?}", range.from.0, range.to.map(|to| to.0)))
        .collect();
    format!("{state}, missing {missing:?}, {:?}", seal.tone)
}

/// The picture as text: seals, rows, totals, what cannot be read, and what a banner would be about.
fn dump(step: &str, snapshot: &Snapshot) -> String {
    let mut out = String::new();
    let table = &snapshot.positions;
    writeln!(out, "== {step}").unwrap();
    writeln!(
        out,
        "connection {:?}, degraded {:?}, halt {} [{}]",
        snapshot.connection.state,
        snapshot.connection.degraded,
        snapshot.halt.text,
        seal(&snapshot.halt.seal)
    )
    .unwrap();
    writeln!(out, "positions [{}]", seal(&table.seal)).unwrap();
    for row in table.rows.iter() {
        writeln!(
            out,
            "  {} {} at {} = {} {}{}",
            row.symbol,
            row.qty.text,
            row.current.text,
            row.value.text,
            row.pl.text,
            row.problem
                .as_ref()
                .map_or_else(String::new, |problem| format!(" ({problem})"))
        )
        .unwrap();
    }
    writeln!(
        out,
        "  total {} {}, card {:?}, lacks {:?}",
        table.totals.value.text,
        table.totals.pl.text,
        snapshot.cards.unrealized.value,
        table.totals.incomplete
    )
    .unwrap();
    writeln!(
        out,
        "orders [{}] {} open, {} today",
        seal(&snapshot.orders.seal),
        snapshot.orders.rows.len(),
        snapshot.activity.total_today
    )
    .unwrap();
    let feed = &snapshot.feed;
    let adds_up = feed.num_received
        == feed.num_applied + feed.num_duplicates + feed.num_dropped + feed.num_unreadable;
    writeln!(out, "unreadable {}, adds up {adds_up}", feed.num_unreadable).unwrap();
    out
}

fn positions_at(epoch: &str, seq: u64) -> impl Fn(&Snapshot) -> bool {
    let pos = place(epoch, seq);
    move |snapshot| verified_pos(&snapshot.positions.seal) == Some(&pos)
}

fn orders_at(seq: u64) -> impl Fn(&Snapshot) -> bool {
    let pos = place("a", seq);
    move |snapshot| verified_pos(&snapshot.orders.seal) == Some(&pos)
}

// covers: RT-1
// covers: RT-3
// covers: RT-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_of_the_script_leaves_the_picture_that_was_read_and_found_right() {
    let redis = RedisServer::start().await;
    let bus = Bus::redis(RedisConfig::new(redis.url()), clock())
        .await
        .unwrap();
    let mut producer = Producer {
        bus,
        rows: (0..2).map(|index| position(index, 11_000)).collect(),
    };
    let channel = positions().to_string();
    let mut text = String::new();

    producer.snapshot(None, place("a", 1)).await;
    producer.fill(0, 1).await;
    let status = HaltStatus {
        state: HaltState::Active,
        scopes: Vec::new(),
        halt_epoch: 1,
        by: None,
        at: None,
        reason: None,
    };
    let (head, bytes) = Producer::message(
        &StreamName::KillSwitch,
        &place("a", 1),
        MessageKind::Snapshot,
        &halt_body(&status),
    );
    producer.append(None, head, bytes).await;
    let console = Console::start(&redis.url());
    let is_counted = |snapshot: &Snapshot, num: u64| {
        let feed = &snapshot.feed;
        let known = feed.num_applied + feed.num_duplicates + feed.num_dropped + feed.num_unreadable;
        feed.num_unreadable == num && feed.num_received == known
    };

    let picture = console
        .until("the beginning", |snapshot| {
            positions_at("a", 1)(snapshot)
                && orders_at(1)(snapshot)
                && snapshot.halt.seal.state.is_verified()
        })
        .await;
    text += &dump("the beginning", &picture);

    // More than any queue holds; in the end the snapshot that a publisher sends every ten seconds.
    for step in 0..BURST {
        let cents = 11_000 + i64::try_from(step).unwrap();
        let index = usize::try_from(step % 2).unwrap();
        producer
            .delta(index, cents, step + 1, place("a", step + 2))
            .await;
    }
    producer
        .snapshot(Some(place("a", BURST + 1)), place("a", BURST + 2))
        .await;
    let picture = console
        .until("the burst", positions_at("a", BURST + 2))
        .await;
    text += &dump("burst of 5,000", &picture);
    let last = BURST + 2;

    // Nobody says anything: what proves the picture is the hub's word alone.
    let proven = picture.positions.confirmed_at;
    let picture = console
        .until("a proof in the silence", |snapshot| {
            positions_at("a", last)(snapshot) && snapshot.positions.confirmed_at > proven
        })
        .await;
    text += &dump("silence", &picture);

    // Two numbers are nowhere, neither on the channel nor in the log.
    producer.delta(0, 12_000, last, place("a", last + 3)).await;
    let picture = console
        .until("the hole", |snapshot| {
            matches!(snapshot.positions.seal.state, SealState::Resyncing { .. })
        })
        .await;
    text += &dump("gap in positions, shown", &picture);
    producer
        .snapshot(Some(place("a", last + 3)), place("a", last + 4))
        .await;
    let picture = console
        .until("the hole closed", positions_at("a", last + 4))
        .await;
    text += &dump("gap in positions, closed by the next picture", &picture);
    let last = last + 4;
    producer.fill(1, 4).await;
    let picture = console.until("the orders again", orders_at(4)).await;
    text += &dump("gap in orders, said for good", &picture);

    // The same bytes twice, and then once more behind their successor.
    let (head, bytes) = producer.delta_bytes(1, 13_000, &place("a", last + 1));
    producer
        .append(Some(place("a", last)), head, bytes.clone())
        .await;
    producer.raw(&channel, bytes.clone()).await;
    producer
        .delta(1, 13_100, last + 1, place("a", last + 2))
        .await;
    producer.raw(&channel, bytes).await;
    producer
        .delta(0, 13_200, last + 2, place("a", last + 3))
        .await;
    let picture = console
        .until("behind the duplicates", positions_at("a", last + 3))
        .await;
    text += &dump("duplicate", &picture);
    let last = last + 3;

    // The second of two comes first.
    let (first, first_bytes) = producer.delta_bytes(0, 14_000, &place("a", last + 1));
    let (second, second_bytes) = producer.delta_bytes(0, 14_100, &place("a", last + 2));
    producer.raw(&channel, second_bytes.clone()).await;
    producer
        .append(Some(place("a", last)), first, first_bytes)
        .await;
    producer
        .append(Some(place("a", last + 1)), second, second_bytes)
        .await;
    let picture = console
        .until("both in order", positions_at("a", last + 2))
        .await;
    text += &dump("reorder", &picture);
    let last = last + 2;

    // Another run of numbers: the publisher started anew.
    producer.rows[0] = position(0, 15_000);
    producer
        .snapshot(Some(place("a", last)), place("b", 1))
        .await;
    let picture = console.until("the new run", positions_at("b", 1)).await;
    text += &dump("epoch change", &picture);

    // A producer that does not number, and the numbers again.
    producer
        .raw(
            &channel,
            r#"{"total_unrealized_pl":1.5,"total_positions":1,"realized_pl_today":0,"positions":[{"symbol":"AAPL","qty":2,"avg_entry_price":100,"current_price":100.75,"unrealized_pl":1.5,"market_value":201.5}]}"#,
        )
        .await;
    let picture = console
        .until("the foreign word", |snapshot| {
            matches!(snapshot.positions.seal.state, SealState::Unverified { .. })
        })
        .await;
    text += &dump("foreign producer without numbers", &picture);
    producer.snapshot(Some(place("b", 1)), place("b", 2)).await;
    let picture = console
        .until("the numbers again", positions_at("b", 2))
        .await;
    text += &dump("numbers again", &picture);

    let oversized = format!(
        r#"{{"positions":[],"padding":"{}"}}"#,
        "x".repeat(10_000_000)
    );
    producer.raw(&channel, oversized).await;
    let picture = console.until("10 MB counted", |s| is_counted(s, 1)).await;
    text += &dump("10 MB message", &picture);

    for wrong in [
        r#"{"positions":"many"}"#,
        r#"{"positions":7}"#,
        "[]",
        "7",
        "\"text\"",
    ] {
        producer.raw(&channel, wrong).await;
    }
    let picture = console
        .until("wrong types counted", |s| is_counted(s, 6))
        .await;
    text += &dump("wrong JSON types", &picture);

    // One figure of one row is of a wrong type, in a message of the right number.
    let (head, bytes) = producer.delta_bytes(1, 16_000, &place("b", 3));
    let odd = String::from_utf8(bytes)
        .unwrap()
        .replace(r#""qty":"10""#, r#""qty":[10]"#);
    producer
        .append(Some(place("b", 2)), head, odd.into_bytes())
        .await;
    let picture = console.until("the odd row", positions_at("b", 3)).await;
    text += &dump("wrong type in a row", &picture);
    producer.delta(1, 16_100, 3, place("b", 4)).await;
    let picture = console.until("the row again", positions_at("b", 4)).await;
    text += &dump("the row can be read again", &picture);

    // A stream that nobody knows: on a channel of its own nobody hears it, on ours it is no message of ours.
    let body = positions_snapshot_body(&totals(&[]), &[]);
    let (_, bytes) = Producer::message(&positions(), &place("c", 1), MessageKind::Snapshot, &body);
    let gossip = String::from_utf8(bytes)
        .unwrap()
        .replace("positions:", "gossip:");
    producer.raw("gossip:alice", gossip.clone()).await;
    producer.raw(&channel, gossip).await;
    let picture = console
        .until("the gossip counted", |s| is_counted(s, 7))
        .await;
    text += &dump("unknown stream", &picture);
    console.assert_queues_add_up();

    insta::assert_snapshot!("scripted_bus", text);
}
