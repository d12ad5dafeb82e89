//! The five cards on top, wrapping when the window is narrow.

use egui::{Rect, Ui, UiBuilder, pos2, vec2};
use qd_state::{Card, Direction, Poll};
use qd_types::fmt;
use qd_ui::card::{MetricCard, StaleMark};
use qd_ui::paint::Trend;
use qd_ui::tokens::{size, space};

use crate::provenance::way_of;
use crate::{Command, PageCtx};

/// Room for five cards side by side.
const WIDTH_FOR_ALL: f32 = 760.0;

/// Draws the cards.
pub(crate) fn cards_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    profiling::function_scope!();
    // Marks, and the day's fills, fees and limits beside them.
    cx.commands.shows(Poll::Prices);
    cx.commands.shows(Poll::Stats);
    let cards = &cx.snapshot.cards;
    let list = [
        ("Unrealized P&L", &cards.unrealized),
        ("Realized today", &cards.realized),
        ("Positions", &cards.count),
        ("Buying power", &cards.buying_power),
        ("Exposure", &cards.exposure),
    ];
    let room = ui.available_width();
    let columns = if room > WIDTH_FOR_ALL { list.len() } else { 2 };
    let width = (room - space::M * (columns as f32 - 1.0)) / columns as f32;
    let origin = ui.cursor().min;
    let num_rows = list.len().div_ceil(columns);
    for (i, (title, card)) in list.into_iter().enumerate() {
        let (row, column) = ((i / columns) as f32, (i % columns) as f32);
        let min = pos2(
            origin.x + column * (width + space::M),
            origin.y + row * (size::CARD_HEIGHT + space::M),
        );
        let rect = Rect::from_min_size(min, vec2(width, size::CARD_HEIGHT));
        ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(title), |ui| {
            card_ui(ui, cx, title, card);
        });
    }
    let height = num_rows as f32 * (size::CARD_HEIGHT + space::M) - space::M;
    ui.advance_cursor_after_rect(Rect::from_min_size(origin, vec2(room, height)));
}

fn card_ui(ui: &mut Ui, cx: &PageCtx<'_>, title: &str, card: &Card) {
    let context = match card.marked_at {
        // The age first: what is cut at the end is what matters less.
        Some(at) => format!("marked {} ago · {}", fmt::age(cx.age_ms(at)), card.context),
        None => card.context.to_string(),
    };
    let stale = card
        .confirmed_at
        .map_or(StaleMark::Fresh, |at| StaleMark::from_age_ms(cx.age_ms(at)));
    let mut metric = MetricCard::new(title, card.value.as_deref())
        .context(&context)
        .spark(&card.points)
        .stale(stale);
    metric.tone = card.tone;
    metric.arrow = card.arrow.map(|direction| match direction {
        Direction::Up => Trend::Up,
        Direction::Down => Trend::Down,
    });
    if let Some(change) = card.sign_changed {
        metric = metric.sign_changed(cx.short_age_ms(change.at), change.from);
    }
    let answer = metric.ui(ui, &cx.ui);
    if let Some(at) = card.confirmed_at {
        // The words are made when somebody looks.
        answer.response.on_hover_ui(|ui| {
            let way = way_of(cx, &cx.snapshot.positions.seal);
            ui.label(format!("Confirmed {} ago\n{way}", fmt::age(cx.age_ms(at))));
        });
    }
    if answer.refresh_clicked {
        cx.commands.send(Command::RefreshStreams);
    }
}
