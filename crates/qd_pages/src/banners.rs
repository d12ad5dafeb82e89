//! The banners under the header, heaviest first: connection lost, kill switch engaged, a server in trouble, read-only, stale.

use egui::Ui;
use qd_state::{ConnectionState, Freshness, Poll, ProgramUpdate};
use qd_types::{HaltState, Permission, Tone, fmt};
use qd_ui::banner::Banner;

use crate::{Command, PageCtx};

/// After so many failed attempts a reload is offered beside the retry.
const FAILURES_BEFORE_RELOAD: u32 = 5;

/// Draws what there is to say, at full width.
pub(crate) fn banners_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    profiling::function_scope!();
    ui.spacing_mut().item_spacing.y = 0.0;
    connection_ui(ui, cx);
    halt_ui(ui, cx);
    degraded_ui(ui, cx);
    read_only_ui(ui, cx);
    update_ui(ui, cx);
    stale_ui(ui, cx);
    prices_ui(ui, cx);
}

fn is_connected(cx: &PageCtx<'_>) -> bool {
    matches!(
        cx.snapshot.connection.state,
        ConnectionState::Live | ConnectionState::Resyncing
    )
}

fn connection_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let connection = &cx.snapshot.connection;
    let reason = connection
        .last_error
        .as_deref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    match connection.state {
        ConnectionState::Ended => {
            let detail = format!("Nothing below is live any more{reason}.");
            if Banner::new(Tone::Danger, "Signed out")
                .detail(&detail)
                .action("Sign in")
                .ui(ui, &cx.ui)
            {
                cx.commands.send(Command::Reload);
            }
        }
        ConnectionState::Reconnecting => {
            let since = connection
                .since
                .map(|at| format!("for {}", fmt::age(cx.age_ms(at))))
                .unwrap_or_default();
            let next = connection
                .retry_at
                .map(|at| {
                    format!(
                        "next try in {} s",
                        (at.millis_since(cx.now()).max(0) + 999) / 1000
                    )
                })
                .unwrap_or_else(|| "trying now".to_owned());
            let detail = format!(
                "{since}{reason}. Values below keep their age; nothing can be sent. {} failed {}, {next}.",
                connection.num_failed_attempts,
                if connection.num_failed_attempts == 1 {
                    "attempt"
                } else {
                    "attempts"
                },
            );
            if Banner::new(Tone::Danger, "Connection lost")
                .detail(&detail)
                .action("Retry now")
                .ui(ui, &cx.ui)
            {
                cx.commands.send(Command::RetryConnection);
            }
            if connection.num_failed_attempts >= FAILURES_BEFORE_RELOAD
                && Banner::new(Tone::Warn, "Still not connected")
                    .detail("Loading the program anew may help, and signs nobody out.")
                    .action("Reload")
                    .ui(ui, &cx.ui)
            {
                cx.commands.send(Command::Reload);
            }
        }
        ConnectionState::Connecting | ConnectionState::Live | ConnectionState::Resyncing => {}
    }
}

fn degraded_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    if let Some(degraded) = &cx.snapshot.connection.degraded {
        let detail = format!("{degraded}. Values below keep their age.");
        Banner::new(Tone::Warn, "The server reports trouble")
            .detail(&detail)
            .ui(ui, &cx.ui);
    }
}

fn halt_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let halt = &cx.snapshot.halt;
    let by = halt
        .by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    let reason = halt
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    // Without a connection its banner says that everything is old. A hole is closed within seconds, mostly.
    let is_old = is_connected(cx) && matches!(halt.freshness, Freshness::Aging | Freshness::Stale);
    let unconfirmed = match halt.confirmed_at {
        Some(at) if is_old => format!(" Last confirmed {} ago.", fmt::age(cx.age_ms(at))),
        _ => String::new(),
    };
    match halt.state {
        HaltState::Halted => {
            let detail = format!(
                "Engaged{by}{reason}. Cancelling and closing by hand still work.{unconfirmed}"
            );
            Banner::new(Tone::Danger, "Kill switch engaged")
                .detail(&detail)
                .ui(ui, &cx.ui);
        }
        HaltState::ReduceOnly => {
            let detail =
                format!("Set{by}{reason}. Closing and cancelling still work.{unconfirmed}");
            Banner::new(Tone::Warn, "Reduce only")
                .detail(&detail)
                .ui(ui, &cx.ui);
        }
        // Before the first word there is nothing to warn of but the skeleton; afterwards unknown is a warning.
        HaltState::Unknown if halt.confirmed_at.is_some() => {
            Banner::new(Tone::Warn, "Halt state unknown")
                .detail(
                    "Treated as halted: no new risk. Cancelling and closing by hand still work.",
                )
                .ui(ui, &cx.ui);
        }
        HaltState::Active if is_old => {
            let detail = format!("Trading was active.{unconfirmed} It may have been halted since.");
            Banner::new(Tone::Warn, "Halt state unconfirmed")
                .detail(&detail)
                .ui(ui, &cx.ui);
        }
        HaltState::Unknown | HaltState::Active => {}
    }
}

fn read_only_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let is_reader = cx
        .snapshot
        .session
        .as_ref()
        .is_some_and(|session| !session.allows(Permission::OrdersPlace));
    if is_reader {
        Banner::new(Tone::Info, "Read-only")
            .detail("Your role may look, not trade.")
            .ui(ui, &cx.ui);
    }
}

fn update_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    if cx.snapshot.connection.update != ProgramUpdate::Offered {
        return;
    }
    if Banner::new(Tone::Info, "A newer console is served")
        .detail(
            "This page still runs the one before. Loading it takes a moment and signs nobody out.",
        )
        .action("Load it")
        .ui(ui, &cx.ui)
    {
        cx.commands.send(Command::Reload);
    }
}

fn stale_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let positions = &cx.snapshot.positions;
    if !is_connected(cx) || positions.freshness != Freshness::Stale {
        return;
    }
    let age = positions
        .confirmed_at
        .map(|at| fmt::age(cx.age_ms(at)))
        .unwrap_or_default();
    let detail = format!("Positions were last confirmed {age} ago.");
    if Banner::new(Tone::Warn, "Data may be stale")
        .detail(&detail)
        .action("Refresh")
        .ui(ui, &cx.ui)
    {
        cx.commands.send(Command::RefreshStreams);
    }
}

/// A price poll that fails is said whatever the stream does: the stream's beats prove shares, not prices.
fn prices_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let positions = &cx.snapshot.positions;
    let Some(error) = positions
        .last_price_error
        .as_ref()
        .filter(|_| is_connected(cx))
    else {
        return;
    };
    let oldest = positions
        .marked_at
        .map(|at| format!(" The oldest price is {} old.", fmt::age(cx.age_ms(at))))
        .unwrap_or_default();
    let detail = format!("{error}.{oldest}");
    if Banner::new(Tone::Warn, "Prices cannot be polled")
        .detail(&detail)
        .action("Try again")
        .ui(ui, &cx.ui)
    {
        cx.commands.send(Command::RefreshPoll(Poll::Prices));
    }
}
