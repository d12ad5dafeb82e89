//! `cargo xtask bench`: the benchmarks, in the release profile, with their own output.
//!
//! It judges nothing: figures and their targets are in `docs/performance.md`.

use anyhow::{Result, bail};
use clap::Args;

use crate::demo;
use crate::end_to_end;
use crate::project::Project;
use crate::setup::{self, Need};
use crate::steps;
use crate::web::{self, Mode};

/// Enough messages for a p99 that ten of them exceed.
const LATENCY_MESSAGES: &str = "1000";

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Measures publish to painted instead: 1,000 messages through a real Redis into headless Chromium, a few minutes
    #[arg(long, conflicts_with = "extra")]
    browser: bool,
    /// Passed to `cargo bench -p qd_benches`, for example `--bench sockets` or `--bench console -- load`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    extra: Vec<String>,
}

pub(crate) fn run(project: &Project, args: &BenchArgs) -> Result<()> {
    if args.browser {
        return browser(project);
    }
    steps::timed("bench", || {
        steps::run(
            project
                .cargo()
                .args(["bench", "--package", "qd_benches"])
                .args(&args.extra),
        )
    })
}

fn browser(project: &Project) -> Result<()> {
    let ready = setup::run(project);
    let needs = [Need::WasmStd, Need::NodeTools, Need::Redis, Need::Chromium];
    if let Some(lack) = ready.lack_of(&needs) {
        bail!(lack);
    }
    web::build(project, Mode::Release)?;
    demo::build_server(project)?;
    steps::timed("publish to painted", || {
        end_to_end::run(
            project,
            "browser",
            &["latency", "idle"],
            &[
                ("QD_E2E_LATENCY_MESSAGES", LATENCY_MESSAGES),
                ("QD_E2E_SCENARIO_LIMIT_MILLIS", "600000"),
            ],
        )
    })
}
