//! The fixed rules: at what each fires, below what it resolves, and in which words.
//!
//! What is counted or measured comes as [`Facts`] or as the desk's own changes; nothing is measured here.

use qd_types::{
    AccountId, AlertSeverity, Breaker, BreakerState, Decimal, HaltScope, HaltState, HaltStatus,
    Money, Order, OrderStatus, UtcMicros, fmt,
};
use qd_wire::rest::LimitUse;

use super::facts::{AccountFacts, Facts};
use super::{Alerts, Audience, Cause};
use crate::ledger::{Changes, Ledger};

/// The firm's halt state is not active.
const HALT: &str = "halt_not_active";
/// A narrower halt is in force.
const SCOPED_HALT: &str = "scoped_halt";
/// A circuit breaker is not in its normal state.
const BREAKER: &str = "breaker_not_normal";
/// An order is unknown for too long.
const ORDER_UNKNOWN: &str = "order_unknown";
/// The venue rejected orders.
const ORDER_REJECTED: &str = "order_rejected";
/// A rail refused orders.
const ORDER_BLOCKED: &str = "order_blocked";
/// The market is open, and nothing is quoted.
const MARKET_DATA: &str = "market_data_stale";

/// Facts are looked at this often.
const LOOK_EVERY_MILLIS: i64 = 1_000;
/// An order that is unknown for so long was not found by asking for it a few times.
const UNKNOWN_MILLIS: i64 = 10_000;
/// Orders of one account and one bad end are one alert until there was none for so long.
const BURST_MILLIS: i64 = 60_000;
/// Quotes must come without a break for so long before nobody needs to look at them any more; longer where they are
/// expected less often.
const FRESH_MILLIS: i64 = 30_000;
/// Percent of a limit at which a warning fires, and below which it resolves.
const LIMIT_WARNING: (u32, u32) = (80, 75);
/// Percent of a limit at which it turns critical, and below which it is a warning again.
const LIMIT_CRITICAL: (u32, u32) = (95, 92);

/// What a rule has to say of its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: AlertSeverity,
    /// Changes only when something else is to be said: figures stand in the detail.
    pub(super) title: String,
    pub(super) detail: String,
    /// What the detail says in one figure, such that one more or less is worth a word; absent where any other detail is.
    pub(super) figure: Option<Decimal>,
    /// The detail is what somebody has said: it is told again soon.
    pub(super) is_in_words: bool,
}

impl Finding {
    /// Whether its figure is another than `told`, by enough to be told.
    pub(super) fn is_far_from(&self, told: Option<Decimal>) -> bool {
        match (self.figure, told) {
            (Some(figure), Some(told)) => figure
                .checked_sub(told)
                .is_none_or(|by| by.abs() >= Decimal::ONE),
            _ => true,
        }
    }
}

/// Orders that came to the same bad end, one soon after the other.
#[derive(Clone, Debug)]
pub(super) struct Burst {
    account: AccountId,
    num_orders: u64,
    last_at: UtcMicros,
    last_words: String,
}

fn cause(rule: &str, subject: impl Into<String>) -> Cause {
    Cause {
        rule: rule.to_owned(),
        subject: subject.into(),
    }
}

impl Alerts {
    /// Looks at what the desk has changed, and once a second at `facts`.
    pub(crate) fn look(
        &mut self,
        changes: &Changes,
        ledger: &Ledger,
        now: UtcMicros,
        facts: impl FnOnce() -> Facts,
    ) {
        // A clock that was set back must not stop the watch.
        let is_due = self
            .looked_at
            .is_none_or(|at| !(0..LOOK_EVERY_MILLIS).contains(&now.millis_since(at)));
        // Other words of what stands may have come too soon behind the last: they are taken up when it is time.
        if changes.halt || is_due {
            self.halts(ledger.halt(), now);
        }
        if changes.breakers || is_due {
            self.breakers(ledger.breakers(), now);
        }
        for change in &changes.orders {
            // A late word about an order that had ended is no second end.
            if change.fill.is_none() && change.order.status_since == change.order.updated_at {
                self.order_ended(&change.order, now);
            }
        }
        if is_due {
            self.looked_at = Some(now);
            self.bursts_over(now);
            self.facts(&facts(), now);
        }
    }

    fn halts(&mut self, halt: &HaltStatus, now: UtcMicros) {
        let firm = (halt.state != HaltState::Active).then(|| Finding {
            severity: AlertSeverity::Critical,
            title: match halt.state {
                HaltState::ReduceOnly => "Trading is reduce-only",
                HaltState::Unknown => "The halt state is unknown",
                HaltState::Halted | HaltState::Active => "Trading is halted",
            }
            .to_owned(),
            detail: match (&halt.reason, &halt.by) {
                (Some(reason), Some(by)) => format!("{by}: {reason}"),
                (Some(reason), None) => reason.clone(),
                (None, Some(by)) => format!("by {by}"),
                (None, None) => String::new(),
            },
            figure: None,
            is_in_words: true,
        });
        self.settle(cause(HALT, ""), &Audience::Everybody, firm, now);
        let over: Vec<Cause> = self
            .standing
            .keys()
            .filter(|cause| cause.rule == SCOPED_HALT)
            .filter(|cause| {
                let is_it = |scope: &HaltScope| scope.to_string() == cause.subject;
                !halt.scopes.iter().any(|halt| is_it(&halt.scope))
            })
            .cloned()
            .collect();
        for cause in over {
            self.settle(cause, &Audience::Everybody, None, now);
        }
        for scoped in &halt.scopes {
            let finding = Finding {
                severity: AlertSeverity::Critical,
                title: format!("{} for {}", scoped.state.badge(), scoped.scope),
                detail: String::new(),
                figure: None,
                is_in_words: false,
            };
            // The halt machine's own stream tells everybody of every scope.
            let subject = scoped.scope.to_string();
            let cause = cause(SCOPED_HALT, subject);
            self.settle(cause, &Audience::Everybody, Some(finding), now);
        }
    }

    fn breakers(&mut self, breakers: &[Breaker], now: UtcMicros) {
        for breaker in breakers {
            let state = match breaker.state {
                BreakerState::Open => None,
                BreakerState::Tripped => Some("has tripped"),
                BreakerState::QuietPeriod => Some("is in its quiet period"),
            };
            let finding = state.map(|state| Finding {
                severity: AlertSeverity::Critical,
                title: format!("Breaker {} {state}", breaker.name),
                detail: breaker.reason.clone().unwrap_or_default(),
                figure: None,
                is_in_words: true,
            });
            let cause = cause(BREAKER, breaker.name.clone());
            self.settle(cause, &Audience::Everybody, finding, now);
        }
    }

    fn order_ended(&mut self, order: &Order, now: UtcMicros) {
        let rule = match order.status {
            OrderStatus::Rejected => ORDER_REJECTED,
            OrderStatus::BlockedRail => ORDER_BLOCKED,
            _ => return,
        };
        let why = order.reason_code.as_deref().unwrap_or("no reason given");
        self.refused(rule, order, format!("{}: {why}", words(order)), now);
    }

    /// Takes up that a rail, `refused_by`, has refused to change an order: the order itself stays what it is.
    pub(crate) fn change_refused(&mut self, order: &Order, refused_by: &str, now: UtcMicros) {
        let words = format!("a change of {}: {refused_by}", words(order));
        self.refused(ORDER_BLOCKED, order, words, now);
    }

    fn refused(&mut self, rule: &str, order: &Order, words: String, now: UtcMicros) {
        let cause = cause(rule, order.account.as_str());
        let burst = self.bursts.entry(cause.clone()).or_insert_with(|| Burst {
            account: order.account.clone(),
            num_orders: 0,
            last_at: now,
            last_words: String::new(),
        });
        burst.num_orders += 1;
        burst.last_at = now;
        burst.last_words = words;
        self.tell_burst(cause, now);
    }

    fn tell_burst(&mut self, cause: Cause, now: UtcMicros) {
        let Some(burst) = self.bursts.get(&cause) else {
            return;
        };
        let what = if cause.rule == ORDER_REJECTED {
            "The venue rejects orders of"
        } else {
            "A limit refuses orders of"
        };
        let finding = Finding {
            severity: AlertSeverity::Warning,
            title: format!("{what} {}", burst.account),
            detail: match burst.num_orders {
                1 => burst.last_words.clone(),
                num => format!("{} orders, the last: {}", fmt::count(num), burst.last_words),
            },
            figure: None,
            is_in_words: false,
        };
        let audience = Audience::Account(burst.account.clone());
        self.settle(cause, &audience, Some(finding), now);
    }

    /// Tells the count of bursts that go on, and resolves those that do not.
    fn bursts_over(&mut self, now: UtcMicros) {
        let causes: Vec<(Cause, AccountId, UtcMicros)> = self
            .bursts
            .iter()
            .map(|(cause, burst)| (cause.clone(), burst.account.clone(), burst.last_at))
            .collect();
        for (cause, account, last_at) in causes {
            if (0..BURST_MILLIS).contains(&now.millis_since(last_at)) {
                self.tell_burst(cause, now);
            } else {
                self.bursts.remove(&cause);
                self.settle(cause, &Audience::Account(account), None, now);
            }
        }
    }

    fn facts(&mut self, facts: &Facts, now: UtcMicros) {
        for account in &facts.accounts {
            self.unknown_orders(account, now);
            for limit in &account.limits {
                self.limit(&account.account, limit, now);
            }
        }
        self.market_data(facts, now);
    }

    fn unknown_orders(&mut self, facts: &AccountFacts, now: UtcMicros) {
        let account = &facts.account;
        let cause = cause(ORDER_UNKNOWN, account.as_str());
        // Once it stands, it stands until every order of the account is known.
        let is_standing = self.standing.contains_key(&cause);
        let oldest = facts
            .oldest_unknown
            .as_ref()
            .filter(|oldest| is_standing || now.millis_since(oldest.since) >= UNKNOWN_MILLIS);
        let finding = oldest.map(|oldest| Finding {
            severity: AlertSeverity::Critical,
            title: format!("An order of {account} is unknown"),
            detail: match facts.num_unknown {
                0 | 1 => oldest.words.clone(),
                num => format!("{} orders, the oldest: {}", fmt::count(num), oldest.words),
            },
            figure: None,
            is_in_words: false,
        });
        let audience = Audience::Account(account.clone());
        self.settle(cause, &audience, finding, now);
    }

    fn limit(&mut self, account: &AccountId, limit: &LimitUse, now: UtcMicros) {
        let cause = cause(&format!("limit_{}", limit.rule), account.as_str());
        let severity = limit_severity(limit, self.severity_of(&cause));
        let finding = severity.map(|severity| {
            let percent = if severity == AlertSeverity::Critical {
                LIMIT_CRITICAL.0
            } else {
                LIMIT_WARNING.0
            };
            Finding {
                severity,
                title: format!(
                    "{account} uses {percent} % of its {} or more",
                    limit.rule.replace('_', " ")
                ),
                detail: use_in_words(limit),
                figure: percent_used(limit),
                is_in_words: false,
            }
        });
        let audience = Audience::Account(account.clone());
        self.settle(cause, &audience, finding, now);
    }

    fn market_data(&mut self, facts: &Facts, now: UtcMicros) {
        let cause = cause(MARKET_DATA, "");
        let most = facts.quote_max_age_millis;
        let age = facts.quote_age_millis.filter(|age| *age >= most);
        let is_fresh = facts.quote_age_millis.is_some() && age.is_none();
        // One quote is no stream of them. Where none is expected any more there is nothing to wait for.
        if is_fresh && self.standing.contains_key(&cause) {
            let since = *self.quotes_fresh_since.get_or_insert(now);
            if (0..most.max(FRESH_MILLIS)).contains(&now.millis_since(since)) {
                return;
            }
        }
        self.quotes_fresh_since = None;
        let finding = age.map(|age| Finding {
            severity: AlertSeverity::Warning,
            title: "Market data is stale".to_owned(),
            detail: format!("the newest quote is {} old", fmt::age(age)),
            figure: Some(Decimal::from(age / 60_000)),
            is_in_words: false,
        });
        self.settle(cause, &Audience::Everybody, finding, now);
    }
}

/// "BUY 5 KO".
fn words(order: &Order) -> String {
    let side = order.side.label();
    format!("{side} {} {}", fmt::qty(order.qty), order.symbol)
}

/// Percent of a limit that are used; absent where there is nothing to use.
fn percent_used(limit: &LimitUse) -> Option<Decimal> {
    limit
        .value
        .checked_mul(Decimal::ONE_HUNDRED)?
        .checked_div(limit.limit)
}

/// "$147,443.02 of $249,162.28", "81 of 100 orders".
fn use_in_words(limit: &LimitUse) -> String {
    if limit.unit == "usd" {
        let (value, limit) = (Money::new(limit.value), Money::new(limit.limit));
        return format!("{} of {}", fmt::money(value), fmt::money(limit));
    }
    let (value, most) = (limit.value.normalize(), limit.limit.normalize());
    format!("{value} of {most} {}", limit.unit)
}

/// How bad the use of a limit is, when it was as bad as `before`. Where there is nothing to use, any use is too much.
pub(super) fn limit_severity(
    limit: &LimitUse,
    before: Option<AlertSeverity>,
) -> Option<AlertSeverity> {
    let reaches = |percent: u32| {
        limit.value > Decimal::ZERO
            && limit.value * Decimal::from(100) >= limit.limit * Decimal::from(percent)
    };
    let ((warns_at, warns_to), (critical_at, critical_to)) = (LIMIT_WARNING, LIMIT_CRITICAL);
    let was_critical = before == Some(AlertSeverity::Critical);
    if reaches(critical_at) || (was_critical && reaches(critical_to)) {
        Some(AlertSeverity::Critical)
    } else if reaches(warns_at) || (before.is_some() && reaches(warns_to)) {
        Some(AlertSeverity::Warning)
    } else {
        None
    }
}
