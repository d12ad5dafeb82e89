//! What pages ask for while they are open: one order's story, a page of the history. GETs, asked once.

use qd_state::{HistoryPage, OrderStep, OrderStory, PageAnswer, PageQuestion};
use qd_wire::rest::{HistoryResponse, OrderDetailResponse};

use super::ask::is_plain;
use super::{RestClient, RestError};
use crate::translate;

/// Entries on one page of the history.
const HISTORY_PAGE: usize = 100;

impl RestClient {
    /// Asks; nothing when there is no session any more.
    pub(crate) async fn ask_for_page(&self, question: &PageQuestion) -> Option<PageAnswer> {
        let answer = match question {
            PageQuestion::Order {
                account,
                client_order_id,
            } => {
                let path = format!("/api/v1/orders/{client_order_id}?account={account}");
                self.read(&path, qd_wire::rest::from_json::<OrderDetailResponse>)
                    .await
                    .map(|answer| PageAnswer::Order(Box::new(story(answer))))
            }
            PageQuestion::History { before } => {
                let mut path = format!("/api/v1/orders/history?limit={HISTORY_PAGE}");
                match before {
                    Some(cursor) if !is_plain(cursor) => Err(RestError::Unreadable(
                        "a page of the history with a cursor that is none".to_owned(),
                    )),
                    before => {
                        if let Some(cursor) = before {
                            path.push_str("&before=");
                            path.push_str(cursor);
                        }
                        self.read(&path, qd_wire::rest::from_json::<HistoryResponse>)
                            .await
                            .map(|answer| PageAnswer::History(page(answer)))
                    }
                }
            }
        };
        answered(answer)
    }
}

fn answered(answer: Result<PageAnswer, RestError>) -> Option<PageAnswer> {
    Some(match answer {
        Ok(answer) => answer,
        Err(RestError::Unauthorized) => return None,
        Err(RestError::Refused { problem, .. }) if problem.code == "order_not_found" => {
            PageAnswer::NoSuchOrder
        }
        Err(RestError::Refused { problem, .. }) if problem.code == "other_run" => {
            PageAnswer::OtherRun
        }
        Err(err) => PageAnswer::Failed {
            detail: err.to_string(),
        },
    })
}

fn story(answer: OrderDetailResponse) -> OrderStory {
    OrderStory {
        order: answer.order,
        steps: answer
            .transitions
            .into_iter()
            .map(|step| OrderStep {
                status: step.status,
                at: step.at,
                reason_code: step.reason_code,
                evidence: step.evidence,
                by: step.by,
            })
            .collect(),
        fills: answer
            .fills
            .into_iter()
            .map(|one| (one.fill, one.fee))
            .collect(),
    }
}

fn page(answer: HistoryResponse) -> HistoryPage {
    HistoryPage {
        total_today: answer.total_today,
        entries: translate::entries(answer.entries),
        next: answer.next,
    }
}

#[cfg(test)]
mod tests {
    use qd_wire::rest::Problem;

    use super::*;

    #[test]
    fn only_the_servers_own_word_says_that_an_order_never_reached_it() {
        let refused = |status, code| {
            answered(Err(RestError::Refused {
                status,
                problem: Box::new(Problem::new(status, code, "why")),
                retry_after_millis: None,
            }))
        };
        assert_eq!(
            refused(404, "order_not_found"),
            Some(PageAnswer::NoSuchOrder)
        );
        assert_eq!(refused(409, "other_run"), Some(PageAnswer::OtherRun));
        let failed = Some(PageAnswer::Failed {
            detail: "why".to_owned(),
        });
        // A gateway that knows no such route says nothing about the order.
        assert_eq!(refused(404, "not_found"), failed);
        assert_eq!(refused(503, "execution_unavailable"), failed);
        assert_eq!(answered(Err(RestError::Unauthorized)), None);
    }
}
