//! The small set of meanings a color may carry; which color that is, only `qd_ui` knows.

/// What a badge, a number or a banner means to the reader. Never the only sign: words and signs go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Plain text.
    Neutral,
    /// Over, or of little weight.
    Faint,
    /// On its way; nothing to do.
    Info,
    /// Live and well.
    Accent,
    /// Wants a look.
    Warn,
    /// Refused, broken, or halted.
    Danger,
    /// Money made, or a buy.
    Gain,
    /// Money lost, or a sell.
    Loss,
}
