//! Writes every `clippy.toml` of the workspace from one list, so that no crate's own file forgets the root's bans.
//!
//! It holds no policy of its own: `style.md` and `architecture.md` say what is banned, this file says it to clippy.
//! A crate's `clippy.toml` replaces the root's and `CLIPPY_CONF_DIR` switches all of them off, so each file repeats everything that holds there.
//! Paths are written by the crate that is used (`crossbeam_channel::unbounded`), with `allow-invalid`, because most crates do not have all of them in their graph.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::say;

/// One banned path and what to use instead.
struct Ban {
    path: &'static str,
    reason: &'static str,
}

const fn ban(path: &'static str, reason: &'static str) -> Ban {
    Ban { path, reason }
}

const QUEUE: &str = "unbounded memory: use qd_queue, which drops the oldest and counts it";
const THREAD: &str = "name it: std::thread::Builder::new().name(..)";
const CLOCK: &str = "take the time from the injected Clock (qd_types::Clock)";
const LOCK: &str = "poisons: use parking_lot";
const COLOR: &str = "colors are chosen once: use the design tokens (qd_ui::DesignTokens)";
const IO: &str = "this crate does no IO: let the shell read it and pass the bytes in";
const SPAWN: &str = "this crate starts nothing: let the shell run it";
const BLOCKING: &str = "blocks, and the browser has one thread: use the try_ form or await";
const NO_RUNTIME: &str = "there is no tokio runtime in the browser: use qd_feed::rt";

/// Banned everywhere.
const METHODS: &[Ban] = &[
    ban("crossbeam_channel::unbounded", QUEUE),
    ban("tokio::sync::mpsc::unbounded_channel", QUEUE),
    ban("std::sync::mpsc::channel", QUEUE),
    ban("std::thread::spawn", THREAD),
    ban("std::time::Instant::now", CLOCK),
    ban("std::time::SystemTime::now", CLOCK),
    ban("web_time::Instant::now", CLOCK),
    ban("web_time::SystemTime::now", CLOCK),
    ban("jiff::Timestamp::now", CLOCK),
    ban(
        "std::env::set_var",
        "not safe beside threads: pass the value in, or set it on the child's Command",
    ),
    ban(
        "std::env::remove_var",
        "not safe beside threads: pass the value in, or set it on the child's Command",
    ),
    ban(
        "egui_extras::TableBody::row",
        "builds every row: use rows, which is virtual",
    ),
    ban(
        "egui_kittest::SnapshotOptions::new",
        "use the blessed constructors of qd_ui::testing",
    ),
];

/// Banned everywhere; the one module that makes the tokens expects the lint, with its reason.
const COLOR_METHODS: &[Ban] = &[
    ban("egui::Color32::from_rgb", COLOR),
    ban("egui::Color32::from_rgb_additive", COLOR),
    ban("egui::Color32::from_rgba_premultiplied", COLOR),
    ban("egui::Color32::from_rgba_unmultiplied", COLOR),
    ban("egui::Color32::from_gray", COLOR),
    ban("egui::Color32::from_black_alpha", COLOR),
    ban("egui::Color32::from_white_alpha", COLOR),
    ban("egui::Color32::from_hex", COLOR),
];

const COLOR_MACROS: &[Ban] = &[
    ban("egui::hex_color", COLOR),
    ban("ecolor::hex_color", COLOR),
];

const TYPES: &[Ban] = &[
    ban("std::sync::Mutex", LOCK),
    ban("std::sync::RwLock", LOCK),
    ban("std::sync::Condvar", LOCK),
];

const FILES: &[Ban] = &[
    ban("std::fs::File::open", IO),
    ban("std::fs::File::create", IO),
    ban("std::fs::OpenOptions::new", IO),
    ban("std::fs::read", IO),
    ban("std::fs::read_to_string", IO),
    ban("std::fs::read_dir", IO),
    ban("std::fs::write", IO),
    ban("std::fs::copy", IO),
    ban("std::fs::rename", IO),
    ban("std::fs::metadata", IO),
    ban("std::fs::create_dir", IO),
    ban("std::fs::create_dir_all", IO),
    ban("std::fs::remove_file", IO),
    ban("std::fs::remove_dir", IO),
    ban("std::fs::remove_dir_all", IO),
];

/// On top of the root's, in the pure and the drawing crates.
const SPAWNS: &[Ban] = &[
    ban("std::thread::Builder::spawn", SPAWN),
    ban("std::thread::scope", SPAWN),
    ban("std::thread::sleep", SPAWN),
    ban("tokio::spawn", SPAWN),
    ban("tokio::task::spawn", SPAWN),
    ban("tokio::task::spawn_blocking", SPAWN),
    ban("wasm_bindgen_futures::spawn_local", SPAWN),
];

/// On top of the root's, where the browser runs it.
const BROWSER: &[Ban] = &[
    ban("crossbeam_channel::Receiver::recv", BLOCKING),
    ban("crossbeam_channel::Receiver::recv_timeout", BLOCKING),
    ban("crossbeam_channel::Receiver::recv_deadline", BLOCKING),
    ban("crossbeam_channel::Sender::send", BLOCKING),
    ban("crossbeam_channel::Sender::send_timeout", BLOCKING),
    ban("std::thread::sleep", BLOCKING),
    ban("tokio::spawn", NO_RUNTIME),
    ban("tokio::task::spawn", NO_RUNTIME),
    ban("tokio::task::spawn_blocking", NO_RUNTIME),
    ban("tokio::time::sleep", NO_RUNTIME),
    ban("tokio::time::timeout", NO_RUNTIME),
    ban("tokio::time::interval", NO_RUNTIME),
];

/// Crates that decide or draw: no clock, no file, nothing started.
const PURE: &[&str] = &[
    "qd_auth", "qd_pages", "qd_queue", "qd_state", "qd_types", "qd_ui", "qd_wire",
];

const HEAD: &str = r#"# Generated by `cargo xtask fences` from crates/xtask/src/fences.rs. Change it there.
msrv = "1.95"
allow-expect-in-tests = true
allow-print-in-tests = true
allow-unwrap-in-tests = true
avoid-breaking-exported-api = false
doc-valid-idents = ["AccessKit", "SwiftShader", ".."]
large-error-threshold = 256
max-fn-params-bools = 1
await-holding-invalid-types = ["tracing::span::Entered"]
"#;

fn table(text: &mut String, key: &str, lists: &[&[Ban]]) {
    let _infallible = writeln!(text, "{key} = [");
    for ban in lists.iter().copied().flatten() {
        let _infallible = writeln!(
            text,
            r#"    {{ path = "{}", reason = "{}", allow-invalid = true }},"#,
            ban.path, ban.reason
        );
    }
    text.push_str("]\n");
}

/// The root's bans and what a stricter fence adds.
fn file(stricter: &[&[Ban]]) -> String {
    let mut text = HEAD.to_owned();
    let mut methods = vec![METHODS, COLOR_METHODS];
    methods.extend(stricter);
    table(&mut text, "disallowed-methods", &methods);
    table(&mut text, "disallowed-types", &[TYPES]);
    table(&mut text, "disallowed-macros", &[COLOR_MACROS]);
    text
}

/// Every fence file, by its path from the workspace root, with the text it must have.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = vec![
        (PathBuf::from("clippy.toml"), file(&[])),
        (
            PathBuf::from("infra/clippy-wasm/clippy.toml"),
            file(&[FILES, BROWSER]),
        ),
    ];
    let pure = file(&[FILES, SPAWNS]);
    files.extend(PURE.iter().map(|name| (crate_file(name), pure.clone())));
    files
}

fn crate_file(name: &str) -> PathBuf {
    ["crates", name, "clippy.toml"].iter().collect()
}

/// Writes the fences under `root`.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (path, text) in files() {
        let full = root.join(&path);
        if fs::read_to_string(&full).is_ok_and(|old| old == text) {
            continue;
        }
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&full, text).with_context(|| format!("cannot write {}", full.display()))?;
        say!("wrote {}", path.display());
    }
    Ok(())
}

/// Compares the fences under `root` with the list and names every file that differs.
pub(crate) fn check(root: &Path) -> Result<()> {
    let stale: Vec<String> = files()
        .into_iter()
        .filter(|(path, text)| {
            !fs::read_to_string(root.join(path)).is_ok_and(|found| &found == text)
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    bail!(
        "not as the list in crates/xtask/src/fences.rs says: {}; run `cargo xtask fences`",
        stale.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::{COLOR_METHODS, METHODS, files};

    #[test]
    fn every_file_holds_the_roots_bans() {
        for (path, text) in files() {
            for ban in METHODS.iter().chain(COLOR_METHODS) {
                assert!(
                    text.contains(&format!("\"{}\"", ban.path)),
                    "{} lacks {}",
                    path.display(),
                    ban.path
                );
            }
        }
    }

    #[test]
    fn no_path_is_banned_twice_in_a_file() {
        for (path, text) in files() {
            let mut paths: Vec<&str> = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("{ path = ")?.split(',').next())
                .collect();
            let num_paths = paths.len();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), num_paths, "{}", path.display());
        }
    }
}
