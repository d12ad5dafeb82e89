//! `cargo xtask bench`: the benchmarks, in the release profile, with their own output.
//!
//! It judges nothing: figures and their targets are in `docs/performance.md`.

use anyhow::Result;
use clap::Args;

use crate::demo;
use crate::end_to_end;
use crate::project::Project;
use crate::setup::{self, Need, SetupArgs};
use crate::steps;
use crate::web::{self, Mode};

/// Enough messages for a p99 that ten of them exceed.
const LATENCY_MESSAGES: &str = "1000";

/// Three minutes, as the specification has it; the gate's check is shorter.
const HIDDEN_SECONDS: &str = "180";

#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    setup: SetupArgs,
    /// Measures the page instead, in headless Chromium: 1,000 messages through a real Redis, a tab hidden for three minutes, loads, keys, updates; a quarter of an hour
    #[arg(long, conflicts_with = "extra")]
    browser: bool,
    /// Passed to `cargo bench -p qd_benches`, for example `--bench sockets` or `--bench console -- load`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    extra: Vec<String>,
}

pub(crate) fn run(project: &Project, args: &BenchArgs) -> Result<()> {
    if args.browser {
        return browser(project, args.setup);
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

fn browser(project: &Project, setup: SetupArgs) -> Result<()> {
    let needs = [Need::WasmStd, Need::NodeTools, Need::Redis, Need::Chromium];
    setup::run(project, &needs, setup).require(&needs)?;
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
    })?;
    steps::timed("a hidden tab", || {
        end_to_end::run(
            project,
            "browser",
            &["hidden"],
            &[
                ("QD_E2E_HIDDEN_SECONDS", HIDDEN_SECONDS),
                ("QD_E2E_SCENARIO_LIMIT_MILLIS", "600000"),
            ],
        )
    })?;
    steps::timed("load, and the cost of an update", || {
        let limit = [("QD_E2E_SCENARIO_LIMIT_MILLIS", "600000")];
        end_to_end::run(project, "bench", &[], &limit)
    })
}
