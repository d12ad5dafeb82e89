//! What every source file must have, and what none may.

use std::path::Path;

use crate::{assert_tidy, files, read};

/// Past this many lines a file must become two; the style asks for about five hundred.
const MAX_LINES: usize = 700;

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| extensions.contains(&extension))
}

#[test]
fn every_source_file_says_what_it_is_for_and_is_of_a_readable_length() {
    let mut complaints = Vec::new();
    for path in files().iter().filter(|path| has_extension(path, &["rs"])) {
        let text = read(path);
        if !text.starts_with("//!") {
            complaints.push(format!(
                "{}: the first line is no `//!` header",
                path.display()
            ));
        }
        let num_lines = text.lines().count();
        if num_lines > MAX_LINES {
            complaints.push(format!(
                "{}: {num_lines} lines want to be two files",
                path.display()
            ));
        }
    }
    assert_tidy(&complaints);
}

#[test]
fn no_marks_of_unfinished_work_or_of_one_machine() {
    // Put together here so that this file does not accuse itself.
    let marks = [
        ("FIX", "ME", "finish it"),
        ("todo", "!(", "finish it"),
        ("unimplemented", "!(", "finish it"),
        ("#[ig", "nore", "a test that does not run is no test"),
        ("should_", "panic", "assert the error instead"),
        ("/wo", "rk/", "a path of one machine"),
        ("/ro", "ot/", "a path of one machine"),
        ("crates", ".io/", "a registry's host name"),
        ("registry.", "npmjs", "a registry's host name"),
        ("deb.", "debian", "a registry's host name"),
        ("py", "pi.org", "a registry's host name"),
    ];
    let mut complaints = Vec::new();
    let text_files = [
        "rs", "md", "toml", "sh", "mjs", "js", "py", "json", "yml", "yaml", "html", "css",
    ];
    for path in files() {
        if !has_extension(&path, &text_files) || path.ends_with("Cargo.lock") {
            continue;
        }
        for (i, line) in read(&path).lines().enumerate() {
            for (head, tail, reason) in marks {
                if line.contains(&format!("{head}{tail}")) {
                    complaints.push(format!("{}:{}: {reason}", path.display(), i + 1));
                }
            }
            let todo = ["TO", "DO"].concat();
            if line.contains(&todo) && !line.contains(&format!("{todo}(")) {
                complaints.push(format!("{}:{}: {todo} names no one", path.display(), i + 1));
            }
        }
    }
    assert_tidy(&complaints);
}
