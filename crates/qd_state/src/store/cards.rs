//! The five cards, made of exactly the totals that the positions table shows.
//!
//! It sums nothing itself: what a card and the table share is one figure.

use std::sync::Arc;

use qd_types::{Money, Tone, UtcMicros, fmt};

use super::Ctx;
use super::position_rows::DASH;
use crate::event::{LimitUse, PositionTotals};
use crate::freshness::{Freshness, FreshnessRule};
use crate::snapshot::{Card, CardsView, Direction, PositionsView, SignChange, StatsView};

const MAX_POINTS: usize = 120;
const SAMPLE_EVERY_MILLIS: i64 = 5_000;
/// The limit that the exposure card measures against.
pub(crate) const GROSS_LIMIT: &str = "gross_exposure";

/// The cards and their lines.
#[derive(Debug, Default)]
pub(crate) struct Cards {
    sampled_at: Option<UtcMicros>,
    view: Arc<CardsView>,
}

/// What the cards are made of.
pub(crate) struct CardInputs<'a> {
    /// The table that they must agree with.
    pub(crate) positions: &'a PositionsView,
    /// What rows cannot tell.
    pub(crate) totals: &'a PositionTotals,
    /// The day so far.
    pub(crate) stats: &'a StatsView,
    /// Which of them could not be read, and why.
    pub(crate) unreadable: UnreadableFigures,
    /// The limit on the gross exposure, when known.
    pub(crate) gross_limit: Option<&'a LimitUse>,
}

/// Why figures of the account could not be read; absent while they could.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnreadableFigures {
    /// Realized P&L of the day.
    pub(crate) realized: Option<Arc<str>>,
    /// Buying power.
    pub(crate) buying_power: Option<Arc<str>>,
    /// Margin used.
    pub(crate) margin_used: Option<Arc<str>>,
}

struct Face {
    value: Option<String>,
    tone: Tone,
    context: String,
    /// For the line; absent while there is no figure, or it is known to lack something.
    figure: Option<Money>,
}

impl Cards {
    /// The view, made again only when something of it changed.
    pub(crate) fn view(&mut self, inputs: &CardInputs<'_>, ctx: &Ctx) -> Arc<CardsView> {
        let is_sample = inputs.positions.is_loaded
            && self
                .sampled_at
                .is_none_or(|at| ctx.now.millis_since(at) >= SAMPLE_EVERY_MILLIS);
        if is_sample {
            self.sampled_at = Some(ctx.now);
        }
        let confirmed_at = inputs.positions.confirmed_at;
        let mut new = (*self.view).clone();
        let faces = [
            (&mut new.unrealized, unrealized(inputs)),
            (&mut new.realized, realized(inputs)),
            (&mut new.count, count(inputs)),
            (&mut new.buying_power, buying_power(inputs)),
            (&mut new.exposure, exposure(inputs)),
        ];
        for (card, face) in faces {
            put(card, face, is_sample, confirmed_at, ctx);
        }
        new.unrealized.marked_at = inputs.positions.marked_at;
        if new != *self.view {
            self.view = Arc::new(new);
        }
        Arc::clone(&self.view)
    }
}

fn put(card: &mut Card, face: Face, is_sample: bool, confirmed_at: Option<UtcMicros>, ctx: &Ctx) {
    let is_first = card.value.is_none();
    if card.value.as_deref() != face.value.as_deref() {
        card.value = face.value.map(Arc::from);
        card.changed_at = Some(ctx.now);
    }
    if card.tone != face.tone {
        if !is_first {
            card.sign_changed = Some(SignChange {
                at: ctx.now,
                from: card.tone,
            });
        }
        card.tone = face.tone;
        card.arrow = match face.tone {
            Tone::Gain => Some(Direction::Up),
            Tone::Loss => Some(Direction::Down),
            _ => None,
        };
    }
    if *card.context != *face.context {
        card.context = Arc::from(face.context);
    }
    if let Some(figure) = face.figure.filter(|_| is_sample && card.value.is_some()) {
        let from = (card.points.len() + 1).saturating_sub(MAX_POINTS);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a line to paint, a few pixels high"
        )]
        let point = figure.to_f64_lossy() as f32;
        card.points = card
            .points
            .iter()
            .skip(from)
            .copied()
            .chain([point])
            .collect();
    }
    card.confirmed_at = card.value.as_ref().and(confirmed_at);
    card.freshness = FreshnessRule::CARDS.of(card.confirmed_at, ctx.phase, ctx.now);
}

fn unrealized(inputs: &CardInputs<'_>) -> Face {
    let positions = inputs.positions;
    let num = positions.rows.len() as u64;
    let word = if num == 1 { "position" } else { "positions" };
    let num_unmarked = positions
        .rows
        .iter()
        .filter(|row| row.figures.price_at.is_none() && row.problem.is_none())
        .count();
    let missing = match num_unmarked {
        0 => String::new(),
        1 => "1 price unknown \u{b7} ".to_owned(),
        num => format!("{} prices unknown \u{b7} ", fmt::count(num as u64)),
    };
    Face {
        value: positions
            .is_loaded
            .then(|| positions.totals.pl.text.as_ref().to_owned()),
        tone: positions.totals.pl.tone,
        context: format!(
            "{}{missing}{} {word}",
            lacks_rows(positions),
            fmt::count(num)
        ),
        figure: whole_figure(positions, positions.totals.unrealized_pl),
    }
}

/// Says that rows are in no sum; the prices that are unknown say so themselves.
fn lacks_rows(positions: &PositionsView) -> String {
    match positions.unreadable.len() {
        0 => String::new(),
        1 => "incomplete: 1 row unreadable \u{b7} ".to_owned(),
        num => format!(
            "incomplete: {} rows unreadable \u{b7} ",
            fmt::count(num as u64)
        ),
    }
}

/// A sum for the line: a point that lacks a row would be a move that nobody made.
fn whole_figure(positions: &PositionsView, sum: Money) -> Option<Money> {
    positions.unreadable.is_empty().then_some(sum)
}

/// A figure that came and cannot be read: a dash, with the reason.
fn unreadable(reason: &str) -> Face {
    Face {
        value: Some(DASH.to_owned()),
        tone: Tone::Faint,
        context: format!("unreadable: {reason}"),
        figure: None,
    }
}

fn realized(inputs: &CardInputs<'_>) -> Face {
    if let Some(reason) = inputs
        .unreadable
        .realized
        .as_ref()
        .filter(|_| inputs.positions.is_loaded)
    {
        return unreadable(reason);
    }
    let figure = inputs.totals.realized_pl_today;
    let stats = inputs.stats;
    let context = match stats.freshness {
        Freshness::Unknown => String::new(),
        // A count of the day that stands still while the day goes on is worse than none.
        Freshness::Stale => "fills and fees not current".to_owned(),
        Freshness::Fresh | Freshness::Quiet | Freshness::Aging => {
            let fills = fmt::count(stats.fills_today);
            format!("{fills} fills \u{b7} fees {}", fmt::money(stats.fees_today))
        }
    };
    Face {
        value: inputs
            .positions
            .is_loaded
            .then(|| fmt::signed_money(figure)),
        tone: fmt::pl_tone(figure),
        context,
        figure: Some(figure),
    }
}

fn count(inputs: &CardInputs<'_>) -> Face {
    let positions = inputs.positions;
    let num = positions.rows.len();
    let (long, short) = (positions.totals.num_long, positions.totals.num_short);
    Face {
        value: positions.is_loaded.then(|| fmt::count(num as u64)),
        tone: Tone::Neutral,
        context: format!("{}{long} long \u{b7} {short} short", lacks_rows(positions)),
        figure: whole_figure(
            positions,
            Money::from_units(i64::try_from(num).unwrap_or(i64::MAX), 0),
        ),
    }
}

fn buying_power(inputs: &CardInputs<'_>) -> Face {
    if let Some(reason) = &inputs.unreadable.buying_power {
        return unreadable(reason);
    }
    let totals = inputs.totals;
    let figure = totals.buying_power.unwrap_or(Money::ZERO);
    let used = totals
        .margin_used
        .and_then(|used| used.ratio_of(used + figure));
    Face {
        value: totals.buying_power.map(fmt::money),
        tone: if figure.is_negative() {
            Tone::Warn
        } else {
            Tone::Neutral
        },
        context: match (&inputs.unreadable.margin_used, used) {
            (Some(_), _) => "margin used unreadable".to_owned(),
            (None, Some(used)) => format!("margin used {}", fmt::whole_percent(used)),
            (None, None) => String::new(),
        },
        figure: totals.buying_power,
    }
}

fn exposure(inputs: &CardInputs<'_>) -> Face {
    let totals = &inputs.positions.totals;
    let net = format!(
        "{}net {}",
        lacks_rows(inputs.positions),
        fmt::short_signed_money(totals.net_value)
    );
    let share = inputs
        .gross_limit
        .filter(|_| inputs.stats.freshness != Freshness::Stale)
        .and_then(|used| totals.gross_value.ratio_of(used.limit));
    Face {
        value: inputs
            .positions
            .is_loaded
            .then(|| fmt::money(totals.gross_value)),
        tone: Tone::Neutral,
        context: match share {
            Some(share) => format!("{net} \u{b7} gross {} of limit", fmt::whole_percent(share)),
            None => net,
        },
        figure: whole_figure(inputs.positions, totals.gross_value),
    }
}
