//! The command palette, the keys and the notes: found by name, moved by keys, and never acting by themselves.

use egui::accesskit::Role as NodeRole;
use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_tests::desk::SampleDesk;
use qd_types::{Role, Tone};
use qd_ui::testing::{DESK, LAPTOP, PHONE};
use qd_ui::tokens::Theme;

use crate::{Console, start};

fn command(console: &mut Console, key: Key) {
    console.harness.key_press_modifiers(Modifiers::COMMAND, key);
    console.harness.run();
}

fn plain(console: &mut Console, key: Key) {
    console.harness.key_press(key);
    console.harness.run();
}

/// A key as a keyboard sends it: the key, and the text that it makes.
fn typed(console: &mut Console, key: Key, text: &str) {
    // In one frame, as every platform sends them; the harness gives each event of its own a frame.
    let events = &mut console.harness.input_mut().events;
    for pressed in [true, false] {
        events.push(Event::Key {
            key,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: Modifiers::NONE,
        });
        if pressed {
            events.push(Event::Text(text.to_owned()));
        }
    }
    console.harness.run();
}

fn write(console: &mut Console, text: &str) {
    console.harness.event(Event::Text(text.to_owned()));
    console.harness.run();
}

/// The names of the commands in view, from top to bottom.
fn listed(console: &Console) -> Vec<String> {
    let options = console.harness.query_all_by_role(NodeRole::ListBoxOption);
    options
        .filter_map(|node| node.accesskit_node().label())
        .collect()
}

fn chosen(console: &Console) -> Option<String> {
    let mut options = console.harness.query_all_by_role(NodeRole::ListBoxOption);
    let chosen = options.find(|node| node.accesskit_node().is_selected() == Some(true))?;
    chosen.accesskit_node().label()
}

fn is_open(console: &Console) -> bool {
    console.harness.query_by_label("Find a command").is_some()
}

fn focused(console: &Console) -> Option<String> {
    let mut nodes = console.harness.root().children_recursive();
    let node = nodes.find(|node| node.accesskit_node().is_focused())?;
    node.accesskit_node().label()
}

fn theme(console: &Console) -> Theme {
    console.harness.state().state.preferences.theme
}

// covers: BX-6
#[test]
fn a_command_is_found_by_a_few_letters_and_given_by_enter() {
    let mut console = Console::live(Role::Trader);
    command(&mut console, Key::K);
    assert!(is_open(&console));
    // The keyboard is the field's, and a screen reader reads the chosen command beside it.
    assert_eq!(focused(&console), chosen(&console));
    assert!(listed(&console).len() >= 8, "every command from the start");
    write(&mut console, "thlig");
    assert_eq!(chosen(&console).as_deref(), Some("Theme: light"));
    plain(&mut console, Key::Enter);
    assert!(!is_open(&console));
    assert_eq!(theme(&console), Theme::Light);

    command(&mut console, Key::K);
    write(&mut console, "refresh");
    plain(&mut console, Key::Enter);
    assert_eq!(console.asked(), [Command::RefreshStreams]);

    command(&mut console, Key::K);
    write(&mut console, "zzz");
    assert!(console.says("No command is called that."));
    plain(&mut console, Key::Enter);
    assert!(is_open(&console), "nothing to do");
    plain(&mut console, Key::Escape);
    assert!(!is_open(&console));
    command(&mut console, Key::K);
    command(&mut console, Key::K);
    assert!(!is_open(&console), "the same key closes it");
    assert_eq!(console.asked(), []);
}

#[test]
fn a_position_is_closed_only_after_the_question_it_leads_to() {
    let mut console = Console::live(Role::Trader);
    command(&mut console, Key::K);
    write(&mut console, "close msft");
    assert_eq!(chosen(&console).as_deref(), Some("Close MSFT…"));
    plain(&mut console, Key::Enter);
    assert!(console.says("Close MSFT?"), "the question");
    assert!(!is_open(&console));
    assert_eq!(console.asked(), [], "nothing was sent");
    assert_eq!(
        focused(&console).as_deref(),
        Some("Cancel"),
        "never on the risky button"
    );
    plain(&mut console, Key::Escape);
    assert!(!console.says("Close MSFT?"));
    console.harness.run();
    assert_eq!(focused(&console).as_deref(), Some("Rows of Positions"));

    command(&mut console, Key::K);
    write(&mut console, "cancel nvda");
    assert_eq!(
        chosen(&console).as_deref(),
        Some("Cancel sell 106/320 NVDA…")
    );
    plain(&mut console, Key::Enter);
    assert!(console.says("Cancel SELL NVDA?") || console.says("Cancel Sell NVDA?"));
    assert_eq!(console.asked(), []);
}

#[test]
fn what_cannot_be_given_says_why_and_is_not_given() {
    let mut console = Console::live(Role::Viewer);
    command(&mut console, Key::K);
    write(&mut console, "close msft");
    let reason = "Close MSFT…, Your role may look, not trade.";
    assert_eq!(chosen(&console).as_deref(), Some(reason));
    let entry = console.harness.get_by_label(reason);
    assert!(entry.accesskit_node().is_disabled());
    entry.click();
    console.harness.run();
    plain(&mut console, Key::Enter);
    assert!(is_open(&console) && !console.says("Close MSFT?"));
    plain(&mut console, Key::Escape);

    command(&mut console, Key::K);
    write(&mut console, "retry");
    assert_eq!(
        chosen(&console).as_deref(),
        Some("Retry the connection now, The connection is not lost.")
    );
    plain(&mut console, Key::Escape);
    console.desk.lose_connection(30_000);
    console.show();
    command(&mut console, Key::K);
    write(&mut console, "retry");
    plain(&mut console, Key::Enter);
    assert_eq!(console.asked(), [Command::RetryConnection]);

    command(&mut console, Key::K);
    write(&mut console, "page kill");
    assert_eq!(
        chosen(&console).as_deref(),
        Some("Page: Kill switch, Not built yet.")
    );
}

#[test]
fn arrows_walk_the_list_and_the_key_of_a_command_stands_beside_it() {
    let mut console = Console::live(Role::Trader);
    command(&mut console, Key::K);
    let first = listed(&console);
    assert_eq!(chosen(&console).as_ref(), first.first());
    assert_eq!(
        first.first().map(String::as_str),
        Some("Filter positions, /")
    );
    plain(&mut console, Key::ArrowDown);
    assert_eq!(chosen(&console).as_ref(), first.get(1));
    plain(&mut console, Key::ArrowUp);
    plain(&mut console, Key::ArrowUp);
    assert_eq!(
        chosen(&console).as_ref(),
        first.first(),
        "it ends at the top"
    );
    for _ in 0..20 {
        plain(&mut console, Key::PageDown);
    }
    console.harness.run();
    let last = chosen(&console).expect("the chosen one is scrolled into view");
    assert!(last.starts_with("Cancel "), "{last}");
    write(&mut console, "sign out");
    assert_eq!(
        chosen(&console).as_deref(),
        Some("Sign out"),
        "typing begins at the best"
    );
    plain(&mut console, Key::Enter);
    assert_eq!(console.asked(), [Command::SignOut]);
}

#[test]
fn the_palette_of_many_rows_is_bounded() {
    let mut console = Console::new(SampleDesk::large(20_000, start()));
    command(&mut console, Key::K);
    assert!(listed(&console).len() < 20, "only what is in view is drawn");
    let symbol = console.desk.snapshot().positions.rows[17_777].symbol;
    write(&mut console, &format!("close {symbol}"));
    assert_eq!(chosen(&console), Some(format!("Close {symbol}…")));
}

#[test]
fn palette_and_keys_are_on_screen_at_every_width() {
    for size in [DESK, LAPTOP, PHONE] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        let page =
            egui::Rect::from_min_max(egui::pos2(0.0, 48.0), egui::pos2(size.x, size.y - 26.0));
        command(&mut console, Key::K);
        assert!(
            console
                .harness
                .query_by_role_and_label(NodeRole::Dialog, "Commands")
                .is_some()
        );
        for node in console.harness.query_all_by_role(NodeRole::ListBoxOption) {
            assert!(
                page.left() <= node.rect().left() && node.rect().right() <= page.right(),
                "{:?} at {size}",
                node.rect()
            );
        }
        let field = console.harness.get_by_label("Find a command").rect();
        assert!(page.contains_rect(field), "{field:?} at {size}");
        plain(&mut console, Key::Escape);
        plain(&mut console, Key::Questionmark);
        assert!(
            console
                .harness
                .query_by_role_and_label(NodeRole::Dialog, "Keys")
                .is_some()
        );
        let close = console.harness.get_by_label("Close keys").rect();
        assert!(page.contains_rect(close), "{close:?} at {size}");
        for words in [
            "Ctrl K: Find a command",
            "? or F1: Show these keys",
            "/: Filter positions",
            "1: Go to positions",
            "Tab, Shift Tab: Next control, or the one before",
        ] {
            assert!(console.says(words), "{words}");
        }
        plain(&mut console, Key::Escape);
        assert!(!console.says("Show these keys"));
        plain(&mut console, Key::F1);
        assert!(console.says("Show these keys"));
        assert_eq!(focused(&console).as_deref(), Some("Close keys"));
        plain(&mut console, Key::Enter);
        assert!(!console.says("Show these keys"));
    }
}

#[test]
fn keys_lead_to_the_tables_and_the_filter() {
    for size in [DESK, PHONE] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        for (key, name) in [
            (Key::Num2, "Rows of Open orders"),
            (Key::Num3, "Rows of Activity"),
            (Key::Num1, "Rows of Positions"),
        ] {
            plain(&mut console, key);
            assert_eq!(focused(&console).as_deref(), Some(name), "at {size}");
        }
        typed(&mut console, Key::Slash, "/");
        assert_eq!(focused(&console).as_deref(), Some("Filter positions"));
        write(&mut console, "ms");
        let field = console.harness.get_by_label("Filter positions");
        assert_eq!(
            field.value().as_deref(),
            Some("ms"),
            "the key itself was not typed"
        );
    }
}

#[test]
fn letters_in_a_text_field_are_letters() {
    let mut console = Console::live(Role::Trader);
    typed(&mut console, Key::Slash, "/");
    for (key, text) in [
        (Key::T, "t"),
        (Key::R, "r"),
        (Key::Num1, "1"),
        (Key::Slash, "/"),
        (Key::Questionmark, "?"),
    ] {
        typed(&mut console, key, text);
    }
    let field = console.harness.get_by_label("Filter positions");
    assert_eq!(field.value().as_deref(), Some("tr1/?"));
    assert_eq!(theme(&console), Theme::Dark);
    assert_eq!(console.asked(), []);
    assert!(!console.says("Show these keys"));
    // The palette is for everywhere, and gives the field its keyboard back.
    command(&mut console, Key::K);
    assert!(is_open(&console));
    plain(&mut console, Key::Escape);
    console.harness.run();
    assert_eq!(focused(&console).as_deref(), Some("Filter positions"));
    plain(&mut console, Key::Escape);
    typed(&mut console, Key::T, "t");
    assert_eq!(
        theme(&console),
        Theme::Light,
        "outside of it they are keys again"
    );
    typed(&mut console, Key::R, "r");
    assert_eq!(console.asked(), [Command::RefreshStreams]);
}

#[test]
fn no_key_of_the_desk_acts_while_a_question_is_on_screen() {
    let mut console = Console::live(Role::Trader);
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Close MSFT")
        .click();
    console.harness.run();
    assert!(console.says("Close MSFT?"));
    for key in [
        Key::T,
        Key::R,
        Key::N,
        Key::Slash,
        Key::Questionmark,
        Key::F1,
        Key::Num1,
    ] {
        plain(&mut console, key);
    }
    for key in [Key::K, Key::Comma, Key::Plus] {
        command(&mut console, key);
    }
    assert!(console.says("Close MSFT?") && !is_open(&console));
    assert!(!console.says("Show these keys") && !console.says("Theme: Dark"));
    assert_eq!(theme(&console), Theme::Dark);
    let zoom = console.harness.ctx.zoom_factor();
    assert!(
        (zoom - 1.0).abs() < 1e-4,
        "egui has no keys of its own for it"
    );
    assert_eq!(
        console.harness.state().state.preferences.scale.percent(),
        100
    );
    assert_eq!(console.asked(), []);
}

#[test]
fn the_size_and_the_settings_have_keys() {
    let mut console = Console::live(Role::Trader);
    let percent = |console: &Console| console.harness.state().state.preferences.scale.percent();
    command(&mut console, Key::Plus);
    command(&mut console, Key::Equals);
    assert_eq!(percent(&console), 125);
    assert!(
        (console.harness.ctx.zoom_factor() - 1.25).abs() < 1e-4,
        "not twice, by egui's own keys"
    );
    command(&mut console, Key::Minus);
    assert_eq!(percent(&console), 110);
    command(&mut console, Key::Num0);
    assert_eq!(percent(&console), 100);
    command(&mut console, Key::Comma);
    assert!(console.says("Theme: Dark"));
    command(&mut console, Key::Comma);
    assert!(!console.says("Theme: Dark"));
}

#[test]
fn notes_are_counted_kept_and_cleared() {
    for size in [DESK, PHONE] {
        let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        assert!(console.harness.query_by_label("Notes").is_some());
        for index in 0..130 {
            let screen = console.harness.state_mut();
            let now_ms = screen.now_ms + index;
            let tone = if index == 129 {
                Tone::Danger
            } else {
                Tone::Info
            };
            screen
                .state
                .toasts
                .push(tone, format!("note {index}"), now_ms);
        }
        console.harness.run();
        assert!(console.harness.query_by_label("Notes: 100 new").is_some());
        plain(&mut console, Key::N);
        let notes: Vec<String> = console
            .harness
            .query_all_by_role(NodeRole::ListItem)
            .filter_map(|node| node.accesskit_node().label())
            .collect();
        assert_eq!(notes.len(), 100);
        assert_eq!(
            notes.first().map(String::as_str),
            Some("Error, 09:38:16: note 129")
        );
        assert_eq!(
            notes.last().map(String::as_str),
            Some("Note, 09:38:16: note 30")
        );
        assert!(
            console.harness.query_by_label("Notes: 100 new").is_none(),
            "seen"
        );
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Clear notes")
            .scroll_to_me();
        console.harness.run();
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Clear notes")
            .click();
        console.harness.run();
        assert!(console.says("No notes yet."));
        plain(&mut console, Key::Escape);
        assert!(!console.says("No notes yet."));
    }
}

#[test]
fn a_panel_grows_with_what_comes_while_it_is_open() {
    let mut console = Console::live(Role::Trader);
    plain(&mut console, Key::N);
    for index in 0..6 {
        let screen = console.harness.state_mut();
        let now_ms = screen.now_ms;
        let text = format!("told number {index}");
        screen.state.toasts.push(Tone::Info, text, now_ms);
    }
    console.harness.run();
    let notes = console.harness.query_all_by_role(NodeRole::ListItem);
    assert_eq!(notes.count(), 6);
    let clear = console
        .painted("Clear")
        .expect("the end of the panel is on screen");
    assert!(clear.clip.contains_rect(clear.rect), "{clear:?}");
    for index in 0..6 {
        let text = format!("told number {index}");
        let in_panel = console.all_painted().into_iter().any(|painted| {
            painted.text == text
                && painted.rect.top() < 500.0
                && painted.clip.contains_rect(painted.rect)
        });
        assert!(in_panel, "{text}");
    }
}

#[test]
fn the_list_of_commands_shrinks_and_grows_with_what_is_typed() {
    let mut console = Console::live(Role::Trader);
    command(&mut console, Key::K);
    let all = listed(&console).len();
    write(&mut console, "sign out");
    assert_eq!(listed(&console).len(), 1, "{:?}", listed(&console));
    for _ in 0.."sign out".len() {
        plain(&mut console, Key::Backspace);
    }
    assert_eq!(listed(&console).len(), all);
    let clipped = console
        .all_painted()
        .into_iter()
        .find(|painted| painted.text == "Theme: dark" && !painted.clip.contains_rect(painted.rect));
    assert!(clipped.is_none(), "{clipped:?}");
}
