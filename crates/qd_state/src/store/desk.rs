//! The parts that belong to the signed-in user, and what one order's change means to each of them.
//!
//! Which event goes where is `super`.

use std::collections::BTreeMap;

use qd_types::{OrderStatus, StreamName, Tone, UtcMicros, fmt};

use super::Ctx;
use super::activity::Activity;
use super::alerts::{Alerts, Said};
use super::asked::Asked;
use super::cards::Cards;
use super::commands::Commands;
use super::orders::{Accepted, Orders};
use super::positions::Positions;
use super::safety::{Breakers, Halt};
use super::seals::Sealed;
use crate::effect::RestAsk;
use crate::event::{OrderChange, RowKey, SalvagedOrder};
use crate::stream_client::ClientState;

/// The parts that belong to the signed-in user; forgotten as a whole.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) streams: BTreeMap<StreamName, Sealed>,
    pub(crate) positions: Positions,
    pub(crate) orders: Orders,
    pub(crate) activity: Activity,
    pub(crate) alerts: Alerts,
    pub(crate) halt: Halt,
    pub(crate) breakers: Breakers,
    pub(crate) cards: Cards,
    pub(crate) commands: Commands,
    pub(crate) asked: Asked,
    /// Questions without a stream of their own that failed, and when to ask again.
    pub(crate) ask_again_at: BTreeMap<RestAsk, UtcMicros>,
}

impl Desk {
    /// How many things are kept.
    pub(crate) fn num_retained(&self) -> usize {
        let missing = self.streams.values().map(|s| s.client.missing().len());
        missing.sum::<usize>()
            + self.positions.num_retained()
            + self.orders.num_retained()
            + self.activity.num_retained()
            + self.alerts.num_retained()
            + self.commands.num_retained()
            + self.ask_again_at.len()
    }

    pub(crate) fn take_order(&mut self, change: &OrderChange, ctx: &Ctx) {
        // A fill is a fact of its own, even when the order's newest state is known already.
        self.activity.add(change, ctx);
        self.asked.order_heard(change, ctx);
        if self.orders.change(&change.order, ctx) == Accepted::No {
            return;
        }
        let order = &change.order;
        self.commands.order_heard(order, ctx.now);
        let row = RowKey::Order(order.account.clone(), order.client_order_id.clone());
        self.show_command(&row);
        for row in self.commands.take_changed_rows() {
            self.show_command(&row);
        }
        if order.status.is_open() && order.reason_code.as_deref() == Some("change_rejected") {
            let text = format!(
                "{} {} {}: change refused by the venue, it stays {}",
                order.side.label(),
                fmt::qty(order.qty),
                order.symbol,
                order.status.badge(),
            );
            let row = Some(row.clone());
            self.commands.notice(Tone::Danger, text, row, ctx.now);
        }
        match order.status {
            OrderStatus::Rejected
            | OrderStatus::BlockedHalt
            | OrderStatus::BlockedBreaker
            | OrderStatus::BlockedRail => {
                let reason = order.reason_code.as_deref().unwrap_or("no reason given");
                let text = format!(
                    "{} {} {} {}: {reason}",
                    order.side.label(),
                    fmt::qty(order.qty),
                    order.symbol,
                    order.status.badge(),
                );
                self.commands.notice(Tone::Danger, text, Some(row), ctx.now);
            }
            OrderStatus::Accepted
            | OrderStatus::Sent
            | OrderStatus::Unknown
            | OrderStatus::Working
            | OrderStatus::ReplaceSent
            | OrderStatus::PartiallyFilled
            | OrderStatus::CancelSent
            | OrderStatus::Cancelled
            | OrderStatus::Replaced
            | OrderStatus::Expired
            | OrderStatus::Filled => {}
        }
    }

    /// An order changed into something that cannot be read: its row says so, until a word comes that can.
    pub(crate) fn take_odd_order(&mut self, odd: SalvagedOrder, ctx: &Ctx) {
        self.orders.change_odd(odd, ctx);
    }

    /// Says in passing what there is to say of an alert.
    pub(crate) fn say(&mut self, said: Option<Said>, ctx: &Ctx) {
        if let Some(Said { tone, text }) = said {
            self.commands.notice(tone, text, None, ctx.now);
        }
    }

    /// Once their stream was proven, what it brings is news; and so is what a producer without numbers says, who has no
    /// log to tell anything again from.
    pub(crate) fn note_live_alerts(&mut self) {
        if self.alerts.is_live() {
            return;
        }
        let is_proven = |(name, sealed): (&StreamName, &Sealed)| {
            matches!(name, StreamName::Alerts(_))
                && matches!(
                    sealed.client.state(),
                    ClientState::Verified { .. } | ClientState::Unverified { .. }
                )
        };
        if self.streams.iter().any(is_proven) {
            self.alerts.go_live();
        }
    }

    pub(crate) fn show_command(&mut self, row: &RowKey) {
        let command = self.commands.at(row);
        match row {
            RowKey::Position(symbol) => self.positions.set_command(*symbol, command),
            RowKey::Order(account, id) => self.orders.set_command(account, id, command),
            RowKey::Ticket(_) | RowKey::AllOrders | RowKey::KillSwitch | RowKey::Breaker(_) => {}
        }
    }

    /// A row that went and came back still has its command.
    pub(crate) fn show_position_commands(&mut self) {
        for row in self.commands.position_rows() {
            self.show_command(&row);
        }
    }
}
