//! Seeded chance: the same seed and lane give the same draws on every machine.
//!
//! Does not use distributions of a library: their algorithms may change between versions, and transcendental functions
//! differ between platforms. Here only shifts, additions and multiplications are used, so a tape is bit-identical.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A stream of draws; parts of the desk have lanes of their own, so that an order never moves the market's tape.
#[derive(Clone, Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// Draws of lane `lane` under `seed`.
    pub(crate) fn new(seed: u64, lane: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(lane);
        Self(rng)
    }

    /// Evenly in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Evenly in `0..bound`; zero for a bound of zero.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let draw = u64::from(self.0.next_u32());
        u32::try_from((draw * u64::from(bound)) >> 32).unwrap_or(0)
    }

    /// Evenly in `low..=high`.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True `per_mille` times in a thousand.
    pub(crate) fn hits(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille
    }

    /// About normal with mean zero and deviation one: twelve even draws summed, so never beyond six.
    pub(crate) fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_differ_and_repeat() {
        let draws = |seed, lane| {
            let mut chance = Chance::new(seed, lane);
            (0..8).map(|_| chance.below(1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(draws(7, 1), draws(7, 1));
        assert_ne!(draws(7, 1), draws(7, 2));
        assert_ne!(draws(7, 1), draws(8, 1));
    }

    #[test]
    fn draws_stay_in_their_bounds_and_the_bell_is_centered() {
        let mut chance = Chance::new(1, 1);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..20_000 {
            assert!((10..=14).contains(&chance.between(10, 14)));
            assert!((0.0..1.0).contains(&chance.unit()));
            let draw = chance.bell();
            sum += draw;
            squares += draw * draw;
        }
        assert!((sum / 20_000.0).abs() < 0.05, "mean {}", sum / 20_000.0);
        assert!((squares / 20_000.0 - 1.0).abs() < 0.05);
        assert_eq!(chance.below(0), 0);
    }
}
