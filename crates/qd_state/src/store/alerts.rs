//! The alerts, each as it stands, and what of their changes is worth a word in passing.
//!
//! News is what comes after the stream was proven for the first time: a console that is loaded anew says nothing of what
//! stands already. It decides no rule and judges no severity: that is execution's.

use std::collections::BTreeMap;
use std::sync::Arc;

use qd_types::{Alert, AlertId, AlertSeverity, AlertState, Seq, Tone, ZoneChoice, fmt};

use super::Ctx;
use crate::snapshot::{AlertRow, AlertsView, Seal};

const MAX_KEPT: usize = 200;
/// Rules about orders: of each such order its own stream tells, and says more.
const SAID_BY_ORDERS: [&str; 2] = ["order_rejected", "order_blocked"];

/// A word in passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// All alerts that are kept.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    rows: BTreeMap<AlertId, Arc<AlertRow>>,
    /// Their stream was proven once.
    is_live: bool,
    is_loaded: bool,
    is_complete: bool,
    is_dirty: bool,
    view: Arc<AlertsView>,
}

impl Alerts {
    /// One change, told by the stream; gives what there is to say of it.
    pub(crate) fn change(&mut self, alert: Alert, ctx: &Ctx) -> Option<Said> {
        let before = self.rows.get(&alert.alert_id).map(|row| &row.alert);
        // An answer may be further than the messages behind its number.
        if before.is_some_and(|before| alert.at < before.at) {
            return None;
        }
        let said = news(before, &alert).filter(|_| self.is_live);
        self.put(alert, ctx.zone);
        self.forget_old();
        self.is_dirty = true;
        said
    }

    /// All alerts as an answer has them; gives what there is to say of those that are new.
    pub(crate) fn replace(&mut self, alerts: Vec<Alert>, ctx: &Ctx) -> Option<Said> {
        let before = std::mem::take(&mut self.rows);
        let mut told: Vec<Said> = Vec::new();
        for alert in alerts {
            let known = before.get(&alert.alert_id).map(|row| &row.alert);
            if alert.state == AlertState::Firing {
                told.extend(news(known, &alert));
            }
            self.put(alert, ctx.zone);
        }
        self.is_loaded = true;
        self.is_complete = true;
        self.forget_old();
        self.is_dirty = true;
        // What fired while nobody could hear it is one word, not a heap of them.
        let num_more = told.len().saturating_sub(1);
        let mut worst = told
            .into_iter()
            .filter(|_| self.is_live)
            .max_by_key(|said| said.tone == Tone::Danger)?;
        if num_more > 0 {
            worst.text = format!("{} (and {num_more} more)", worst.text);
        }
        Some(worst)
    }

    /// The log of another run will tell everything from `begin` on.
    pub(crate) fn begin_log(&mut self, begin: Seq) {
        self.rows.clear();
        self.is_loaded = true;
        self.is_complete = begin == Seq(0);
        self.is_dirty = true;
    }

    /// The log jumped: what it no longer has may be firing.
    pub(crate) fn log_jumped(&mut self) {
        self.is_complete = false;
        self.is_dirty = true;
    }

    /// Whether changes are news.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// From now on they are.
    pub(crate) fn go_live(&mut self) {
        self.is_live = true;
    }

    /// How many are kept.
    pub(crate) fn num_retained(&self) -> usize {
        self.rows.len()
    }

    /// Makes every time again, in another zone.
    pub(crate) fn show_in(&mut self, zone: ZoneChoice) {
        for row in self.rows.values_mut() {
            let row = Arc::make_mut(row);
            row.time = Arc::from(fmt::time_seconds(row.alert.at, zone));
        }
        self.is_dirty = true;
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(&mut self, seal: &Arc<Seal>) -> Arc<AlertsView> {
        if std::mem::take(&mut self.is_dirty) {
            self.show_rows();
        }
        if !Arc::ptr_eq(&self.view.seal, seal) {
            Arc::make_mut(&mut self.view).seal = Arc::clone(seal);
        }
        Arc::clone(&self.view)
    }

    fn show_rows(&mut self) {
        let mut rows: Vec<Arc<AlertRow>> = self.rows.values().map(Arc::clone).collect();
        rows.sort_by_key(|row| {
            let alert = &row.alert;
            (alert.state, std::cmp::Reverse((alert.severity, alert.at)))
        });
        let firing = |severity| {
            let is_it = |row: &&Arc<AlertRow>| row.is_firing() && row.alert.severity == severity;
            rows.iter().filter(is_it).count()
        };
        let (num_critical, num_warnings, num_infos) = (
            firing(AlertSeverity::Critical),
            firing(AlertSeverity::Warning),
            firing(AlertSeverity::Info),
        );
        let view = Arc::make_mut(&mut self.view);
        view.num_critical = num_critical;
        view.num_warnings = num_warnings;
        view.num_infos = num_infos;
        view.is_loaded = self.is_loaded;
        view.is_complete = self.is_complete;
        view.rows = rows.into();
    }

    fn put(&mut self, alert: Alert, zone: ZoneChoice) {
        let row = AlertRow {
            time: Arc::from(fmt::time_seconds(alert.at, zone)),
            alert,
        };
        self.rows.insert(row.alert.alert_id.clone(), Arc::new(row));
    }

    /// What is over goes first; then what somebody has taken; what fires goes last. Of each, the lightest, and then the oldest.
    fn forget_old(&mut self) {
        while self.rows.len() > MAX_KEPT {
            let weight = |row: &&Arc<AlertRow>| {
                let alert = &row.alert;
                (std::cmp::Reverse(alert.state), alert.severity, alert.at)
            };
            let least = self.rows.values().min_by_key(weight).map(Arc::clone);
            let Some(least) = least else { return };
            // A list without something that stands is no whole list.
            self.is_complete &= least.alert.state == AlertState::Resolved;
            self.rows.remove(&least.alert.alert_id);
        }
    }
}

/// What is to be said of a change: that an alert fires, that it became worse, that it is over. Other figures are none.
fn news(before: Option<&Alert>, alert: &Alert) -> Option<Said> {
    if SAID_BY_ORDERS.contains(&alert.rule.as_str()) {
        return None;
    }
    let is_open = |alert: &&Alert| alert.state != AlertState::Resolved;
    let open_before = before.filter(is_open);
    match alert.state {
        AlertState::Firing if open_before.is_none_or(|b| b.severity < alert.severity) => {
            let text = match alert.detail.as_str() {
                "" => alert.title.clone(),
                detail => format!("{}: {detail}", alert.title),
            };
            let tone = alert.severity.tone();
            Some(Said { tone, text })
        }
        AlertState::Resolved if open_before.is_some() => Some(Said {
            tone: Tone::Info,
            text: format!("Over: {}", alert.title),
        }),
        AlertState::Firing | AlertState::Acknowledged | AlertState::Resolved => None,
    }
}
