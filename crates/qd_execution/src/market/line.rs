//! The day's line of a symbol: at most 120 points however long the day. Keeps no instants.

use qd_types::Price;

/// Most points a line ever has, the present price included.
pub const MAX_POINTS: usize = 120;

/// Samples of a price since the day began; when full, every second one goes and sampling slows to half.
#[derive(Clone, Debug)]
pub(crate) struct DayLine {
    points: Vec<Price>,
    every: u32,
    waited: u32,
}

impl DayLine {
    /// An empty line that takes one of `every` samples at first.
    pub(crate) fn new(every: u32) -> Self {
        Self {
            points: Vec::with_capacity(MAX_POINTS),
            every: every.max(1),
            waited: 0,
        }
    }

    /// Offers a sample.
    pub(crate) fn push(&mut self, price: Price) {
        if self.points.is_empty() {
            self.points.push(price);
            return;
        }
        self.waited += 1;
        if self.waited < self.every {
            return;
        }
        self.waited = 0;
        self.points.push(price);
        // One place stays free: the present price ends every line that is read.
        if self.points.len() == MAX_POINTS {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.every = self.every.saturating_mul(2);
        }
    }

    /// At most `max_points` of the line, evenly thinned, oldest first, ending with `last`.
    pub(crate) fn read(&self, last: Price, max_points: usize) -> Vec<Price> {
        let wanted = max_points.clamp(1, MAX_POINTS) - 1;
        let kept = self.points.len();
        let mut points: Vec<Price> = if kept <= wanted {
            self.points.clone()
        } else {
            (0..wanted)
                .filter_map(|i| self.points.get(i * kept / wanted).copied())
                .collect()
        };
        points.push(last);
        points
    }

    /// Forgets the day.
    pub(crate) fn clear(&mut self, every: u32) {
        *self = Self::new(every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_exceeds_its_bound_and_keeps_the_first_and_the_last() {
        let mut line = DayLine::new(1);
        for cents in 1..=5_000 {
            line.push(Price::from_units(cents, 2));
            let read = line.read(Price::from_units(cents, 2), MAX_POINTS);
            assert!(read.len() <= MAX_POINTS);
            assert_eq!(read.first(), Some(&Price::from_units(1, 2)));
            assert_eq!(read.last(), Some(&Price::from_units(cents, 2)));
            assert!(read.is_sorted());
        }
        assert_eq!(line.read(Price::ZERO, 7).len(), 7);
        assert_eq!(line.read(Price::ZERO, 0), vec![Price::ZERO]);
    }
}
