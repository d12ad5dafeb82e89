//! Commands as REST calls: sent once, and when no answer comes, asked after by id. It never sends one twice.

use std::time::Duration;

use qd_state::CommandOutcome;
use qd_types::{AccountId, ClientOrderId, Order, OrderStatus, Qty, StrategyId, Symbol};
use qd_wire::rest::{
    CancelOrder, ClosePosition, OrderDetailResponse, OrderResponse, from_json, to_json,
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

impl Sent {
    fn client_order_id(&self) -> &ClientOrderId {
        match self {
            Self::Cancel {
                client_order_id, ..
            }
            | Self::Close {
                client_order_id, ..
            } => client_order_id,
        }
    }

    /// Whether `order` shows that the command arrived.
    fn has_arrived(&self, order: &Order) -> bool {
        match self {
            Self::Cancel { .. } => {
                order.status == OrderStatus::CancelSent || !order.status.is_open()
            }
            Self::Close { .. } => true,
        }
    }
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
        let again = || Inquiry::AskAgain(inquiry_wait(num_asked + 1));
        let path = format!("/api/v1/orders/{}", sent.client_order_id());
        let found = match self.get(&path).await {
            Ok(body) => match from_json::<OrderDetailResponse>(&body) {
                Ok(answer) => Some(answer.order),
                Err(_unreadable) => return again(),
            },
            Err(RestError::Refused { status: 404, .. }) => None,
            Err(_no_answer) => return again(),
        };
        match found {
            Some(order) if sent.has_arrived(&order) => Inquiry::Settled(CommandOutcome::Accepted {
                detail: order.status.badge().to_owned(),
            }),
            _ if num_asked + 1 < BELIEVED_FROM => again(),
            Some(order) => Inquiry::Settled(CommandOutcome::Refused {
                code: "not_received".to_owned(),
                detail: format!("it did not arrive; the order is {}", order.status.badge()),
            }),
            None => Inquiry::Settled(CommandOutcome::Refused {
                code: "not_received".to_owned(),
                detail: "it never reached the execution gateway".to_owned(),
            }),
        }
    }
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
}
