//! Tests that hold the documents and the fences to the code.
//!
//! Each rule of the house that a machine can check is a test here; a rule that only a reviewer can check is not.
#![expect(clippy::unwrap_used, reason = "a broken tree should fail loudly")]

mod documents;
mod fences;
mod layers;
mod manifests;
mod sources;
mod status;

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

/// The checkout's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// What cargo knows about the workspace and everything below it.
fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        // The host's packages only: those of other systems may never have been downloaded.
        .other_options(vec![
            "--locked".to_owned(),
            "--filter-platform".to_owned(),
            host(),
        ])
        .exec()
        .unwrap()
}

/// The triple that this toolchain builds for.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap()
        .to_owned()
}

/// All files of the checkout that git tracks or would track, relative to the root, sorted.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files failed: {output:?}");
    let mut files: Vec<PathBuf> = String::from_utf8(output.stdout)
        .unwrap()
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect();
    files.sort();
    files.dedup();
    files
}

/// The text of a file of the checkout.
fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// Fails with every complaint at once, so that one run shows the whole work.
#[track_caller]
fn assert_tidy(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
