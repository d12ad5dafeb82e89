//! Percentiles for the benches that are not criterion's.

/// What a run of samples says: microseconds, sorted.
#[derive(Clone, Debug)]
pub struct Percentiles {
    sorted_micros: Vec<i64>,
}

impl Percentiles {
    /// Takes the samples of a run, in microseconds, in any order.
    pub fn new(mut micros: Vec<i64>) -> Self {
        micros.sort_unstable();
        Self {
            sorted_micros: micros,
        }
    }

    /// How many samples there are.
    pub fn num_samples(&self) -> usize {
        self.sorted_micros.len()
    }

    /// The sample below which `per_mille` of a thousand lie; zero without samples.
    pub fn at(&self, per_mille: usize) -> i64 {
        let last = self.sorted_micros.len().saturating_sub(1);
        self.sorted_micros
            .get(last * per_mille.min(1000) / 1000)
            .copied()
            .unwrap_or_default()
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |micros: i64| micros as f64 / 1000.0;
        write!(
            f,
            "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.2} ms over {} samples",
            ms(self.at(500)),
            ms(self.at(950)),
            ms(self.at(990)),
            ms(self.at(1000)),
            self.num_samples()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_of_the_run() {
        let run = Percentiles::new((1..=1001).rev().collect());
        assert_eq!(
            (run.at(0), run.at(500), run.at(990), run.at(1000)),
            (1, 501, 991, 1001)
        );
        assert_eq!(Percentiles::new(Vec::new()).at(990), 0);
    }
}
