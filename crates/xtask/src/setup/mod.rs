//! `cargo xtask setup`: what the other commands need, checked by its effect and provided where possible.
//!
//! It installs with rustup, npm and apt-get only, into the toolchain, the target folder and, where that was agreed to, the system;
//! it changes nothing in the checkout.
//! What it cannot provide it names, with the command that does and with what will be skipped: nothing is skipped silently.

mod debian;
mod node;
mod packages;
mod progress;
mod rustup;
mod sources;
mod wasm_std;

use anyhow::{Result, bail};
use clap::Args;

use crate::project::{Project, is_ci};
use crate::say;
use crate::steps;

pub(crate) use node::{NODE_VARIABLE, program as node};
pub(crate) use packages::{chromium, lavapipe};
pub(crate) use wasm_std::cargo_for_browser;

/// What somebody agrees to.
#[derive(Args, Clone, Copy)]
pub(crate) struct SetupArgs {
    /// Install missing system packages with apt-get, as root or by sudo without a password; CI=true says the same
    #[arg(long)]
    yes: bool,
}

/// One thing that a step can need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// A C compiler and linker, and the C library's headers. Every command needs them.
    Build,
    /// Standard library of the browser's target.
    WasmStd,
    /// Node.js and the npm packages of `tests/browser/package.json`.
    NodeTools,
    Redis,
    /// The server's own programs; no cluster of the machine's is touched.
    Postgres,
    Chromium,
    /// `Xvfb`, `xdotool`, `ImageMagick`, X and GL libraries.
    Desktop,
    /// lavapipe.
    Vulkan,
}

impl Need {
    pub(crate) const ALL: &[Self] = &[
        Self::Build,
        Self::WasmStd,
        Self::NodeTools,
        Self::Redis,
        Self::Postgres,
        Self::Chromium,
        Self::Desktop,
        Self::Vulkan,
    ];

    fn what(self) -> &'static str {
        match self {
            Self::Build => "a C compiler with headers",
            Self::WasmStd => "the standard library for wasm32-unknown-unknown",
            Self::NodeTools => "Node.js with wasm-opt and playwright-core",
            Self::Redis => "redis-server",
            Self::Postgres => "PostgreSQL",
            Self::Chromium => "Chromium",
            Self::Desktop => "a virtual desktop (Xvfb, xdotool, ImageMagick, X and GL libraries)",
            Self::Vulkan => "a Vulkan driver in software (lavapipe)",
        }
    }

    fn without_it(self) -> &'static str {
        match self {
            Self::Build => "nothing can be built",
            Self::WasmStd => "no web bundle, no browser tests, no demo",
            Self::NodeTools => {
                "no web bundle but an unoptimized one for the demo, no browser and no window tests; the replay tests fail"
            }
            Self::Redis => "no browser and no window tests; the pipeline tests fail",
            Self::Postgres => "the tests of the durable records fail",
            Self::Chromium => "no browser tests",
            Self::Desktop => "no test of the native window",
            Self::Vulkan => "no image snapshots",
        }
    }
}

/// What is still missing after set-up, with the reason.
pub(crate) struct Ready {
    missing: Vec<(Need, String)>,
}

impl Ready {
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Why a step that needs all of these cannot run, if it cannot.
    pub(crate) fn lack_of(&self, needs: &[Need]) -> Option<String> {
        let lacking: Vec<String> = self
            .missing
            .iter()
            .filter(|(need, _)| needs.contains(need))
            .map(|(need, reason)| format!("{} is missing ({reason})", need.what()))
            .collect();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }

    /// Fails with what is lacking.
    pub(crate) fn require(&self, needs: &[Need]) -> Result<()> {
        self.lack_of(needs).map_or(Ok(()), |lack| bail!("{lack}"))
    }
}

/// Checks what these needs and every build take, provides what it may and reports what it did and what is left.
pub(crate) fn run(project: &Project, needs: &[Need], args: SetupArgs) -> Ready {
    let started = steps::now();
    let mut needs = needs.to_vec();
    needs.push(Need::Build);
    let mut missing = Vec::new();
    let lacking = packages::provide(&needs, args.yes || is_ci());
    for need in Need::ALL.iter().filter(|need| needs.contains(need)) {
        let packages = lacking.of(*need);
        // npm and the C compiler are packages, so what they serve comes after them.
        let provided = match need {
            _ if !packages.is_empty() => Err(anyhow::anyhow!("no {}", packages.join(", no "))),
            Need::NodeTools => node::provide(project),
            Need::WasmStd => wasm_std::provide(project),
            _ => Ok(()),
        };
        if let Err(err) = provided {
            missing.push((*need, format!("{err:#}")));
        }
    }
    let ready = Ready { missing };
    if ready.is_complete() {
        say!(
            "{:<28} {:>12}",
            "setup: nothing missing",
            steps::pretty(started.elapsed())
        );
        return ready;
    }
    say!("setup: MISSING after {}", steps::pretty(started.elapsed()));
    for (need, reason) in &ready.missing {
        say!("  {}: {reason}", need.what());
        say!("    without it: {}", need.without_it());
    }
    if let Some(why) = lacking.why() {
        say!("  apt-get could not install them: {why}");
    }
    if let Some(command) = lacking.command() {
        say!("  to install them, as root: {command}");
        say!("  or let set-up do it, as root: add --yes");
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::{Need, Ready};

    #[test]
    fn a_lack_names_the_thing_and_the_reason_and_only_what_was_asked() {
        let ready = Ready {
            missing: vec![
                (Need::Redis, "no root".to_owned()),
                (Need::Vulkan, "no package".to_owned()),
            ],
        };
        let text = ready
            .lack_of(&[Need::Redis, Need::Chromium])
            .expect("redis is missing");
        assert!(
            text.contains("redis-server") && text.contains("no root") && !text.contains("lavapipe"),
            "{text}"
        );
        assert!(ready.require(&[Need::Vulkan]).is_err());
        assert!(ready.require(&[Need::Chromium]).is_ok());
        assert!(!ready.is_complete());
    }
}
