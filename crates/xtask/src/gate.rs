//! `cargo xtask test`: every check that a change must pass, in one place and in one order.
//!
//! A step that fails does not hide the others; one that cannot run says why, and the closing line counts it.
//! It loosens nothing: lints stand in the workspace manifest, fences in `fences`, budgets in `web`.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::demo;
use crate::end_to_end;
use crate::fences;
use crate::project::{Project, WASM_TARGET, is_ci};
use crate::say;
use crate::setup::{self, Need, Ready, SetupArgs};
use crate::steps::{self, find_program};
use crate::web::{self, Mode};

/// Needs wgpu, so it is built and run by itself: in one build its features would change everybody's eframe.
const SNAPSHOTS: &str = "qd_snapshots";

/// One selection of packages and features for every step of the workspace, so that no step rebuilds for another.
const WORKSPACE: &[&str] = &[
    "--workspace",
    "--exclude",
    SNAPSHOTS,
    "--features",
    "quarterdeck/dev-auth",
];

/// The console and everything under it that the browser runs.
const BROWSER_CRATES: &[&str] = &[
    "qd_console",
    "qd_feed",
    "qd_pages",
    "qd_queue",
    "qd_state",
    "qd_types",
    "qd_ui",
    "qd_wire",
];

#[derive(Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    setup: SetupArgs,
    /// Only these steps and what they need; without any, all of them
    #[arg(value_parser = step_names())]
    steps: Vec<String>,
}

struct Step {
    name: &'static str,
    /// Steps whose result this one uses.
    after: &'static [&'static str],
    /// What set-up must have provided; without it the step is skipped, loudly.
    needs: &'static [Need],
    /// What set-up is asked for as well: without it some of the step's checks fail.
    uses: &'static [Need],
    run: fn(&Project) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fences",
        after: &[],
        needs: &[],
        uses: &[],
        run: |project| fences::check(&project.root),
    },
    Step {
        name: "fmt",
        after: &[],
        needs: &[],
        uses: &[],
        run: |project| steps::run(project.cargo().args(["fmt", "--all", "--check"])),
    },
    Step {
        name: "clippy",
        after: &[],
        needs: &[],
        uses: &[],
        run: clippy,
    },
    Step {
        name: "clippy-wasm",
        after: &[],
        needs: &[Need::WasmStd],
        uses: &[],
        run: clippy_wasm,
    },
    Step {
        name: "tidy",
        after: &[],
        needs: &[],
        uses: &[],
        run: |project| tests(project, &["--test", "tidy"]),
    },
    Step {
        name: "tests",
        after: &[],
        needs: &[],
        uses: &[Need::Redis, Need::Postgres, Need::NodeTools],
        run: |project| tests(project, &[]),
    },
    Step {
        name: "doctests",
        after: &[],
        needs: &[],
        uses: &[],
        run: |project| steps::run(project.cargo().args(["test", "--doc"]).args(WORKSPACE)),
    },
    Step {
        name: "docs",
        after: &[],
        needs: &[],
        uses: &[],
        run: docs,
    },
    Step {
        name: "snapshots",
        after: &[],
        needs: &[Need::Vulkan],
        uses: &[],
        run: snapshots,
    },
    Step {
        name: "web",
        after: &[],
        needs: &[Need::WasmStd, Need::NodeTools],
        uses: &[],
        run: |project| web::build(project, Mode::Release).map(drop),
    },
    Step {
        name: "release",
        after: &[],
        needs: &[],
        uses: &[],
        run: |project| demo::build_server(project).and_then(|()| demo::build_console(project)),
    },
    Step {
        name: "browser",
        after: &["web", "release"],
        needs: &[Need::NodeTools, Need::Redis, Need::Chromium],
        uses: &[],
        run: |project| end_to_end::run(project, "browser", &[], &[]),
    },
    Step {
        name: "native",
        after: &["release"],
        needs: &[Need::NodeTools, Need::Redis, Need::Desktop],
        uses: &[],
        run: |project| end_to_end::run(project, "native", &[], &[]),
    },
];

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// A step that ran or did not, for the summary.
struct Row {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

pub(crate) fn run(project: &Project, args: &TestArgs) -> ExitCode {
    let started = steps::now();
    let steps = selected(&args.steps);
    let ready = setup::run(project, &needs_of(&steps), args.setup);
    let mut rows: Vec<Row> = Vec::new();
    for step in steps {
        say!("\n== {}", step.name);
        let step_started = steps::now();
        let outcome = run_step(project, &ready, step, &rows);
        let took = step_started.elapsed();
        match &outcome {
            Outcome::Passed => say!("-- {} passed in {}", step.name, steps::pretty(took)),
            Outcome::Failed(why) => {
                say!("-- {} FAILED in {}: {why}", step.name, steps::pretty(took));
            }
            Outcome::Skipped(why) => say!("-- {} SKIPPED: {why}", step.name),
        }
        rows.push(Row {
            name: step.name,
            took,
            outcome,
        });
    }

    say!("");
    for row in &rows {
        match &row.outcome {
            Outcome::Passed => say!(
                "  {:<12} passed   {:>12}",
                row.name,
                steps::pretty(row.took)
            ),
            Outcome::Failed(why) => say!(
                "  {:<12} FAILED   {:>12}  {}",
                row.name,
                steps::pretty(row.took),
                first_line(why)
            ),
            Outcome::Skipped(why) => say!(
                "  {:<12} SKIPPED  {:>12}  {}",
                row.name,
                "",
                first_line(why)
            ),
        }
    }
    say!(
        "  {:<12}          {:>12}",
        "together",
        steps::pretty(started.elapsed())
    );
    let is_lenient = args.steps.is_empty() && !is_ci();
    say!("{}", closing_line(&rows));
    if is_passed(&rows, is_lenient) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The steps that were asked for with everything they come after, in the gate's own order.
fn selected(names: &[String]) -> Vec<&'static Step> {
    let mut wanted: BTreeMap<&str, bool> = STEPS
        .iter()
        .map(|step| {
            (
                step.name,
                names.is_empty() || names.iter().any(|name| name == step.name),
            )
        })
        .collect();
    // A step comes after earlier ones only, so going backward finds all of them.
    for step in STEPS.iter().rev() {
        if wanted[step.name] {
            wanted.extend(step.after.iter().map(|earlier| (*earlier, true)));
        }
    }
    STEPS.iter().filter(|step| wanted[step.name]).collect()
}

/// What set-up is asked for: nobody waits for a browser who only wants the formatting checked.
fn needs_of(steps: &[&Step]) -> Vec<Need> {
    let is_used = |need: &&Need| {
        steps
            .iter()
            .any(|step| step.needs.contains(need) || step.uses.contains(need))
    };
    Need::ALL.iter().filter(is_used).copied().collect()
}

fn run_step(project: &Project, ready: &Ready, step: &Step, rows: &[Row]) -> Outcome {
    if let Some(lack) = ready.lack_of(step.needs) {
        return Outcome::Skipped(lack);
    }
    for row in rows.iter().filter(|row| step.after.contains(&row.name)) {
        match &row.outcome {
            Outcome::Passed => {}
            Outcome::Failed(_) => {
                return Outcome::Failed(format!("not run, because {} failed", row.name));
            }
            Outcome::Skipped(why) => {
                return Outcome::Skipped(format!("{} was skipped: {why}", row.name));
            }
        }
    }
    match (step.run)(project) {
        Ok(()) => Outcome::Passed,
        Err(err) => Outcome::Failed(format!("{err:#}")),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A skipped step fails CI, and whoever asked for it by name; a newcomer's whole gate may go on without it, and says so.
fn is_passed(rows: &[Row], is_lenient: bool) -> bool {
    rows.iter().all(|row| match row.outcome {
        Outcome::Passed => true,
        Outcome::Failed(_) => false,
        Outcome::Skipped(_) => is_lenient,
    })
}

fn closing_line(rows: &[Row]) -> String {
    let names = |wanted: fn(&Outcome) -> bool| {
        rows.iter()
            .filter(|row| wanted(&row.outcome))
            .map(|row| row.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let failed = names(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = names(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let num_passed = rows
        .iter()
        .filter(|row| matches!(row.outcome, Outcome::Passed))
        .count();
    match (failed.is_empty(), skipped.is_empty()) {
        (true, true) => format!("gate passed: {num_passed} steps"),
        (true, false) => format!("gate INCOMPLETE: {num_passed} steps passed, skipped: {skipped}"),
        (false, true) => format!("gate FAILED: {failed}"),
        (false, false) => format!("gate FAILED: {failed} (skipped: {skipped})"),
    }
}

fn clippy(project: &Project) -> Result<()> {
    // What is deployed has no dev sign-in; every other step builds with it.
    steps::run(
        project
            .cargo()
            .args(["check", "--package", "quarterdeck", "--bins"]),
    )?;
    steps::run(project.cargo().arg("clippy").args(WORKSPACE).args([
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn clippy_wasm(project: &Project) -> Result<()> {
    let mut command = setup::cargo_for_browser(project)?;
    command
        .env("CLIPPY_CONF_DIR", project.root.join("infra/clippy-wasm"))
        .args(["clippy", "--lib", "--target", WASM_TARGET]);
    for name in BROWSER_CRATES {
        command.args(["--package", name]);
    }
    // Lints that look at sizes find nothing on 32 bits; whether an expectation is still needed, the native run says.
    steps::run(command.args([
        "--",
        "-D",
        "warnings",
        "-A",
        "unfulfilled_lint_expectations",
    ]))
}

/// The runner counts at its end, and nothing is retried: a flake is a failure.
fn tests(project: &Project, extra: &[&str]) -> Result<()> {
    steps::run(
        test_runner(project, extra)
            .args(WORKSPACE)
            .arg("--no-fail-fast"),
    )
}

/// `which` chooses among the test programs; without it all of them run.
fn test_runner(project: &Project, which: &[&str]) -> Command {
    let mut command = project.cargo();
    command.env(setup::NODE_VARIABLE, setup::node(project));
    if find_program("cargo-nextest").is_some() {
        command.args(["nextest", "run"]);
        command.args(which);
    } else if which.is_empty() {
        // Not the documentation's: they are a step of their own.
        command.args(["test", "--lib", "--bins", "--tests"]);
    } else {
        // Each of cargo's own selections would add to this one.
        command.arg("test").args(which);
    }
    command
}

fn docs(project: &Project) -> Result<()> {
    // Libraries only: the binary qd-console and its library would be written over one another.
    steps::run(
        project
            .cargo()
            .env("RUSTDOCFLAGS", "-D warnings")
            .args(["doc", "--no-deps", "--lib"])
            .args(WORKSPACE),
    )
}

fn snapshots(project: &Project) -> Result<()> {
    let driver = setup::lavapipe().context("lavapipe is gone since set-up found it")?;
    steps::run(project.cargo().args([
        "clippy",
        "--package",
        SNAPSHOTS,
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    let mut command = test_runner(project, &[]);
    command
        .args(["--package", SNAPSHOTS, "--no-fail-fast"])
        .env("VK_DRIVER_FILES", &driver)
        .env("VK_ICD_FILENAMES", &driver);
    steps::run(&mut command).context(
        "the pictures that differ stand beside the accepted ones as *.new.png and *.diff.png",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Outcome, Row, STEPS, closing_line, is_passed, needs_of, selected};
    use crate::setup::Need;

    fn row(name: &'static str, outcome: Outcome) -> Row {
        Row {
            name,
            took: Duration::ZERO,
            outcome,
        }
    }

    #[test]
    fn the_closing_line_counts_and_names() {
        let passed = [row("fmt", Outcome::Passed), row("clippy", Outcome::Passed)];
        assert_eq!(closing_line(&passed), "gate passed: 2 steps");
        let skipped = [
            row("fmt", Outcome::Passed),
            row("snapshots", Outcome::Skipped("no driver".to_owned())),
        ];
        assert_eq!(
            closing_line(&skipped),
            "gate INCOMPLETE: 1 steps passed, skipped: snapshots"
        );
        assert!(is_passed(&passed, false));
        assert!(is_passed(&skipped, true), "a newcomer's machine");
        assert!(!is_passed(&skipped, false), "CI, or asked for by name");
        let failed = [
            row("fmt", Outcome::Failed("differs".to_owned())),
            row("clippy", Outcome::Passed),
            row("web", Outcome::Failed(String::new())),
        ];
        assert_eq!(closing_line(&failed), "gate FAILED: fmt, web");
    }

    #[test]
    fn a_step_brings_what_it_needs_in_the_gates_order() {
        let names = |asked: &[&str]| {
            selected(
                &asked
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>(),
            )
            .iter()
            .map(|step| step.name)
            .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&["browser", "fmt"]),
            ["fmt", "web", "release", "browser"]
        );
        assert_eq!(names(&[]).len(), STEPS.len());
    }

    #[test]
    fn set_up_is_asked_only_for_what_the_steps_take() {
        let of = |name: &str| needs_of(&selected(&[name.to_owned()]));
        assert!(of("fmt").is_empty());
        assert_eq!(of("tests"), [Need::NodeTools, Need::Redis, Need::Postgres]);
        assert_eq!(of("clippy-wasm"), [Need::WasmStd]);
        assert_eq!(
            of("browser"),
            [Need::WasmStd, Need::NodeTools, Need::Redis, Need::Chromium]
        );
        assert_eq!(
            needs_of(&selected(&[])).len(),
            Need::ALL.len() - 1,
            "all but what every build takes"
        );
    }

    #[test]
    fn a_step_comes_after_earlier_ones_only() {
        for (index, step) in STEPS.iter().enumerate() {
            for earlier in step.after {
                assert!(
                    STEPS.iter().take(index).any(|other| other.name == *earlier),
                    "{} after {earlier}",
                    step.name
                );
            }
        }
    }
}
