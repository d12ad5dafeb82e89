//! Table tests of the client: every row of the contract's table, and laws over random schedules.
//!
//! The rows come as scripts (`script`); the store and the lanes are not here.

mod property_tests;
mod script;

use qd_types::{Seq, StreamClass, UtcMicros};

use self::script::{check, play, state_text};
use super::{ClientState, StreamClient};
use StreamClass::{Event, State};

#[test]
fn empty_state_stream_takes_a_snapshot() {
    check(
        State,
        "up",
        "snapshot a 5 -> Apply, Verified a5
         delta a 6 -> Apply, Verified a6",
    );
    // A higher number was seen: the snapshot alone does not verify.
    check(
        State,
        "up",
        "delta a 7 -> SetAside, Empty
         snapshot a 5 -> Apply, Hole a5 NotProven
         delta a 6 -> Apply, Hole a6 NotProven
         delta a 7 -> Apply, Verified a7",
    );
    // Nothing comes: the producer may not number, REST knows.
    check(
        State,
        "up",
        "wait 3000 -> ask REST after 2000 ms, Empty
         rest a 4 -> Apply, resync a4, Hole a4 NotProven
         beat a 4 -> Verified a4",
    );
    check(
        State,
        "up",
        "refetch a 5 -> SetAside, ask REST, Refetch RefetchAsked",
    );
}

#[test]
fn empty_event_stream_starts_from_rest_and_resyncs_from_there() {
    check(
        Event,
        "",
        "up -> ask REST, Empty
         event a 9 -> SetAside, Empty
         rest a 8 -> Apply, resync a8, Hole a8 NotProven
         beat a 8 -> Hole a8 NotProven
         event a 9 -> Apply, Verified a9",
    );
    check(
        Event,
        "up
         rest a 0",
        "beat a 0 -> Verified a0
         event a 1 -> Apply, Verified a1",
    );
    // Failed: again after a second. Never answered: again after 15 s.
    check(
        Event,
        "up",
        "rest_failed -> Empty
         wait 1500 -> ask REST after 1000 ms, Empty
         wait 20000 -> ask REST after 14500 ms, Empty",
    );
}

#[test]
fn verified_goes_on_contiguously_and_counts_duplicates() {
    check(
        Event,
        "up
         rest a 3
         beat a 3",
        "event a 4 -> Apply, Verified a4
         event a 4 -> Duplicate, Verified a4
         event a 1 -> Duplicate, Verified a4
         event a 5 -> Apply, Verified a5
         rest a 9 -> Duplicate, Verified a5",
    );
    check(
        State,
        "up
         snapshot a 3",
        "snapshot a 9 -> Apply, Verified a9
         snapshot a 9 -> Duplicate, Verified a9
         delta a 2 -> Duplicate, Verified a9
         refetch a 4 -> Duplicate, Verified a9
         crooked a 10 -> SetAside, resync a9, Hole a9 NumberJumped",
    );
}

#[test]
fn verified_falls_into_a_hole_and_asks_at_once() {
    for (line, reason) in [
        ("delta a 8 -> SetAside", "NumberJumped"),
        ("refetch a 6 -> SetAside", "RefetchAsked"),
        ("snapshot b 1 -> SetAside", "OtherEpoch"),
        ("delta b 1 -> SetAside", "OtherEpoch"),
    ] {
        check(
            State,
            "up
             snapshot a 5",
            &format!("{line}, resync a5, Hole a5 {reason}"),
        );
    }
    for (line, reason) in [
        ("gone a 5", "Gone"),
        ("drop a 6", "QueueDropped"),
        ("drop b 1", "QueueDropped"),
        ("garbled a 6", "Unreadable"),
    ] {
        check(
            State,
            "up
             snapshot a 5",
            &format!("{line} -> resync a5, Hole a5 {reason}"),
        );
    }
    // What was applied already may be dropped.
    check(
        State,
        "up
         snapshot a 5",
        "drop a 5 -> Verified a5
         garbled a 4 -> Verified a5",
    );
}

#[test]
fn a_beat_ahead_is_a_hole_after_two_seconds_of_nothing() {
    check(
        State,
        "up
         snapshot a 5",
        "beat a 6 -> Verified a5
         wait 1999 -> Verified a5
         wait 1 -> resync a5 after 1 ms, Hole a5 BeatAhead",
    );
    // Another epoch counts as higher.
    check(
        State,
        "up
         snapshot a 5",
        "beat b 1 -> Verified a5
         wait 2000 -> resync a5 after 2000 ms, Hole a5 BeatAhead",
    );
    // Something came: the grace starts anew; it came far enough: no hole.
    check(
        State,
        "up
         snapshot a 5",
        "beat a 7 -> Verified a5
         wait 1500 -> Verified a5
         delta a 6 -> Apply, Verified a6
         wait 1500 -> Verified a6
         delta a 7 -> Apply, Verified a7
         wait 5000 -> Verified a7",
    );
}

#[test]
fn a_closed_socket_or_silence_is_a_hole_until_the_resumed_lane_proves_otherwise() {
    for (line, reason) in [("down", "Disconnected"), ("silent", "Silent")] {
        check(
            State,
            "up
             snapshot a 5",
            &format!(
                "{line} -> Hole a5 {reason}
                 wait 60000 -> Hole a5 {reason}
                 up -> Hole a5 {reason}
                 beat a 5 -> Verified a5"
            ),
        );
    }
    // The stream alone is silent while the socket lives.
    check(
        State,
        "up
         snapshot a 5",
        "wait 12000 -> resync a5 after 12000 ms, Hole a5 Silent",
    );
    check(
        State,
        "up
         snapshot a 5",
        "wait 11000 -> Verified a5
         beat a 5 -> Verified a5
         wait 11000 -> Verified a5",
    );
}

#[test]
fn a_hole_closes_by_contiguous_messages_up_to_the_highest_number_seen() {
    check(
        Event,
        "up
         rest a 5
         beat a 5",
        "event a 8 -> SetAside, resync a5, Hole a5 NumberJumped
         event a 6 -> Apply, Hole a6 NumberJumped
         event a 6 -> Duplicate, Hole a6 NumberJumped
         event a 7 -> Apply, Hole a7 NumberJumped
         event a 9 -> SetAside, Hole a7 NumberJumped
         event a 8 -> Apply, Hole a8 NumberJumped
         beat a 8 -> Hole a8 NumberJumped
         event a 9 -> Apply, Verified a9",
    );
}

/// An answer comes in pages. Between two of them the client is level with every number it has seen, and old.
#[test]
fn an_answer_proves_nothing_before_the_beat_that_ends_it() {
    // Resumed in the hello: the log went on while the socket was gone.
    check(
        Event,
        "up
         rest a 5
         beat a 5
         down",
        "up -> Hole a5 Disconnected
         event a 6 -> Apply, Hole a6 Disconnected
         event a 7 -> Apply, Hole a7 Disconnected
         beat a 7 -> Verified a7",
    );
    // Asked with a resync.
    check(
        State,
        "up
         snapshot a 5
         delta a 7",
        "snapshot a 7 -> Apply, Hole a7 NumberJumped
         delta a 8 -> Apply, Hole a8 NumberJumped
         beat a 8 -> Verified a8",
    );
    // The end itself was lost: what comes every 5 s does as well, and the question is asked again before that.
    check(
        State,
        "up
         snapshot a 5
         delta a 7
         snapshot a 7",
        "wait 2000 -> resync a7 after 2000 ms, Hole a7 NumberJumped
         beat a 7 -> Verified a7",
    );
}

#[test]
fn a_hole_takes_newer_snapshots_and_ignores_older_ones() {
    let setup = "up
         snapshot a 5
         delta a 9";
    check(
        State,
        setup,
        "snapshot a 4 -> Duplicate, Hole a5 NumberJumped
         snapshot a 5 -> Apply, Hole a5 NumberJumped
         snapshot a 8 -> Apply, Hole a8 NumberJumped
         snapshot a 9 -> Apply, Hole a9 NumberJumped
         beat a 9 -> Verified a9",
    );
    check(
        State,
        setup,
        "delta b 2 -> SetAside, Hole a5 NumberJumped
         snapshot b 1 -> Apply, Hole b1 NumberJumped
         delta b 2 -> Apply, Hole b2 NumberJumped
         beat b 2 -> Verified b2
         delta b 3 -> Apply, Verified b3",
    );
}

#[test]
fn a_beat_seals_a_hole_only_when_nothing_higher_was_seen() {
    check(
        State,
        "up
         snapshot a 5
         drop a 6",
        "beat a 5 -> Hole a5 QueueDropped
         beat a 4 -> Hole a5 QueueDropped
         snapshot a 6 -> Apply, Verified a6
         down -> Hole a6 Disconnected
         up -> Hole a6 Disconnected
         beat b 3 -> Hole a6 Disconnected
         beat a 4 -> Verified a6",
    );
}

#[test]
fn a_hole_without_progress_asks_again_and_then_asks_rest() {
    check(
        State,
        "up
         snapshot a 5
         delta a 7",
        "wait 50000 -> resync a5 after 2000 ms, resync a5 after 6000 ms, resync a5 after 14000 ms, \
         resync a5 after 24000 ms, ask REST after 34000 ms, ask REST after 49000 ms, Refetch NumberJumped",
    );
    // Progress starts the waits anew.
    check(
        State,
        "up
         snapshot a 5
         delta a 8",
        "wait 5000 -> resync a5 after 2000 ms, Hole a5 NumberJumped
         delta a 6 -> Apply, Hole a6 NumberJumped
         wait 3000 -> resync a6 after 2000 ms, Hole a6 NumberJumped",
    );
    // Not connected: nothing is asked, the waits start with the next socket.
    check(
        State,
        "up
         snapshot a 5
         down",
        "wait 60000 -> Hole a5 Disconnected
         up -> Hole a5 Disconnected
         wait 3000 -> resync a5 after 2000 ms, Hole a5 Disconnected",
    );
}

#[test]
fn what_the_log_cannot_give_is_fetched_by_rest() {
    let hole = "up
         rest a 5
         beat a 5
         event a 9";
    for line in ["gone a 5 ->", "event b 1 -> SetAside,", "beat b 1 ->"] {
        let reason = if line.starts_with("gone") {
            "Gone"
        } else {
            "OtherEpoch"
        };
        // The first question is not a second old.
        check(
            Event,
            hole,
            &format!(
                "{line} Refetch {reason}
                 wait 1000 -> ask REST after 1000 ms, Refetch {reason}
                 rest_failed -> Refetch {reason}
                 wait 1000 -> ask REST after 1000 ms, Refetch {reason}
                 event a 6 -> SetAside, Refetch {reason}"
            ),
        );
    }
    check(
        State,
        "up
         snapshot a 5
         refetch a 6",
        "refetch a 6 -> SetAside, ask REST, Refetch RefetchAsked
         delta a 7 -> SetAside, Refetch RefetchAsked
         rest a 7 -> Apply, resync a7, Hole a7 RefetchAsked
         refetch a 6 -> Duplicate, Hole a7 RefetchAsked
         beat a 7 -> Verified a7",
    );
    // A snapshot that fits the bus again is as good.
    check(
        State,
        "up
         snapshot a 5
         refetch a 6
         refetch a 6",
        "snapshot a 4 -> SetAside, Refetch RefetchAsked
         snapshot a 8 -> Apply, Hole a8 RefetchAsked
         beat a 8 -> Verified a8
         rest a 7 -> Duplicate, Verified a8",
    );
    // What cannot be read comes back unreadable: asking the log twice would be asking for ever.
    check(
        State,
        "up
         snapshot a 5",
        "garbled a 6 -> resync a5, Hole a5 Unreadable
         garbled a 6 -> ask REST, Refetch Unreadable",
    );
}

#[test]
fn what_rest_jumped_over_stays_shown_as_missing() {
    let mut client = StreamClient::new(Event);
    let mut now = UtcMicros::from_millis(1_000_000);
    let mut after = |line: &str| {
        play(&mut client, &mut now, line);
        let texts: Vec<String> = client
            .missing()
            .iter()
            .map(|range| {
                format!(
                    "{}{}-{:?}",
                    range.epoch,
                    range.from,
                    range.to.map(|to| to.0)
                )
            })
            .collect();
        (
            texts.join(" "),
            state_text(&client),
            client.missing().to_vec(),
        )
    };
    for line in ["up", "rest a 5", "beat a 5", "event a 9", "gone a 5"] {
        assert_eq!(after(line).0, "", "after {line}");
    }
    assert_eq!(after("rest a 8").0, "a6-Some(8)");
    assert_eq!(after("event a 9").0, "a6-Some(8)");
    assert_eq!(after("event b 3").0, "a6-Some(8)");
    assert_eq!(after("gone a 9").0, "a6-Some(8)");
    assert_eq!(after("rest b 3").0, "a6-Some(8) a10-None");
    // Nothing jumped, nothing missing; an older answer than what is applied changes nothing.
    assert_eq!(after("gone b 3").0, "a6-Some(8) a10-None");
    let (missing, state, _) = after("rest b 2");
    assert_eq!(missing, "a6-Some(8) a10-None");
    assert_eq!(state, "Hole b3 Gone");
    for i in 0..40_u64 {
        after(&format!("gone b {}", 3 + i));
        after(&format!("rest b {}", 4 + i));
    }
    let (_, _, missing) = after("up");
    assert_eq!(missing.len(), 16, "bounded");
    assert_eq!(missing[0].from, Seq(6), "and nothing leaves it");
    assert_eq!(missing[0].to, None);
}

#[test]
fn an_unnumbered_message_makes_it_unverified_until_numbers_come_back() {
    check(
        State,
        "up
         snapshot a 5",
        "plain -> Apply, Unverified
         delta a 6 -> SetAside, Unverified
         wait 25000 -> ask REST after 10000 ms, ask REST after 25000 ms, Unverified
         rest a 7 -> Apply, Unverified
         wait 10000 -> ask REST after 10000 ms, Unverified
         rest_failed -> Unverified
         wait 10000 -> ask REST after 10000 ms, Unverified
         rest - -> Apply, Unverified
         snapshot a 6 -> Apply, Hole a6 NotProven
         delta a 7 -> Apply, Verified a7",
    );
    check(
        Event,
        "up
         rest a 5
         beat a 5",
        "plain -> Apply, Unverified
         wait 10000 -> ask REST after 10000 ms, Unverified
         rest a 6 -> Apply, resync a6, Hole a6 NotProven
         beat a 6 -> Verified a6",
    );
    check(
        Event,
        "up
         rest -",
        "beat a 5 -> Unverified
         event a 6 -> SetAside, Unverified
         wait 1000 -> ask REST after 1000 ms, Unverified
         down -> Unverified
         up -> ask REST, Unverified",
    );
}

#[test]
fn nothing_is_sealed_while_the_socket_is_gone() {
    check(
        State,
        "up
         snapshot a 3
         down",
        // What the old socket had left in the queue is applied, and proves nothing of now.
        "delta a 4 -> Apply, Hole a4 Disconnected
         snapshot a 6 -> Apply, Hole a6 Disconnected
         beat a 6 -> Hole a6 Disconnected
         up -> Hole a6 Disconnected
         beat a 6 -> Verified a6",
    );
}

#[test]
fn a_clock_that_is_set_back_keeps_no_deadline_waiting() {
    let mut client = StreamClient::new(State);
    let mut now = UtcMicros::from_millis(10_000_000);
    for line in ["up", "snapshot a 3", "delta a 5"] {
        play(&mut client, &mut now, line);
    }
    assert_eq!(client.next_deadline(), Some(now.plus_millis(2_000)));
    now = UtcMicros::from_millis(1_000_000);
    client.clock_set_back(now);
    assert_eq!(client.next_deadline(), Some(now.plus_millis(2_000)));
    play(&mut client, &mut now, "snapshot a 5");
    play(&mut client, &mut now, "beat a 5");
    assert_eq!(
        client.next_deadline(),
        Some(now.plus_millis(12_000)),
        "silence"
    );
}
