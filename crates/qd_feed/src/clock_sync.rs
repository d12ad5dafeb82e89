//! How far the server's clock is from ours, with its error bound, from exchanges of stamps. Pure.
//!
//! It does not correct anything: figures across machines are shown with the bound.

use qd_types::UtcMicros;

/// Exchanges looked at: the one with the shortest way there and back says most, an old one says less and less.
const WINDOW: usize = 8;

/// Clocks of ordinary machines drift by up to this much a second.
const DRIFT_PPM: i64 = 100;

/// The server's clock as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockOffset {
    /// Server time minus ours.
    pub(crate) offset_micros: i64,
    /// How wrong `offset_micros` can be, either way.
    pub(crate) error_micros: i64,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    offset_micros: i64,
    half_trip_micros: i64,
    at: UtcMicros,
}

/// Keeps the last exchanges and gives the best estimate.
#[derive(Debug, Default)]
pub(crate) struct ClockSync {
    exchanges: Vec<Exchange>,
}

impl ClockSync {
    /// Takes one exchange: sent at `t0`, received by the server at `t1`, answered at `t2`, back here at `t3`.
    ///
    /// Gives `None` for stamps that cannot be: the answer is then ignored.
    pub(crate) fn exchanged(
        &mut self,
        t0: UtcMicros,
        t1: UtcMicros,
        t2: UtcMicros,
        t3: UtcMicros,
    ) -> Option<ClockOffset> {
        let trip = t3.micros_since(t0).checked_sub(t2.micros_since(t1))?;
        if trip < 0 || t2 < t1 || t3 < t0 {
            return None;
        }
        let offset = i128::midpoint(
            i128::from(t1.micros_since(t0)),
            i128::from(t2.micros_since(t3)),
        );
        if self.exchanges.len() == WINDOW {
            self.exchanges.remove(0);
        }
        self.exchanges.push(Exchange {
            offset_micros: i64::try_from(offset).ok()?,
            // The clocks' own resolution: a browser rounds to a tenth of a millisecond.
            half_trip_micros: trip / 2 + 100,
            at: t3,
        });
        self.best(t3)
    }

    /// The estimate whose bound is smallest at `now`; `None` before the first exchange.
    pub(crate) fn best(&self, now: UtcMicros) -> Option<ClockOffset> {
        self.exchanges
            .iter()
            .map(|exchange| {
                let age = now.micros_since(exchange.at).abs();
                ClockOffset {
                    offset_micros: exchange.offset_micros,
                    error_micros: exchange.half_trip_micros + age / 1_000_000 * DRIFT_PPM,
                }
            })
            .min_by_key(|offset| offset.error_micros)
    }

    /// Forgets everything: another server may have answered.
    pub(crate) fn reset(&mut self) {
        self.exchanges.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_true_offset_lies_within_the_bound_however_lopsided_the_way() {
        let true_offset = 37_000;
        for (there, back) in [(200, 200), (10, 9000), (9000, 10), (0, 0), (50_000, 1)] {
            let mut sync = ClockSync::default();
            let t0 = UtcMicros(1_000_000);
            let t1 = t0.plus_micros(there + true_offset);
            let t2 = t1.plus_micros(40);
            let t3 = t0.plus_micros(there + 40 + back);
            let found = sync.exchanged(t0, t1, t2, t3).unwrap();
            let wrong = (found.offset_micros - true_offset).abs();
            assert!(wrong <= found.error_micros, "{there}/{back}: {found:?}");
        }
    }

    #[test]
    fn a_short_trip_beats_a_newer_long_one_until_it_is_too_old() {
        let mut sync = ClockSync::default();
        let exchange = |sync: &mut ClockSync, at: i64, trip: i64, offset: i64| {
            let t0 = UtcMicros(at);
            let t1 = t0.plus_micros(trip / 2 + offset);
            sync.exchanged(t0, t1, t1, t0.plus_micros(trip))
        };
        exchange(&mut sync, 0, 200, 5);
        let best = exchange(&mut sync, 30_000_000, 20_000, 900).unwrap();
        assert_eq!(
            best.offset_micros, 5,
            "half a minute of drift is less than a long way"
        );
        let best = exchange(&mut sync, 150_000_000, 20_000, 901).unwrap();
        assert_eq!(
            best.offset_micros, 901,
            "two and a half minutes of drift are more"
        );
    }

    #[test]
    fn stamps_that_cannot_be_are_ignored() {
        let mut sync = ClockSync::default();
        let at = UtcMicros;
        assert_eq!(sync.exchanged(at(10), at(5), at(4), at(20)), None);
        assert_eq!(sync.exchanged(at(10), at(5), at(90), at(20)), None);
        assert_eq!(sync.exchanged(at(10), at(5), at(5), at(9)), None);
        assert_eq!(sync.best(at(20)), None);
    }
}
