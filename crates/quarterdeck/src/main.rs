//! The server binary: `demo` (everything in one process), `gateway`, `execution`.
//!
//! **Owns**: configuration, logging, signals, exit codes and the wiring of the parts; no logic of its own beyond that.
//! **Failure**: bad configuration is reported whole and ends with 64; a part that cannot start ends with 1 and one
//! clear line; a panic inside a part is that part's business, the process unwinds and lives.

mod cli;
mod config;

fn main() {}
