//! `cargo xtask bare`: the README's commands in an empty system, by `tests/bare/run.sh`.
//!
//! It is no step of the gate: it takes a root of its own, and the gate inside it takes as long as the gate.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::project::Project;
use crate::steps;

#[derive(Args)]
pub(crate) struct BareArgs {
    /// Passed to tests/bare/run.sh; `--help` lists them
    #[arg(last = true)]
    extra: Vec<OsString>,
}

pub(crate) fn run(project: &Project, args: &BareArgs) -> Result<()> {
    steps::run(
        Command::new(project.root.join("tests/bare/run.sh"))
            .args(&args.extra)
            .current_dir(&project.root),
    )
}
