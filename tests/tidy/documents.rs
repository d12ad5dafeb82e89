//! `docs/architecture.md` must name every crate, and everything it names must exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{assert_tidy, files, metadata, read, root};

/// Everything between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_architecture_page_names_every_crate_and_only_files_and_functions_that_exist() {
    let page = read("docs/architecture.md");
    let mut complaints = Vec::new();
    for package in metadata().workspace_packages() {
        if !page.contains(&format!("`{}`", package.name)) {
            complaints.push(format!(
                "docs/architecture.md does not name `{}`",
                package.name
            ));
        }
    }
    let mut num_walked = 0;
    for span in code_spans(&page) {
        // `crates/qd_bus/src/hub.rs` or `crates/qd_bus/src/hub.rs::Hub::subscribe`.
        let (path, function) = span
            .split_once("::")
            .map_or((span, None), |(p, f)| (p, Some(f)));
        if Path::new(path)
            .extension()
            .is_none_or(|extension| extension != "rs")
            || !path.contains('/')
        {
            continue;
        }
        num_walked += 1;
        if !root().join(path).is_file() {
            complaints.push(format!("docs/architecture.md: {path} does not exist"));
            continue;
        }
        if let Some(name) = function.and_then(|function| function.rsplit("::").next()) {
            let text = read(path);
            let known = [
                format!("fn {name}"),
                format!("struct {name}"),
                format!("enum {name}"),
                format!("trait {name}"),
            ];
            if !known.iter().any(|known| text.contains(known.as_str())) {
                complaints.push(format!("docs/architecture.md: {path} has no {name}"));
            }
        }
    }
    if num_walked < 20 {
        complaints.push(format!(
            "docs/architecture.md walks through only {num_walked} places"
        ));
    }
    assert_tidy(&complaints);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let all: BTreeSet<_> = files().into_iter().collect();
    let mut complaints = Vec::new();
    for path in all
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        let text = read(path);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let base = path.parent().unwrap();
            if !root().join(base).join(target).exists() {
                complaints.push(format!("{}: {link} leads nowhere", path.display()));
            }
        }
    }
    assert_tidy(&complaints);
}
