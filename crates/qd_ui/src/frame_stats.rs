//! Rolling frame times: the last few seconds, their middle and their worst.
//!
//! Pure: it is told the times and reads no clock. Statistics are floats, as painting is.

/// How many frames are remembered: four seconds at full rate, minutes when the desk is calm.
pub const CAPACITY: usize = 240;

/// A fixed ring of frame times in milliseconds. Never allocates.
#[derive(Clone, Debug)]
pub struct FrameStats {
    ring: [f32; CAPACITY],
    len: usize,
    next: usize,
    total: u64,
    /// Frames and passes since the start, as egui counts them.
    passes: Option<(u64, u64)>,
}

impl Default for FrameStats {
    fn default() -> Self {
        Self {
            ring: [0.0; CAPACITY],
            len: 0,
            next: 0,
            total: 0,
            passes: None,
        }
    }
}

impl FrameStats {
    /// Remembers one frame; what is not a time is left out.
    pub fn push(&mut self, millis: f32) {
        if !millis.is_finite() || millis < 0.0 {
            return;
        }
        if let Some(slot) = self.ring.get_mut(self.next) {
            *slot = millis;
        }
        self.next = (self.next + 1) % CAPACITY;
        self.len = (self.len + 1).min(CAPACITY);
        self.total += 1;
    }

    /// The last frame, in milliseconds; absent before the first.
    pub fn last(&self) -> Option<f32> {
        let index = (self.next + CAPACITY - 1) % CAPACITY;
        (self.len > 0)
            .then(|| self.ring.get(index).copied())
            .flatten()
    }

    /// Half of the remembered frames took at most this long, in milliseconds; absent before the first.
    pub fn p50(&self) -> Option<f32> {
        self.percentile(50)
    }

    /// All but one in a hundred took at most this long, in milliseconds; absent before the first.
    pub fn p99(&self) -> Option<f32> {
        self.percentile(99)
    }

    /// The longest remembered frame, in milliseconds; absent before the first.
    pub fn max(&self) -> Option<f32> {
        self.percentile(100)
    }

    /// Frames since the start, including those no longer remembered.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Takes egui's own counts since the start: a frame that had to be laid out twice took two passes.
    pub fn count_passes(&mut self, num_frames: u64, num_passes: u64) {
        self.passes = Some((num_frames, num_passes));
    }

    /// Passes per frame since the start, one when nothing was laid out twice; absent before the first.
    pub fn passes_per_frame(&self) -> Option<f32> {
        let (num_frames, num_passes) = self.passes.filter(|(num_frames, _)| *num_frames > 0)?;
        Some(num_passes as f32 / num_frames as f32)
    }

    /// The last frames, at most `count`, oldest first, in milliseconds.
    pub fn recent(&self, count: usize) -> impl Iterator<Item = f32> {
        let count = count.min(self.len);
        (0..count).filter_map(move |i| {
            let place = (self.next + CAPACITY - count + i) % CAPACITY;
            self.ring.get(place).copied()
        })
    }

    /// The nearest-rank percentile, `percent` from 0 to 100.
    fn percentile(&self, percent: usize) -> Option<f32> {
        let mut sorted = self.ring;
        let sorted = sorted.get_mut(..self.len)?;
        if sorted.is_empty() {
            return None;
        }
        let rank = (self.len * percent).div_ceil(100).clamp(1, self.len) - 1;
        let (_, value, _) = sorted.select_nth_unstable_by(rank, f32::total_cmp);
        Some(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_before_the_first_frame() {
        let stats = FrameStats::default();
        assert_eq!(
            (stats.last(), stats.p50(), stats.p99(), stats.max()),
            (None, None, None, None)
        );
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut stats = FrameStats::default();
        for millis in 1_u8..=100 {
            stats.push(f32::from(millis));
        }
        assert_eq!(stats.p50(), Some(50.0));
        assert_eq!(stats.p99(), Some(99.0));
        assert_eq!(stats.max(), Some(100.0));
        assert_eq!(stats.last(), Some(100.0));
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let mut stats = FrameStats::default();
        stats.push(1000.0);
        for _ in 0..CAPACITY {
            stats.push(2.0);
        }
        assert_eq!(stats.max(), Some(2.0));
        assert_eq!(stats.total(), CAPACITY as u64 + 1);
        stats.push(f32::NAN);
        stats.push(-1.0);
        assert_eq!(stats.total(), CAPACITY as u64 + 1, "not a time");
        stats.push(3.0);
        let recent: Vec<f32> = stats.recent(3).collect();
        assert_eq!(recent, [2.0, 2.0, 3.0]);
        assert_eq!(stats.recent(10_000).count(), CAPACITY);
        assert_eq!(FrameStats::default().recent(5).count(), 0);
    }

    #[test]
    fn a_frame_laid_out_twice_counts_two_passes() {
        let mut stats = FrameStats::default();
        assert_eq!(stats.passes_per_frame(), None);
        stats.count_passes(0, 0);
        assert_eq!(stats.passes_per_frame(), None);
        stats.count_passes(100, 150);
        assert_eq!(stats.passes_per_frame(), Some(1.5));
    }
}
