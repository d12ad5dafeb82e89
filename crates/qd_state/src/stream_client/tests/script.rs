//! Scripts: one happening a line, with the verdict, the ask and the state after it behind the arrow.
//!
//! It plays and compares; what is right the tests say.

use qd_types::{Epoch, MessageKind, Seq, StreamClass, StreamPos, UtcMicros};

use super::super::{Ask, ClientState, HoleReason, StreamClient};
use crate::event::MessageHead;

fn pos(epoch: &str, seq: u64) -> StreamPos {
    StreamPos {
        epoch: Epoch::new(epoch).unwrap(),
        seq: Seq(seq),
    }
}

fn head(kind: MessageKind, pos: &StreamPos) -> MessageHead {
    let base_seq = (kind == MessageKind::Delta).then(|| Seq(pos.seq.0.saturating_sub(1)));
    MessageHead {
        pos: pos.clone(),
        base_seq,
        kind,
    }
}

pub(super) fn state_text(client: &StreamClient) -> String {
    let at = |pos: &StreamPos| format!("{}{}", pos.epoch, pos.seq);
    match client.state() {
        ClientState::Empty => "Empty".to_owned(),
        ClientState::Verified { pos } => format!("Verified {}", at(pos)),
        ClientState::Hole { pos, reason, .. } => format!("Hole {} {reason:?}", at(pos)),
        ClientState::Refetch { reason, .. } => format!("Refetch {reason:?}"),
        ClientState::Unverified { .. } => "Unverified".to_owned(),
    }
}

fn ask_text(ask: Option<Ask>) -> String {
    match ask {
        None => String::new(),
        Some(Ask::Resync(pos)) => format!("resync {}{}, ", pos.epoch, pos.seq),
        Some(Ask::Rest) => "ask REST, ".to_owned(),
    }
}

/// Plays one line; `wait` reports every ask on the way with its time.
pub(super) fn play(client: &mut StreamClient, now: &mut UtcMicros, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let place = || pos(words[1], words[2].parse().unwrap());
    let message = |client: &mut StreamClient, kind, now: UtcMicros| {
        let (verdict, ask) = client.message(Some(&head(kind, &place())), now, now);
        format!("{verdict:?}, {}", ask_text(ask))
    };
    let did = match words[0] {
        "up" => ask_text(client.link_up(*now)),
        "down" => {
            client.link_down(HoleReason::Disconnected, *now);
            String::new()
        }
        "silent" => {
            client.link_down(HoleReason::Silent, *now);
            String::new()
        }
        "snapshot" => message(client, MessageKind::Snapshot, *now),
        "delta" => message(client, MessageKind::Delta, *now),
        "event" => message(client, MessageKind::Event, *now),
        "refetch" => message(client, MessageKind::Refetch, *now),
        "crooked" => {
            let mut head = head(MessageKind::Delta, &place());
            head.base_seq = Some(Seq(1));
            let (verdict, ask) = client.message(Some(&head), *now, *now);
            format!("{verdict:?}, {}", ask_text(ask))
        }
        "plain" => {
            let (verdict, ask) = client.message(None, *now, *now);
            format!("{verdict:?}, {}", ask_text(ask))
        }
        "beat" => ask_text(client.beat(&place(), *now, *now)),
        "gone" => ask_text(client.gone(&place(), *now)),
        "drop" => ask_text(client.queue_dropped(Some(&place()), 1, *now)),
        "garbled" => ask_text(client.unreadable(Some(&place()), *now)),
        "rest" => {
            let place = (words[1] != "-").then(place);
            let (verdict, ask) = client.rest_loaded(place.as_ref(), *now);
            format!("{verdict:?}, {}", ask_text(ask))
        }
        "rest_failed" => {
            client.rest_failed(*now);
            String::new()
        }
        "wait" => {
            let start = *now;
            let until = now.plus_millis(words[1].parse().unwrap());
            let mut asks = String::new();
            while let Some(due) = client.next_deadline().filter(|due| *due <= until) {
                let from = *now;
                *now = due.max(*now);
                let before = client.state().clone();
                let ask = client.tick(*now);
                assert!(
                    ask.is_some() || before != *client.state() || from < *now,
                    "a deadline that changes nothing comes back for ever"
                );
                if ask.is_some() {
                    let elapsed = now.millis_since(start);
                    let ask = ask_text(ask).replace(", ", " ");
                    asks.push_str(&ask);
                    asks.push_str("after ");
                    asks.push_str(&elapsed.to_string());
                    asks.push_str(" ms, ");
                }
            }
            *now = until;
            asks
        }
        other => panic!("no such line: {other}"),
    };
    format!("{line} -> {did}{}", state_text(client))
}

/// Plays a script and gives what happened, a line each.
#[track_caller]
pub(super) fn check(class: StreamClass, script: &str, expected: &str) {
    let mut client = StreamClient::new(class);
    let mut now = UtcMicros::from_millis(1_000_000);
    let lines = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let expected: Vec<&str> = lines.collect();
    let made: Vec<String> = script
        .lines()
        .chain(
            expected
                .iter()
                .map(|line| line.split(" ->").next().unwrap()),
        )
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| play(&mut client, &mut now, line))
        .collect();
    let num_setup = made.len() - expected.len();
    assert_eq!(made[num_setup..].join("\n"), expected.join("\n"));
    let counted = client.counters();
    assert_eq!(
        counted.received,
        counted.applied + counted.duplicates + counted.set_aside + counted.unreadable,
        "every message is counted once"
    );
}
