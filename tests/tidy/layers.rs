//! The table of `docs/architecture.md` as a test: who may depend on whom, inside and outside.

use std::collections::{BTreeMap, BTreeSet};

use crate::{assert_tidy, metadata, read};

/// Crate → the crates of the house that it may name in its manifest (normal, dev and build alike).
const MAY_USE: &[(&str, &[&str])] = &[
    // Layer 0: words.
    ("qd_types", &[]),
    ("qd_queue", &[]),
    // Layer 1: pure.
    ("qd_wire", &["qd_types"]),
    ("qd_state", &["qd_types"]),
    // Layer 2: kits.
    ("qd_ui", &["qd_types"]),
    (
        "qd_feed",
        &["qd_bus", "qd_queue", "qd_state", "qd_types", "qd_wire"],
    ),
    ("qd_auth", &["qd_types"]),
    ("qd_bus", &["qd_types", "qd_wire"]),
    ("qd_db", &["qd_types"]),
    ("qd_profile", &[]),
    // Layer 3: features.
    ("qd_pages", &["qd_state", "qd_types", "qd_ui"]),
    (
        "qd_gateway",
        &["qd_auth", "qd_bus", "qd_queue", "qd_types", "qd_wire"],
    ),
    ("qd_execution", &["qd_bus", "qd_types", "qd_wire"]),
    // Layer 4: shells.
    (
        "qd_console",
        &[
            "qd_feed",
            "qd_pages",
            "qd_profile",
            "qd_state",
            "qd_types",
            "qd_ui",
        ],
    ),
    (
        "quarterdeck",
        &[
            "qd_auth",
            "qd_bus",
            "qd_execution",
            "qd_gateway",
            "qd_profile",
            "qd_types",
            "qd_wire",
        ],
    ),
    // Tools.
    ("xtask", &[]),
];

/// The named exceptions: they test and measure across layers.
const MAY_USE_ALL: &[&str] = &["qd_tests", "qd_benches", "qd_snapshots"];

/// Outside crate → the members that may name it in their manifest.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("redis", &["qd_bus"]),
    ("eframe", &["qd_console"]),
    ("sqlx", &["qd_db"]),
    ("axum", &["qd_execution", "qd_gateway"]),
    ("hyper-util", &["qd_execution", "qd_gateway"]),
    (
        "egui",
        &[
            "qd_console",
            "qd_pages",
            "qd_ui",
            "qd_benches",
            "qd_snapshots",
            "qd_tests",
        ],
    ),
    ("egui_table", &["qd_ui"]),
    // The feed's command port refuses when full instead of dropping the oldest: a command is never displaced.
    ("crossbeam-channel", &["qd_feed", "qd_queue"]),
    // Features are unified over the workspace, so only the manifests say who really asks for serde.
    // The console's one use is the report of its test handle, which no other program of the house reads.
    (
        "serde",
        &["qd_console", "qd_execution", "qd_gateway", "qd_wire"],
    ),
    ("arc-swap", &["qd_state", "qd_gateway"]),
    // What is pure is timed by whoever calls it.
    (
        "profiling",
        &[
            "qd_bus",
            "qd_console",
            "qd_execution",
            "qd_feed",
            "qd_gateway",
            "qd_pages",
            "qd_profile",
            "qd_ui",
        ],
    ),
    // The servers' test reads what the port sends.
    ("puffin", &["qd_profile", "quarterdeck"]),
    ("puffin_http", &["qd_profile", "quarterdeck"]),
    ("wasm-bindgen-cli-support", &["xtask"]),
];

/// Crates that may not be in the tree at all, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "rustls only"),
    ("openssl-sys", "rustls only"),
    ("native-tls", "rustls only"),
    (
        "aws-lc-rs",
        "ring is the one crypto provider: two make rustls panic at start",
    ),
    (
        "aws-lc-sys",
        "ring is the one crypto provider, and this one wants cmake",
    ),
    ("async-std", "tokio is the one runtime"),
];

/// Crates that must never reach these members, however deep: the drawing and pure layers compile for the browser.
const NEVER_BELOW: &[(&str, &[&str])] = &[
    ("qd_types", &["tokio", "egui", "redis"]),
    ("qd_queue", &["tokio", "egui"]),
    ("qd_wire", &["tokio", "egui", "redis"]),
    ("qd_state", &["tokio", "egui", "redis"]),
    ("qd_ui", &["tokio", "redis", "reqwest", "eframe"]),
    ("qd_pages", &["tokio", "redis", "reqwest", "eframe"]),
    ("qd_auth", &["axum", "tokio", "redis", "sqlx"]),
    ("qd_db", &["axum", "redis", "egui"]),
    ("qd_gateway", &["egui"]),
    ("qd_execution", &["egui"]),
];

#[test]
fn manifests_follow_the_layers() {
    let metadata = metadata();
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let members: BTreeSet<&str> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut complaints = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if MAY_USE_ALL.contains(&name) {
            continue;
        }
        let Some(allowed) = table.get(name) else {
            complaints.push(format!("{name}: not in the table of tests/tidy/layers.rs"));
            continue;
        };
        for dependency in &package.dependencies {
            let target = dependency.name.as_str();
            if members.contains(target) && target != name && !allowed.contains(&target) {
                complaints.push(format!(
                    "{name} → {target}: not an arrow of the house ({:?} dependency)",
                    dependency.kind
                ));
            }
        }
    }
    for (name, _) in MAY_USE {
        if !members.contains(name) {
            complaints.push(format!("{name}: in the table, not in the workspace"));
        }
    }
    assert_tidy(&complaints);
}

#[test]
fn outside_crates_stay_behind_their_fences() {
    let metadata = metadata();
    let mut complaints = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            if let Some((_, owners)) = OUTSIDE.iter().find(|(name, _)| *name == dependency.name)
                && !owners.contains(&package.name.as_str())
                && !MAY_USE_ALL.contains(&package.name.as_str())
            {
                complaints.push(format!(
                    "{} → {}: only {} may",
                    package.name,
                    dependency.name,
                    owners.join(", ")
                ));
            }
        }
    }
    // The lock file knows every platform's packages; cargo's metadata here only the host's.
    let lock = read("Cargo.lock");
    for (name, reason) in BANNED {
        if lock.contains(&format!("\nname = \"{name}\"\n")) {
            complaints.push(format!("{name} is in Cargo.lock: {reason}"));
        }
    }
    assert_tidy(&complaints);
}

/// Names of everything that `root` needs to build and run on the host (no dev-dependencies).
fn below(metadata: &cargo_metadata::Metadata, root: &str) -> BTreeSet<String> {
    let Some(resolve) = metadata.resolve.as_ref() else {
        return BTreeSet::new();
    };
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let mut todo: Vec<_> = metadata
        .workspace_packages()
        .iter()
        .filter(|package| package.name.as_str() == root)
        .map(|package| &package.id)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(node) = nodes.get(id) else { continue };
        for dependency in &node.deps {
            let is_real = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == cargo_metadata::DependencyKind::Normal);
            if is_real {
                todo.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter()
        .filter_map(|id| names.get(id).cloned())
        .filter(|name| name != root)
        .collect()
}

#[test]
fn pure_and_drawing_crates_stay_pure_all_the_way_down() {
    let metadata = metadata();
    let mut complaints = Vec::new();
    for (name, banned) in NEVER_BELOW {
        let reached = below(&metadata, name);
        for bad in *banned {
            if reached.contains(*bad) {
                complaints.push(format!("{name} reaches {bad}, which it must never hold"));
            }
        }
    }
    assert_tidy(&complaints);
}

/// The backend of the scopes opens a port and reads a clock: it is no part of the browser's program, and of nobody's
/// tests by accident.
#[test]
fn scopes_are_seen_in_native_programs_only() {
    let mut complaints = Vec::new();
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        for dependency in &package.dependencies {
            let target = dependency.target.as_ref().map(ToString::to_string);
            let is_native = target.as_deref() == Some("cfg(not(target_arch = \"wasm32\"))");
            if name == "qd_console" && dependency.name == "qd_profile" && !is_native {
                complaints.push(format!(
                    "{name}: qd_profile must be for native targets only"
                ));
            }
            let is_backend = dependency
                .features
                .iter()
                .any(|feature| feature.starts_with("profile-with-"));
            if dependency.name == "profiling" && is_backend && name != "qd_profile" {
                complaints.push(format!("{name}: only qd_profile turns a backend on"));
            }
        }
    }
    assert_tidy(&complaints);
}
