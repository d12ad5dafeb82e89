//! The footer: what came, what was left out, how long it took, and how old the picture is.

use egui::{Align, Layout, Ui};
use qd_state::{ConnectionState, Poll, ServiceHealth, ServiceStatus};
use qd_types::{Tone, fmt};
use qd_ui::badge::counter_ui;
use qd_ui::frame_stats::FrameStats;
use qd_ui::frame_strip::{FRAME_BUDGET_MS, frame_strip_ui};
use qd_ui::tokens::space;

use crate::PageCtx;

/// With this much room the last frames are drawn too.
const WIDTH_FOR_STRIP: f32 = 1_200.0;

/// Draws the footer's row.
pub(crate) fn footer_ui(ui: &mut Ui, cx: &PageCtx<'_>, frames: &FrameStats) {
    profiling::function_scope!();
    let width = ui.available_width();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        // The age of the newest word of the server, not of our own repainting: a dead feed must not look young.
        let (age, tone) = match cx.snapshot.connection.newest_stamp_at {
            Some(at) => {
                let age_ms = cx.age_ms(at);
                (
                    fmt::age(age_ms),
                    if age_ms > 12_000 {
                        Tone::Warn
                    } else {
                        Tone::Neutral
                    },
                )
            }
            None => ("–".to_owned(), Tone::Faint),
        };
        let label = if width < 600.0 {
            "age".to_owned()
        } else {
            format!("snapshot #{} · age", fmt::count(cx.snapshot.version))
        };
        counter_ui(ui, &cx.ui, &label, &age, tone)
            .on_hover_text("Age of the newest stamp of the server that this picture rests on");
        system_ui(ui, cx);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            counters_ui(ui, cx, width);
            if width >= 900.0 {
                latency_ui(ui, cx);
            }
            if width >= WIDTH_FOR_STRIP {
                strip_ui(ui, cx, frames);
            }
        });
    });
}

/// How the services behind the console are: the worst of them, and every one of them to who asks.
fn system_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    cx.commands.shows(Poll::Health);
    let health = &cx.snapshot.health;
    let is_up = matches!(
        cx.snapshot.connection.state,
        ConnectionState::Live | ConnectionState::Resyncing
    );
    let (words, tone) = if health.loaded_at.is_none() && health.last_error.is_none() {
        // Not asked yet; a console on a bus of its own has nobody to ask.
        ("\u{2013}", Tone::Faint)
    } else if is_up && health.last_error.is_none() {
        status_words(health.status)
    } else {
        // What was so at the last answer is nobody's word now.
        status_words(ServiceStatus::Unknown)
    };
    counter_ui(ui, &cx.ui, "system", words, tone).on_hover_ui(|ui| {
        match health.loaded_at {
            Some(at) => ui.label(format!("Asked {} ago", fmt::age(cx.age_ms(at)))),
            None => ui.label("The server has not said yet how it is."),
        };
        for service in health.services.iter() {
            ui.label(service_line(service));
        }
        if let Some(error) = &health.last_error {
            ui.label(format!("The last question failed: {error}"));
        }
    });
}

fn status_words(status: ServiceStatus) -> (&'static str, Tone) {
    match status {
        ServiceStatus::Ok => ("ok", Tone::Neutral),
        ServiceStatus::Degraded => ("degraded", Tone::Warn),
        ServiceStatus::Down => ("down", Tone::Danger),
        ServiceStatus::Unknown => ("unknown", Tone::Warn),
    }
}

/// "bus: ok, 0.4 ms · 12 streams".
fn service_line(service: &ServiceHealth) -> String {
    let (words, _) = status_words(service.status);
    let latency = service
        .latency_micros
        .map(|micros| format!(", {}", fmt::latency_micros(micros)))
        .unwrap_or_default();
    let detail = if service.detail.is_empty() {
        String::new()
    } else {
        format!(" · {}", service.detail)
    };
    format!("{}: {words}{latency}{detail}", service.name)
}

/// The last frames, one bar each, with what they cost and how old the picture is.
fn strip_ui(ui: &mut Ui, cx: &PageCtx<'_>, frames: &FrameStats) {
    let (Some(p50), Some(p99), Some(max)) = (frames.p50(), frames.p99(), frames.max()) else {
        return;
    };
    let passes = frames
        .passes_per_frame()
        .map(|passes| format!(" · {passes:.2} passes per frame"))
        .unwrap_or_default();
    let words = format!("Frames: p50 {p50:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms{passes}");
    let age = cx
        .snapshot
        .connection
        .newest_stamp_at
        .map_or_else(|| "–".to_owned(), |at| fmt::age(cx.age_ms(at)));
    frame_strip_ui(ui, &cx.ui, frames, &words).on_hover_text(format!(
        "{words}\nCPU time of the last frames; a bar is marked past {FRAME_BUDGET_MS} ms.\nPicture #{}, {age} old",
        fmt::count(cx.snapshot.version)
    ));
}

fn counters_ui(ui: &mut Ui, cx: &PageCtx<'_>, width: f32) {
    let feed = &cx.snapshot.feed;
    counter_ui(
        ui,
        &cx.ui,
        "push",
        &format!("{}/s", feed.pushed_per_second),
        Tone::Neutral,
    )
    .on_hover_text(format!(
        "{} messages came, {} applied, {} twice",
        fmt::count(feed.num_received),
        fmt::count(feed.num_applied),
        fmt::count(feed.num_duplicates)
    ));
    if width >= 600.0 {
        counter_ui(
            ui,
            &cx.ui,
            "conflated",
            &format!("{}/s", feed.conflated_per_second),
            Tone::Neutral,
        )
        .on_hover_text("Applied messages that a newer one overtook before the screen showed them");
    }
    let tone = |count: u64| if count > 0 { Tone::Warn } else { Tone::Neutral };
    counter_ui(
        ui,
        &cx.ui,
        "dropped",
        &fmt::count(feed.num_dropped),
        tone(feed.num_dropped),
    )
    .on_hover_text(format!(
        "Messages dropped here; {} states left out by the server, {} unreadable{}",
        fmt::count(feed.num_skipped),
        fmt::count(feed.num_unreadable),
        feed.last_unreadable
            .as_ref()
            .map(|detail| format!(" (last: {detail})"))
            .unwrap_or_default()
    ));
    counter_ui(
        ui,
        &cx.ui,
        "resyncs",
        &fmt::count(feed.num_resyncs),
        Tone::Neutral,
    )
    .on_hover_text(format!(
        "Asked again after {} holes",
        fmt::count(feed.num_gaps)
    ));
}

fn latency_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let feed = &cx.snapshot.feed;
    let hops = feed.hops.iter().map(|hop| {
        let error = match hop.error_micros {
            Some(0) => String::new(),
            Some(error) => format!(" ± {}", fmt::latency_micros(error)),
            None => " ± unknown".to_owned(),
        };
        format!(
            "{}: p50 {}, p99 {}{error} ({} messages)",
            hop.hop.as_str(),
            fmt::latency_micros(hop.p50_micros),
            fmt::latency_micros(hop.p99_micros),
            hop.num_samples
        )
    });
    let meaning = hops.collect::<Vec<_>>().join("\n");
    if let Some(sum) = feed
        .hops
        .iter()
        .find(|hop| hop.hop == qd_state::Hop::PublishedToPainted)
    {
        counter_ui(
            ui,
            &cx.ui,
            "publish→paint p50",
            &fmt::latency_micros(sum.p50_micros),
            Tone::Neutral,
        )
        .on_hover_text(&meaning);
        counter_ui(
            ui,
            &cx.ui,
            "p99",
            &fmt::latency_micros(sum.p99_micros),
            Tone::Neutral,
        )
        .on_hover_text(&meaning);
    }
    if let Some(frame) = feed.frame_p99_micros {
        counter_ui(
            ui,
            &cx.ui,
            "frame",
            &fmt::latency_micros(frame),
            Tone::Neutral,
        )
        .on_hover_text("99 of 100 frames took less CPU time");
    }
}
