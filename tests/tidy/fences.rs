//! The generated clippy fences: a crate's own `clippy.toml` replaces the root's, so each must hold the root's bans.

use std::collections::BTreeSet;

use crate::{assert_tidy, files, read};

/// Every crate whose code is pure or draws needs its own, stricter fences.
const FENCED: &[&str] = &[
    "qd_types", "qd_queue", "qd_wire", "qd_state", "qd_auth", "qd_ui", "qd_pages",
];

fn bans(path: &str) -> BTreeSet<String> {
    let table: toml::Table = read(path).parse().unwrap();
    [
        "disallowed-methods",
        "disallowed-types",
        "disallowed-macros",
    ]
    .iter()
    .filter_map(|kind| table.get(*kind)?.as_array())
    .flatten()
    .filter_map(|ban| ban.get("path").or(Some(ban))?.as_str().map(str::to_owned))
    .collect()
}

#[test]
fn crate_fences_hold_the_roots_bans() {
    let roots = bans("clippy.toml");
    let mut complaints = Vec::new();
    if roots.len() < 8 {
        complaints.push(format!("clippy.toml holds only {} bans", roots.len()));
    }
    let fenced = files()
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name == "clippy.toml"))
        .map(|path| path.to_str().unwrap().to_owned())
        .collect::<BTreeSet<_>>();
    for path in &fenced {
        for missing in roots.difference(&bans(path)) {
            complaints.push(format!(
                "{path}: lacks the root's ban of {missing}; run `cargo xtask fences`"
            ));
        }
    }
    for name in FENCED {
        if !fenced.contains(&format!("crates/{name}/clippy.toml")) {
            complaints.push(format!(
                "crates/{name}/clippy.toml is missing; run `cargo xtask fences`"
            ));
        }
    }
    assert_tidy(&complaints);
}
