//! The command palette's list: every command of the console with its words, its key and, where it cannot be given, the reason.
//!
//! Made from the page when the palette opens and when something is typed, never per frame. It draws nothing and does nothing.

use std::fmt::Write as _;

use qd_state::{ConnectionState, OrderRow, PositionRow};
use qd_types::{AccountId, ClientOrderId};
use qd_ui::tokens::{MoneyPalette, Theme};

use super::action::Action;
use super::fuzzy::fit;
use super::settings::{NO_LOCAL_ZONE, NO_SOUND};
use super::{Machine, Preferences, Sound, ZonePreference, keys};
use crate::dashboard::{DashboardTable, cancel_refusal, close_refusal, modify_refusal};
use crate::{PageCtx, navigation};

/// Rows that are offered from one table: with more, type more letters.
const MAX_ROWS: usize = 60;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaletteEntry {
    /// What it is called.
    pub(crate) title: String,
    /// Other words it is found by.
    pub(crate) keywords: &'static str,
    /// Its key; absent when it has none.
    pub(crate) hotkey: Option<String>,
    /// What it does.
    pub(crate) action: Action,
    /// Why it cannot be given now; absent when it can.
    pub(crate) disabled_because: Option<&'static str>,
}

impl PaletteEntry {
    fn new(title: impl Into<String>, keywords: &'static str, action: Action) -> Self {
        Self {
            title: title.into(),
            keywords,
            hotkey: None,
            action,
            disabled_because: None,
        }
    }

    fn disabled_because(mut self, reason: Option<&'static str>) -> Self {
        self.disabled_because = reason;
        self
    }

    fn fit(&self, query: &str) -> Option<i32> {
        fit_words(query, &self.title, self.keywords)
    }
}

/// Each word of the query must be found in the title, or else in the keywords, which count less.
fn fit_words(query: &str, title: &str, keywords: &str) -> Option<i32> {
    let mut sum = 0_i32;
    for word in query.split_whitespace() {
        let by_keyword = || {
            keywords
                .split(' ')
                .filter_map(|known| fit(word, known))
                .max()
        };
        let found = fit(word, title).or_else(|| by_keyword().map(|fit| fit / 2 - 20))?;
        sum = sum.saturating_add(found);
    }
    Some(sum)
}

/// The commands that `query` finds, best first; all in their order when it is empty.
pub(crate) fn entries(
    cx: &PageCtx<'_>,
    preferences: &Preferences,
    machine: Machine,
    query: &str,
    is_mac: bool,
) -> Vec<PaletteEntry> {
    let fixed = fixed(cx, preferences, machine).into_iter();
    let mut found: Vec<(i32, PaletteEntry)> = fixed
        .filter_map(|entry| Some((entry.fit(query)?, entry)))
        .collect();
    found.extend(closings(cx, query));
    found.extend(changes(cx, query));
    found.extend(cancellations(cx, query));
    // What would add risk (buy, sell, release a halt) belongs behind these, with its armed lamp, once there is one.
    if !query.trim().is_empty() {
        // Stable: what fits equally well keeps its order.
        found.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    }
    let mut entries: Vec<PaletteEntry> = found.into_iter().map(|(_, entry)| entry).collect();
    for entry in &mut entries {
        entry.hotkey = keys::words_of(&entry.action, is_mac);
    }
    entries
}

fn fixed(cx: &PageCtx<'_>, preferences: &Preferences, machine: Machine) -> Vec<PaletteEntry> {
    let entry = |title: &str, keywords, action| PaletteEntry::new(title, keywords, action);
    let mut all = vec![
        entry(
            "Filter positions",
            "find search symbol",
            Action::FocusFilter(DashboardTable::Positions),
        ),
        entry(
            "Filter open orders",
            "find search symbol",
            Action::FocusFilter(DashboardTable::Orders),
        ),
        entry(
            "Go to positions",
            "table focus",
            Action::FocusTable(DashboardTable::Positions),
        ),
        entry(
            "Go to open orders",
            "table focus",
            Action::FocusTable(DashboardTable::Orders),
        ),
        entry(
            "Go to activity",
            "table focus fills",
            Action::FocusTable(DashboardTable::Activity),
        ),
    ];
    let connection = &cx.snapshot.connection;
    let is_over = connection.state == ConnectionState::Ended;
    all.push(
        entry("Refresh", "reload resync prove prices", Action::Refresh)
            .disabled_because(is_over.then_some("The session has ended.")),
    );
    let is_away = connection.state == ConnectionState::Reconnecting;
    all.push(
        entry(
            "Retry the connection now",
            "connect reconnect network",
            Action::RetryConnection,
        )
        .disabled_because((!is_away).then_some("The connection is not lost.")),
    );
    for theme in Theme::ALL {
        let title = format!("Theme: {}", theme.label().to_lowercase());
        let is_it = preferences.theme == theme;
        all.push(
            entry(
                &title,
                "color appearance bright night",
                Action::SetTheme(theme),
            )
            .disabled_because(is_it.then_some("In force.")),
        );
    }
    all.push(entry(
        "Change between dark and light",
        "theme toggle",
        Action::ToggleTheme,
    ));
    for money in MoneyPalette::ALL {
        let title = format!("Gain and loss: {}", money.label().to_lowercase());
        let is_it = preferences.money == money;
        all.push(
            entry(&title, "color palette blind", Action::SetMoney(money))
                .disabled_because(is_it.then_some("In force.")),
        );
    }
    let scale = preferences.scale;
    all.extend([
        entry("Larger", "size zoom scale in", Action::LargerScale)
            .disabled_because(scale.larger().is_none().then_some("The largest size.")),
        entry("Smaller", "size zoom scale out", Action::SmallerScale)
            .disabled_because(scale.smaller().is_none().then_some("The smallest size.")),
        entry("Size 100 %", "zoom scale reset", Action::ResetScale)
            .disabled_because((scale == super::UiScale::default()).then_some("In force.")),
    ]);
    for zone in ZonePreference::ALL {
        let title = match zone {
            ZonePreference::Exchange => "Times: New York",
            ZonePreference::Local => "Times: local",
            ZonePreference::Utc => "Times: UTC",
        };
        let is_unknown = zone == ZonePreference::Local && machine.local_zone.is_none();
        let reason = if is_unknown {
            Some(NO_LOCAL_ZONE)
        } else {
            (preferences.zone == zone).then_some("In force.")
        };
        all.push(
            entry(title, "zone clock timezone exchange", Action::SetZone(zone))
                .disabled_because(reason),
        );
    }
    for sound in Sound::ALL {
        let title = format!("Sound: {}", sound.label().to_lowercase());
        let is_mute = sound == Sound::On && !machine.has_sound;
        let reason = if is_mute {
            Some(NO_SOUND)
        } else {
            (preferences.sound == sound).then_some("In force.")
        };
        all.push(
            entry(
                &title,
                "beep mute silent fills alerts",
                Action::SetSound(sound),
            )
            .disabled_because(reason),
        );
    }
    all.extend([
        entry("Settings", "preferences options", Action::ToggleSettings),
        entry("Notes", "history toasts messages bell", Action::ToggleNotes),
        entry(
            "Alerts",
            "warnings critical firing resolved",
            Action::ShowAlerts,
        ),
        entry("Keys", "help shortcuts hotkeys keyboard", Action::ShowKeys),
    ]);
    for (page, label, reason) in navigation::pages() {
        all.push(
            entry(
                &format!("Page: {label}"),
                "go open show",
                Action::ShowPage(page),
            )
            .disabled_because(reason),
        );
    }
    let nobody = cx.snapshot.session.is_none();
    all.extend([
        entry("Load the console anew", "reload restart", Action::Reload),
        entry("Sign out", "log out leave end", Action::SignOut)
            .disabled_because(nobody.then_some("Nobody is signed in.")),
    ]);
    all
}

/// The best `MAX_ROWS` of the rows by how `words` of each fit; only those get words of their own.
fn best_rows<'r, R>(
    rows: impl Iterator<Item = &'r R>,
    query: &str,
    keywords: &str,
    write_words: impl Fn(&mut String, &R),
) -> Vec<(i32, &'r R)> {
    let mut words = String::new();
    let found = rows.filter_map(|row| {
        words.clear();
        write_words(&mut words, row);
        Some((fit_words(query, &words, keywords)?, row))
    });
    if query.trim().is_empty() {
        return found.take(MAX_ROWS).collect();
    }
    let mut found: Vec<(i32, &R)> = found.collect();
    found.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    found.truncate(MAX_ROWS);
    found
}

fn closings(cx: &PageCtx<'_>, query: &str) -> Vec<(i32, PaletteEntry)> {
    const KEYWORDS: &str = "position flatten sell buy";
    let rows = cx.snapshot.positions.rows.iter().map(|row| &**row);
    let words = |out: &mut String, row: &PositionRow| {
        write!(out, "Close {}\u{2026}", row.symbol).ok();
    };
    let found = best_rows(rows, query, KEYWORDS, words).into_iter();
    found
        .map(|(fit, row)| {
            let mut title = String::new();
            words(&mut title, row);
            let entry = PaletteEntry::new(title, KEYWORDS, Action::Close(row.symbol));
            (fit, entry.disabled_because(close_refusal(cx, row)))
        })
        .collect()
}

/// One line for each open order that the query means: "Cancel sell 106/320 NVDA…".
fn of_orders(
    cx: &PageCtx<'_>,
    query: &str,
    (verb, keywords): (&'static str, &'static str),
    action: fn(AccountId, ClientOrderId) -> Action,
    refusal: fn(&PageCtx<'_>, &OrderRow) -> Option<&'static str>,
) -> Vec<(i32, PaletteEntry)> {
    let rows = cx.snapshot.orders.rows.iter().map(|row| &**row);
    let words = |out: &mut String, row: &OrderRow| {
        let side = row.side.text.to_lowercase();
        let filled = &row.filled.text;
        write!(out, "{verb} {side} {filled} {}\u{2026}", row.symbol).ok();
    };
    let found = best_rows(rows, query, keywords, words).into_iter();
    found
        .map(|(fit, row)| {
            let mut title = String::new();
            words(&mut title, row);
            let action = action(row.account.clone(), row.client_order_id.clone());
            let entry = PaletteEntry::new(title, keywords, action);
            (fit, entry.disabled_because(refusal(cx, row)))
        })
        .collect()
}

fn cancellations(cx: &PageCtx<'_>, query: &str) -> Vec<(i32, PaletteEntry)> {
    let words = ("Cancel", "order withdraw stop");
    of_orders(cx, query, words, Action::Cancel, cancel_refusal)
}

fn changes(cx: &PageCtx<'_>, query: &str) -> Vec<(i32, PaletteEntry)> {
    let words = ("Change", "order modify replace amend price quantity");
    of_orders(cx, query, words, Action::Change, modify_refusal)
}
