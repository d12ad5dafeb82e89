//! `cargo xtask setup`: what the other commands need, checked by its effect and provided where possible.
//!
//! It installs with rustup, npm and apt-get only, into the toolchain, the target folder and the system; it changes nothing in the checkout.
//! What it cannot provide it names, with the command that does and with what will be skipped: nothing is skipped silently.

mod node;
mod packages;
mod wasm_std;

use anyhow::{Result, bail};

use crate::project::Project;
use crate::say;
use crate::steps;

pub(crate) use packages::{chromium, lavapipe};

/// One thing that a step can need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Standard library of the browser's target.
    WasmStd,
    /// Node.js and the npm packages of `tests/browser/package.json`.
    NodeTools,
    Redis,
    Chromium,
    /// `Xvfb`, `xdotool`, `ImageMagick`, X and GL libraries.
    Desktop,
    /// lavapipe.
    Vulkan,
}

impl Need {
    fn what(self) -> &'static str {
        match self {
            Self::WasmStd => "the standard library for wasm32-unknown-unknown",
            Self::NodeTools => "wasm-opt and playwright-core (npm)",
            Self::Redis => "redis-server",
            Self::Chromium => "Chromium",
            Self::Desktop => "a virtual desktop (Xvfb, xdotool, ImageMagick, X and GL libraries)",
            Self::Vulkan => "a Vulkan driver in software (lavapipe)",
        }
    }

    fn without_it(self) -> &'static str {
        match self {
            Self::WasmStd => "no web bundle, no browser tests, no demo",
            Self::NodeTools => "no web bundle, no browser and no window tests, no demo",
            Self::Redis => "no browser and no window tests; the pipeline tests fail",
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

/// Checks everything, provides what it can and reports what it did and what is left.
pub(crate) fn run(project: &Project) -> Ready {
    let started = steps::now();
    let mut ready = Ready {
        missing: Vec::new(),
    };
    packages::install(&mut ready);
    // npm is one of the packages, so the tools come after them.
    if let Err(err) = node::provide(project) {
        ready.missing.push((Need::NodeTools, format!("{err:#}")));
    }
    if let Err(err) = wasm_std::provide(project) {
        ready.missing.push((Need::WasmStd, format!("{err:#}")));
    }
    if ready.is_complete() {
        say!(
            "{:<28} {:>12}",
            "setup: nothing missing",
            steps::pretty(started.elapsed())
        );
    } else {
        say!("setup: MISSING after {}", steps::pretty(started.elapsed()));
        for (need, reason) in &ready.missing {
            say!("  {}: {reason}", need.what());
            say!("    without it: {}", need.without_it());
        }
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
