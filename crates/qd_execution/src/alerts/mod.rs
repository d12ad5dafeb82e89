//! The alerts of the desk: what fires, who is told, and what becomes of it until it is resolved.
//!
//! No IO and no clock: facts and instants are handed in, changes are handed out to be published. Who may change the rules,
//! where else an alert goes, and who must have taken it by when, belong to the alerts page and are not here; whatever
//! they add goes through the same one door, `Alerts::settle`.
//!
//! One alert of a rule and a subject stands at a time. Its instants never go back, even when the clock does, so that
//! a reader can tell its newest change.

mod facts;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use qd_types::{AccountId, Alert, AlertId, AlertSeverity, AlertState, Decimal, UtcMicros, fmt};

pub(crate) use self::facts::{Quoting, gather};
use self::rules::{Burst, Finding};

/// Most alerts that are kept. One that stands is never forgotten: how many can is bounded by rules and subjects.
pub const MAX_ALERTS: usize = 1_000;
/// New figures of an alert that stands are told at most this often; a change of its title or severity at once.
const RETELL_MILLIS: i64 = 60_000;
/// What somebody has said anew, why it is halted or by whom, waits for no figures: at most this often.
const RETELL_WORDS_MILLIS: i64 = 1_000;
/// After so many messages everything that stands is said again, as it was: a log keeps 256 KiB of them, a quarter of a
/// thousand of the longest, and who reads it from its beginning must find what stands.
const SAY_AGAIN_AFTER: usize = 100;
/// The longest title or detail: both are built of words that somebody else wrote.
const MAX_CHARS: usize = 300;

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every user.
    Everybody,
    /// The users that this account was granted to.
    Account(AccountId),
}

impl Audience {
    /// Whether somebody with these accounts is among them.
    pub fn includes(&self, accounts: &[AccountId]) -> bool {
        match self {
            Self::Everybody => true,
            Self::Account(account) => accounts.contains(account),
        }
    }
}

/// An alert as it stands, or one change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// What is told.
    pub alert: Alert,
    /// Whom.
    pub audience: Audience,
}

/// What an alert is about: of each there is one at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    rule: String,
    /// An account, a breaker, a scope; empty where the rule has one subject only.
    subject: String,
}

/// An alert that is not resolved.
#[derive(Clone, Debug)]
struct Standing {
    number: u64,
    /// When it was last told of.
    told_at: UtcMicros,
    /// The figure that was told with it.
    told_figure: Option<Decimal>,
    /// Its figures as of the last look, told or not.
    detail: String,
}

/// Every alert of this run.
#[derive(Debug)]
pub struct Alerts {
    /// Tells the ids of this run from those of others.
    run: String,
    next_number: u64,
    /// By number: oldest first.
    records: BTreeMap<u64, AlertRecord>,
    standing: BTreeMap<Cause, Standing>,
    /// Orders that came to a bad end lately.
    bursts: BTreeMap<Cause, Burst>,
    looked_at: Option<UtcMicros>,
    /// Since when quotes come again, while the alert about them stands.
    quotes_fresh_since: Option<UtcMicros>,
    /// Not taken yet.
    changes: Vec<AlertRecord>,
    /// Changes that were taken since what stands was said again.
    num_taken: usize,
}

impl Alerts {
    /// None yet; `run` tells the ids of this run of the desk from those of others.
    pub fn new(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            next_number: 1,
            records: BTreeMap::new(),
            standing: BTreeMap::new(),
            bursts: BTreeMap::new(),
            looked_at: None,
            quotes_fresh_since: None,
            changes: Vec::new(),
            num_taken: 0,
        }
    }

    /// Alerts for somebody with `accounts`: those that stand, then as many of the others as `limit` leaves, each newest
    /// first. `state` picks one state; absent means all.
    pub fn of(
        &self,
        accounts: &[AccountId],
        state: Option<AlertState>,
        limit: usize,
    ) -> Vec<&Alert> {
        let mut wanted: Vec<&Alert> = self
            .records
            .values()
            .rev()
            .filter(|record| record.audience.includes(accounts))
            .map(|record| &record.alert)
            .filter(|alert| state.is_none_or(|state| alert.state == state))
            .collect();
        wanted.sort_by_key(|alert| {
            let is_over = alert.state == AlertState::Resolved;
            (is_over, std::cmp::Reverse(alert.at))
        });
        wanted.truncate(limit);
        wanted
    }

    /// How many are kept.
    pub fn num_kept(&self) -> usize {
        self.records.len()
    }

    /// Takes the changes since the last call, oldest first; behind them, now and then, what stands, to be told again.
    pub fn take_changes(&mut self) -> Vec<AlertRecord> {
        let mut told = std::mem::take(&mut self.changes);
        self.num_taken += told.len();
        if self.num_taken >= SAY_AGAIN_AFTER {
            self.num_taken = 0;
            let is_new = |one: &&AlertRecord| {
                let id = &one.alert.alert_id;
                !told.iter().any(|told| told.alert.alert_id == *id)
            };
            // With the instant that it had: it is the same word, and no change.
            let again: Vec<AlertRecord> = self
                .records
                .values()
                .filter(|record| record.alert.state != AlertState::Resolved)
                .filter(is_new)
                .cloned()
                .collect();
            told.extend(again);
        }
        told
    }

    /// The severity of what stands of `cause`.
    fn severity_of(&self, cause: &Cause) -> Option<AlertSeverity> {
        let standing = self.standing.get(cause)?;
        Some(self.records.get(&standing.number)?.alert.severity)
    }

    /// The one door: what a rule found of its subject now, or that there is nothing any more.
    fn settle(
        &mut self,
        cause: Cause,
        audience: &Audience,
        finding: Option<Finding>,
        now: UtcMicros,
    ) {
        match (finding, self.standing.get_mut(&cause)) {
            (None, None) => {}
            (None, Some(standing)) => {
                if let Some(record) = self.records.get_mut(&standing.number) {
                    record.alert.detail = std::mem::take(&mut standing.detail);
                    record.alert.state = AlertState::Resolved;
                    record.alert.by = None;
                    record.alert.at = now.max(record.alert.at);
                    self.changes.push(record.clone());
                }
                self.standing.remove(&cause);
            }
            (Some(finding), Some(standing)) => {
                let Some(record) = self.records.get_mut(&standing.number) else {
                    return;
                };
                let alert = &mut record.alert;
                let detail = fmt::line(&finding.detail, MAX_CHARS);
                let title = fmt::line(&finding.title, MAX_CHARS);
                let is_other = alert.severity != finding.severity || alert.title != title;
                let interval = if finding.is_in_words {
                    RETELL_WORDS_MILLIS
                } else {
                    RETELL_MILLIS
                };
                let is_due = alert.detail != detail
                    && finding.is_far_from(standing.told_figure)
                    && !(0..interval).contains(&now.millis_since(standing.told_at));
                standing.detail.clone_from(&detail);
                if !is_other && !is_due {
                    return;
                }
                if finding.severity > alert.severity {
                    // Whoever took it took something smaller.
                    alert.state = AlertState::Firing;
                    alert.by = None;
                }
                alert.severity = finding.severity;
                alert.title = title;
                alert.detail = detail;
                alert.at = now.max(alert.at);
                standing.told_at = now;
                standing.told_figure = finding.figure;
                self.changes.push(record.clone());
            }
            (Some(finding), None) => self.fire(cause, audience, &finding, now),
        }
    }

    fn fire(&mut self, cause: Cause, audience: &Audience, finding: &Finding, now: UtcMicros) {
        let number = self.next_number;
        let Ok(alert_id) = AlertId::new(&format!("al-{}-{number}", self.run)) else {
            tracing::error!(run = self.run, "no alert can be named after this run");
            return;
        };
        self.next_number += 1;
        let detail = fmt::line(&finding.detail, MAX_CHARS);
        let record = AlertRecord {
            alert: Alert {
                alert_id,
                rule: cause.rule.clone(),
                severity: finding.severity,
                title: fmt::line(&finding.title, MAX_CHARS),
                detail: detail.clone(),
                at: now,
                state: AlertState::Firing,
                by: None,
            },
            audience: audience.clone(),
        };
        self.changes.push(record.clone());
        self.records.insert(number, record);
        let standing = Standing {
            number,
            told_at: now,
            told_figure: finding.figure,
            detail,
        };
        self.standing.insert(cause, standing);
        self.forget_old();
    }

    fn forget_old(&mut self) {
        while self.records.len() > MAX_ALERTS {
            let oldest = self
                .records
                .iter()
                .find(|(_, record)| record.alert.state == AlertState::Resolved)
                .map(|(number, _)| *number);
            let Some(oldest) = oldest else { return };
            self.records.remove(&oldest);
        }
    }
}
