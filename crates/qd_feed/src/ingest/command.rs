//! What the shell asks for, one by one. Nothing is kept for later: without a connection a command is refused at once.

use qd_state::{CommandId, CommandOutcome, CommandRequested, Event, Poll, PollAnswer, RowKey};
use qd_types::{AccountId, ClientOrderId, HaltScope, TapeAction};
use qd_wire::frame::ClientFrame;
use qd_wire::rest::ModifyOrder;

use super::Ingest;
use super::job::Job;
use crate::command::FeedCommand;
use crate::rest::RestError;
use crate::rest::command::Sent;

/// The server hears of the user at most this often.
const ACTIVE_INTERVAL_MICROS: i64 = 60_000_000;

impl Ingest {
    /// Does what the shell asks.
    pub(super) fn command(&mut self, command: FeedCommand) {
        match command {
            FeedCommand::CancelOrder {
                command_id,
                idempotency_key,
                account,
                client_order_id,
                reason,
            } => {
                let (key, label) = self.order_at("cancel", &account, &client_order_id);
                self.request(
                    command_id,
                    key,
                    label,
                    Some(client_order_id.clone()),
                    Sent::Cancel {
                        idempotency_key,
                        account,
                        client_order_id,
                        reason,
                    },
                );
            }
            FeedCommand::ModifyOrder {
                command_id,
                idempotency_key,
                account,
                client_order_id,
                qty,
                limit_price,
                stop_price,
            } => {
                let (key, label) = self.order_at("change", &account, &client_order_id);
                self.request(
                    command_id,
                    key,
                    label,
                    // A fill of the order says nothing about its change: without an answer only a question settles it.
                    None,
                    Sent::Modify {
                        client_order_id,
                        body: ModifyOrder {
                            account: Some(account),
                            idempotency_key: idempotency_key.to_string(),
                            qty,
                            limit_price,
                            stop_price,
                        },
                    },
                );
            }
            FeedCommand::CancelAll {
                command_id,
                idempotency_key,
                scope,
                reason,
            } => {
                // What is open as far as this console knows: without an answer, these tell whether it arrived.
                let snapshot = self.cell.load();
                let open = snapshot
                    .orders
                    .rows
                    .iter()
                    .map(|row| &*row.order)
                    .filter(|order| scope.covers(&order.account, &order.strategy, order.symbol))
                    .map(|order| (order.account.clone(), order.client_order_id.clone()))
                    .collect();
                self.request(
                    command_id,
                    RowKey::AllOrders,
                    cancel_all_label(&scope),
                    None,
                    Sent::CancelAll {
                        idempotency_key,
                        scope,
                        reason,
                        open,
                    },
                );
            }
            FeedCommand::ClosePosition {
                command_id,
                client_order_id,
                account,
                strategy,
                symbol,
                qty,
                reason,
            } => self.request(
                command_id,
                RowKey::Position(symbol),
                format!("close {symbol}"),
                Some(client_order_id.clone()),
                Sent::Close {
                    symbol,
                    account,
                    strategy,
                    client_order_id,
                    qty,
                    reason,
                },
            ),
            FeedCommand::ControlTape(action) => self.control_tape(action),
            FeedCommand::Page(ask) => self.apply(Event::PageAsked(ask)),
            FeedCommand::Wanted(polls) => self.pollers.set_wanted(polls),
            FeedCommand::Refresh(poll) => self.pollers.refresh(poll),
            FeedCommand::RetryNow => self.retry_now(),
            FeedCommand::Reconnect => {
                #[cfg(not(target_arch = "wasm32"))]
                if matches!(self.config.source, crate::config::FeedSource::Redis { .. }) {
                    self.bus_refreshed();
                    return;
                }
                self.lose_connection("refreshed by the user");
                self.retry_now();
            }
            FeedCommand::SignOut => self.sign_out(),
            FeedCommand::Active => self.active(),
            FeedCommand::ShowIn(zone) => self.apply(Event::ZoneChosen(zone)),
            FeedCommand::Visible(is_visible) => self.set_visible(is_visible),
            FeedCommand::Painted {
                version,
                at,
                frame_micros,
            } => {
                self.paint_log.lock().was_painted(version, at);
                self.apply(Event::Painted {
                    version,
                    at,
                    frame_micros,
                });
            }
        }
    }

    /// The place of an order's command, and the words for it.
    fn order_at(&self, verb: &str, account: &AccountId, id: &ClientOrderId) -> (RowKey, String) {
        let snapshot = self.cell.load();
        let mut rows = snapshot.orders.rows.iter();
        let row = rows.find(|row| row.account == *account && row.client_order_id == *id);
        let label = row.map_or_else(
            || format!("{verb} {id}"),
            |row| format!("{verb} {} {}", row.side.text, row.symbol),
        );
        (RowKey::Order(account.clone(), id.clone()), label)
    }

    fn request(
        &mut self,
        command_id: CommandId,
        row: RowKey,
        label: String,
        client_order_id: Option<ClientOrderId>,
        sent: Sent,
    ) {
        self.apply(Event::CommandRequested(CommandRequested {
            command_id,
            row,
            label,
            client_order_id,
        }));
        if self.rest.is_none() {
            return self.refuse(command_id, "read_only", "this source is read-only");
        }
        if !self.link.is_up() {
            return self.refuse(
                command_id,
                "disconnected",
                "not connected: nothing was sent, and nothing will be",
            );
        }
        self.send_command(command_id, sent);
    }

    /// Not a command of the desk: it has no row and moves no money. Sent once; without an answer the clock tells.
    fn control_tape(&mut self, action: TapeAction) {
        let refusal = match &self.rest {
            None => "this source is read-only",
            Some(_) if !self.link.is_up() => "not connected: nothing was sent",
            Some(rest) => {
                let rest = rest.clone();
                self.jobs.push(Box::pin(async move {
                    Job::TapeTold(Box::new(rest.control_tape(action).await))
                }));
                return;
            }
        };
        self.apply(Event::TapeRefused {
            detail: refusal.to_owned(),
        });
    }

    /// The tape's answer is the market's clock as it stands now.
    pub(super) fn tape_told(&mut self, result: Result<PollAnswer, RestError>) {
        match result {
            Ok(answer) => self.apply(Event::PollLoaded(answer)),
            Err(RestError::Unauthorized) => self.session_over("the session has ended"),
            Err(err) => self.apply(Event::TapeRefused {
                detail: err.to_string(),
            }),
        }
        // A poll that was on its way may bring what was before.
        self.pollers.refresh(Poll::MarketClock);
    }

    fn refuse(&mut self, command_id: CommandId, code: &str, detail: &str) {
        self.apply(Event::CommandAnswered {
            command_id,
            outcome: CommandOutcome::Refused {
                code: code.to_owned(),
                detail: detail.to_owned(),
            },
        });
    }

    fn sign_out(&mut self) {
        match self.rest.clone() {
            Some(rest) => self.jobs.push(Box::pin(
                async move { Job::SignedOut(rest.sign_out().await) },
            )),
            None => self.ended("signed out"),
        }
    }

    /// The sign-out was answered, or not.
    pub(super) fn signed_out(&mut self, result: Result<(), RestError>) {
        match result {
            Ok(()) | Err(RestError::Unauthorized) => self.ended("signed out"),
            // The session may live on: a screen that says otherwise would be left alone with it.
            Err(err) => {
                tracing::warn!(%err, "the sign-out was not confirmed");
                self.apply(Event::SignOutFailed {
                    detail: err.to_string(),
                });
            }
        }
    }

    fn active(&mut self) {
        let now = self.rt.monotonic_micros();
        let is_due = self
            .active_sent_at
            .is_none_or(|at| now.saturating_sub(at) >= ACTIVE_INTERVAL_MICROS);
        if is_due && self.link.is_up() {
            self.active_sent_at = Some(now);
            self.send(&ClientFrame::Active);
        }
    }

    fn set_visible(&mut self, is_visible: bool) {
        if self.is_visible == is_visible {
            return;
        }
        self.is_visible = is_visible;
        self.pollers.set_visible(is_visible);
        self.send(&ClientFrame::Visible { on: is_visible });
    }
}

/// "cancel all", "cancel all AAPL", "cancel all of momentum", "cancel all on PAPER-1".
fn cancel_all_label(scope: &HaltScope) -> String {
    match scope {
        HaltScope::Firm => "cancel all".to_owned(),
        HaltScope::Account(account) => format!("cancel all on {account}"),
        HaltScope::Strategy(strategy) => format!("cancel all of {strategy}"),
        HaltScope::Symbol(symbol) => format!("cancel all {symbol}"),
    }
}
