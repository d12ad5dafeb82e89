//! The machine's own package sources, read and written again for other suites of the same distribution.
//!
//! It knows both forms (`*.list` and `*.sources`), calls nothing and fetches nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// Suites that Debian names by their role, so that no list of code names grows old here.
const ROLES: &[&str] = &[
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "sid",
];

/// What follows a release's name in the name of a suite.
const SUFFIXES: &[&str] = &[
    "-updates",
    "-backports-sloppy",
    "-backports",
    "-proposed-updates",
    "-security",
];

/// One entry of the sources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    /// Everything else as it stands, above all whose signature is asked for.
    other: Vec<(String, String)>,
}

/// All enabled binary sources under an apt folder such as `/etc/apt`, in apt's own order.
pub(super) fn read(folder: &Path) -> Vec<Source> {
    let mut paths = vec![folder.join("sources.list")];
    if let Ok(entries) = fs::read_dir(folder.join("sources.list.d")) {
        let mut parts: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        parts.sort();
        paths.extend(parts);
    }
    let mut sources = Vec::new();
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => sources.extend(text.lines().filter_map(one_line)),
            Some("sources") => sources.extend(stanzas(&text)),
            // As apt: a file with another ending is switched off.
            _ => {}
        }
    }
    sources
}

/// `deb [signed-by=KEY arch=amd64] URI SUITE COMPONENT...`
fn one_line(line: &str) -> Option<Source> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let mut rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t']) {
        // deb-src
        return None;
    }
    rest = rest.trim_start();
    let mut source = Source::default();
    if let Some(opened) = rest.strip_prefix('[') {
        let (options, after) = opened.split_once(']')?;
        rest = after;
        for option in options.split_whitespace() {
            let (name, value) = option.split_once('=')?;
            let name = match name {
                "arch" => "Architectures",
                "lang" => "Languages",
                "target" => "Targets",
                name => name,
            };
            source
                .other
                .push((name.to_owned(), value.replace(',', " ")));
        }
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    source.uris.push(words.next()?);
    source.suites.push(words.next()?);
    source.components.extend(words);
    Some(source)
}

/// The paragraphs of a `*.sources` file.
fn stanzas(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            found.extend(stanza(std::mem::take(&mut fields)));
        } else if line.starts_with([' ', '\t']) {
            // A field goes on: a key that stands in the file itself has many such lines.
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

fn stanza(fields: Vec<(String, String)>) -> Option<Source> {
    let mut source = Source::default();
    let mut types = Vec::new();
    let words = |value: &str| value.split_whitespace().map(str::to_owned).collect();
    for (name, value) in fields {
        match name.to_ascii_lowercase().as_str() {
            "types" => types = words(&value),
            "uris" => source.uris = words(&value),
            "suites" => source.suites = words(&value),
            "components" => source.components = words(&value),
            "enabled" if matches!(value.to_ascii_lowercase().as_str(), "no" | "false" | "0") => {
                return None;
            }
            "enabled" => {}
            _ => source.other.push((name, value)),
        }
    }
    (types.iter().any(|kind| kind == "deb") && !source.uris.is_empty()).then_some(source)
}

/// The release that a suite belongs to: `bookworm` for `bookworm-updates`.
fn release_of(suite: &str) -> &str {
    SUFFIXES
        .iter()
        .find_map(|suffix| suite.strip_suffix(suffix))
        .unwrap_or(suite)
}

/// Whether the entry is the distribution's own archive, and not somebody else's or the one for security alone.
fn is_archive(source: &Source, codename: &str) -> bool {
    source
        .components
        .iter()
        .any(|component| component == "main")
        && source.suites.iter().any(|suite| {
            let release = release_of(suite);
            !suite.ends_with("-security") && (release == codename || ROLES.contains(&release))
        })
}

/// Where to look, the smallest indices first: backports come with a few hundred kilobytes, a whole suite with ten megabytes.
pub(super) fn suites(codename: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let releases = [codename, "stable", "testing", "unstable"];
    for suffix in ["-backports", "-updates", ""] {
        for release in releases {
            // Nothing is ported back to the newest two.
            let is_newest = matches!(release, "testing" | "unstable" | "sid");
            let name = format!("{release}{suffix}");
            let is_there = suffix.is_empty() || !is_newest;
            if is_there && !release.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// A `*.sources` file that asks the distribution's own archives for one suite; empty where the machine names none.
pub(super) fn for_suite(sources: &[Source], codename: &str, suite: &str) -> String {
    let mut text = String::new();
    let mut seen: Vec<&[String]> = Vec::new();
    for source in sources.iter().filter(|source| is_archive(source, codename)) {
        if seen.contains(&source.uris.as_slice()) {
            continue;
        }
        seen.push(&source.uris);
        let mut lines = vec![
            "Types: deb".to_owned(),
            format!("URIs: {}", source.uris.join(" ")),
            format!("Suites: {suite}"),
            "Components: main".to_owned(),
        ];
        lines.extend(
            source
                .other
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        text.push_str(&lines.join("\n"));
        text.push('\n');
        text.push('\n');
    }
    text
}

/// The newest of these versions that packs exactly this release: `1.95.0+dfsg1-2~bpo13+1` for 1.95.0, but no beta of it.
pub(super) fn matching<'a>(madison: &'a str, release: &str) -> Option<(&'a str, &'a str)> {
    madison.lines().find_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        let (package, version) = (columns.next()?, columns.next()?);
        let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
        let rest = upstream.strip_prefix(release)?;
        (rest.is_empty() || rest.starts_with(['+', '-'])).then_some((package, version))
    })
}

#[cfg(test)]
mod tests {
    use super::{for_suite, matching, one_line, stanzas, suites};

    const DEB822: &str = "# Ours\nTypes: deb deb-src\n# was: elsewhere\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /keys/debian.gpg\n\nTypes: deb\nURIs: http://mirror.test/debian-security\nSuites: bookworm-security\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://off.test\nSuites: bookworm\nComponents: main\n\nTypes: deb-src\nURIs: http://src.test\nSuites: bookworm\nComponents: main\n\nTypes: deb\nURIs: https://other.test/apt\nSuites: nodistro\nComponents: main\n";

    #[test]
    fn a_sources_file_gives_the_archive_with_its_key_and_nobody_elses() {
        let sources = stanzas(DEB822);
        assert_eq!(sources.len(), 3, "{sources:?}");
        assert_eq!(
            for_suite(&sources, "bookworm", "stable-backports"),
            "Types: deb\nURIs: http://mirror.test/debian\nSuites: stable-backports\nComponents: main\nSigned-By: /keys/debian.gpg\n\n"
        );
        assert_eq!(for_suite(&sources, "trixie", "stable"), "");
    }

    #[test]
    fn a_key_in_the_file_itself_is_kept_line_by_line() {
        let sources = stanzas(
            "Types: deb\nURIs: http://m.test\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n",
        );
        let text = for_suite(&sources, "trixie", "testing");
        assert!(
            text.ends_with("Signed-By: \n -----BEGIN\n .\n abc\n\n"),
            "{text}"
        );
    }

    #[test]
    fn one_line_form_is_read_with_its_options() {
        let source = one_line(
            "deb [arch=amd64,arm64 signed-by=/keys/d.gpg] http://mirror.test/debian trixie main # ours",
        )
        .expect("a source");
        let text = for_suite(&[source.clone(), source], "trixie", "trixie-backports");
        assert_eq!(
            text,
            "Types: deb\nURIs: http://mirror.test/debian\nSuites: trixie-backports\nComponents: main\nArchitectures: amd64 arm64\nsigned-by: /keys/d.gpg\n\n"
        );
        assert!(one_line("deb-src http://mirror.test/debian trixie main").is_none());
        assert!(one_line("# deb http://mirror.test/debian trixie main").is_none());
        assert!(one_line("deb http://mirror.test").is_none());
    }

    #[test]
    fn small_suites_come_first_and_none_twice() {
        assert_eq!(
            suites("bookworm"),
            [
                "bookworm-backports",
                "stable-backports",
                "bookworm-updates",
                "stable-updates",
                "bookworm",
                "stable",
                "testing",
                "unstable"
            ]
        );
        assert_eq!(
            suites("testing"),
            [
                "stable-backports",
                "stable-updates",
                "testing",
                "stable",
                "unstable"
            ]
        );
        assert!(suites("").iter().all(|name| !name.starts_with('-')));
    }

    #[test]
    fn only_the_compilers_own_version_is_taken() {
        let madison = "  rust-src | 1.96.1+dfsg1-2~bpo13+1 | http://m.test x/main amd64 Packages\n rust-src | 1.95.0~beta.3+dfsg1-1 | x\n rust-src | 1.95.0+dfsg1-2~bpo13+1 | x\n rust-src | 1.95.0+dfsg1-1 | x\n rust-src | 1:1.9.0-1 | x\n";
        assert_eq!(
            matching(madison, "1.95.0"),
            Some(("rust-src", "1.95.0+dfsg1-2~bpo13+1"))
        );
        assert_eq!(
            matching(madison, "1.96.1").map(|found| found.1),
            Some("1.96.1+dfsg1-2~bpo13+1")
        );
        assert_eq!(
            matching(madison, "1.9.0").map(|found| found.1),
            Some("1:1.9.0-1")
        );
        assert_eq!(matching(madison, "1.95"), None);
        assert_eq!(matching("", "1.95.0"), None);
    }
}
