//! `cargo xtask bench`: the benchmarks, in the release profile, with their own output.
//!
//! It judges nothing: figures and their targets are in `docs/performance.md`.

use anyhow::Result;
use clap::Args;

use crate::project::Project;
use crate::steps;

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Passed to `cargo bench -p qd_benches`, for example `--bench frame` or `-- apply`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    extra: Vec<String>,
}

pub(crate) fn run(project: &Project, args: &BenchArgs) -> Result<()> {
    steps::timed("bench", || {
        steps::run(
            project
                .cargo()
                .args(["bench", "--package", "qd_benches"])
                .args(&args.extra),
        )
    })
}
