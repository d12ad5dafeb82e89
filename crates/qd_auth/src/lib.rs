//! Identity, roles, sessions and cookies as pure decisions over inputs already read.
