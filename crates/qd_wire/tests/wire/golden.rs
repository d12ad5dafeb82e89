//! Golden files and the page that shows them.
#![expect(
    clippy::disallowed_methods,
    reason = "the crate does no IO, its fixtures are files"
)]

use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1")
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/specs/wire.md")
}

fn blesses() -> bool {
    std::env::var_os("QD_WIRE_BLESS").is_some()
}

/// JSON text with line breaks in the usual places, nothing else changed: no value is read, no field moved, no number touched.
pub(crate) fn pretty(compact: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    let (mut in_text, mut escaped) = (false, false);
    let mut chars = compact.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    while let Some(c) = chars.next() {
        if in_text {
            out.push(c);
            (in_text, escaped) = match c {
                '\\' if !escaped => (true, true),
                '"' if !escaped => (false, false),
                _ => (true, false),
            };
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                if chars.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    out.extend(chars.next());
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' | '\n' => {}
            _ => out.push(c),
        }
    }
    out.push('\n');
    out
}

/// A golden file's text.
pub(crate) fn read(name: &str) -> String {
    let path = data().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// Fails unless `written` is what the golden file says.
#[track_caller]
pub(crate) fn assert_written(name: &str, written: &[u8]) {
    let written = pretty(std::str::from_utf8(written).unwrap());
    if blesses() {
        std::fs::write(data().join(name), &written).unwrap();
    }
    assert_eq!(read(name), written, "{name}");
}

/// The page's text with every example replaced by its golden file.
fn with_examples(page: &str) -> String {
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(name) = line
            .strip_prefix("<!-- golden: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        assert_eq!(lines.next(), Some("```json"), "after {line}");
        out.push_str("```json\n");
        out.push_str(&read(name));
        out.push_str("```\n");
        assert!(
            lines.any(|line| line == "```"),
            "the block after {line} does not end"
        );
    }
    out
}

#[test]
fn the_page_shows_the_golden_files() {
    let text = std::fs::read_to_string(page()).unwrap();
    let expected = with_examples(&text);
    if blesses() {
        std::fs::write(page(), &expected).unwrap();
        return;
    }
    assert_eq!(text, expected);
    assert!(
        text.matches("<!-- golden: ").count() >= 30,
        "the page shows too few formats"
    );
}

#[test]
fn line_breaks_change_nothing_else() {
    let compact = r#"{"a":[],"b":[1,{"c":"x,{\"y\\"}],"d":{}}"#;
    let value: serde_json::Value = serde_json::from_str(compact).unwrap();
    let pretty = pretty(compact);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&pretty).unwrap(),
        value
    );
    assert_eq!(pretty.lines().count(), 10);
}
