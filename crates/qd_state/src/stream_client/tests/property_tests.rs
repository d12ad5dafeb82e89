//! Laws of the client under any schedule.
//!
//! What each step should do is the table tests' part.

use proptest::prelude::*;

use super::script::play;
use super::*;

fn lines() -> impl Strategy<Value = Vec<String>> {
    let place = ("[ab]", 0_u64..12);
    let line = prop_oneof![
        4 => ("snapshot|delta|event", place.clone()).prop_map(|(k, (e, s))| format!("{k} {e} {s}")),
        2 => ("beat|gone|drop|garbled|refetch|rest", place).prop_map(|(k, (e, s))| format!("{k} {e} {s}")),
        1 => "up|down|silent|plain|rest_failed|rest -".prop_map(|s| s),
        1 => (0_u64..20_000).prop_map(|ms| format!("wait {ms}")),
    ];
    prop::collection::vec(line, 1..80)
}

proptest! {
    /// Whatever happens: every message is counted once, `Verified` is entered only with n ≥ the highest number
    /// of its epoch ever seen, numbers inside one epoch never go back on an event stream, and nothing is asked
    /// while disconnected.
    #[test]
    fn prop_laws_hold_under_any_schedule(is_event in any::<bool>(), lines in lines()) {
        let class = if is_event { Event } else { State };
        let mut client = StreamClient::new(class);
        let mut now = UtcMicros::from_millis(1_000_000);
        let mut seen = [0_u64; 2];
        let mut applied: Vec<(String, u64)> = Vec::new();
        let mut is_up = false;
        for line in &lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_, epoch, seq] = words[..] {
                let i = usize::from(epoch == "b");
                // A REST answer that nobody waits for is not looked at.
                let counts = words[0] != "rest" || !matches!(
                    client.state(), ClientState::Verified { .. } | ClientState::Hole { .. });
                if counts {
                    seen[i] = seen[i].max(seq.parse().unwrap());
                }
            }
            is_up = match words[0] { "up" => true, "down" | "silent" => false, _ => is_up };
            let was_verified = client.is_verified();
            let did = play(&mut client, &mut now, line);
            if !is_up {
                prop_assert!(!did.contains("resync") && !did.contains("ask REST"), "{did}");
                prop_assert!(!client.is_verified(), "sealed without a socket: {did}");
            }
            if did.contains("Apply") && words[0] == "event" {
                let (epoch, seq) = (words[1].to_owned(), words[2].parse().unwrap());
                if let Some((_, last)) = applied.iter().rev().find(|(e, _)| *e == epoch) {
                    prop_assert!(seq > *last || !is_event, "applied twice: {did}");
                }
                applied.push((epoch, seq));
            }
            if let ClientState::Verified { pos } = client.state()
                && !was_verified
            {
                let to = seen[usize::from(pos.epoch.as_str() == "b")];
                prop_assert!(pos.seq.0 >= to, "{did} while {to} was seen");
            }
            let c = client.counters();
            prop_assert_eq!(c.received, c.applied + c.duplicates + c.set_aside + c.unreadable);
        }
    }
}
