//! What a lane does while nobody looks at its console.

use qd_types::MessageKind;

use super::tests::{T0, entry, live, millis, pos, positions, routed, sent, seqs};
use super::*;

// covers: RT-3
#[test]
fn while_nobody_looks_one_frame_a_second_carries_all_that_came_and_the_last_value_too() {
    let stream = positions();
    let mut lane = live(&stream, pos("e", 0));
    lane.set_visible(false);
    let mut frames = Vec::new();
    let poll = |lane: &mut Lane, now, frames: &mut Vec<Vec<u64>>| {
        if let LaneStep::Send(frame) = lane.poll(now) {
            frames.push(seqs(&frame));
        }
    };
    // Ten messages a second for a minute.
    for seq in 1..=600u64 {
        let now = millis(i64::try_from(seq).unwrap() * 100);
        lane.on_routed(&routed(
            &entry(&stream, "e", seq, MessageKind::Delta, 10),
            now,
        ));
        poll(&mut lane, now, &mut frames);
    }
    assert!((59..=61).contains(&frames.len()), "{} frames", frames.len());
    // Somebody looks again: what waits goes at once.
    lane.set_visible(true);
    poll(&mut lane, millis(60_000), &mut frames);
    assert_eq!(
        frames.concat(),
        (1..=600).collect::<Vec<_>>(),
        "every one, in order"
    );
    for seq in 601..=609u64 {
        let now = millis(60_100);
        lane.on_routed(&routed(
            &entry(&stream, "e", seq, MessageKind::Delta, 10),
            now,
        ));
        poll(&mut lane, now, &mut frames);
    }
    assert_eq!(frames.concat().len(), 609, "and ten a second from then on");
    // Halts wait for nobody's eyes.
    let mut lane = live(&StreamName::KillSwitch, pos("e", 0));
    lane.set_visible(false);
    for seq in 1..=5 {
        let halt = entry(&StreamName::KillSwitch, "e", seq, MessageKind::Snapshot, 10);
        lane.on_routed(&routed(&halt, T0));
        assert_eq!(seqs(&sent(&mut lane, T0)), [seq]);
    }
}
