//! The header: environment, clocks, alerts, halt state, connection, user, kill switch. Never hidden, whatever the width.

use std::fmt::Write as _;

use egui::{Align, Layout, Popup, PopupCloseBehavior, Response, Ui};
use qd_state::{ConnectionState, Freshness, Poll};
use qd_types::{Environment, HaltState, Tone, ZoneChoice, fmt};
use qd_ui::badge::Chip;
use qd_ui::button::Button;
use qd_ui::icon::{Icon, icon_button};
use qd_ui::text;
use qd_ui::tokens::space;

use crate::comfort::{
    HeaderPanel, Opens, Overlay, alerts_badge_ui, notes_name, notes_ui, settings_ui,
};
use crate::desk::DeskState;
use crate::{Command, PageCtx, tape};

/// With this much the product's name stands a little apart.
const WIDTH_FOR_AIR: f32 = 1400.0;
const AIR: f32 = 20.0;
/// Below this the clocks go. There must be room for "Reconnecting · 12 s", "WAS ACTIVE · 34 s ago" and the sign of the
/// alerts beside them.
const WIDTH_FOR_CLOCKS: f32 = 1408.0;
/// Below this the market's phase goes.
const WIDTH_FOR_MARKET: f32 = 1204.0;
/// Below this the product's name goes, words become short, and the settings are opened from the user's menu.
const WIDTH_FOR_NAMES: f32 = 904.0;
/// Below this a lost connection and a doubtful halt state say no more than that: the banner says since when.
const WIDTH_FOR_AGES: f32 = 480.0;
/// The user's menu.
const MENU_WIDTH: f32 = 320.0;

/// Draws the header's row.
pub(crate) fn header_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DeskState) {
    profiling::function_scope!();
    let width = ui.available_width();
    let gap = if width < WIDTH_FOR_NAMES {
        space::XS
    } else {
        space::M
    };
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = gap;
        kill_switch_ui(ui, cx, width);
        let user = user_ui(ui, cx, width);
        signs_ui(ui, cx, state, &user, width);
        connection_ui(ui, cx, width);
        halt_ui(ui, cx, width);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = gap;
            // Then the other side has more to say.
            let is_lost = cx.snapshot.connection.state == ConnectionState::Reconnecting;
            if width >= WIDTH_FOR_NAMES {
                text::label(
                    ui,
                    "Quarterdeck",
                    &cx.ui.tokens.fonts.title,
                    cx.ui.tokens.text_strong,
                );
                if width >= WIDTH_FOR_AIR && !is_lost {
                    ui.add_space(AIR);
                }
            }
            // Also where its words have no room: what is stale and what is quiet goes by the market's phase, and so does
            // the tape of a replay.
            cx.commands.shows(Poll::MarketClock);
            environment_ui(ui, cx);
            if width >= WIDTH_FOR_MARKET {
                market_ui(ui, cx);
            }
            if width >= WIDTH_FOR_CLOCKS {
                clocks_ui(ui, cx, is_lost);
            }
            // In what room is left, next to the halt state.
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let alerts = alerts_badge_ui(ui, cx);
                if alerts.clicked() {
                    state.overlay = Some(Overlay::alerts(ui.ctx(), Some(alerts.id)));
                }
            });
        });
    });
}

/// The signs that open panels, close together.
fn signs_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DeskState, user: &Response, width: f32) {
    let name = notes_name(&state.toasts);
    let bell = icon_button(ui, &cx.ui, Icon::Bell, &name, state.toasts.num_unseen());
    HeaderPanel::Notes.ui(&bell, Opens::ByClick, |ui| {
        notes_ui(ui, cx, &mut state.toasts);
    });
    bell.on_hover_text(name);

    let machine = state.machine;
    let content = |ui: &mut Ui| settings_ui(ui, cx, &mut state.preferences, machine);
    if width < WIDTH_FOR_NAMES {
        HeaderPanel::Settings.ui(user, Opens::Elsewhere, content);
        return;
    }
    let gear = icon_button(ui, &cx.ui, Icon::Gear, "Settings", 0);
    HeaderPanel::Settings.ui(&gear, Opens::ByClick, content);
    gear.on_hover_text("Settings");
}

fn environment_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let (word, tone, meaning) = match cx.snapshot.environment {
        Some(Environment::Paper) => (
            "PAPER",
            Tone::Accent,
            "Paper venue, simulated market: no order leaves this machine.",
        ),
        Some(Environment::Live) => ("LIVE", Tone::Danger, "Orders go to a real venue."),
        Some(Environment::Replay) => return tape::environment_ui(ui, cx),
        None => (
            "…",
            Tone::Faint,
            "The server has not said yet where it trades.",
        ),
    };
    Chip::tag(word, tone).ui(ui, &cx.ui).on_hover_text(meaning);
}

fn market_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let market = &cx.snapshot.market;
    // The paper desk keeps hours of its own: a Sunday night must not read as if the exchange were open.
    let text = match cx.snapshot.environment {
        Some(Environment::Paper) => market.text.replace("NYSE", "Simulated market"),
        _ => market.text.to_string(),
    };
    let is_old = market.freshness == Freshness::Stale;
    let left = market
        .next_change_at
        .map(|at| at.millis_since(cx.server_now()));
    let words = match (market.loaded_at, left) {
        // What nobody has confirmed for minutes is what was; a countdown from it would be made up.
        (Some(at), _) if is_old => format!("{text} {} ago", fmt::age(cx.age_ms(at))),
        (_, Some(left)) if left <= 0 => format!("{text} until {} ago", fmt::age(-left)),
        (_, Some(left)) => format!(
            "{text} · {} {}",
            market.countdown_label,
            fmt::countdown(left)
        ),
        (_, None) if text.is_empty() => "market clock unknown".to_owned(),
        (_, None) => text,
    };
    let is_doubtful = is_old || left.is_some_and(|left| left <= 0);
    let mut chip = Chip::outline(&words);
    if is_doubtful {
        chip = chip.dot(Tone::Warn);
    }
    let response = chip.ui(ui, &cx.ui);
    if let Some(at) = market.loaded_at {
        let age = fmt::age(cx.age_ms(at));
        response.on_hover_text(format!("The market clock was read {age} ago"));
    }
}

fn clocks_ui(ui: &mut Ui, cx: &PageCtx<'_>, is_lost: bool) {
    if let Some(tape) = &cx.snapshot.market.tape {
        tape::clock_ui(ui, cx, tape);
        return;
    }
    let now = cx.server_now();
    // The zone of every time on the page first, then the one that a trader needs beside it.
    let zone = cx.snapshot.zone;
    let other = match zone {
        ZoneChoice::Exchange => ZoneChoice::Utc,
        ZoneChoice::Local(_) | ZoneChoice::Utc => ZoneChoice::Exchange,
    };
    let clock = |zone: ZoneChoice| format!("{} {}", fmt::time_seconds(now, zone), zone.label());
    let words = if is_lost {
        clock(zone)
    } else {
        format!("{} · {}", clock(zone), clock(other))
    };
    Chip::outline(&words)
        .ui(ui, &cx.ui)
        .on_hover_text(format!("Every time on this page is {} time.", zone.label()));
}

fn halt_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) {
    let halt = &cx.snapshot.halt;
    let is_narrow = width < WIDTH_FOR_NAMES;
    // What nobody vouches for is what was. Green is only for what is.
    let was = !halt.is_current() && halt.state != HaltState::Unknown;
    let (words, tone) = if was {
        let age = halt
            .confirmed_at
            .map_or_else(|| "?".to_owned(), |at| fmt::age(cx.age_ms(at)));
        let short = short_halt(halt.state);
        let words = if width < WIDTH_FOR_AGES {
            format!("WAS {short}")
        } else if is_narrow {
            format!("WAS {short} {age}")
        } else {
            format!("WAS {short} · {age} ago")
        };
        let tone = if halt.tone == Tone::Danger {
            Tone::Danger
        } else {
            Tone::Warn
        };
        (words, tone)
    } else if is_narrow {
        (short_halt(halt.state).to_owned(), halt.tone)
    } else {
        (halt.text.to_owned(), halt.tone)
    };
    let name = match (was, halt.confirmed_at) {
        (true, Some(at)) => format!(
            "Halt state: WAS {} · {} ago",
            short_halt(halt.state),
            fmt::age(cx.age_ms(at))
        ),
        (true, None) => format!("Halt state: WAS {}", short_halt(halt.state)),
        (false, _) => format!("Halt state: {}", halt.text),
    };
    let mut meaning = match &halt.reason {
        Some(reason) => format!("{}\nReason: {reason}", halt.text),
        None => halt.text.to_owned(),
    };
    if let Some(by) = &halt.by {
        write!(meaning, "\nBy {by}").ok();
    }
    if let Some(at) = halt.confirmed_at {
        write!(meaning, "\nConfirmed {} ago", fmt::age(cx.age_ms(at))).ok();
    }
    write!(meaning, "\n{}", halt.seal.text).ok();
    Chip::pill(&words, tone)
        .name(&name)
        .ui(ui, &cx.ui)
        .on_hover_text(meaning);
}

fn short_halt(state: HaltState) -> &'static str {
    match state {
        HaltState::Active => "ACTIVE",
        HaltState::ReduceOnly => "REDUCE",
        HaltState::Halted => "ENGAGED",
        HaltState::Unknown => "UNKNOWN",
    }
}

fn connection_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) {
    let connection = &cx.snapshot.connection;
    let tone = match connection.state {
        ConnectionState::Live if connection.degraded.is_none() => Tone::Gain,
        ConnectionState::Live | ConnectionState::Connecting | ConnectionState::Resyncing => {
            Tone::Warn
        }
        ConnectionState::Reconnecting | ConnectionState::Ended => Tone::Danger,
    };
    let is_narrow = width < WIDTH_FOR_NAMES;
    let mut words = if is_narrow || connection.text.is_empty() {
        connection.state.as_str().to_owned()
    } else {
        connection.text.to_string()
    };
    // The banner has the countdown where the header has no room for it.
    if connection.state == ConnectionState::Reconnecting
        && !is_narrow
        && let Some(at) = connection.retry_at
    {
        // Rounded up, so that a countdown ends at one and not at zero.
        let left = (at.millis_since(cx.now()).max(0) + 999) / 1000;
        write!(words, " · {left} s").ok();
    }
    let mut meaning = match connection.newest_stamp_at {
        Some(at) => format!("Newest word of the server: {} ago", fmt::age(cx.age_ms(at))),
        None => "No word of the server yet".to_owned(),
    };
    if let Some(degraded) = &connection.degraded {
        write!(meaning, "\nThe server says: {degraded}").ok();
    }
    if let Some(node) = &connection.node {
        write!(meaning, "\nNode {node}").ok();
    }
    if let Some(clock) = connection.clock {
        write!(
            meaning,
            "\nClock offset {} ± {}",
            fmt::latency_micros(clock.offset_micros.abs()),
            fmt::latency_micros(clock.error_micros)
        )
        .ok();
    }
    let name = format!("Connection: {words}");
    let is_lost = connection.state == ConnectionState::Reconnecting;
    let is_tiny = is_lost && width < WIDTH_FOR_AGES;
    let words = match (is_tiny, is_narrow && is_lost) {
        (true, _) => "Off",
        (false, true) => "Offline",
        (false, false) => words.as_str(),
    };
    let chip = Chip::outline(words).name(&name);
    let chip = if is_tiny { chip } else { chip.dot(tone) };
    chip.ui(ui, &cx.ui).on_hover_text(meaning);
}

fn user_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) -> Response {
    let words = match &cx.snapshot.session {
        Some(session) => {
            let role = session
                .roles
                .iter()
                .max()
                .map_or("no role", |role| role.as_str());
            format!("{} · {role}", session.user_id)
        }
        None => "signed out".to_owned(),
    };
    let initial: String = if width < WIDTH_FOR_NAMES {
        words
            .chars()
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().collect())
    } else {
        words.clone()
    };
    let response = Chip::outline(&initial)
        .name(&format!("User: {words}"))
        .button()
        .ui(ui, &cx.ui);
    Popup::menu(&response)
        .width(MENU_WIDTH)
        .gap(space::XS)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("User")
        .show(|ui| user_menu_ui(ui, cx, width));
    response
}

/// Who is signed in, and the way out.
fn user_menu_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) {
    let (tokens, fonts) = (cx.ui.tokens, &cx.ui.tokens.fonts);
    ui.set_width(MENU_WIDTH.min(ui.ctx().content_rect().width() - 48.0));
    if let Some(session) = &cx.snapshot.session {
        let roles: Vec<&str> = session.roles.iter().map(|role| role.as_str()).collect();
        let accounts: Vec<&str> = session
            .accounts
            .iter()
            .map(|account| account.as_str())
            .collect();
        let who = format!("{} ({})", session.name, session.user_id);
        text::label(ui, &who, &fonts.strong, tokens.text_strong);
        for line in [
            format!("Roles: {}", roles.join(", ")),
            format!("Accounts: {}", accounts.join(", ")),
        ] {
            text::label(ui, &line, &fonts.body, tokens.text_secondary);
        }
    } else {
        text::label(ui, "Nobody is signed in.", &fonts.body, tokens.text_primary);
    }
    if width < WIDTH_FOR_NAMES {
        ui.add_space(space::S);
        if Button::new("Settings").ui(ui, &cx.ui).clicked() {
            ui.close();
            HeaderPanel::Settings.toggle(ui.ctx());
        }
    }
    if cx.snapshot.session.is_some() {
        ui.add_space(space::S);
        if Button::new("Sign out").ui(ui, &cx.ui).clicked() {
            cx.commands.send(Command::SignOut);
            ui.close();
        }
    }
}

fn kill_switch_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) {
    let words = if width < WIDTH_FOR_NAMES {
        "Kill"
    } else {
        "Engage kill switch"
    };
    Button::danger(words)
        .name("Engage kill switch")
        .height(29.0)
        .disabled_because(Some(
            "This build shows the halt state but cannot engage it yet.",
        ))
        .ui(ui, &cx.ui);
}
