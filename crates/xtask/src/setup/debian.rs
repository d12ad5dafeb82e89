//! The library's sources from Debian's package `rust-src`, taken through a private apt configuration.
//!
//! It needs no root and leaves the machine's own sources, lists and packages as they are: lists, cache and configuration lie in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::progress;
use super::sources::{self, Source};
use crate::say;
use crate::steps::{self, find_program, line_of};

/// How Debian and its relatives call it: the distribution's own, the one kept for browsers, the one with the version in its name.
fn package_names(release: &str) -> Vec<String> {
    let mut names = vec!["rust-src".to_owned(), "rust-web-src".to_owned()];
    if let Some((series, _)) = release.rsplit_once('.') {
        names.push(format!("rust-{series}-src"));
    }
    names
}

/// A private apt in `folder`.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path) -> Result<Self> {
        for part in ["state/lists/partial", "cache/archives/partial", "sources"] {
            fs::create_dir_all(folder.join(part))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn call(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, part) in [
            ("Dir::State", "state"),
            ("Dir::Cache", "cache"),
            ("Dir::Etc::SourceParts", "sources"),
        ] {
            let mut option = std::ffi::OsString::from(format!("{name}="));
            option.push(self.folder.join(part));
            command.arg("-o").arg(option);
        }
        command
            .args(["-o", "Dir::Etc::SourceList=/dev/null"])
            .args(["-o", "Dir::State::status=/var/lib/dpkg/status"])
            // As root apt gives its downloads to a user of its own, who may not enter our folder.
            .args(["-o", "APT::Sandbox::User=root"])
            .current_dir(&self.folder);
        command
    }

    /// The package in this suite, if its release is there.
    fn look(&self, text: &str, release: &str) -> Result<Option<(String, String)>> {
        fs::write(self.folder.join("sources/suite.sources"), text)?;
        // Without the mode an archive that cannot be reached counts as one that has nothing.
        let updated = steps::run_quietly(
            self.call("apt-get")
                .args(["update", "-q"])
                .args(["-o", "APT::Update::Error-Mode=any"])
                .args(["-o", "Acquire::Retries=0"])
                .args(["-o", "Acquire::http::Timeout=10"])
                .args(["-o", "Acquire::https::Timeout=10"]),
        );
        let listed = steps::run_quietly(
            self.call("apt-cache")
                .arg("madison")
                .args(package_names(release)),
        )?;
        let found = sources::matching(&listed, release)
            .map(|(package, version)| (package.to_owned(), version.to_owned()));
        match (found, updated) {
            // Another source may have failed: somebody else's archive without such a suite, for one.
            (Some(found), _) => Ok(Some(found)),
            (None, Ok(_)) => Ok(None),
            (None, Err(err)) => Err(err),
        }
    }
}

/// Fetches the library's sources of `release` into `work` and gives the folder `library`.
pub(super) fn fetch(release: &str, work: &Path) -> Result<PathBuf> {
    for program in ["apt-get", "apt-cache", "dpkg-deb", "tar"] {
        if find_program(program).is_none() {
            bail!("there is no {program} on this machine");
        }
    }
    let codename = codename(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    let own = sources::read(Path::new("/etc/apt"));
    let apt = Apt::new(&work.join("apt"))?;
    let (package, version) = find(&apt, &own, &codename, release)?;
    let mut download = apt.call("apt-get");
    download
        .args(["download", "-q"])
        .arg(format!("{package}={version}"));
    progress::run(&format!("setup: download {package}"), &mut download)?;
    steps::timed(&format!("setup: unpack {package}"), || {
        unpack(&downloaded(&apt.folder)?, work)
    })
}

fn find(apt: &Apt, own: &[Source], codename: &str, release: &str) -> Result<(String, String)> {
    let mut looked = Vec::new();
    for suite in sources::suites(codename) {
        let text = sources::for_suite(own, codename, &suite);
        if text.is_empty() {
            bail!("the machine's apt sources name no archive of its distribution");
        }
        say!("setup: looking for rust-src {release} in {suite} ...");
        let started = steps::now();
        let found = apt.look(&text, release);
        let took = steps::pretty(started.elapsed());
        match found {
            Ok(Some((package, version))) => {
                say!("setup: {package} {version} is in {suite}, {took}");
                return Ok((package, version));
            }
            Ok(None) => say!("setup: no rust-src {release} in {suite}, {took}"),
            Err(err) => say!("setup: {suite}: {}, {took}", complaint(&format!("{err:#}"))),
        }
        looked.push(suite);
    }
    bail!("no rust-src {release} in {}", looked.join(", "))
}

/// What apt calls an error, in one line.
fn complaint(text: &str) -> &str {
    text.lines()
        .find_map(|line| line.strip_prefix("E: "))
        .unwrap_or_else(|| text.lines().next().unwrap_or_default())
}

fn codename(os_release: &str) -> String {
    os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned()
}

fn downloaded(folder: &Path) -> Result<PathBuf> {
    fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package")
}

/// Only the library: the compiler's own sources are ten times as many files.
fn unpack(package: &Path, work: &Path) -> Result<PathBuf> {
    let mut packed = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let archive = packed.stdout.take().context("dpkg-deb has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "--wildcards", "./usr/src/*/library/*"])
        .current_dir(work)
        .stdin(archive);
    let output = tar
        .output()
        .with_context(|| format!("cannot start `{}`", line_of(&tar)))?;
    let packed = packed.wait()?;
    if !output.status.success() || !packed.success() {
        bail!(
            "cannot unpack {}: {}",
            package.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    fs::read_dir(work.join("usr/src"))?
        .filter_map(|entry| Some(entry.ok()?.path().join("library")))
        .find(|library| library.join("Cargo.lock").is_file())
        .context("the package holds no library")
}

#[cfg(test)]
mod tests {
    use super::{codename, complaint, package_names};

    #[test]
    fn apts_own_complaint_is_shown() {
        assert_eq!(
            complaint("`apt-get` ended with 100\nGet:1 x\nE: no Release file.\nN: hint"),
            "no Release file."
        );
        assert_eq!(complaint("cannot start\nwhy"), "cannot start");
    }

    #[test]
    fn the_release_names_itself() {
        assert_eq!(
            codename("PRETTY_NAME=\"x\"\nVERSION_CODENAME=bookworm\nID=debian\n"),
            "bookworm"
        );
        assert_eq!(codename("VERSION_CODENAME=\"noble\"\n"), "noble");
        assert_eq!(codename(""), "");
    }

    #[test]
    fn the_package_is_looked_for_under_every_name() {
        assert_eq!(
            package_names("1.95.0"),
            ["rust-src", "rust-web-src", "rust-1.95-src"]
        );
    }
}
