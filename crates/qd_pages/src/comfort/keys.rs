//! The keys of the console: one table from key to action to words, which the overlay of keys and the palette read too.
//!
//! Keys of single widgets (arrows in a table, Enter on a button) are theirs; [`WIDGET_KEYS`] only names them. While a question
//! is on screen no key of this table acts, and in a text field only those that say so.

use egui::{Context, Event, Key, Modifiers};

use super::action::Action;
use crate::dashboard::DashboardTable;

/// What is held down with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum With {
    /// Nothing. Shift is not looked at: where "?" is on a keyboard is its owner's matter.
    Nothing,
    /// Ctrl; on a Mac, Cmd.
    Command,
}

/// A key with what is held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Chord {
    pub(crate) with: With,
    pub(crate) key: Key,
}

const fn plain(key: Key) -> Chord {
    Chord {
        with: With::Nothing,
        key,
    }
}

const fn command(key: Key) -> Chord {
    Chord {
        with: With::Command,
        key,
    }
}

impl Chord {
    /// "Ctrl K", "?".
    pub(crate) fn words(self, is_mac: bool) -> String {
        let key = match self.key {
            // The sign on the key, not the name of it.
            Key::Minus => "\u{2212}",
            key => key.symbol_or_name(),
        };
        match self.with {
            With::Nothing => key.to_owned(),
            With::Command if is_mac => format!("Cmd {key}"),
            With::Command => format!("Ctrl {key}"),
        }
    }

    fn is_pressed(self, event: &Event) -> bool {
        match event {
            Event::Key {
                key,
                pressed: true,
                // A key that is held down was meant once.
                repeat: false,
                modifiers,
                ..
            } => self.is(*key, *modifiers),
            _ => false,
        }
    }

    fn is(self, key: Key, modifiers: Modifiers) -> bool {
        let held = match self.with {
            With::Nothing => Modifiers::NONE,
            With::Command => Modifiers::COMMAND,
        };
        key == self.key && !modifiers.alt && modifiers.cmd_ctrl_matches(held)
    }
}

/// Where a key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// Everywhere but in text fields and questions.
    Desk,
    /// In text fields too.
    TextToo,
    /// As [`Self::Desk`], on the desktop only: in a browser these are the browser's.
    Desktop,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Hotkey {
    /// Any of these; the first is the one that is shown beside a command.
    pub(crate) chords: &'static [Chord],
    pub(crate) scope: Scope,
    pub(crate) action: Action,
    /// What it does, for the overlay.
    pub(crate) words: &'static str,
}

const fn hotkey(
    chords: &'static [Chord],
    scope: Scope,
    action: Action,
    words: &'static str,
) -> Hotkey {
    Hotkey {
        chords,
        scope,
        action,
        words,
    }
}

static HOTKEYS: [Hotkey; 14] = [
    hotkey(
        &[command(Key::K)],
        Scope::TextToo,
        Action::OpenPalette,
        "Find a command",
    ),
    hotkey(
        &[plain(Key::Questionmark), plain(Key::F1)],
        Scope::Desk,
        Action::ShowKeys,
        "Show these keys",
    ),
    hotkey(
        &[command(Key::Comma)],
        Scope::Desk,
        Action::ToggleSettings,
        "Settings",
    ),
    hotkey(
        &[plain(Key::N)],
        Scope::Desk,
        Action::ToggleNotes,
        "Notes: what was said in passing",
    ),
    hotkey(
        &[plain(Key::A)],
        Scope::Desk,
        Action::ShowAlerts,
        "Alerts: what fires, and what did",
    ),
    hotkey(
        &[plain(Key::Slash)],
        Scope::Desk,
        Action::FocusFilter(DashboardTable::Positions),
        "Filter positions",
    ),
    hotkey(
        &[plain(Key::Num1)],
        Scope::Desk,
        Action::FocusTable(DashboardTable::Positions),
        "Go to positions",
    ),
    hotkey(
        &[plain(Key::Num2)],
        Scope::Desk,
        Action::FocusTable(DashboardTable::Orders),
        "Go to open orders",
    ),
    hotkey(
        &[plain(Key::Num3)],
        Scope::Desk,
        Action::FocusTable(DashboardTable::Activity),
        "Go to activity",
    ),
    hotkey(
        &[plain(Key::R)],
        Scope::Desk,
        Action::Refresh,
        "Refresh: prove anew what is on screen",
    ),
    hotkey(
        &[plain(Key::T)],
        Scope::Desk,
        Action::ToggleTheme,
        "Dark or light",
    ),
    hotkey(
        &[command(Key::Plus), command(Key::Equals)],
        Scope::Desktop,
        Action::LargerScale,
        "Larger",
    ),
    hotkey(
        &[command(Key::Minus)],
        Scope::Desktop,
        Action::SmallerScale,
        "Smaller",
    ),
    hotkey(
        &[command(Key::Num0)],
        Scope::Desktop,
        Action::ResetScale,
        "Size 100 %",
    ),
];

/// Keys that whatever has the keyboard takes by itself.
pub(crate) const WIDGET_KEYS: [(&str, &str); 9] = [
    ("Tab, Shift Tab", "Next control, or the one before"),
    ("Enter, Space", "Press what has the keyboard"),
    ("Arrow up, down", "Walk through the table or a list"),
    (
        "Page up, down, Home, End",
        "Walk through the table by pages or to its ends",
    ),
    ("Shift with these", "Select the rows on the way"),
    ("Space, Ctrl A, Esc", "Select the row, all rows, none"),
    ("Ctrl C", "Copy the selected rows for a spreadsheet"),
    (
        "Shift F10",
        "The menu of a table's header: sort, filter, width",
    ),
    ("Esc", "Close what is open; to a question: Cancel"),
];

/// The lines that hold on this platform.
pub(crate) fn hotkeys() -> impl Iterator<Item = &'static Hotkey> {
    let is_web = cfg!(target_arch = "wasm32");
    HOTKEYS
        .iter()
        .filter(move |hotkey| !is_web || hotkey.scope != Scope::Desktop)
}

/// The key shown beside a command; absent where it has none.
pub(crate) fn words_of(action: &Action, is_mac: bool) -> Option<String> {
    let hotkey = hotkeys().find(|hotkey| hotkey.action == *action)?;
    hotkey.chords.first().map(|chord| chord.words(is_mac))
}

/// Whether a key with these modifiers is a line of the table: a browser must not do what it would do with it.
pub fn takes_key(key: Key, modifiers: Modifiers, is_typing: bool) -> bool {
    hotkeys()
        .filter(|hotkey| !is_typing || hotkey.scope == Scope::TextToo)
        .any(|hotkey| hotkey.chords.iter().any(|chord| chord.is(key, modifiers)))
}

/// Takes the first key of this frame that is in the table, so that no widget sees it.
pub(crate) fn take(ctx: &Context) -> Option<Action> {
    // A question, the palette and the overlay have every key to themselves.
    if ctx.memory(|memory| memory.top_modal_layer().is_some()) {
        return None;
    }
    let is_typing = ctx.text_edit_focused();
    ctx.input_mut(|input| {
        let found = input.events.iter().enumerate().find_map(|(at, event)| {
            let hotkey = hotkeys()
                .filter(|hotkey| !is_typing || hotkey.scope == Scope::TextToo)
                .find(|hotkey| hotkey.chords.iter().any(|chord| chord.is_pressed(event)))?;
            Some((at, hotkey))
        });
        let (at, hotkey) = found?;
        input.events.remove(at);
        if !is_typing {
            // The same key also came as text, which would be typed into the field that it leads to.
            input
                .events
                .retain(|event| !matches!(event, Event::Text(_)));
        }
        Some(hotkey.action.clone())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_lines_want_the_same_key_and_none_says_nothing() {
        let mut taken = BTreeMap::new();
        for hotkey in &HOTKEYS {
            assert!(!hotkey.chords.is_empty() && !hotkey.words.is_empty());
            for chord in hotkey.chords {
                let before = taken.insert(*chord, hotkey.words);
                assert_eq!(
                    before,
                    None,
                    "{chord:?} is {} and {}",
                    before.unwrap_or(""),
                    hotkey.words
                );
            }
        }
        let mut actions: Vec<&Action> = Vec::new();
        for hotkey in &HOTKEYS {
            assert!(
                !actions.contains(&&hotkey.action),
                "{:?} twice",
                hotkey.action
            );
            actions.push(&hotkey.action);
        }
    }

    #[test]
    fn what_belongs_to_the_browser_or_to_widgets_is_left_to_them() {
        let browsers = [
            command(Key::R),
            command(Key::T),
            command(Key::W),
            command(Key::N),
            command(Key::L),
            command(Key::I),
            command(Key::J),
            command(Key::F),
            command(Key::P),
            command(Key::Plus),
            command(Key::Minus),
            command(Key::Equals),
            command(Key::Num0),
            plain(Key::F5),
            plain(Key::F11),
            plain(Key::F12),
        ];
        let editing = [Key::A, Key::C, Key::V, Key::X, Key::Z].map(command);
        let widgets = [
            Key::Tab,
            Key::Enter,
            Key::Space,
            Key::Escape,
            Key::ArrowDown,
            Key::ArrowUp,
            Key::ArrowLeft,
            Key::ArrowRight,
            Key::PageDown,
            Key::PageUp,
            Key::Home,
            Key::End,
        ]
        .map(plain);
        for hotkey in &HOTKEYS {
            for chord in hotkey.chords {
                assert!(
                    !widgets.contains(chord) && !editing.contains(chord),
                    "{chord:?}"
                );
                if hotkey.scope != Scope::Desktop {
                    assert!(!browsers.contains(chord), "{chord:?} is the browser's");
                }
                if hotkey.scope == Scope::TextToo {
                    assert_eq!(chord.with, With::Command, "{chord:?} is a letter of a text");
                }
            }
        }
    }

    #[test]
    fn a_browser_keeps_what_is_its_own_and_every_letter_of_a_text() {
        let held = Modifiers::COMMAND;
        let takes = |key, modifiers| {
            (
                takes_key(key, modifiers, false),
                takes_key(key, modifiers, true),
            )
        };
        assert_eq!(takes(Key::K, held), (true, true));
        assert_eq!(takes(Key::F1, Modifiers::NONE), (true, false));
        assert_eq!(takes(Key::Slash, Modifiers::NONE), (true, false));
        assert_eq!(takes(Key::Slash, Modifiers::SHIFT), (true, false));
        assert_eq!(takes(Key::R, Modifiers::NONE), (true, false));
        for key in [Key::R, Key::T, Key::W, Key::N, Key::L, Key::C, Key::V] {
            assert_eq!(takes(key, held), (false, false), "{key:?}");
        }
        assert_eq!(takes(Key::F5, Modifiers::NONE), (false, false));
        assert_eq!(takes(Key::Num1, Modifiers::ALT), (false, false), "tabs");
    }

    /// The page that explains the keys is written by hand, and held to the table here.
    #[test]
    fn every_key_is_in_the_handbook() {
        let page = include_str!("../../../../docs/GETTING_STARTED.md");
        for hotkey in &HOTKEYS {
            let shown = hotkey.chords.first().map(|chord| chord.words(false));
            let shown = format!("`{}`", shown.unwrap_or_default());
            let line = page
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&shown));
            assert!(line.is_some(), "{shown} ({})", hotkey.words);
        }
    }

    #[test]
    fn chords_read_as_they_are_on_the_keyboard() {
        assert_eq!(command(Key::K).words(false), "Ctrl K");
        assert_eq!(command(Key::K).words(true), "Cmd K");
        assert_eq!(plain(Key::Questionmark).words(false), "?");
        assert_eq!(command(Key::Minus).words(false), "Ctrl \u{2212}");
        assert_eq!(command(Key::Plus).words(false), "Ctrl +");
        assert_eq!(
            words_of(&Action::FocusFilter(DashboardTable::Positions), false).as_deref(),
            Some("/")
        );
        assert_eq!(words_of(&Action::SignOut, false), None);
    }
}
