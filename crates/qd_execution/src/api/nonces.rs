//! Nonces that were seen: each is accepted once while its identity could still be valid. Reads no clock.

use std::collections::{HashSet, VecDeque};

use qd_types::UtcMicros;
use qd_wire::identity::WINDOW_MILLIS;

/// What the cache says of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceVerdict {
    /// Not seen before; it is now.
    Fresh,
    /// Seen before.
    Replayed,
    /// So many are remembered that this one cannot be; accepting it would let it be replayed.
    Full,
}

/// A bounded memory of nonces.
#[derive(Debug)]
pub(super) struct NonceCache {
    capacity: usize,
    seen: HashSet<Box<str>>,
    /// Oldest first.
    order: VecDeque<(UtcMicros, Box<str>)>,
}

impl NonceCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            seen: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Looks a nonce up and remembers it.
    pub(super) fn check(&mut self, nonce: &str, now: UtcMicros) -> NonceVerdict {
        // An identity is valid for the window before and after its instant: after two windows it is refused for its age.
        while let Some((at, _)) = self.order.front()
            && now.millis_since(*at) > 2 * WINDOW_MILLIS
        {
            if let Some((_, old)) = self.order.pop_front() {
                self.seen.remove(&old);
            }
        }
        if self.seen.contains(nonce) {
            return NonceVerdict::Replayed;
        }
        if self.seen.len() >= self.capacity {
            return NonceVerdict::Full;
        }
        self.seen.insert(nonce.into());
        self.order.push_back((now, nonce.into()));
        NonceVerdict::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_counts_once_until_its_identity_is_too_old_and_a_full_cache_refuses() {
        let mut cache = NonceCache::new(2);
        let at = UtcMicros(1_000_000_000);
        assert_eq!(cache.check("a", at), NonceVerdict::Fresh);
        assert_eq!(
            cache.check("a", at.plus_millis(2 * WINDOW_MILLIS)),
            NonceVerdict::Replayed
        );
        assert_eq!(cache.check("b", at.plus_millis(1)), NonceVerdict::Fresh);
        assert_eq!(cache.check("c", at.plus_millis(1)), NonceVerdict::Full);
        assert_eq!(
            cache.check("c", at.plus_millis(2 * WINDOW_MILLIS + 1)),
            NonceVerdict::Fresh
        );
        assert_eq!(cache.seen.len(), cache.order.len());
    }
}
