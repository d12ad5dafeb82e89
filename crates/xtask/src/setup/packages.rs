//! System packages: what shows that one is there, and apt-get where it may be called.
//!
//! They are looked for by their effect (a program, a library, a driver's description), whoever installed them.
//! apt-get is called only where somebody agreed to it; otherwise the command for it is given.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Need, progress};
use crate::say;
use crate::steps::{self, find_program};

/// How a system package shows that it is there, whoever installed it.
enum Probe {
    /// One of these programs is on the path.
    Program(&'static [&'static str]),
    /// A shared library whose file name starts like this is in a library folder.
    Library(&'static [&'static str]),
    /// The C compiler finds this header, wherever it keeps its own.
    Header(&'static str),
    /// lavapipe's description for the Vulkan loader.
    Lavapipe,
    /// This program of a `PostgreSQL` server, on the path or where Debian keeps it.
    Postgres(&'static str),
}

struct Package {
    debian: &'static str,
    need: Need,
    probe: Probe,
}

const fn package(debian: &'static str, need: Need, probe: Probe) -> Package {
    Package {
        debian,
        need,
        probe,
    }
}

const PACKAGES: &[Package] = &[
    package("gcc", Need::Build, Probe::Program(&["cc"])),
    package("libc6-dev", Need::Build, Probe::Header("stdlib.h")),
    package("nodejs", Need::NodeTools, Probe::Program(&["node"])),
    package("npm", Need::NodeTools, Probe::Program(&["npm"])),
    package(
        "redis-server",
        Need::Redis,
        Probe::Program(&["redis-server"]),
    ),
    package("postgresql", Need::Postgres, Probe::Postgres("initdb")),
    package("chromium", Need::Chromium, Probe::Program(CHROMIUM)),
    package("xvfb", Need::Desktop, Probe::Program(&["Xvfb"])),
    package("xdotool", Need::Desktop, Probe::Program(&["xdotool"])),
    package(
        "imagemagick",
        Need::Desktop,
        Probe::Program(&["import", "magick"]),
    ),
    package("libx11-6", Need::Desktop, Probe::Library(&["libX11.so.6"])),
    package(
        "libx11-xcb1",
        Need::Desktop,
        Probe::Library(&["libX11-xcb.so.1"]),
    ),
    package(
        "libxcursor1",
        Need::Desktop,
        Probe::Library(&["libXcursor.so.1"]),
    ),
    package("libxi6", Need::Desktop, Probe::Library(&["libXi.so.6"])),
    package(
        "libxrandr2",
        Need::Desktop,
        Probe::Library(&["libXrandr.so.2"]),
    ),
    package(
        "libxkbcommon0",
        Need::Desktop,
        Probe::Library(&["libxkbcommon.so.0"]),
    ),
    package(
        "libxkbcommon-x11-0",
        Need::Desktop,
        Probe::Library(&["libxkbcommon-x11.so.0"]),
    ),
    package("libegl1", Need::Desktop, Probe::Library(&["libEGL.so.1"])),
    package("libgl1", Need::Desktop, Probe::Library(&["libGL.so.1"])),
    package(
        "libgl1-mesa-dri",
        Need::Desktop,
        Probe::Library(&["dri/swrast_dri.so", "dri/libdril_dri.so", "libgallium-"]),
    ),
    package("mesa-vulkan-drivers", Need::Vulkan, Probe::Lavapipe),
];

const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// The browser of the end-to-end tests.
pub(crate) fn chromium() -> Option<PathBuf> {
    CHROMIUM.iter().find_map(|name| find_program(name))
}

fn has_postgres_program(name: &str) -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let in_debian = versions
        .flatten()
        .any(|version| version.path().join("bin").join(name).exists());
    in_debian || find_program(name).is_some()
}

/// lavapipe's description for the Vulkan loader: image snapshots are the same on every machine only with it.
pub(crate) fn lavapipe() -> Option<PathBuf> {
    [
        "/usr/share/vulkan/icd.d",
        "/etc/vulkan/icd.d",
        "/usr/local/share/vulkan/icd.d",
    ]
    .iter()
    .find_map(|folder| {
        let mut found: Vec<PathBuf> = fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_lavapipe(path))
            .collect();
        found.sort();
        found.into_iter().next()
    })
}

fn is_lavapipe(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "json")
        && path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("lvp_icd"))
}

fn is_there(package: &Package) -> bool {
    // Whoever names a Node.js needs no other.
    let is_named = package.debian == "nodejs" && env::var_os(super::NODE_VARIABLE).is_some();
    if is_named {
        return true;
    }
    match package.probe {
        Probe::Program(names) => names.iter().any(|name| find_program(name).is_some()),
        Probe::Library(names) => names.iter().any(|name| has_library(name)),
        Probe::Header(name) => has_header(name),
        Probe::Lavapipe => lavapipe().is_some(),
        Probe::Postgres(name) => has_postgres_program(name),
    }
}

fn has_header(name: &str) -> bool {
    // The usual place costs no process.
    Path::new("/usr/include").join(name).is_file()
        || steps::run_quietly(Command::new("cc").args([
            "-E",
            "-x",
            "c",
            "-include",
            name,
            "/dev/null",
        ]))
        .is_ok()
}

/// Looks where Debian, its relatives and the 64 bit folders of others keep libraries. `name` may hold one folder.
fn has_library(name: &str) -> bool {
    let (folder, start) = name.rsplit_once('/').unwrap_or(("", name));
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    [
        multiarch.as_str(),
        "/usr/lib64",
        "/usr/lib",
        "/lib",
        "/usr/local/lib",
    ]
    .iter()
    .any(|dir| {
        let Ok(entries) = fs::read_dir(Path::new(dir).join(folder)) else {
            return false;
        };
        entries.filter_map(Result::ok).any(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|file| file.starts_with(start))
        })
    })
}

/// Whether set-up may call apt-get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It may, as this user.
    Root,
    /// It may, by sudo, which asks for no password.
    Sudo,
    /// Somebody has to do it by hand: nobody said `--yes`, or this user may not install.
    ByHand,
}

/// Installs only what was agreed to: an unattended machine agrees by `CI=true`, a person by `--yes`.
fn way(is_agreed: bool, user: impl FnOnce() -> Way) -> Way {
    if is_agreed { user() } else { Way::ByHand }
}

/// What this user may.
fn way_of_user() -> Way {
    if find_program("apt-get").is_none() {
        Way::ByHand
    } else if is_root() {
        Way::Root
    } else if steps::run_quietly(Command::new("sudo").args(["-n", "true"])).is_ok() {
        Way::Sudo
    } else {
        Way::ByHand
    }
}

fn is_root() -> bool {
    steps::run_quietly(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}

/// Installs what these needs lack, where that was agreed to, and gives what is left with the packages that would help.
pub(super) fn provide(needs: &[Need], is_agreed: bool) -> Lacking {
    let absent = || {
        PACKAGES
            .iter()
            .filter(|package| needs.contains(&package.need) && !is_there(package))
    };
    let names: Vec<&'static str> = absent().map(|package| package.debian).collect();
    if names.is_empty() {
        return Lacking::default();
    }
    let why = match way(is_agreed, way_of_user) {
        Way::Root => install(&["apt-get"], &names),
        Way::Sudo => install(&["sudo", "-n", "apt-get"], &names),
        Way::ByHand => None,
    };
    Lacking {
        packages: absent()
            .map(|package| (package.need, package.debian))
            .collect(),
        why,
    }
}

/// What is still not there.
#[derive(Default)]
pub(super) struct Lacking {
    packages: Vec<(Need, &'static str)>,
    /// What went wrong, where something was tried.
    why: Option<String>,
}

impl Lacking {
    /// The packages that this need lacks.
    pub(super) fn of(&self, need: Need) -> Vec<&'static str> {
        self.packages
            .iter()
            .filter(|(for_need, _)| *for_need == need)
            .map(|(_, name)| *name)
            .collect()
    }

    pub(super) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// What a person runs, as root, to get them all.
    pub(super) fn command(&self) -> Option<String> {
        let names: Vec<&str> = self.packages.iter().map(|(_, name)| *name).collect();
        (!names.is_empty()).then(|| {
            format!(
                "apt-get update && apt-get install --yes --no-install-recommends {}",
                names.join(" ")
            )
        })
    }
}

/// Gives what went wrong, if something did.
fn install(apt_get: &[&str], names: &[&str]) -> Option<String> {
    say!("setup: installing {}", names.join(" "));
    let (program, first_args) = apt_get.split_first()?;
    let call = |name: &str, args: &[&str]| {
        progress::run(
            name,
            Command::new(program)
                .args(first_args)
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    // One unreachable source must not keep the others from serving what is needed.
    let updated = call("setup: apt-get update", &["update", "-q"]);
    let mut args = vec!["install", "-y", "-q", "--no-install-recommends"];
    args.extend(names);
    match (call("setup: apt-get install", &args), updated) {
        (Ok(()), _) => None,
        (Err(err), Ok(())) | (Err(_), Err(err)) => Some(format!("{err:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lacking, PACKAGES, Way, way};
    use crate::setup::Need;

    #[test]
    fn every_package_is_listed_once() {
        let mut names: Vec<&str> = PACKAGES.iter().map(|package| package.debian).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PACKAGES.len());
    }

    #[test]
    fn nothing_is_installed_that_nobody_agreed_to() {
        assert_eq!(way(false, || panic!("the user is not asked")), Way::ByHand);
        assert_eq!(way(true, || Way::Sudo), Way::Sudo);
        assert_eq!(way(true, || Way::ByHand), Way::ByHand);
    }

    #[test]
    fn one_command_gets_all_that_is_lacking() {
        let lacking = Lacking {
            packages: vec![
                (Need::Redis, "redis-server"),
                (Need::Desktop, "xvfb"),
                (Need::Desktop, "xdotool"),
            ],
            why: None,
        };
        assert_eq!(lacking.of(Need::Desktop), ["xvfb", "xdotool"]);
        assert!(lacking.of(Need::Chromium).is_empty());
        let command = lacking.command().expect("a command");
        assert!(command.ends_with(" redis-server xvfb xdotool"), "{command}");
        assert_eq!(Lacking::default().command(), None);
    }
}
