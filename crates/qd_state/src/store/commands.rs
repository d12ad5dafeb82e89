//! Commands from request to answer, each at its place on screen, and the notices about them.
//!
//! It sends nothing and repeats nothing: an unanswered command is neither done nor failed until its order is heard of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use qd_types::{ClientOrderId, Order, Tone, UtcMicros};

use crate::event::{CommandId, CommandOutcome, CommandRequested, RowKey};
use crate::snapshot::{CommandPhase, CommandView, Notice};

const MAX_NOTICES: usize = 20;
/// How long an error stands at its place.
const FAILED_SHOWN_MILLIS: i64 = 60_000;

#[derive(Debug)]
struct Known {
    view: Arc<CommandView>,
    client_order_id: Option<ClientOrderId>,
}

/// What is on its way.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    by_row: BTreeMap<RowKey, Known>,
    notices: VecDeque<Arc<Notice>>,
    last_notice_id: u64,
    /// Places whose command changed since they were last taken.
    changed_rows: Vec<RowKey>,
    view: Arc<[Arc<CommandView>]>,
    notices_view: Arc<[Arc<Notice>]>,
    is_dirty: bool,
}

impl Commands {
    /// The user asked for something.
    pub(crate) fn request(&mut self, command: CommandRequested, now: UtcMicros) {
        let view = CommandView {
            command_id: command.command_id,
            row: command.row.clone(),
            label: Arc::from(command.label),
            phase: CommandPhase::InFlight,
            since: now,
        };
        self.put(Known {
            view: Arc::new(view),
            client_order_id: command.client_order_id,
        });
    }

    /// The server answered, or nobody did.
    pub(crate) fn answer(
        &mut self,
        command_id: CommandId,
        outcome: CommandOutcome,
        now: UtcMicros,
    ) {
        let Some(view) = self
            .by_row
            .values()
            .find(|known| known.view.command_id == command_id)
            .map(|known| Arc::clone(&known.view))
        else {
            // A later command took its place; its answer must still not be lost.
            let (tone, text) = outcome_text("a command", &outcome);
            self.notice(tone, text, None, now);
            return;
        };
        let row = view.row.clone();
        let (tone, text) = outcome_text(&view.label, &outcome);
        self.notice(tone, text, Some(row.clone()), now);
        let phase = match outcome {
            CommandOutcome::Accepted { .. } => {
                self.drop_row(&row);
                return;
            }
            CommandOutcome::Refused { code, detail } => CommandPhase::Failed {
                code: Arc::from(code),
                detail: Arc::from(detail),
            },
            CommandOutcome::Unknown { detail } => CommandPhase::Unknown {
                detail: Arc::from(detail),
            },
        };
        let client_order_id = self
            .by_row
            .get(&row)
            .and_then(|known| known.client_order_id.clone());
        self.put(Known {
            view: Arc::new(CommandView {
                phase,
                since: now,
                ..(*view).clone()
            }),
            client_order_id,
        });
    }

    /// An order was heard of: it settles a command whose answer is unknown.
    pub(crate) fn order_heard(&mut self, order: &Order, now: UtcMicros) {
        let settled = self.by_row.values().find(|known| {
            matches!(known.view.phase, CommandPhase::Unknown { .. })
                && known.client_order_id.as_ref() == Some(&order.client_order_id)
        });
        let Some(view) = settled.map(|known| Arc::clone(&known.view)) else {
            return;
        };
        let text = format!("{}: found, {}", view.label, order.status.badge());
        self.notice(Tone::Info, text, Some(view.row.clone()), now);
        self.drop_row(&view.row);
    }

    /// How many commands and notices are kept.
    pub(crate) fn num_retained(&self) -> usize {
        self.by_row.len() + self.notices.len()
    }

    /// Time passed: old errors leave their place, and stay in the notices.
    pub(crate) fn tick(&mut self, now: UtcMicros) {
        let is_over = |known: &Known| {
            matches!(known.view.phase, CommandPhase::Failed { .. })
                && now.millis_since(known.view.since) >= FAILED_SHOWN_MILLIS
        };
        let over: Vec<_> = self
            .by_row
            .iter()
            .filter(|(_, known)| is_over(known))
            .map(|(row, _)| row.clone())
            .collect();
        for row in over {
            self.drop_row(&row);
        }
    }

    /// Something worth saying once.
    pub(crate) fn notice(&mut self, tone: Tone, text: String, row: Option<RowKey>, now: UtcMicros) {
        self.last_notice_id += 1;
        self.notices.push_front(Arc::new(Notice {
            notice_id: self.last_notice_id,
            at: now,
            tone,
            text: Arc::from(text),
            row,
        }));
        self.notices.truncate(MAX_NOTICES);
        self.is_dirty = true;
    }

    /// The command shown at `row`.
    pub(crate) fn at(&self, row: &RowKey) -> Option<&Arc<CommandView>> {
        self.by_row.get(row).map(|known| &known.view)
    }

    /// The rows of the positions table that have a command.
    pub(crate) fn position_rows(&self) -> Vec<RowKey> {
        self.by_row
            .keys()
            .filter(|row| matches!(row, RowKey::Position(_)))
            .cloned()
            .collect()
    }

    /// The places whose command changed since the last call.
    pub(crate) fn take_changed_rows(&mut self) -> Vec<RowKey> {
        std::mem::take(&mut self.changed_rows)
    }

    /// Commands by place, and notices newest first.
    #[expect(
        clippy::type_complexity,
        reason = "two shared lists, named by the doc line"
    )]
    pub(crate) fn views(&mut self) -> (Arc<[Arc<CommandView>]>, Arc<[Arc<Notice>]>) {
        if self.is_dirty {
            self.is_dirty = false;
            self.view = self
                .by_row
                .values()
                .map(|known| Arc::clone(&known.view))
                .collect();
            self.notices_view = self.notices.iter().map(Arc::clone).collect();
        }
        (Arc::clone(&self.view), Arc::clone(&self.notices_view))
    }

    fn put(&mut self, known: Known) {
        let row = known.view.row.clone();
        self.changed_rows.push(row.clone());
        self.by_row.insert(row, known);
        self.is_dirty = true;
    }

    fn drop_row(&mut self, row: &RowKey) {
        self.by_row.remove(row);
        self.changed_rows.push(row.clone());
        self.is_dirty = true;
    }
}

fn outcome_text(label: &str, outcome: &CommandOutcome) -> (Tone, String) {
    let with = |word: &str, detail: &str| {
        if detail.is_empty() {
            format!("{label}: {word}")
        } else {
            format!("{label}: {word}, {detail}")
        }
    };
    match outcome {
        CommandOutcome::Accepted { detail } => (Tone::Info, with("accepted", detail)),
        CommandOutcome::Refused { detail, .. } => (Tone::Danger, with("refused", detail)),
        CommandOutcome::Unknown { detail } => (Tone::Warn, with("unknown: resolving", detail)),
    }
}
