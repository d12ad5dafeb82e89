//! Counting and timing of messages on their last stretch, and the figures of the footer.
//!
//! A message is *painted* when a snapshot that has it was on screen; it is *conflated* when a newer message reached
//! the same snapshot first. Nothing here changes what is shown of the desk.

use std::collections::VecDeque;
use std::sync::Arc;

use qd_types::{UtcMicros, fmt};

use super::Ctx;
use crate::event::ClockOffset;
use crate::snapshot::{FeedView, Hop, HopLatency, LastMessage, PLAUSIBLE_MICROS, Urgency};
use crate::stream_client::ClientCounters;

const MAX_SAMPLES: usize = 512;
const MAX_UNPAINTED: usize = 1024;
const RATE_WINDOW_MICROS: i64 = 1_000_000;

/// The last samples of one figure.
#[derive(Debug, Default)]
struct Samples {
    micros: Vec<i64>,
    next: usize,
}

impl Samples {
    fn add(&mut self, micros: i64) {
        if let Some(place) = self.micros.get_mut(self.next) {
            *place = micros;
        } else {
            self.micros.push(micros);
        }
        self.next = (self.next + 1) % MAX_SAMPLES;
    }

    /// Half and 99 of 100 are below these.
    fn quantiles(&self, scratch: &mut Vec<i64>) -> Option<(i64, i64)> {
        scratch.clone_from(&self.micros);
        scratch.sort_unstable();
        let last = scratch.len().checked_sub(1)?;
        let at = |part: usize| scratch.get(last * part / 100).copied();
        at(50).zip(at(99))
    }
}

#[derive(Clone, Copy, Debug)]
struct Unpainted {
    /// The snapshot that has it; absent until one is made.
    version: u64,
    published_at: Option<UtcMicros>,
    applied_at: UtcMicros,
}

/// The footer's figures.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    hops: [Samples; Hop::ALL.len()],
    frames: Samples,
    /// Applied and in no snapshot yet.
    unpublished: Vec<Unpainted>,
    /// In a snapshot that no frame has shown yet, oldest first.
    unpainted: VecDeque<Unpainted>,
    num_conflated: u64,
    num_pushed: u64,
    num_unexpected: u64,
    num_skipped: u64,
    last_unreadable: Option<Arc<str>>,
    rates: Rates,
    scratch: Vec<i64>,
    view: Arc<FeedView>,
}

#[derive(Debug, Default)]
struct Rates {
    since: Option<UtcMicros>,
    num_pushed: u64,
    num_conflated: u64,
    pushed_per_second: u64,
    conflated_per_second: u64,
}

impl Meters {
    /// A message came.
    pub(crate) fn received(&mut self) {
        self.num_pushed += 1;
    }

    /// A message was applied.
    pub(crate) fn applied(&mut self, message: &LastMessage, ctx: &Ctx) {
        for (hop, micros) in message.hops(ctx.offset_micros) {
            if let Some(micros) = micros {
                self.add(hop, micros);
            }
        }
        let stamps = &message.stamps;
        if self.unpublished.len() < MAX_UNPAINTED {
            self.unpublished.push(Unpainted {
                version: 0,
                published_at: stamps.published_at.map(|at| ctx.to_client_clock(at)),
                applied_at: ctx.now,
            });
        }
    }

    /// How many samples and messages are kept.
    pub(crate) fn num_retained(&self) -> usize {
        let samples: usize = self.hops.iter().map(|hop| hop.micros.len()).sum();
        samples + self.frames.micros.len() + self.unpublished.len() + self.unpainted.len()
    }

    /// A lane said how many states it left out.
    pub(crate) fn skipped(&mut self, num: u64) {
        self.num_skipped += num;
    }

    /// Something came that could not be read, or of a stream that nobody asked for.
    pub(crate) fn unreadable(&mut self, detail: &str, is_counted_by_stream: bool) {
        self.num_unexpected += u64::from(!is_counted_by_stream);
        self.last_unreadable = Some(Arc::from(detail));
    }

    /// A snapshot was made of all that was applied.
    pub(crate) fn published(&mut self, version: u64, urgency: Urgency) {
        self.num_conflated += (self.unpublished.len() as u64).saturating_sub(1);
        if urgency == Urgency::WithTheClock {
            // Shown with the clock's frame because nothing on screen changed: that wait is no latency.
            self.unpublished.clear();
            return;
        }
        for message in self.unpublished.drain(..) {
            self.unpainted.push_back(Unpainted { version, ..message });
        }
        while self.unpainted.len() > MAX_UNPAINTED {
            self.unpainted.pop_front();
        }
    }

    /// A frame showed the snapshot `version`.
    pub(crate) fn painted(&mut self, version: u64, at: UtcMicros, frame_micros: Option<u32>) {
        while let Some(message) = self.unpainted.front().copied() {
            if message.version > version {
                break;
            }
            self.unpainted.pop_front();
            self.add(Hop::AppliedToPainted, at.micros_since(message.applied_at));
            if let Some(published_at) = message.published_at {
                self.add(Hop::PublishedToPainted, at.micros_since(published_at));
            }
        }
        if let Some(micros) = frame_micros {
            self.frames.add(i64::from(micros));
        }
    }

    /// Half the messages took less from the gateway to here.
    pub(crate) fn link_latency(&self) -> Option<i64> {
        self.view
            .hops
            .iter()
            .find(|latency| latency.hop == Hop::RoutedToReceived)
            .map(|latency| latency.p50_micros)
    }

    /// Once a second: the figures anew.
    pub(crate) fn tick(
        &mut self,
        counters: &ClientCounters,
        clock: Option<ClockOffset>,
        now: UtcMicros,
    ) {
        let since = *self.rates.since.get_or_insert_with(|| {
            // What came before the first tick has no known duration.
            self.rates.num_pushed = self.num_pushed;
            self.rates.num_conflated = self.num_conflated;
            now
        });
        let elapsed = now.micros_since(since);
        if elapsed >= RATE_WINDOW_MICROS {
            let per_second = |num: u64| {
                let elapsed = u64::try_from(elapsed).unwrap_or(1).max(1);
                (num * 1_000_000 + elapsed / 2) / elapsed
            };
            self.rates = Rates {
                since: Some(now),
                num_pushed: self.num_pushed,
                num_conflated: self.num_conflated,
                pushed_per_second: per_second(self.num_pushed - self.rates.num_pushed),
                conflated_per_second: per_second(self.num_conflated - self.rates.num_conflated),
            };
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let hops: Arc<[HopLatency]> = Hop::ALL
            .iter()
            .zip(&self.hops)
            .filter_map(|(hop, samples)| {
                let (p50_micros, p99_micros) = samples.quantiles(&mut scratch)?;
                Some(HopLatency {
                    hop: *hop,
                    p50_micros,
                    p99_micros,
                    error_micros: if hop.crosses_clocks() {
                        clock.map(|clock| clock.error_micros)
                    } else {
                        Some(0)
                    },
                    num_samples: samples.micros.len(),
                })
            })
            .collect();
        let frame_p99_micros = self.frames.quantiles(&mut scratch).map(|(_, p99)| p99);
        self.scratch = scratch;
        let total = hops
            .iter()
            .find(|latency| latency.hop == Hop::PublishedToPainted);
        let new = FeedView {
            pushed_per_second: self.rates.pushed_per_second,
            conflated_per_second: self.rates.conflated_per_second,
            num_received: self.num_pushed,
            num_applied: counters.applied,
            num_skipped: self.num_skipped,
            num_dropped: counters.queue_dropped + counters.set_aside,
            num_gaps: counters.gaps,
            num_resyncs: counters.resyncs + counters.refetches,
            num_duplicates: counters.duplicates,
            num_unreadable: counters.unreadable + self.num_unexpected,
            last_unreadable: self.last_unreadable.clone(),
            latency_text: total.map(latency_text).unwrap_or_default(),
            hops,
            frame_p99_micros,
        };
        if new != *self.view {
            self.view = Arc::new(new);
        }
    }

    /// The figures as of the last tick.
    pub(crate) fn view(&self) -> Arc<FeedView> {
        Arc::clone(&self.view)
    }

    fn add(&mut self, hop: Hop, micros: i64) {
        if PLAUSIBLE_MICROS.contains(&micros)
            && let Some(samples) = self.hops.get_mut(hop as usize)
        {
            samples.add(micros);
        }
    }
}

fn latency_text(latency: &HopLatency) -> Arc<str> {
    let error = match latency.error_micros {
        Some(0) => String::new(),
        Some(micros) => format!(" \u{b1}{}", fmt::latency_micros(micros)),
        None => " \u{b1}?".to_owned(),
    };
    Arc::from(format!(
        "{} p50 {} p99 {}{error}",
        latency.hop.as_str(),
        fmt::latency_micros(latency.p50_micros),
        fmt::latency_micros(latency.p99_micros),
    ))
}

#[cfg(test)]
mod tests {
    use qd_types::ZoneChoice;

    use super::*;
    use crate::event::MessageStamps;

    fn message(stamps: MessageStamps, applied_at: i64) -> LastMessage {
        LastMessage {
            seq: None,
            stamps,
            applied_at: UtcMicros(applied_at),
        }
    }

    fn ctx(micros: i64) -> Ctx {
        Ctx {
            now: UtcMicros(micros),
            zone: ZoneChoice::Exchange,
            phase: None,
            offset_micros: 500,
        }
    }

    // covers: RT-7
    #[test]
    fn each_hop_is_timed_on_its_clocks_and_paint_is_the_first_frame_that_shows_it() {
        let mut meters = Meters::default();
        let stamps = MessageStamps {
            made_at: Some(UtcMicros(1_000)),
            published_at: Some(UtcMicros(1_100)),
            routed_at: Some(UtcMicros(1_400)),
            received_at: UtcMicros(1_200),
        };
        meters.received();
        meters.applied(&message(stamps, 1_250), &ctx(1_250));
        meters.published(1, Urgency::Now);
        meters.received();
        meters.applied(&message(stamps, 1_300), &ctx(1_300));
        meters.received();
        meters.applied(&message(stamps, 1_300), &ctx(1_300));
        meters.published(2, Urgency::Now);
        // The frame shows version 1: what came later is not painted yet.
        meters.painted(1, UtcMicros(2_000), Some(900));
        let clock = ClockOffset {
            offset_micros: 500,
            error_micros: 40,
        };
        meters.tick(&ClientCounters::default(), Some(clock), UtcMicros(0));
        meters.tick(
            &ClientCounters::default(),
            Some(clock),
            UtcMicros(1_000_000),
        );
        let view = meters.view();
        let figures: Vec<_> = view
            .hops
            .iter()
            .map(|hop| (hop.hop, hop.p50_micros, hop.error_micros, hop.num_samples))
            .collect();
        assert_eq!(
            figures,
            [
                (Hop::MadeToPublished, 100, Some(0), 3),
                (Hop::PublishedToRouted, 300, Some(0), 3),
                (Hop::RoutedToReceived, 300, Some(40), 3),
                (Hop::ReceivedToApplied, 100, Some(0), 3),
                (Hop::AppliedToPainted, 750, Some(0), 1),
                (Hop::PublishedToPainted, 1_400, Some(40), 1),
            ]
        );
        assert_eq!((view.pushed_per_second, view.conflated_per_second), (0, 0));
        assert_eq!(meters.num_conflated, 1, "two messages in one snapshot");
        assert_eq!(view.frame_p99_micros, Some(900));
    }

    // covers: RT-7
    #[test]
    fn clocks_an_hour_apart_make_no_latency() {
        for skew in [3_600_000_000, -3_600_000_000] {
            let mut meters = Meters::default();
            let stamps = MessageStamps {
                made_at: Some(UtcMicros(1_000 + skew)),
                published_at: Some(UtcMicros(1_100 + skew)),
                routed_at: Some(UtcMicros(1_400)),
                received_at: UtcMicros(1_200),
            };
            meters.applied(&message(stamps, 1_250), &ctx(1_250));
            meters.published(1, Urgency::Now);
            meters.painted(1, UtcMicros(2_000), None);
            meters.tick(&ClientCounters::default(), None, UtcMicros(0));
            meters.tick(&ClientCounters::default(), None, UtcMicros(1_000_000));
            let view = meters.view();
            let hops: Vec<_> = view.hops.iter().map(|hop| hop.hop).collect();
            assert_eq!(
                hops,
                [
                    Hop::MadeToPublished,
                    Hop::RoutedToReceived,
                    Hop::ReceivedToApplied,
                    Hop::AppliedToPainted,
                ],
                "the hops between the two clocks have no figure"
            );
            assert_eq!(&*view.latency_text, "", "and none is shown");
        }
    }

    #[test]
    fn samples_forget_the_oldest() {
        let mut samples = Samples::default();
        (0..2_000).for_each(|i| samples.add(i));
        let (p50, p99) = samples.quantiles(&mut Vec::new()).unwrap();
        assert_eq!((p50, p99), (1_743, 1_993));
        assert_eq!(samples.micros.len(), MAX_SAMPLES);
    }

    #[test]
    fn the_wait_of_a_picture_that_changes_nothing_is_no_latency() {
        let mut meters = Meters::default();
        for (version, urgency) in [(1, Urgency::WithTheClock), (2, Urgency::Now)] {
            meters.received();
            meters.applied(&message(MessageStamps::default(), 1_000), &ctx(1_000));
            meters.published(version, urgency);
        }
        meters.painted(2, UtcMicros(900_000), None);
        meters.tick(&ClientCounters::default(), None, UtcMicros(0));
        meters.tick(&ClientCounters::default(), None, UtcMicros(1_000_000));
        let painted = meters.view();
        let painted = painted
            .hops
            .iter()
            .find(|hop| hop.hop == Hop::AppliedToPainted)
            .unwrap();
        assert_eq!(painted.num_samples, 1);
    }
}
