//! Why the program ends without having been asked to, and with which code.

use std::fmt;

/// Exit code for bad configuration or usage, as in `sysexits.h`.
pub(crate) const EXIT_USAGE: u8 = 64;
/// Exit code for everything else.
const EXIT_FAILURE: u8 = 1;

/// One clear message and its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong; one mistake a line.
    Config(String),
    /// A part could not be started.
    Start(String),
}

impl Failure {
    /// What the process returns.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => EXIT_USAGE,
            Self::Start(_) => EXIT_FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message) | Self::Start(message) => f.write_str(message),
        }
    }
}
