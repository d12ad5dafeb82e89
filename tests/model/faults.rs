//! What each fault does to the world, and the end of all of them.
//!
//! When which happens is `chaos`.

use bytes::Bytes;
use qd_state::HoleReason;
use rand::RngExt as _;

use crate::channel::Producer;
use crate::chaos::Op;
use crate::node::Subscription;
use crate::world::{NUM_NODES, World};

impl World {
    /// One thing happens.
    pub(crate) fn perform(&mut self, op: Op) {
        let millis = self.rng.random_range(100..12_000);
        let until = self.now.plus_millis(millis);
        let node = self.rng.random_range(0..NUM_NODES);
        let channel = self.rng.random_range(0..self.channels.len());
        let (halts, orders, positions) = (0, 1, 2);
        match op {
            Op::ChangeRows => {
                for _ in 0..self.rng.random_range(1..5) {
                    let key = self.rng.random_range(0..8);
                    self.channels[positions].change_row(key);
                }
            }
            Op::Halt => self.channels[halts].change_row(0),
            Op::Events => {
                let num = self.rng.random_range(1..6);
                self.channels[orders].make_events(num, 0, false);
            }
            Op::Burst => {
                // More than the log keeps is a hole that nobody can fill: a fault.
                let (num, pad) = match self.rng.random_range(0..6) {
                    0 if !self.profile.is_faultless => (1_100, 0),
                    1 if !self.profile.is_faultless => (40, 8_000),
                    _ => (150, 0),
                };
                self.channels[orders].make_events(num, pad, false);
            }
            Op::WireDrop | Op::WireDouble | Op::WireReorder => {
                let busy: Vec<(usize, usize)> = (0..NUM_NODES * self.channels.len())
                    .map(|i| (i % NUM_NODES, i / NUM_NODES))
                    .filter(|(n, c)| !self.nodes[*n].channels[*c].wire.is_empty())
                    .collect();
                if busy.is_empty() {
                    return;
                }
                let (node, channel) = busy[self.rng.random_range(0..busy.len())];
                let wire = &mut self.nodes[node].channels[channel].wire;
                let num = wire.len();
                let i = self.rng.random_range(0..num);
                match op {
                    Op::WireDrop => drop(wire.remove(i)),
                    Op::WireDouble => {
                        if let Some(message) = wire.get(i).cloned() {
                            wire.insert(i, message);
                        }
                    }
                    _ => {
                        // The instants stay in order, the messages change places.
                        let j = self.rng.random_range(0..num);
                        let (a, b) = (wire[i].1.clone(), wire[j].1.clone());
                        (wire[i].1, wire[j].1) = (b, a);
                    }
                }
            }
            Op::HubCut => {
                let acknowledged_at = self.now.plus_millis(millis / 4);
                self.nodes[node].cut(Subscription::Down { acknowledged_at });
            }
            Op::Partition => {
                let noticed_at = self.now.plus_millis(self.rng.random_range(500..1_000));
                let factor = if self.rng.random_range(0..2) == 0 {
                    1
                } else {
                    5
                };
                self.nodes[node].cut_until = self.now.plus_millis(millis * factor);
                self.nodes[node].cut(Subscription::Deaf { noticed_at });
            }
            Op::StoreAway => self.store_away_until = until,
            Op::StoreLoss => self.channels.iter_mut().for_each(|c| c.stored.lose()),
            Op::BackUp => self.channels.iter_mut().for_each(|c| c.stored.back_up()),
            Op::SetBack => self.channels.iter_mut().for_each(|c| c.stored.set_back()),
            Op::Restart => self.channels[channel].stop(self.now.plus_millis(millis / 3), false),
            Op::RestartForgetful => {
                self.channels[channel].stop(self.now.plus_millis(millis / 3), true);
            }
            Op::Break => {
                if self.socket.is_some() {
                    self.disconnect(HoleReason::Disconnected);
                }
            }
            Op::HalfOpen => {
                if let Some(socket) = &mut self.socket {
                    socket.is_half_open = true;
                }
            }
            Op::Stall => {
                if let Some(socket) = &mut self.socket {
                    socket.stall_until(self.now.plus_millis(millis * 3 / 2));
                }
            }
            Op::Pause => self.console.paused_until = self.now.plus_millis(millis / 12),
            Op::RestDown => self.rest_down_until = until,
            Op::Foreign => {
                let text: &[u8] = match channel {
                    1 => br#"{"order":"foreign"}"#,
                    _ => br#"{"rows":{"foreign":1}}"#,
                };
                self.deliver(channel, &Bytes::from_static(text));
            }
            Op::Garbage => {
                let text: &[u8] = match millis % 3 {
                    0 => b"{not json",
                    1 => br#"{"v":1,"stream":"positions:bob","epoch":"x","seq":1,"kind":"snapshot","made_at":"2026-01-05T14:30:00Z","published_at":"2026-01-05T14:30:00Z"}"#,
                    _ => b"[]",
                };
                self.deliver(channel, &Bytes::from_static(text));
            }
            Op::Broken => self.channels[orders].make_events(1, 0, true),
            Op::Fat | Op::Wide => {
                if let Producer::State { rows, .. } = &self.channels[positions].producer {
                    let is_on = self.rng.random_range(0..2) == 0;
                    if op == Op::Fat {
                        *rows.is_fat.lock() = is_on;
                    } else {
                        *rows.row_pad.lock() = if is_on { 9_000 } else { 0 };
                    }
                }
            }
        }
    }

    /// From here on everything works; what is broken is noticed by those whom it concerns.
    pub(crate) fn end_faults(&mut self) {
        self.note(|_| "the faults end".to_owned());
        self.is_chaos = false;
        self.store_away_until = self.now;
        self.rest_down_until = self.now;
        self.console.paused_until = self.now;
        for node in &mut self.nodes {
            node.cut_until = self.now;
            if let Subscription::Down { acknowledged_at } = &mut node.subscription {
                // The hub's own wait between attempts.
                *acknowledged_at = (*acknowledged_at).min(self.now.plus_millis(2_000));
            }
        }
        for channel in &mut self.channels {
            if let Some(back_at) = &mut channel.back_at {
                *back_at = (*back_at).min(self.now.plus_millis(500));
            }
            if let Producer::State { rows, .. } = &channel.producer {
                *rows.is_fat.lock() = false;
                *rows.row_pad.lock() = 0;
            }
        }
        if let Some(socket) = &mut self.socket {
            socket.end_stall(self.now);
        }
    }
}
