//! What can be told to a tape that plays as the market. It plays nothing itself.

/// One thing to tell a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TapeAction {
    /// Stand still; nothing trades until it goes on.
    Pause,
    /// Go on.
    Resume,
    /// Play the next instant that has rows, and stand still again.
    Step,
    /// Play on so many times faster than life.
    SetSpeed(u32),
}
