//! The one table of roles and permissions; routes, console, docs and tests come from it.

use crate::order::words;

words!(
    /// What a user may be. A role is a set of permissions.
    Role {
        /// Reads.
        Viewer = "viewer",
        /// Reads and trades.
        Trader = "trader",
        /// Trades, and runs halts, breakers and alerts.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
    }
);

words!(
    /// One thing a user may do, named as on the wire.
    Permission {
        /// See positions.
        PositionsView = "positions.view",
        /// See orders.
        OrdersView = "orders.view",
        /// See P&L.
        PnlView = "pnl.view",
        /// See prices.
        MarketView = "market.view",
        /// See risk.
        RiskView = "risk.view",
        /// See system health.
        HealthView = "health.view",
        /// See alerts.
        AlertsView = "alerts.view",
        /// See halts.
        HaltView = "halt.view",
        /// Export what can be seen.
        Export = "export",
        /// See backtests.
        BacktestsView = "backtests.view",
        /// Place orders.
        OrdersPlace = "orders.place",
        /// Change open orders.
        OrdersModify = "orders.modify",
        /// Cancel orders.
        OrdersCancel = "orders.cancel",
        /// Close a position.
        PositionsClose = "positions.close",
        /// Flatten everything in a scope (fresh second factor).
        PositionsFlatten = "positions.flatten",
        /// Engage the kill switch.
        HaltEngage = "halt.engage",
        /// Disengage it (fresh second factor, another person).
        HaltDisengage = "halt.disengage",
        /// Trip a breaker.
        BreakerTrip = "breaker.trip",
        /// Reset a breaker.
        BreakerReset = "breaker.reset",
        /// Edit alert rules.
        AlertsEdit = "alerts.edit",
        /// Acknowledge alerts.
        AlertsAcknowledge = "alerts.acknowledge",
        /// Propose a forced adjustment.
        PositionsAdjust = "positions.adjust",
        /// Read the audit log.
        AuditView = "audit.view",
        /// Run backtests.
        BacktestsRun = "backtests.run",
        /// See data quality.
        DataView = "data.view",
        /// Start data syncs.
        DataSync = "data.sync",
        /// Query data.
        DataQuery = "data.query",
        /// Approve a forced adjustment.
        PositionsAdjustApprove = "positions.adjust.approve",
        /// Edit limits.
        LimitsEdit = "limits.edit",
        /// Approve an override of a limit.
        LimitsOverrideApprove = "limits.override.approve",
        /// Edit users.
        UsersEdit = "users.edit",
        /// End other people's sessions.
        SessionsEnd = "sessions.end",
        /// Edit the configuration.
        ConfigEdit = "config.edit",
    }
);

impl Permission {
    /// The least role that has it; roles are nested, so every greater role has it too.
    pub fn least_role(self) -> Role {
        match self {
            Self::PositionsView
            | Self::OrdersView
            | Self::PnlView
            | Self::MarketView
            | Self::RiskView
            | Self::HealthView
            | Self::AlertsView
            | Self::HaltView
            | Self::Export
            | Self::BacktestsView => Role::Viewer,
            Self::OrdersPlace
            | Self::OrdersModify
            | Self::OrdersCancel
            | Self::PositionsClose
            | Self::PositionsFlatten
            | Self::HaltEngage => Role::Trader,
            Self::HaltDisengage
            | Self::BreakerTrip
            | Self::BreakerReset
            | Self::AlertsEdit
            | Self::AlertsAcknowledge
            | Self::PositionsAdjust
            | Self::AuditView
            | Self::BacktestsRun
            | Self::DataView
            | Self::DataSync
            | Self::DataQuery => Role::Operator,
            Self::PositionsAdjustApprove
            | Self::LimitsEdit
            | Self::LimitsOverrideApprove
            | Self::UsersEdit
            | Self::SessionsEnd
            | Self::ConfigEdit => Role::Admin,
        }
    }

    /// Whether the action wants a fresh second factor.
    pub fn needs_step_up(self) -> bool {
        matches!(self, Self::PositionsFlatten | Self::HaltDisengage)
            || self.least_role() == Role::Admin
    }
}

impl Role {
    /// Whether the role has `permission`.
    pub fn allows(self, permission: Permission) -> bool {
        self >= permission.least_role()
    }

    /// All permissions of the role, in the table's order.
    pub fn permissions(self) -> Vec<Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(|p| self.allows(*p))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_read_traders_trade_operators_halt_admins_rule() {
        assert!(!Role::Viewer.allows(Permission::OrdersPlace));
        assert!(Role::Trader.allows(Permission::HaltEngage));
        assert!(!Role::Trader.allows(Permission::HaltDisengage));
        assert!(Role::Operator.allows(Permission::HaltDisengage));
        assert!(!Role::Operator.allows(Permission::UsersEdit));
        assert_eq!(Role::Admin.permissions().len(), Permission::ALL.len());
    }
}
