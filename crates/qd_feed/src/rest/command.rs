//! Commands as REST calls: sent once, and when no answer comes, asked after by id. It never sends one twice.

use std::collections::BTreeSet;
use std::time::Duration;

use qd_state::CommandOutcome;
use qd_types::{AccountId, ClientOrderId, HaltScope, Order, OrderStatus, Qty, StrategyId, Symbol};
use qd_wire::rest::{
    CancelAll, CancelAllResponse, CancelOrder, ChangeOutcome, ClosePosition, MetOrders,
    ModifyOrder, OrderDetailResponse, OrderResponse, from_json, to_json,
};

use super::{RestClient, RestError};

/// Waits before the questions after an unanswered command. The last one repeats until somebody knows.
const INQUIRY_WAITS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// A command on the road may still arrive: "not found" is believed only from this question on.
const BELIEVED_FROM: usize = 3;

/// A command as it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    /// Take an order off the book.
    Cancel {
        /// Same for every send of this decision.
        idempotency_key: String,
        /// Whose order.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
        /// Why.
        reason: Option<String>,
    },
    /// Change an open order.
    Modify {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What is asked for, with its key and the account.
        body: ModifyOrder,
    },
    /// Take every open order of a scope off the book.
    CancelAll {
        /// Same for every send of this decision.
        idempotency_key: String,
        /// Which orders.
        scope: HaltScope,
        /// Why.
        reason: String,
        /// Those that the console knew to be open: they tell whether it arrived.
        open: BTreeSet<(AccountId, ClientOrderId)>,
    },
    /// Close a position.
    Close {
        /// Of what.
        symbol: Symbol,
        /// Whose position.
        account: Option<AccountId>,
        /// Of which strategy.
        strategy: Option<StrategyId>,
        /// The closing order's id, also the key.
        client_order_id: ClientOrderId,
        /// How much.
        qty: Option<Qty>,
        /// Why.
        reason: String,
    },
}

/// Whether `order` shows that its cancel arrived.
fn is_off(order: &Order) -> bool {
    order.status == OrderStatus::CancelSent || !order.status.is_open()
}

/// What came of one try to find out.
pub(crate) enum Inquiry {
    /// It is settled.
    Settled(CommandOutcome),
    /// Nobody knows yet: ask again after the wait, with the next number.
    AskAgain(Duration),
}

impl RestClient {
    /// Sends a command, once.
    pub(crate) async fn command(&self, sent: &Sent) -> CommandOutcome {
        let answer = match sent {
            Sent::Cancel {
                idempotency_key,
                account,
                client_order_id,
                reason,
            } => {
                let body = to_json(&CancelOrder {
                    account: Some(account.clone()),
                    reason: reason.clone(),
                });
                let path = format!("/api/v1/orders/{client_order_id}/cancel");
                self.post_json(&path, idempotency_key, body).await
            }
            Sent::Modify {
                client_order_id,
                body,
            } => {
                let path = format!("/api/v1/orders/{client_order_id}");
                self.patch_json(&path, &body.idempotency_key, to_json(body))
                    .await
            }
            Sent::CancelAll {
                idempotency_key,
                scope,
                reason,
                open: _,
            } => {
                let body = to_json(&CancelAll {
                    scope: scope.clone(),
                    reason: reason.clone(),
                });
                let path = "/api/v1/orders/cancel_all";
                return match self.post_json(path, idempotency_key, body).await {
                    Ok(body) => met_outcome(&body),
                    Err(err) => refused(&err),
                };
            }
            Sent::Close {
                symbol,
                account,
                strategy,
                client_order_id,
                qty,
                reason,
            } => {
                let body = to_json(&ClosePosition {
                    account: account.clone(),
                    strategy: strategy.clone(),
                    client_order_id: client_order_id.clone(),
                    qty: *qty,
                    reason: reason.clone(),
                });
                let path = format!("/api/v1/positions/{symbol}/close");
                self.post_json(&path, client_order_id.as_str(), body).await
            }
        };
        match answer {
            Ok(body) => CommandOutcome::Accepted {
                // The badge's own words; an answer without an order needs none.
                detail: from_json::<OrderResponse>(&body)
                    .map(|answer| answer.order.status.badge().to_owned())
                    .unwrap_or_default(),
            },
            Err(err) => refused(&err),
        }
    }

    /// Asks what became of an unanswered command; `num_asked` counts the questions before this one.
    pub(crate) async fn inquire(&self, sent: &Sent, num_asked: usize) -> Inquiry {
        let known = match sent {
            Sent::Cancel {
                account,
                client_order_id,
                ..
            } => {
                let found = self.find(client_order_id, Some(account)).await;
                found.map(|answer| Finding::of_one(answer.map(|answer| answer.order), is_off))
            }
            Sent::Modify {
                client_order_id,
                body,
            } => {
                let found = self.find(client_order_id, body.account.as_ref()).await;
                found.and_then(|answer| Finding::of_change(answer.as_ref(), &body.idempotency_key))
            }
            Sent::Close {
                account,
                client_order_id,
                ..
            } => {
                let found = self.find(client_order_id, account.as_ref()).await;
                found.map(|answer| Finding::of_one(answer.map(|answer| answer.order), |_| true))
            }
            Sent::CancelAll { open, .. } => match self.open_orders().await {
                // An order without a name may be any of them.
                Ok(answer) if !answer.nameless.is_empty() => None,
                Ok(answer) => {
                    let odd = answer.unreadable.iter();
                    let odd = odd.map(|odd| (odd.account.clone(), odd.client_order_id.clone()));
                    let num_odd = odd.filter(|key| open.contains(key)).count();
                    Some(Finding::of_all(open, &answer.orders, num_odd))
                }
                Err(_no_answer) => None,
            },
        };
        match known {
            Some(Finding::Arrived(detail)) => Inquiry::Settled(CommandOutcome::Accepted { detail }),
            Some(Finding::Refused { code, detail }) => {
                Inquiry::Settled(CommandOutcome::Refused { code, detail })
            }
            Some(Finding::NotArrived(detail)) if num_asked + 1 >= BELIEVED_FROM => {
                Inquiry::Settled(CommandOutcome::Refused {
                    code: "not_received".to_owned(),
                    detail,
                })
            }
            Some(Finding::NotArrived(_)) | None => Inquiry::AskAgain(inquiry_wait(num_asked + 1)),
        }
    }

    /// The order of that id with its history, or that there is none; absent when nobody could say. Without an account it
    /// is any account's.
    async fn find(
        &self,
        client_order_id: &ClientOrderId,
        account: Option<&AccountId>,
    ) -> Option<Option<OrderDetailResponse>> {
        let mut path = format!("/api/v1/orders/{client_order_id}");
        if let Some(account) = account {
            path.push_str("?account=");
            path.push_str(account.as_str());
        }
        match self.get(&path).await {
            Ok(body) => from_json::<OrderDetailResponse>(&body).ok().map(Some),
            Err(RestError::Refused { status: 404, .. }) => Some(None),
            Err(_no_answer) => None,
        }
    }
}

/// What the orders say about a command, in words.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// It was done, or is being done.
    Arrived(String),
    /// It arrived, and was refused further on.
    Refused {
        /// Stable `snake_case`.
        code: String,
        /// Why.
        detail: String,
    },
    /// Nothing of it is to be seen yet.
    NotArrived(String),
}

impl Finding {
    fn of_one(order: Option<Order>, has_arrived: fn(&Order) -> bool) -> Self {
        match order {
            Some(order) if has_arrived(&order) => Self::Arrived(order.status.badge().to_owned()),
            Some(order) => Self::NotArrived(format!(
                "it did not arrive; the order is {}",
                order.status.badge()
            )),
            None => Self::NotArrived("it never reached the execution gateway".to_owned()),
        }
    }

    /// A change is known by its key alone: anybody may change the same order meanwhile. Absent when the backend says
    /// nothing of changes, which is no proof of anything.
    fn of_change(answer: Option<&OrderDetailResponse>, idempotency_key: &str) -> Option<Self> {
        let Some(answer) = answer else {
            return Some(Self::of_one(None, |_| false));
        };
        let changes = answer.changes.as_ref()?;
        let mine = changes
            .iter()
            .find(|change| change.idempotency_key == idempotency_key);
        let Some(mine) = mine else {
            let badge = answer.order.status.badge();
            return Some(Self::NotArrived(format!(
                "it did not arrive; the order is {badge}"
            )));
        };
        let refused = |fallback: &str| Self::Refused {
            code: mine.code.clone().unwrap_or_else(|| fallback.to_owned()),
            detail: mine.detail.clone(),
        };
        Some(match mine.outcome {
            ChangeOutcome::Sent => Self::Arrived(OrderStatus::ReplaceSent.badge().to_owned()),
            ChangeOutcome::Made => Self::Arrived("changed".to_owned()),
            ChangeOutcome::Rejected => refused("change_rejected"),
            ChangeOutcome::Blocked => refused("blocked"),
        })
    }

    /// It arrived when of the orders that were `asked_for` none is open without a cancel on its way; `num_odd` of them
    /// are open, and nobody can read how.
    fn of_all(
        asked_for: &BTreeSet<(AccountId, ClientOrderId)>,
        open: &[Order],
        num_odd: usize,
    ) -> Self {
        let still_open = open.iter().filter(|order| {
            asked_for.contains(&(order.account.clone(), order.client_order_id.clone()))
        });
        let (sent, untouched): (Vec<_>, Vec<_>) = still_open.partition(|order| is_off(order));
        match (untouched.len() + num_odd, sent.len()) {
            (0, 0) => Self::Arrived("none of them is open any more".to_owned()),
            (0, sent) => Self::Arrived(format!("{sent} may still fill")),
            (untouched, _) => Self::NotArrived(format!(
                "it did not arrive; {untouched} of {} are open without a cancel",
                asked_for.len()
            )),
        }
    }
}

/// What the answer to "cancel all" says: what could not be cancelled must not pass for done.
fn met_outcome(body: &[u8]) -> CommandOutcome {
    let Ok(answer) = from_json::<CancelAllResponse>(body) else {
        return CommandOutcome::Unknown {
            detail: "the answer cannot be read".to_owned(),
        };
    };
    let sent = match (answer.asked.count, answer.already.count) {
        (0, 0) => "no open orders".to_owned(),
        (1, 0) => "1 cancel sent: may still fill".to_owned(),
        (asked, 0) => format!("{asked} cancels sent: may still fill"),
        (asked, already) => {
            format!("{asked} cancels sent, {already} on their way before: may still fill")
        }
    };
    if answer.left.count == 0 {
        return CommandOutcome::Accepted { detail: sent };
    }
    CommandOutcome::Refused {
        code: "not_all".to_owned(),
        detail: format!("{sent}; not cancelled: {}", listed(&answer.left)),
    }
}

/// "AAPL o-1 (filled), XOM o-2 (working) and 3 more".
fn listed(met: &MetOrders) -> String {
    const NAMED: usize = 3;
    let mut words: Vec<String> = met
        .orders
        .iter()
        .take(NAMED)
        .map(|order| {
            format!(
                "{} {} ({})",
                order.symbol,
                order.client_order_id,
                order.status.badge()
            )
        })
        .collect();
    let more = met.count.saturating_sub(words.len() as u64);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

/// The wait before question `num_asked`.
pub(crate) fn inquiry_wait(num_asked: usize) -> Duration {
    let [.., last] = INQUIRY_WAITS;
    INQUIRY_WAITS.get(num_asked).copied().unwrap_or(last)
}

/// What an error says about the command: refused when it is proven not done, unknown otherwise.
fn refused(err: &RestError) -> CommandOutcome {
    match err {
        RestError::Unauthorized => CommandOutcome::Refused {
            code: "not_signed_in".to_owned(),
            detail: "not signed in: nothing was done".to_owned(),
        },
        RestError::NotSent(detail) => CommandOutcome::Refused {
            code: "not_sent".to_owned(),
            detail: detail.clone(),
        },
        // A gateway that answers 5xx may have passed it on before it failed; 503 says that it did not.
        RestError::Refused {
            status, problem, ..
        } if *status < 500 || *status == 503 => CommandOutcome::Refused {
            code: problem.code.clone(),
            detail: problem.detail.clone(),
        },
        RestError::Refused { .. }
        | RestError::Timeout(_)
        | RestError::Unreachable(_)
        | RestError::Unreadable(_) => CommandOutcome::Unknown {
            detail: err.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use qd_wire::rest::Problem;

    use super::*;

    fn answered(status: u16) -> CommandOutcome {
        refused(&RestError::Refused {
            status,
            problem: Box::new(Problem::new(status, "some_code", "why")),
            retry_after_millis: None,
        })
    }

    #[test]
    fn only_what_is_proven_not_done_is_refused() {
        for status in [400, 401, 403, 404, 409, 422, 429, 503] {
            assert!(
                matches!(answered(status), CommandOutcome::Refused { .. }),
                "{status}"
            );
        }
        for status in [500, 502, 504] {
            assert!(
                matches!(answered(status), CommandOutcome::Unknown { .. }),
                "{status}"
            );
        }
        let timeout = refused(&RestError::Timeout(Duration::from_secs(10)));
        assert!(matches!(timeout, CommandOutcome::Unknown { .. }));
        let cut = refused(&RestError::Unreachable("reset".to_owned()));
        assert!(matches!(cut, CommandOutcome::Unknown { .. }));
    }

    #[test]
    fn the_last_wait_repeats() {
        let waits: Vec<u64> = (0..6).map(|i| inquiry_wait(i).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 8, 8]);
    }

    fn order(id: &str, status: OrderStatus) -> Order {
        let now = qd_types::UtcMicros(0);
        Order {
            account: AccountId::new("PAPER-1").unwrap(),
            strategy: StrategyId::new("manual").unwrap(),
            client_order_id: ClientOrderId::new(id).unwrap(),
            venue_order_id: None,
            symbol: Symbol::new("AAPL").unwrap(),
            side: qd_types::Side::Buy,
            qty: Qty::from_units(10, 0),
            filled_qty: Qty::ZERO,
            filled_avg_price: None,
            order_type: qd_types::OrderType::Market,
            limit_price: None,
            stop_price: None,
            time_in_force: qd_types::TimeInForce::Day,
            status,
            status_since: now,
            reason_code: None,
            created_at: now,
            updated_at: now,
            source: "manual".to_owned(),
            parent_id: None,
        }
    }

    #[test]
    fn a_lost_cancel_all_arrived_when_none_that_was_meant_is_open_without_a_cancel() {
        let key = |id: &str| {
            let order = order(id, OrderStatus::Working);
            (order.account, order.client_order_id)
        };
        let meant = BTreeSet::from([key("a"), key("b")]);
        let sent = order("a", OrderStatus::CancelSent);
        let newer = order("z", OrderStatus::Working);
        let arrived = |text: &str| Finding::Arrived(text.to_owned());
        assert_eq!(
            Finding::of_all(&meant, &[sent.clone(), newer.clone()], 0),
            arrived("1 may still fill")
        );
        assert_eq!(
            Finding::of_all(&meant, std::slice::from_ref(&newer), 0),
            arrived("none of them is open any more")
        );
        assert_eq!(
            Finding::of_all(&meant, std::slice::from_ref(&newer), 1),
            Finding::NotArrived("it did not arrive; 1 of 2 are open without a cancel".to_owned()),
            "one of them is there, and nobody can read how it stands"
        );
        let untouched = order("b", OrderStatus::Working);
        assert_eq!(
            Finding::of_all(&meant, &[sent, untouched, newer], 0),
            Finding::NotArrived("it did not arrive; 1 of 2 are open without a cancel".to_owned())
        );
    }

    #[test]
    fn what_could_not_be_cancelled_does_not_pass_for_done() {
        let sent = order("a", OrderStatus::CancelSent);
        let over = vec![order("b", OrderStatus::Filled); 5];
        let mut answer = CancelAllResponse {
            scope: HaltScope::Firm,
            asked: MetOrders::of([sent].iter()),
            already: MetOrders::default(),
            left: MetOrders::default(),
            as_of: qd_types::UtcMicros(0),
        };
        let accepted = CommandOutcome::Accepted {
            detail: "1 cancel sent: may still fill".to_owned(),
        };
        assert_eq!(met_outcome(&to_json(&answer)), accepted);
        answer.left = MetOrders::of(over.iter());
        let CommandOutcome::Refused { code, detail } = met_outcome(&to_json(&answer)) else {
            panic!("five are left");
        };
        assert_eq!(code, "not_all");
        assert!(detail.ends_with("AAPL b (filled), 2 more"), "{detail}");
        assert!(matches!(met_outcome(b"[]"), CommandOutcome::Unknown { .. }));
    }
}
