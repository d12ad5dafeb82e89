//! What can be asked of the execution side, and which permission each asking needs: the table that routes and tests come from.
//!
//! It names operations and no paths: which path belongs to which is the gateway's for the console and the backend's for its own.

use qd_types::{Permission, UtcMicros};

use crate::SessionRecord;

/// For how long a shown second factor counts as fresh.
pub const STEP_UP_FRESH_MILLIS: i64 = 5 * 60 * 1000;

/// Whether an operation changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Only looks; may be repeated.
    Read,
    /// Changes something; needs the anti-forgery token, counts as an action, is never repeated by the gateway.
    Command,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $effect:ident, $permission:ident;)+) => {
        /// One thing that can be asked of the execution side.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($(#[$doc])* $name),+ }

        impl Operation {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word in logs and metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// Whether it changes something.
            pub fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect),+ }
            }

            /// What the asking person needs.
            pub fn permission(self) -> Permission {
                match self { $(Self::$name => Permission::$permission),+ }
            }
        }
    };
}

operations! {
    /// The positions and their totals.
    Positions = "positions", Read, PositionsView;
    /// The orders.
    Orders = "orders", Read, OrdersView;
    /// Fills and final states of the day.
    OrderHistory = "order_history", Read, OrdersView;
    /// One order with its transitions.
    Order = "order", Read, OrdersView;
    /// The account's P&L.
    RealtimePnl = "realtime_pnl", Read, PnlView;
    /// The account, its limits and their use.
    Account = "account", Read, PnlView;
    /// The halt machine.
    HaltStatus = "kill_switch_status", Read, HaltView;
    /// The circuit breakers.
    Breakers = "circuit_breakers", Read, HaltView;
    /// The alerts and what became of them.
    Alerts = "alerts", Read, AlertsView;
    /// Prices by symbol.
    Prices = "prices", Read, MarketView;
    /// The phase of the market.
    MarketClock = "market_clock", Read, MarketView;
    /// The day's line by symbol.
    Series = "series", Read, MarketView;
    /// Services, dependencies, latencies.
    SystemHealth = "system_health", Read, HealthView;
    /// Counts and limit use of the day.
    DashboardStats = "dashboard_stats", Read, OrdersView;
    /// The log behind a channel; whose channel is checked besides.
    StreamLog = "stream_log", Read, PositionsView;
    /// Place an order.
    PlaceOrder = "place_order", Command, OrdersPlace;
    /// Change an open order.
    ModifyOrder = "modify_order", Command, OrdersModify;
    /// Cancel an order.
    CancelOrder = "cancel_order", Command, OrdersCancel;
    /// Cancel every open order of a scope.
    CancelAll = "cancel_all", Command, OrdersCancel;
    /// Close a position.
    ClosePosition = "close_position", Command, PositionsClose;
    /// Stop, step and speed the tape that plays as the market: whoever may trade on it.
    ControlTape = "control_tape", Command, OrdersPlace;
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No role of theirs has the permission.
    #[error("{0} is not granted")]
    Forbidden(Permission),
    /// The permission is theirs, and wants a second factor shown within the last minutes.
    #[error("{0} wants a fresh second factor")]
    StepUpRequired(Permission),
}

impl Operation {
    /// Whether the person behind `session` may ask for this at `now`.
    pub fn check(self, session: &SessionRecord, now: UtcMicros) -> Result<(), Refusal> {
        check_permission(self.permission(), session, now)
    }
}

fn check_permission(
    permission: Permission,
    session: &SessionRecord,
    now: UtcMicros,
) -> Result<(), Refusal> {
    if !session.identity.allows(permission) {
        return Err(Refusal::Forbidden(permission));
    }
    let fresh = session
        .mfa_at
        .is_some_and(|at| (0..STEP_UP_FRESH_MILLIS).contains(&now.millis_since(at)));
    if permission.needs_step_up() && !fresh {
        return Err(Refusal::StepUpRequired(permission));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use qd_types::{Role, UserId};

    use super::*;
    use crate::{Identity, SignInMethod};

    fn session(role: Role, mfa_at: Option<UtcMicros>) -> SessionRecord {
        SessionRecord {
            identity: Identity {
                user_id: UserId::new("u").unwrap(),
                name: "U".to_owned(),
                roles: vec![role],
                accounts: Vec::new(),
            },
            method: SignInMethod::Dev,
            signed_in_at: UtcMicros(0),
            last_action_at: UtcMicros(0),
            mfa_at,
        }
    }

    #[test]
    fn the_whole_table_of_roles_and_operations() {
        let commands = [
            Operation::PlaceOrder,
            Operation::ModifyOrder,
            Operation::CancelOrder,
            Operation::CancelAll,
            Operation::ClosePosition,
            Operation::ControlTape,
        ];
        for role in Role::ALL {
            for operation in Operation::ALL {
                let may = operation.check(&session(*role, None), UtcMicros(0)).is_ok();
                let expected = *role != Role::Viewer || !commands.contains(operation);
                assert_eq!(may, expected, "{role} {}", operation.as_str());
                assert_eq!(
                    operation.effect() == Effect::Command,
                    commands.contains(operation)
                );
            }
        }
    }

    #[test]
    fn a_second_factor_is_fresh_for_five_minutes() {
        let shown = UtcMicros::from_millis(1000);
        let session = session(Role::Admin, Some(shown));
        let at =
            |millis| check_permission(Permission::UsersEdit, &session, shown.plus_millis(millis));
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(STEP_UP_FRESH_MILLIS - 1), Ok(()));
        let refused = Err(Refusal::StepUpRequired(Permission::UsersEdit));
        assert_eq!(at(STEP_UP_FRESH_MILLIS), refused);
        assert_eq!(at(-1), refused);
    }
}
