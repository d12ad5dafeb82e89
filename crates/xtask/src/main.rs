//! The only tool a newcomer needs: set-up, web bundle, demo, the test gate.
//!
//! It builds and starts things; it holds no product logic and nothing of the product depends on it.
//! One module per command; `project` says where things are and `steps` how a step is run and reported.
//! Progress goes to standard error, so that standard output is left to what a step itself prints.

mod bare;
mod bench;
mod compress;
mod demo;
mod dev;
mod end_to_end;
mod fences;
mod gate;
mod project;
mod setup;
mod steps;
mod web;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::project::Project;
use crate::setup::Need;

/// Prints one line of progress.
macro_rules! say {
    ($($arg:tt)*) => { eprintln!($($arg)*) };
}
pub(crate) use say;

/// Everything to build, run and check Quarterdeck.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check what the other commands need and install what is missing
    ///
    /// Looks for the wasm32-unknown-unknown standard library, Node.js, wasm-opt and playwright-core (from npm, into the target folder),
    /// and the system packages of the tests. With --yes or CI=true missing packages are installed with apt-get,
    /// otherwise they are listed with the command that installs them. Takes less than a second when nothing is missing.
    Setup(setup::SetupArgs),
    /// Build the browser's bundle into <target>/web/dist
    ///
    /// Builds the console for wasm, runs wasm-bindgen and wasm-opt, gives every file a name with its hash, and puts
    /// a brotli and a gzip form beside it. Fails when the first load is over the size budget.
    Web(web::WebArgs),
    /// Run the whole of Quarterdeck on this machine
    ///
    /// Set-up, web bundle, release build, then the server with the simulated market and the dev sign-in, on loopback only.
    /// Arguments after `--` go to `quarterdeck demo`.
    Demo(demo::DemoArgs),
    /// The demo that follows its sources: what you save is built, served and loaded by the page
    ///
    /// Unoptimized, on loopback only. Pages stay signed in where redis-server is installed. What does not build leaves the
    /// server as it is. Arguments after `--` go to `quarterdeck demo`.
    Dev(dev::DevArgs),
    /// The gate: everything a change must pass
    ///
    /// Runs every step even when one fails, times each, and closes with one line that says passed or FAILED.
    Test(gate::TestArgs),
    /// Try the demo, and on request the gate, in an empty system
    ///
    /// Needs root and debootstrap. Arguments after `--` go to tests/bare/run.sh.
    Bare(bare::BareArgs),
    /// Run the benchmarks and print their figures
    Bench(bench::BenchArgs),
    /// Write every clippy.toml from the one list in crates/xtask/src/fences.rs
    Fences {
        /// Only compare, and fail when a file differs
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(err) => {
            say!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let project = Project::find()?;
    match command {
        Command::Setup(args) => {
            let ready = setup::run(&project, Need::ALL, args);
            return Ok(if ready.is_complete() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Web(args) => {
            let needs = &[Need::Build, Need::WasmStd, Need::NodeTools];
            setup::run(&project, needs, args.setup).require(needs)?;
            web::build(&project, args.mode())?;
        }
        Command::Demo(args) => return demo::run(&project, &args),
        Command::Dev(args) => return dev::run(&project, &args),
        Command::Test(args) => return Ok(gate::run(&project, &args)),
        Command::Bare(args) => bare::run(&project, &args)?,
        Command::Bench(args) => bench::run(&project, &args)?,
        Command::Fences { check: true } => fences::check(&project.root)?,
        Command::Fences { check: false } => fences::write(&project.root)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
