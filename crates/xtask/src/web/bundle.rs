//! The folder that the gateway serves: hashed names, packed forms, the manifest and the size budget.
//!
//! It compiles nothing; the pieces come in as bytes. A bundle is written aside and put in place when it is complete.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Mode;
use crate::compress::{self, Effort};
use crate::project::WASM_TARGET;
use crate::say;
use crate::steps;

/// Everything the first load needs, as it goes over the wire.
const BUDGET_BYTES: usize = 1_600_000;

/// One file of the bundle before it has its final name.
pub(super) struct Piece {
    /// Name without the hash, which is also its name in the manifest: `loader.js`.
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// One file of the bundle as it lies in the folder.
struct Packed {
    name: &'static str,
    /// From the folder that is served: `app/loader-0123456789ab.js`.
    path: String,
    raw: Vec<u8>,
    br: Vec<u8>,
    gz: Vec<u8>,
}

impl Packed {
    /// How the manifest describes it; sizes are bytes.
    fn entry(&self) -> Value {
        json!({ "path": self.path, "raw": self.raw.len(), "br": self.br.len(), "gz": self.gz.len() })
    }
}

/// The manifest of the bundle that is there, when it was made of the same input and all its files are there.
pub(super) fn still_right(dist: &Path, key: &str) -> Option<Value> {
    let manifest: Value =
        serde_json::from_slice(&fs::read(dist.join("manifest.json")).ok()?).ok()?;
    let complete = manifest["files"].as_object()?.values().all(|file| {
        file["path"].as_str().is_some_and(|path| {
            ["", ".br", ".gz"]
                .iter()
                .all(|form| dist.join(format!("{path}{form}")).is_file())
        })
    });
    (manifest["input"] == key && complete).then_some(manifest)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

/// Writes the bundle of these pieces and the page into `dist`, in place of what is there, and gives its manifest.
pub(super) fn write(
    dist: &Path,
    mode: Mode,
    key: &str,
    page: &str,
    pieces: Vec<Piece>,
) -> Result<Value> {
    let mut named = Vec::with_capacity(pieces.len() + 1);
    for Piece { name, bytes } in pieces {
        named.push((name, hashed_path(name, &bytes)?, bytes));
    }
    let paths: BTreeMap<&str, &str> = named
        .iter()
        .map(|(name, path, _)| (*name, path.as_str()))
        .collect();
    let page = fill(page, &paths)?;
    named.push(("index.html", "index.html".to_owned(), page.into_bytes()));
    let packed = pack(named, mode.effort())?;

    let files: serde_json::Map<String, Value> = packed
        .iter()
        .map(|file| (file.name.to_owned(), file.entry()))
        .collect();
    let first_load: usize = packed.iter().map(|file| file.br.len()).sum();
    let manifest = json!({
        "input": key,
        "profile": mode.profile(),
        "first_load_br": first_load,
        "budget_br": BUDGET_BYTES,
        "files": files,
    });

    let fresh = dist.with_extension("new");
    remove_folder(&fresh)?;
    fs::create_dir_all(fresh.join("app"))?;
    for file in &packed {
        fs::write(fresh.join(&file.path), &file.raw)?;
        fs::write(fresh.join(format!("{}.br", file.path)), &file.br)?;
        fs::write(fresh.join(format!("{}.gz", file.path)), &file.gz)?;
    }
    fs::write(
        fresh.join("manifest.json"),
        serde_json::to_string_pretty(&manifest)? + "\n",
    )?;
    remove_folder(dist)?;
    fs::rename(&fresh, dist)?;
    Ok(manifest)
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn hashed_path(name: &str, bytes: &[u8]) -> Result<String> {
    let (stem, extension) = name
        .rsplit_once('.')
        .context("a piece without an extension")?;
    let hash = hex(Sha256::digest(bytes).get(..8).unwrap_or_default());
    Ok(format!("app/{stem}-{hash}.{extension}"))
}

/// Puts the hashed names into the page: `{{loader.js}}` becomes `/app/loader-….js`.
fn fill(template: &str, paths: &BTreeMap<&str, &str>) -> Result<String> {
    let mut page = String::with_capacity(template.len() + 512);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| anyhow!("index.html: {{{{ without }}}}"))?;
        let path = paths
            .get(name)
            .ok_or_else(|| anyhow!("index.html names {name}, which the bundle does not have"))?;
        page.push_str(before);
        page.push('/');
        page.push_str(path);
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// Compresses all files at once: the program alone takes most of the time.
fn pack(files: Vec<(&'static str, String, Vec<u8>)>, effort: Effort) -> Result<Vec<Packed>> {
    thread::scope(|scope| {
        let running: Vec<_> = files
            .into_iter()
            .map(|(name, path, raw)| {
                scope.spawn(move || -> Result<Packed> {
                    let br = compress::brotli(&raw, effort)?;
                    let gz = compress::gzip(&raw, effort)?;
                    Ok(Packed {
                        name,
                        path,
                        raw,
                        br,
                        gz,
                    })
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_panic| anyhow!("a compressor panicked"))?
            })
            .collect()
    })
}

fn size(value: &Value) -> usize {
    value
        .as_u64()
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or_default()
}

pub(super) fn report(manifest: &Value) {
    say!(
        "  {:<18} {:>9} {:>9} {:>9}",
        "file",
        "raw",
        "gzip",
        "brotli"
    );
    for (name, file) in manifest["files"].as_object().into_iter().flatten() {
        say!(
            "  {:<18} {:>9} {:>9} {:>9}",
            name,
            steps::pretty_size(size(&file["raw"])),
            steps::pretty_size(size(&file["gz"])),
            steps::pretty_size(size(&file["br"]))
        );
    }
    say!(
        "  {:<18} {:>29}  of {}",
        "first load",
        steps::pretty_size(size(&manifest["first_load_br"])),
        steps::pretty_size(BUDGET_BYTES)
    );
}

pub(super) fn within_budget(mode: Mode, manifest: &Value) -> Result<()> {
    let first_load = size(&manifest["first_load_br"]);
    if mode == Mode::Release && first_load > BUDGET_BYTES {
        bail!(
            "the first load is {} in brotli, {} over its budget of {}: what grew stands in the table above; `cargo tree -p qd_console --target {WASM_TARGET}` shows what is in it",
            steps::pretty_size(first_load),
            steps::pretty_size(first_load - BUDGET_BYTES),
            steps::pretty_size(BUDGET_BYTES)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use serde_json::json;

    use super::{BUDGET_BYTES, Mode, Piece, fill, hashed_path, still_right, within_budget, write};

    #[test]
    fn the_page_gets_the_hashed_names_and_an_unknown_one_is_named() {
        let paths = BTreeMap::from([("loader.js", "app/loader-1.js")]);
        assert_eq!(
            fill("<script src=\"{{loader.js}}\">", &paths).expect("filled"),
            "<script src=\"/app/loader-1.js\">"
        );
        assert!(
            fill("{{style.css}}", &paths)
                .expect_err("unknown")
                .to_string()
                .contains("style.css")
        );
        assert!(fill("{{loader.js", &paths).is_err());
    }

    #[test]
    fn a_name_changes_with_its_content() {
        let one = hashed_path("loader.js", b"1").expect("path");
        let hash = one
            .strip_prefix("app/loader-")
            .and_then(|rest| rest.strip_suffix(".js"));
        assert!(hash.is_some_and(|hash| hash.len() == 16), "{one}");
        assert_ne!(one, hashed_path("loader.js", b"2").expect("path"));
    }

    #[test]
    fn the_budget_fails_a_release_bundle_only() {
        let over = json!({ "first_load_br": BUDGET_BYTES + 1 });
        assert!(within_budget(Mode::Release, &over).is_err());
        assert!(within_budget(Mode::Dev, &over).is_ok());
        assert!(within_budget(Mode::Release, &json!({ "first_load_br": BUDGET_BYTES })).is_ok());
    }

    #[test]
    fn a_bundle_is_right_until_its_input_changes_or_a_file_is_gone() {
        let folder =
            std::env::temp_dir().join(format!("quarterdeck-bundle-{}", std::process::id()));
        let dist = folder.join("dist");
        let piece = |text: &str| Piece {
            name: "loader.js",
            bytes: text.as_bytes().to_vec(),
        };
        let manifest = write(
            &dist,
            Mode::Dev,
            "key",
            "<script src=\"{{loader.js}}\">",
            vec![piece("1")],
        )
        .expect("written");
        assert_eq!(still_right(&dist, "key").as_ref(), Some(&manifest));
        assert!(still_right(&dist, "other").is_none());

        let path = manifest["files"]["loader.js"]["path"]
            .as_str()
            .expect("a path")
            .to_owned();
        let page = fs::read_to_string(dist.join("index.html")).expect("the page");
        assert!(page.contains(&path), "{page}");
        fs::remove_file(dist.join(format!("{path}.br"))).expect("removed");
        assert!(still_right(&dist, "key").is_none());

        write(&dist, Mode::Dev, "key2", "", vec![piece("2")]).expect("written over it");
        assert!(!dist.join(&path).exists(), "the old name is gone");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
