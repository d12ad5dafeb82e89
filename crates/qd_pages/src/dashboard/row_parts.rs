//! What the tables' rows share: numbers that flash, the words of a command at its row, the seal above.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use egui::Ui;
use qd_state::{Cell, CommandPhase, CommandView, Direction, HoleReason, Seal, SealState};
use qd_types::{Tone, UtcMicros, fmt};
use qd_ui::seal::SealLook;
use qd_ui::table::{CellUi, FlashDir};

use crate::PageCtx;

/// How long a new row slides in.
const NEW_FOR_MS: u32 = 600;

/// A stable key for the table's widgets.
pub(super) fn key_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Milliseconds since a row came, while it slides in.
pub(super) fn new_row_age_ms(cx: &PageCtx<'_>, appeared_at: UtcMicros) -> Option<u32> {
    let age = cx.short_age_ms(appeared_at);
    (age < NEW_FOR_MS).then_some(age)
}

/// Paints a number with its last change behind it.
pub(super) fn number_cell(cx: &PageCtx<'_>, cell: &CellUi<'_, '_>, value: &Cell) {
    if let Some(flash) = value.flash {
        let dir = match flash.direction {
            Direction::Up => FlashDir::Up,
            Direction::Down => FlashDir::Down,
        };
        cell.flash(dir, cx.short_age_ms(flash.at));
    }
    cell.number_toned(&value.text, value.tone);
}

/// What a command says at its row.
pub(super) struct CommandWords {
    /// What was asked for: "cancel", "change".
    pub(super) verb: String,
    /// One word, for a badge.
    pub(super) short: &'static str,
    /// The whole of it, for hover and reader.
    pub(super) full: String,
    /// How bad it is.
    pub(super) tone: Tone,
}

/// The words of the command at a row; absent without one.
pub(super) fn command_words(command: Option<&Arc<CommandView>>) -> Option<CommandWords> {
    let command = command?;
    let label = &command.label;
    let verb = label.split(' ').next().unwrap_or_default().to_owned();
    Some(match &command.phase {
        CommandPhase::InFlight => CommandWords {
            verb,
            short: "sent",
            full: format!("{label} sent: waiting for the answer"),
            tone: Tone::Info,
        },
        CommandPhase::Unknown { detail } => CommandWords {
            verb,
            short: "unknown",
            full: format!("{label} unknown: resolving. {detail}"),
            tone: Tone::Warn,
        },
        CommandPhase::Failed { code, detail } => CommandWords {
            verb,
            short: "refused",
            full: format!("{label} refused: {}. {detail}", code.replace('_', " ")),
            tone: Tone::Danger,
        },
    })
}

/// Paints a number, or as old when it is.
pub(super) fn priced_cell(cx: &PageCtx<'_>, cell: &CellUi<'_, '_>, value: &Cell, is_stale: bool) {
    if is_stale {
        cell.number_stale(&value.text);
    } else {
        number_cell(cx, cell, value);
    }
}

/// Why the row's button is off because of its command; absent when another press makes sense.
pub(super) fn command_refusal(command: Option<&Arc<CommandView>>) -> Option<&'static str> {
    match command.map(|command| &command.phase) {
        Some(CommandPhase::InFlight) => Some("Sent: waiting for the answer."),
        Some(CommandPhase::Unknown { .. }) => Some("No answer came; being resolved by its id."),
        Some(CommandPhase::Failed { .. }) | None => None,
    }
}

/// Draws the seal of a table, with what it knows behind it on hover.
pub(crate) fn seal_ui(ui: &mut Ui, cx: &PageCtx<'_>, seal: &Seal) {
    let look = match &seal.state {
        SealState::Loading => SealLook::Waiting,
        SealState::Verified { .. } if seal.missing.is_empty() => SealLook::Verified,
        SealState::Verified { .. } => SealLook::Incomplete,
        SealState::Resyncing { .. } => SealLook::Resyncing,
        SealState::Unverified { .. } => SealLook::Unverified,
    };
    let mut meaning = match &seal.state {
        SealState::Loading => "Nothing has arrived yet".to_owned(),
        SealState::Verified { pos, .. } => {
            format!(
                "Everything up to number {} of run {} is here",
                fmt::count(pos.seq.0),
                pos.epoch
            )
        }
        SealState::Resyncing { since, reason } => {
            format!(
                "Resyncing for {}: {}",
                fmt::age(cx.age_ms(*since)),
                hole_words(*reason)
            )
        }
        SealState::Unverified { .. } => "The producer does not number its messages".to_owned(),
    };
    if let Some((count, at)) = seal.last_skipped {
        write!(
            meaning,
            "\n{} older states were left out {} ago",
            fmt::count(count),
            fmt::age(cx.age_ms(at))
        )
        .ok();
    }
    for range in seal.missing.iter() {
        let to = range.to.map_or_else(
            || "an unknown number".to_owned(),
            |to| format!("#{}", fmt::count(to.0)),
        );
        write!(
            meaning,
            "\nNever seen: #{} to {to} of run {}",
            fmt::count(range.from.0),
            range.epoch
        )
        .ok();
    }
    qd_ui::seal::Seal::new(look, &seal.text)
        .ui(ui, &cx.ui)
        .on_hover_text(meaning);
}

/// Why a table is being fetched again.
fn hole_words(reason: HoleReason) -> &'static str {
    match reason {
        HoleReason::NumberJumped => "a number was jumped",
        HoleReason::Gone => "the server no longer has what is missing, so everything is read anew",
        HoleReason::RefetchAsked => "the picture was too large for one message, so it is read anew",
        HoleReason::QueueDropped => "this console could not keep up and dropped a message",
        HoleReason::Unreadable => "a message could not be read",
        HoleReason::OtherEpoch => "the publisher started a new run of numbers",
        HoleReason::BeatAhead => "the server is further, and nothing came",
        HoleReason::Disconnected => "the connection was lost",
        HoleReason::Silent => "the server has been silent for too long",
        HoleReason::NotProven => "not yet proven to be the newest",
    }
}
