//! The header: environment, clocks, halt state, connection, user, kill switch. Never hidden, whatever the width.

use std::fmt::Write as _;

use egui::{Align, Layout, Ui};
use qd_state::ConnectionState;
use qd_types::{Environment, Tone, ZoneChoice, fmt};
use qd_ui::badge::Chip;
use qd_ui::button::Button;
use qd_ui::text;
use qd_ui::tokens::space;

use crate::PageCtx;

/// Below this the New York and UTC clocks go.
const WIDTH_FOR_CLOCKS: f32 = 1180.0;
/// Below this the market's phase goes.
const WIDTH_FOR_MARKET: f32 = 1000.0;
/// Below this the product's name and the user go.
const WIDTH_FOR_NAMES: f32 = 760.0;

/// Draws the header's row.
pub(crate) fn header_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let width = ui.available_width();
    let gap = if width < WIDTH_FOR_NAMES {
        space::XS
    } else {
        space::M
    };
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = gap;
        kill_switch_ui(ui, cx, width);
        if width >= WIDTH_FOR_NAMES {
            user_ui(ui, cx);
        }
        connection_ui(ui, cx, width);
        halt_ui(ui, cx, width);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = gap;
            if width >= WIDTH_FOR_NAMES {
                text::label(
                    ui,
                    "Quarterdeck",
                    &cx.ui.tokens.fonts.title,
                    cx.ui.tokens.text_strong,
                );
                if width >= WIDTH_FOR_CLOCKS {
                    ui.add_space(50.0);
                }
            }
            environment_ui(ui, cx);
            if width >= WIDTH_FOR_MARKET {
                market_ui(ui, cx);
            }
            if width >= WIDTH_FOR_CLOCKS {
                clocks_ui(ui, cx);
            }
        });
    });
}

fn environment_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let (word, tone, meaning) = match cx.snapshot.environment {
        Some(Environment::Paper) => (
            "PAPER",
            Tone::Accent,
            "Paper venue, simulated market: no order leaves this machine.",
        ),
        Some(Environment::Live) => ("LIVE", Tone::Danger, "Orders go to a real venue."),
        Some(Environment::Replay) => ("REPLAY", Tone::Warn, "A recorded tape is playing."),
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
    let words = match market.next_change_at {
        Some(at) => {
            let left = fmt::countdown(at.millis_since(cx.server_now()));
            format!("{text} · {} {left}", market.countdown_label)
        }
        None if text.is_empty() => "market clock unknown".to_owned(),
        None => text,
    };
    Chip::outline(&words).ui(ui, &cx.ui);
}

fn clocks_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let now = cx.server_now();
    let words = format!(
        "{} New York · {} UTC",
        fmt::time_seconds(now, ZoneChoice::Exchange),
        fmt::time_seconds(now, ZoneChoice::Utc)
    );
    Chip::outline(&words).ui(ui, &cx.ui);
}

fn halt_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) {
    let halt = &cx.snapshot.halt;
    let words = if width < WIDTH_FOR_NAMES {
        short_halt(halt.state)
    } else {
        halt.text
    };
    let name = format!("Halt state: {}", halt.text);
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
    Chip::pill(words, halt.tone)
        .name(&name)
        .ui(ui, &cx.ui)
        .on_hover_text(meaning);
}

fn short_halt(state: qd_types::HaltState) -> &'static str {
    use qd_types::HaltState;

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
    let mut words = if width < WIDTH_FOR_NAMES || connection.text.is_empty() {
        connection.state.as_str().to_owned()
    } else {
        connection.text.to_string()
    };
    if connection.state == ConnectionState::Reconnecting
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
    Chip::outline(&words)
        .dot(tone)
        .name(&name)
        .ui(ui, &cx.ui)
        .on_hover_text(meaning);
}

fn user_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
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
    let response = Chip::outline(&words)
        .name(&format!("User: {words}"))
        .ui(ui, &cx.ui);
    if let Some(session) = &cx.snapshot.session {
        let accounts: Vec<&str> = session
            .accounts
            .iter()
            .map(|account| account.as_str())
            .collect();
        response.on_hover_text(format!(
            "{}\nAccounts: {}",
            session.name,
            accounts.join(", ")
        ));
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
