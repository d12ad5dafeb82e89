//! How a lane opens, resumes and asks the log; schedules of everything at once are in `property_tests`.

use qd_bus::{LogEntry, LogPage};
use qd_types::{Epoch, MessageKind, Seq, UserId};
use qd_wire::head::Head;

use super::*;

pub(super) fn positions() -> StreamName {
    StreamName::Positions(UserId::new("alice").unwrap())
}

pub(super) fn orders() -> StreamName {
    StreamName::Orders(UserId::new("alice").unwrap())
}

pub(super) fn pos(epoch: &str, seq: u64) -> StreamPos {
    StreamPos {
        epoch: Epoch::new(epoch).unwrap(),
        seq: Seq(seq),
    }
}

pub(super) fn head(stream: &StreamName, epoch: &str, seq: u64, kind: MessageKind) -> Head {
    Head {
        stream: stream.clone(),
        epoch: Epoch::new(epoch).unwrap(),
        seq: Seq(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
        made_at: UtcMicros(0),
        published_at: UtcMicros(0),
    }
}

pub(super) fn entry(
    stream: &StreamName,
    epoch: &str,
    seq: u64,
    kind: MessageKind,
    len: usize,
) -> LogEntry {
    let mut bytes = format!("{epoch}:{seq}").into_bytes();
    bytes.resize(len.max(bytes.len()), b' ');
    LogEntry {
        head: head(stream, epoch, seq, kind),
        bytes: bytes.into(),
    }
}

pub(super) fn routed(entry: &LogEntry, at: UtcMicros) -> Routed {
    Routed {
        stream: entry.head.stream.clone(),
        head: Some(entry.head.clone()),
        bytes: entry.bytes.clone(),
        routed_at: at,
    }
}

pub(super) fn loose(stream: &StreamName, text: &'static str) -> Routed {
    Routed {
        stream: stream.clone(),
        head: None,
        bytes: text.into(),
        routed_at: UtcMicros(0),
    }
}

pub(super) fn page(head: StreamPos, entries: Vec<LogEntry>) -> LogPage {
    LogPage {
        head: Some(head),
        base: entries.first().map_or(Seq(0), |entry| entry.head.seq),
        entries,
        more: false,
    }
}

pub(super) const T0: UtcMicros = UtcMicros(1_000_000_000);

pub(super) fn millis(millis: i64) -> UtcMicros {
    T0.plus_millis(millis)
}

pub(super) fn read(lane: &mut Lane, now: UtcMicros) -> LogRead {
    match lane.poll(now) {
        LaneStep::Read(read) => read,
        other => panic!("wanted a read, got {other:?}"),
    }
}

pub(super) fn sent(lane: &mut Lane, now: UtcMicros) -> LaneFrame {
    match lane.poll(now) {
        LaneStep::Send(frame) => frame,
        other => panic!("wanted a frame, got {other:?}"),
    }
}

pub(super) fn waits(lane: &mut Lane, now: UtcMicros) -> Option<UtcMicros> {
    match lane.poll(now) {
        LaneStep::Wait(until) => until,
        other => panic!("wanted to wait, got {other:?}"),
    }
}

/// A lane that has answered and stands at `at`.
pub(super) fn live(stream: &StreamName, at: StreamPos) -> Lane {
    let mut lane = Lane::new(stream.clone());
    lane.open(Some(at.clone()));
    let wanted = read(&mut lane, T0);
    lane.on_page(wanted.read_id, page(at, Vec::new()), T0);
    assert!(matches!(sent(&mut lane, T0), LaneFrame::Beat { .. }));
    assert!(lane.is_live());
    lane
}

pub(super) fn seqs(frame: &LaneFrame) -> Vec<u64> {
    let texts: Vec<&Bytes> = match frame {
        LaneFrame::Snapshot { bytes, .. } | LaneFrame::Unnumbered { bytes, .. } => vec![bytes],
        LaneFrame::Batch { msgs, .. } => msgs.iter().collect(),
        LaneFrame::Gone { .. } | LaneFrame::Beat { .. } => Vec::new(),
    };
    texts
        .into_iter()
        .map(|text| {
            let text = std::str::from_utf8(text).unwrap().trim();
            text.split_once(':').unwrap().1.parse().unwrap()
        })
        .collect()
}

#[test]
fn opens_a_state_stream_with_the_logs_snapshot_then_deltas_then_a_beat() {
    let stream = positions();
    let mut lane = Lane::new(stream.clone());
    assert_eq!(lane.poll(T0), LaneStep::Wait(None));
    assert_eq!(lane.on_beat_due(Some(&pos("e", 7))), None);
    lane.open(None);
    let wanted = read(&mut lane, T0);
    assert_eq!(wanted.after, None);
    assert_eq!(
        lane.poll(T0),
        LaneStep::Wait(None),
        "one question at a time"
    );
    assert_eq!(
        lane.on_beat_due(Some(&pos("e", 7))),
        None,
        "no beat before the first answer"
    );
    let entries = vec![
        entry(&stream, "e", 5, MessageKind::Snapshot, 10),
        entry(&stream, "e", 6, MessageKind::Delta, 10),
        entry(&stream, "e", 7, MessageKind::Delta, 10),
    ];
    lane.on_page(wanted.read_id, page(pos("e", 7), entries), T0);
    let first = sent(&mut lane, T0);
    assert!(
        matches!(&first, LaneFrame::Snapshot { skipped: None, .. }),
        "{first:?}"
    );
    assert_eq!(seqs(&sent(&mut lane, T0)), [6, 7]);
    assert_eq!(
        sent(&mut lane, T0),
        LaneFrame::Beat {
            stream,
            pos: pos("e", 7),
            at: T0
        }
    );
    assert_eq!(waits(&mut lane, T0), None);
    assert_eq!(lane.on_beat_due(Some(&pos("e", 7))), Some(pos("e", 7)));
    assert!(lane.counters().balances());
}

#[test]
fn opens_an_event_stream_at_the_present_number() {
    let stream = orders();
    let mut lane = Lane::new(stream.clone());
    lane.open(None);
    let wanted = read(&mut lane, T0);
    assert_eq!((wanted.max_messages, wanted.after), (1, None));
    let entries = vec![entry(&stream, "e", 1, MessageKind::Event, 10)];
    lane.on_page(
        wanted.read_id,
        LogPage {
            more: true,
            ..page(pos("e", 41), entries)
        },
        T0,
    );
    assert_eq!(
        sent(&mut lane, T0),
        LaneFrame::Beat {
            stream: stream.clone(),
            pos: pos("e", 41),
            at: T0
        }
    );
    lane.on_routed(&routed(
        &entry(&stream, "e", 42, MessageKind::Event, 10),
        T0,
    ));
    assert_eq!(seqs(&sent(&mut lane, T0)), [42]);
}

#[test]
fn resumes_behind_the_number_when_the_log_still_has_what_follows() {
    for (stream, kind) in [
        (positions(), MessageKind::Delta),
        (orders(), MessageKind::Event),
    ] {
        let mut lane = Lane::new(stream.clone());
        lane.open(Some(pos("e", 6)));
        let wanted = read(&mut lane, T0);
        assert_eq!(wanted.after, Some(pos("e", 6)));
        let entries = vec![
            entry(&stream, "e", 7, kind, 10),
            entry(&stream, "e", 8, kind, 10),
        ];
        lane.on_page(wanted.read_id, page(pos("e", 8), entries), T0);
        assert_eq!(seqs(&sent(&mut lane, T0)), [7, 8]);
        assert!(matches!(sent(&mut lane, T0), LaneFrame::Beat { pos, .. } if pos.seq == Seq(8)));
    }
}

#[test]
fn a_state_stream_that_went_on_says_how_much_was_skipped() {
    let stream = positions();
    let mut lane = Lane::new(stream.clone());
    lane.open(Some(pos("e", 6)));
    let wanted = read(&mut lane, T0);
    let entries = vec![entry(&stream, "e", 20, MessageKind::Snapshot, 10)];
    lane.on_page(wanted.read_id, page(pos("e", 20), entries), T0);
    assert_eq!(sent(&mut lane, T0).skipped(), Some(13));
    assert_eq!(lane.counters().told_skipped, 13);
}

#[test]
fn an_event_stream_that_lost_what_follows_says_gone_and_goes_on_at_the_present() {
    let stream = orders();
    for (entries, gone) in [
        (
            vec![
                entry(&stream, "e", 9, MessageKind::Event, 10),
                entry(&stream, "e", 10, MessageKind::Event, 10),
            ],
            pos("e", 8),
        ),
        (Vec::new(), pos("e", 10)),
    ] {
        let mut lane = Lane::new(stream.clone());
        lane.open(Some(pos("e", 6)));
        let wanted = read(&mut lane, T0);
        lane.on_page(wanted.read_id, page(pos("e", 10), entries), T0);
        assert_eq!(
            sent(&mut lane, T0),
            LaneFrame::Gone {
                stream: stream.clone(),
                pos: gone
            }
        );
        assert!(matches!(sent(&mut lane, T0), LaneFrame::Beat { pos, .. } if pos.seq == Seq(10)));
        lane.on_routed(&routed(
            &entry(&stream, "e", 11, MessageKind::Event, 10),
            T0,
        ));
        assert_eq!(seqs(&sent(&mut lane, T0)), [11]);
        assert!(lane.counters().balances());
    }
}

#[test]
fn another_epoch_is_a_snapshot_for_state_and_gone_for_events() {
    let stream = positions();
    let mut lane = live(&stream, pos("old", 6));
    lane.on_routed(&routed(
        &entry(&stream, "new", 1, MessageKind::Snapshot, 10),
        T0,
    ));
    assert!(
        !lane.is_live(),
        "which of two epochs is newer only the store can say"
    );
    let wanted = read(&mut lane, T0);
    let entries = vec![entry(&stream, "new", 1, MessageKind::Snapshot, 10)];
    lane.on_page(wanted.read_id, page(pos("new", 1), entries), T0);
    assert!(matches!(
        sent(&mut lane, T0),
        LaneFrame::Snapshot { skipped: None, .. }
    ));
    assert!(matches!(sent(&mut lane, T0), LaneFrame::Beat { .. }));

    let stream = orders();
    let mut lane = live(&stream, pos("old", 6));
    lane.on_routed(&routed(
        &entry(&stream, "new", 1, MessageKind::Event, 10),
        T0,
    ));
    let wanted = read(&mut lane, T0);
    let entries = vec![entry(&stream, "new", 1, MessageKind::Event, 10)];
    lane.on_page(wanted.read_id, page(pos("new", 1), entries), T0);
    assert_eq!(
        sent(&mut lane, T0),
        LaneFrame::Gone {
            stream,
            pos: pos("new", 0)
        }
    );
}

#[test]
fn a_straggler_of_the_old_epoch_costs_one_look_into_the_log_and_nothing_else() {
    let stream = positions();
    let mut lane = live(&stream, pos("new", 3));
    lane.on_routed(&routed(
        &entry(&stream, "old", 9, MessageKind::Snapshot, 10),
        T0,
    ));
    let wanted = read(&mut lane, T0);
    lane.on_page(wanted.read_id, page(pos("new", 3), Vec::new()), T0);
    assert!(
        matches!(sent(&mut lane, T0), LaneFrame::Beat { pos, .. } if pos == super::tests::pos("new", 3))
    );
    assert!(lane.is_live());
}

#[test]
fn what_is_routed_while_the_log_is_read_is_read_from_the_log() {
    let stream = positions();
    let mut lane = Lane::new(stream.clone());
    lane.open(Some(pos("e", 6)));
    let wanted = read(&mut lane, T0);
    // Seven is in the page, eight came too late for it.
    for seq in [7, 8] {
        lane.on_routed(&routed(
            &entry(&stream, "e", seq, MessageKind::Delta, 10),
            T0,
        ));
    }
    let entries = vec![entry(&stream, "e", 7, MessageKind::Delta, 10)];
    lane.on_page(wanted.read_id, page(pos("e", 7), entries), T0);
    assert_eq!(seqs(&sent(&mut lane, T0)), [7]);
    let wanted = read(&mut lane, T0);
    assert_eq!(wanted.after, Some(pos("e", 7)));
    let entries = vec![entry(&stream, "e", 8, MessageKind::Delta, 10)];
    lane.on_page(wanted.read_id, page(pos("e", 8), entries), T0);
    assert_eq!(seqs(&sent(&mut lane, T0)), [8]);
    assert!(matches!(sent(&mut lane, T0), LaneFrame::Beat { pos, .. } if pos.seq == Seq(8)));
    assert!(lane.counters().balances());
}

#[test]
fn a_page_that_reaches_back_is_passed_over_as_far_as_it_is_known() {
    let stream = orders();
    let mut lane = Lane::new(stream.clone());
    lane.open(Some(pos("e", 6)));
    let wanted = read(&mut lane, T0);
    let entries = (5..=8)
        .map(|seq| entry(&stream, "e", seq, MessageKind::Event, 10))
        .collect();
    lane.on_page(wanted.read_id, page(pos("e", 8), entries), T0);
    assert_eq!(seqs(&sent(&mut lane, T0)), [7, 8]);
    assert_eq!(lane.counters().duplicate, 2);
    assert!(lane.counters().balances());
}

#[test]
fn a_flood_of_resyncs_has_one_question_on_its_way() {
    let stream = orders();
    let mut lane = live(&stream, pos("e", 50));
    lane.resync(pos("e", 10));
    let first = read(&mut lane, T0);
    for seq in 11..40 {
        lane.resync(pos("e", seq));
        assert_eq!(lane.poll(T0), LaneStep::Wait(None));
    }
    lane.on_page(
        first.read_id,
        page(
            pos("e", 50),
            vec![entry(&stream, "e", 11, MessageKind::Event, 9)],
        ),
        T0,
    );
    let second = read(&mut lane, T0);
    assert_eq!(second.after, Some(pos("e", 39)), "the last request counts");
    assert!(lane.counters().balances());
}

#[test]
fn a_store_that_has_nothing_gives_no_beat_and_the_next_number_follows() {
    let stream = orders();
    let mut lane = Lane::new(stream.clone());
    lane.open(Some(pos("e", 6)));
    let wanted = read(&mut lane, T0);
    lane.on_page(wanted.read_id, LogPage::default(), T0);
    assert_eq!(waits(&mut lane, T0), None, "6 is the reader's own claim");
    lane.on_routed(&routed(&entry(&stream, "e", 7, MessageKind::Event, 10), T0));
    assert_eq!(seqs(&sent(&mut lane, T0)), [7]);

    let mut lane = Lane::new(stream.clone());
    lane.open(None);
    let wanted = read(&mut lane, T0);
    lane.on_page(wanted.read_id, LogPage::default(), T0);
    assert_eq!(waits(&mut lane, T0), None);
    assert!(lane.is_answered());
    lane.on_routed(&routed(&entry(&stream, "e", 1, MessageKind::Event, 10), T0));
    assert_eq!(seqs(&sent(&mut lane, T0)), [1]);
}

#[test]
fn the_hub_knowing_more_makes_the_lane_read_the_log() {
    let stream = positions();
    let mut lane = live(&stream, pos("e", 6));
    assert_eq!(
        lane.on_beat_due(Some(&pos("e", 5))),
        Some(pos("e", 6)),
        "what was sent is never taken back"
    );
    assert_eq!(lane.on_beat_due(Some(&pos("e", 9))), Some(pos("e", 9)));
    assert_eq!(read(&mut lane, T0).after, Some(pos("e", 6)));
    let mut lane = live(&stream, pos("e", 6));
    assert_eq!(lane.on_beat_due(Some(&pos("f", 1))), None);
    assert!(!lane.is_live());
}
