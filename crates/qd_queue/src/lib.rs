//! The one bounded, drop-oldest queue of the house, with counters and a waker.
