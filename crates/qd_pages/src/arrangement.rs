//! How the user has arranged the console: workspaces and the columns of the tables, as a text that the shell keeps.
//!
//! What is damaged falls back to how it was made, part by part; where the text lies is the shell's to know.

use std::fmt::Write as _;

use crate::DeskState;
use crate::dashboard::Workspaces;

/// Written before everything else.
const HEAD: &str = "quarterdeck arrangement 1";
/// No honest text comes near this, in bytes.
const MAX_TEXT: usize = 32 * 1024;

impl DeskState {
    /// All of it, as text.
    pub fn arrangement(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (table, layout) in self.dashboard.column_layouts() {
            writeln!(text, "columns {table} {layout}").ok();
        }
        for line in self.dashboard.workspaces.encode().lines() {
            writeln!(text, "workspace {line}").ok();
        }
        text
    }

    /// Takes up a text of [`Self::arrangement`]; says whether all of it could be read.
    pub fn restore_arrangement(&mut self, text: &str) -> bool {
        let mut lines = text.lines();
        if text.len() > MAX_TEXT || lines.next() != Some(HEAD) {
            return false;
        }
        let mut is_whole = true;
        let mut workspaces = Vec::new();
        for line in lines {
            if let Some(line) = line.strip_prefix("workspace ") {
                workspaces.push(line);
            } else if let Some((table, layout)) = line
                .strip_prefix("columns ")
                .and_then(|line| line.split_once(' '))
            {
                is_whole &= self.dashboard.set_column_layout(table, layout);
            } else {
                is_whole = false;
            }
        }
        if !workspaces.is_empty() {
            let (read, was_whole) = Workspaces::decode(&workspaces.join("\n"));
            self.dashboard.workspaces = read;
            is_whole &= was_whole;
        }
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrangement_comes_back_and_what_is_damaged_is_as_it_was_made() {
        let mut desk = DeskState::default();
        let as_made = desk.arrangement();
        assert!(desk.restore_arrangement(&as_made));
        assert_eq!(desk.arrangement(), as_made);

        let changed = as_made.replace("columns positions ", "columns positions ~-avg ~qty:90");
        assert_ne!(changed, as_made);
        assert!(desk.restore_arrangement(&changed));
        assert_eq!(desk.arrangement(), changed);

        for damaged in [
            "",
            "quarterdeck arrangement 2",
            "\u{0}",
            &"x".repeat(100_000),
        ] {
            assert!(!desk.restore_arrangement(damaged));
            assert_eq!(desk.arrangement(), changed, "nothing was taken from it");
        }
        let half = format!("{as_made}nonsense\nworkspace broken");
        assert!(!desk.restore_arrangement(&half));
        assert_eq!(desk.arrangement(), as_made);
    }
}
