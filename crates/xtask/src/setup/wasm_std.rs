//! The standard library of the browser's target: from rustup, or built from the sources of exactly this compiler.
//!
//! The sources are Debian's `rust-src` or a tarball. A toolchain that cannot be written to is left alone:
//! what is built then lies in a sysroot of our own under the target folder, whose other parts are links to the toolchain's.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context as _, Result, bail};

use super::{debian, progress, rustup};
use crate::project::{Project, WASM_TARGET};
use crate::say;
use crate::steps::{self, find_program};

/// Names a tarball of the library's sources, with one folder `library` in it.
const TARBALL_VARIABLE: &str = "QD_RUST_LIBRARY";

/// The active compiler.
struct Compiler {
    /// `1.95.0`
    release: String,
    commit: String,
    sysroot: PathBuf,
}

impl Compiler {
    fn ask(project: &Project) -> Result<Self> {
        let rustc = |args: &[&str]| {
            steps::run_quietly(Command::new("rustc").args(args).current_dir(&project.root))
        };
        let (release, commit) = release_and_commit(&rustc(&["--version", "--verbose"])?)
            .context("rustc does not say which release it is")?;
        Ok(Self {
            release,
            commit,
            sysroot: rustc(&["--print", "sysroot"])?.trim().into(),
        })
    }

    /// Where ours is, if it is there. Two builds of one release need two libraries.
    fn own_sysroot(&self, project: &Project) -> PathBuf {
        let commit = self.commit.get(..9).unwrap_or(&self.commit);
        project
            .target
            .join("toolchain")
            .join(format!("{}-{commit}", self.release))
    }
}

fn release_and_commit(text: &str) -> Option<(String, String)> {
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(|value| value.trim().to_owned())
    };
    Some((value("release")?, value("commit-hash")?))
}

fn library_of(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(WASM_TARGET).join("lib")
}

fn is_rlib(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "rlib")
}

fn has_library(sysroot: &Path) -> bool {
    let Ok(entries) = fs::read_dir(library_of(sysroot)) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        is_rlib(&path)
            && path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("libcore-"))
    })
}

fn is_writable(sysroot: &Path) -> bool {
    let probe = sysroot
        .join("lib/rustlib")
        .join(format!(".quarterdeck-{}", process::id()));
    let is_writable = fs::write(&probe, b"").is_ok();
    if is_writable {
        // Nothing depends on it any more.
        drop(fs::remove_file(&probe));
    }
    is_writable
}

/// Cargo for a build for the browser: with our own sysroot where the toolchain has no library.
///
/// Cargo gives these flags to the target only, never to build scripts and macros, because the target is named.
pub(crate) fn cargo_for_browser(project: &Project) -> Result<Command> {
    let mut command = project.cargo();
    let compiler = Compiler::ask(project)?;
    let own = compiler.own_sysroot(project);
    if !has_library(&compiler.sysroot) && has_library(&own) {
        command.env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags_with(
                env::var_os("CARGO_ENCODED_RUSTFLAGS"),
                env::var_os("RUSTFLAGS"),
                &own,
            ),
        );
    }
    Ok(command)
}

/// What the caller's environment already says comes first.
fn flags_with(encoded: Option<OsString>, plain: Option<OsString>, sysroot: &Path) -> OsString {
    let mut flags = encoded
        .filter(|flags| !flags.is_empty())
        .unwrap_or_else(|| {
            plain
                .unwrap_or_default()
                .to_string_lossy()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join("\u{1f}")
                .into()
        });
    if !flags.is_empty() {
        flags.push("\u{1f}");
    }
    flags.push("--sysroot=");
    flags.push(sysroot);
    flags
}

pub(super) fn provide(project: &Project) -> Result<()> {
    let compiler = Compiler::ask(project)?;
    let own = compiler.own_sysroot(project);
    if has_library(&compiler.sysroot) || has_library(&own) {
        return Ok(());
    }
    let mut tried = Vec::new();
    let mut give_up = |way: &str, why: String| {
        say!("setup: {way}: {why}");
        tried.push(format!("{way}: {}", why.lines().next().unwrap_or_default()));
    };
    let is_writable = is_writable(&compiler.sysroot);
    let added = if is_writable {
        rustup::add_target(project)
    } else {
        Err(anyhow::anyhow!("the toolchain is read-only"))
    };
    match added {
        Ok(()) if has_library(&compiler.sysroot) => return forget_wasm_builds(project),
        Ok(()) => give_up(
            "rustup",
            "says that the target is there, but rustc's toolchain has no library of it".to_owned(),
        ),
        Err(err) => give_up("rustup", format!("{err:#}")),
    }

    let work = project.target.join("toolchain/work");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let ways: [(&str, &dyn Fn() -> Result<PathBuf>); 2] = [
        ("Debian's rust-src", &|| {
            debian::fetch(&compiler.release, &work)
        }),
        (TARBALL_VARIABLE, &|| {
            unpack_tarball(project, &compiler.release, &work)
        }),
    ];
    for (way, fetch) in ways {
        match fetch().and_then(|library| build(project, &compiler, &library, &work)) {
            Ok(built) => {
                if is_writable {
                    install(&built, &library_of(&compiler.sysroot))?;
                } else {
                    make_own_sysroot(&compiler.sysroot, &own, &built)?;
                    say!(
                        "setup: the toolchain is read-only, so its copy with the library is in the target folder"
                    );
                }
                fs::remove_dir_all(&work)?;
                return forget_wasm_builds(project);
            }
            Err(err) => give_up(way, format!("{err:#}")),
        }
    }
    fs::remove_dir_all(&work)?;
    bail!("{}", tried.join("; "))
}

fn tarball_name(release: &str) -> String {
    format!("rust-library-{release}.tar.xz")
}

/// The tarball that is named, or the one that lies where this project keeps such things.
fn unpack_tarball(project: &Project, release: &str, work: &Path) -> Result<PathBuf> {
    let name = tarball_name(release);
    let tarball = match env::var_os(TARBALL_VARIABLE).filter(|value| !value.is_empty()) {
        Some(named) => env::current_dir()?.join(named),
        None => project
            .root
            .parent()
            .map(|parent| parent.join("shared/toolchain").join(&name))
            .filter(|path| path.is_file())
            .with_context(|| {
                format!(
                    "not set; it may name {name}, with the folder library of Rust's sources in it"
                )
            })?,
    };
    if !tarball.is_file() {
        bail!("{} is no file", tarball.display());
    }
    if tarball
        .extension()
        .is_some_and(|extension| extension == "xz")
        && find_program("xz").is_none()
    {
        bail!("tar needs xz for it: apt-get install xz-utils");
    }
    steps::timed("setup: unpack the library", || {
        steps::run_quietly(
            Command::new("tar")
                .arg("-xf")
                .arg(&tarball)
                .arg("-C")
                .arg(work),
        )
    })?;
    let library = work.join("library");
    if !library.join("Cargo.lock").is_file() {
        bail!("{} holds no folder library", tarball.display());
    }
    Ok(library)
}

/// Builds as rustc's own build does, and gives the folder of the libraries.
fn build(project: &Project, compiler: &Compiler, library: &Path, work: &Path) -> Result<PathBuf> {
    let target = work.join("target");
    let flags = [
        "-Zforce-unstable-if-unmarked".to_owned(),
        "-Cembed-bitcode=yes".to_owned(),
        // As in the one of rustup: no folder of this machine gets into the program.
        format!(
            "--remap-path-prefix={}=/rustc/{}/library",
            library.display(),
            compiler.commit
        ),
    ];
    let mut command = project.cargo();
    command
        .current_dir(library)
        // The library may lie outside the checkout, where rustup would take its default toolchain.
        .env("RUSTUP_TOOLCHAIN", &compiler.sysroot)
        .env("RUSTC", compiler.sysroot.join("bin/rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--release", "--locked", "--target", WASM_TARGET])
        .args(["-p", "sysroot", "--no-default-features"])
        .args(["--features", "panic-unwind,compiler-builtins-mem"]);
    progress::run("setup: build the wasm std", &mut command)?;
    Ok(target.join(WASM_TARGET).join("release/deps"))
}

/// Copies the libraries beside the final place and renames, so that an interrupted set-up is not taken for a finished one.
fn install(built: &Path, library: &Path) -> Result<()> {
    let fresh = library.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let mut num_copied = 0;
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        if is_rlib(&path)
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, fresh.join(name))?;
            num_copied += 1;
        }
    }
    if num_copied == 0 {
        bail!("cargo built no library in {}", built.display());
    }
    if library.exists() {
        fs::remove_dir_all(library)?;
    }
    fs::rename(&fresh, library)?;
    Ok(())
}

/// A sysroot whose parts are the toolchain's, with the browser's target beside them.
fn make_own_sysroot(toolchain: &Path, own: &Path, built: &Path) -> Result<()> {
    if own.exists() {
        fs::remove_dir_all(own)?;
    }
    let parts = own.join("lib/rustlib");
    fs::create_dir_all(&parts)?;
    for entry in fs::read_dir(toolchain.join("lib/rustlib"))? {
        let entry = entry?;
        if entry.file_name() != WASM_TARGET {
            symlink(entry.path(), parts.join(entry.file_name()))?;
        }
    }
    install(built, &library_of(own))
}

/// A new standard library has other crate hashes: what was built against the old one fails with "can't find crate".
fn forget_wasm_builds(project: &Project) -> Result<()> {
    let built = project.target.join(WASM_TARGET);
    if built.exists() {
        fs::remove_dir_all(built)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::Path;
    use std::process;

    use super::{flags_with, has_library, make_own_sysroot, release_and_commit, tarball_name};

    #[test]
    fn the_compiler_says_which_it_is() {
        let text =
            "rustc 1.95.0 (abc 2026-04-14)\nbinary: rustc\ncommit-hash: abc\nrelease: 1.95.0\n";
        assert_eq!(
            release_and_commit(text),
            Some(("1.95.0".to_owned(), "abc".to_owned()))
        );
        assert_eq!(release_and_commit("rustc 1.95.0"), None);
        assert_eq!(tarball_name("1.95.0"), "rust-library-1.95.0.tar.xz");
    }

    #[test]
    fn the_callers_own_flags_stay() {
        let own = Path::new("/own tools");
        let with = |encoded: Option<&str>, plain: Option<&str>| {
            flags_with(encoded.map(Into::into), plain.map(Into::into), own)
                .into_string()
                .expect("text")
        };
        assert_eq!(with(None, None), "--sysroot=/own tools");
        assert_eq!(
            with(None, Some("-C  debuginfo=0")),
            "-C\u{1f}debuginfo=0\u{1f}--sysroot=/own tools"
        );
        assert_eq!(
            with(Some("-Ca b"), Some("-C x")),
            "-Ca b\u{1f}--sysroot=/own tools"
        );
    }

    #[test]
    fn our_sysroot_has_the_toolchains_parts_and_the_library() {
        let folder = env::temp_dir().join(format!("qd-sysroot-{}", process::id()));
        let (toolchain, own, built) = (
            folder.join("toolchain"),
            folder.join("own"),
            folder.join("built"),
        );
        let host = toolchain.join("lib/rustlib/x86_64/lib");
        fs::create_dir_all(&host).expect("folder");
        fs::create_dir_all(toolchain.join("lib/rustlib/wasm32-unknown-unknown/lib"))
            .expect("folder");
        fs::write(host.join("libstd.rlib"), b"host").expect("write");
        fs::create_dir_all(&built).expect("folder");
        assert!(
            make_own_sysroot(&toolchain, &own, &built).is_err(),
            "nothing was built"
        );
        fs::write(built.join("libcore-1.rlib"), b"wasm").expect("write");
        fs::write(built.join("libcore-1.rmeta"), b"").expect("write");
        assert!(!has_library(&own));
        make_own_sysroot(&toolchain, &own, &built).expect("made");
        assert!(has_library(&own));
        assert_eq!(
            fs::read(own.join("lib/rustlib/x86_64/lib/libstd.rlib")).expect("link"),
            b"host"
        );
        assert!(!has_library(&toolchain), "the toolchain is as it was");
        fs::remove_dir_all(&folder).expect("clean");
    }
}
