//! Which numbers were on screen, and when: the last word on "published to painted". It measures; the store shows.
//!
//! A number counts as painted with the first snapshot whose stream has reached it, in the frame after its first present.

use std::collections::{BTreeMap, VecDeque};

use qd_types::{Seq, StreamName, StreamPos, UtcMicros};

use crate::translate::Published;

/// Points kept per stream; a test that wants more reads more often.
const MAX_POINTS: usize = 2000;

/// One number on its way to the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaintedPoint {
    /// The number.
    pub seq: Seq,
    /// When its publisher sent it; publisher's clock.
    pub published_at: UtcMicros,
    /// When it was on screen; this console's clock.
    pub painted_at: UtcMicros,
}

/// What was painted of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaintedStream {
    /// The newest place on screen.
    pub pos: StreamPos,
    /// The last numbers of this epoch that were painted, oldest first.
    pub points: VecDeque<PaintedPoint>,
}

#[derive(Debug)]
struct Waiting {
    published: Published,
    /// The snapshot that first has it; absent until one does.
    version: Option<u64>,
}

/// Keeps the last numbers per stream.
#[derive(Debug, Default)]
pub struct PaintLog {
    waiting: BTreeMap<StreamName, VecDeque<Waiting>>,
    painted: BTreeMap<StreamName, PaintedStream>,
}

impl PaintLog {
    /// What was painted, by stream.
    pub fn painted(&self) -> &BTreeMap<StreamName, PaintedStream> {
        &self.painted
    }

    pub(crate) fn received(&mut self, stream: &StreamName, published: Published) {
        let waiting = match self.waiting.get_mut(stream) {
            Some(waiting) => waiting,
            None => self.waiting.entry(stream.clone()).or_default(),
        };
        if waiting.len() == MAX_POINTS {
            waiting.pop_front();
        }
        waiting.push_back(Waiting {
            published,
            version: None,
        });
    }

    /// Snapshot `version` has each stream up to its place in `reached`.
    pub(crate) fn snapshot_made(&mut self, version: u64, reached: &[(StreamName, StreamPos)]) {
        for (stream, pos) in reached {
            for waiting in self.waiting.get_mut(stream).into_iter().flatten() {
                let own = &waiting.published.pos;
                if waiting.version.is_none() && own.epoch == pos.epoch && own.seq <= pos.seq {
                    waiting.version = Some(version);
                }
            }
        }
    }

    /// Snapshot `version` was on screen at `at`.
    pub(crate) fn was_painted(&mut self, version: u64, at: UtcMicros) {
        for (stream, waiting) in &mut self.waiting {
            // A number set aside behind a hole waits for its snapshot; those behind it need not.
            let mut kept = VecDeque::new();
            for entry in waiting.drain(..) {
                if entry.version.is_none_or(|first| first > version) {
                    kept.push_back(entry);
                    continue;
                }
                let point = PaintedPoint {
                    seq: entry.published.pos.seq,
                    published_at: entry.published.published_at,
                    painted_at: at,
                };
                let painted = self
                    .painted
                    .entry(stream.clone())
                    .or_insert_with(|| PaintedStream {
                        pos: entry.published.pos.clone(),
                        points: VecDeque::new(),
                    });
                if painted.pos.epoch != entry.published.pos.epoch {
                    painted.points.clear();
                    painted.pos = entry.published.pos;
                } else if painted.pos.seq < point.seq {
                    painted.pos.seq = point.seq;
                }
                if painted.points.len() == MAX_POINTS {
                    painted.points.pop_front();
                }
                painted.points.push_back(point);
            }
            *waiting = kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use qd_types::Epoch;

    use super::*;

    fn pos(epoch: &str, seq: u64) -> StreamPos {
        StreamPos {
            epoch: Epoch::new(epoch).unwrap(),
            seq: Seq(seq),
        }
    }

    fn published(epoch: &str, seq: u64) -> Published {
        Published {
            pos: pos(epoch, seq),
            published_at: UtcMicros(i64::try_from(seq).unwrap() * 10),
        }
    }

    #[test]
    fn a_number_is_painted_with_the_first_snapshot_that_has_it_and_not_before() {
        let stream = StreamName::KillSwitch;
        let mut log = PaintLog::default();
        log.received(&stream, published("a", 1));
        log.received(&stream, published("a", 2));
        log.snapshot_made(5, &[(stream.clone(), pos("a", 1))]);
        log.was_painted(4, UtcMicros(900));
        assert!(log.painted().is_empty(), "arrival does not count");
        log.was_painted(5, UtcMicros(1000));
        log.snapshot_made(6, &[(stream.clone(), pos("a", 2))]);
        log.was_painted(7, UtcMicros(1100));
        let painted = log.painted().get(&stream).unwrap();
        assert_eq!(painted.pos, pos("a", 2));
        let times: Vec<(u64, i64)> = painted
            .points
            .iter()
            .map(|point| (point.seq.0, point.painted_at.0))
            .collect();
        assert_eq!(times, [(1, 1000), (2, 1100)]);
    }

    #[test]
    fn a_new_epoch_starts_the_record_again_and_the_record_is_bounded() {
        let stream = StreamName::KillSwitch;
        let mut log = PaintLog::default();
        for seq in 1..=3000 {
            log.received(&stream, published("a", seq));
        }
        log.snapshot_made(1, &[(stream.clone(), pos("a", 3000))]);
        log.was_painted(1, UtcMicros(1));
        assert_eq!(log.painted().get(&stream).unwrap().points.len(), MAX_POINTS);
        log.received(&stream, published("b", 1));
        log.snapshot_made(2, &[(stream.clone(), pos("b", 1))]);
        log.was_painted(2, UtcMicros(2));
        let painted = log.painted().get(&stream).unwrap();
        assert_eq!(
            (painted.pos.clone(), painted.points.len()),
            (pos("b", 1), 1)
        );
    }
}
