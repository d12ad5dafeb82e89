//! What every manifest must say: lints inherited, versions in one place.

use crate::{assert_tidy, metadata};

#[test]
fn every_manifest_inherits_lints_and_versions() {
    let mut complaints = Vec::new();
    for package in metadata().workspace_packages() {
        let manifest: toml::Table = std::fs::read_to_string(&package.manifest_path)
            .unwrap()
            .parse()
            .unwrap();
        let name = package.name.as_str();
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        if inherits != Some(true) {
            complaints.push(format!("{name}: `[lints] workspace = true` is missing"));
        }
        let mut tables = vec![&manifest];
        if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
            tables.extend(targets.values().filter_map(toml::Value::as_table));
        }
        for table in tables {
            for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let Some(dependencies) = table.get(kind).and_then(toml::Value::as_table) else {
                    continue;
                };
                for (dependency, spec) in dependencies {
                    if spec.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                        complaints.push(format!(
                            "{name}: {dependency} takes no version from [workspace.dependencies]"
                        ));
                    }
                }
            }
        }
    }
    assert_tidy(&complaints);
}
