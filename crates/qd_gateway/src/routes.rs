//! The table of what the console may ask of the execution side: method, path, operation. The permission comes with the operation.
//!
//! Routes are registered from here and nowhere else, and the tests of roles walk over it.

use axum::http::Method;
use qd_auth::{Effect, Operation};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// What it asks for.
    pub operation: Operation,
}

impl Route {
    /// Reads are GET, a change of what is there is PATCH, every other command is POST.
    pub fn method(&self) -> Method {
        match (self.operation, self.operation.effect()) {
            (_, Effect::Read) => Method::GET,
            (Operation::ModifyOrder, Effect::Command) => Method::PATCH,
            (_, Effect::Command) => Method::POST,
        }
    }
}

const fn row(path: &'static str, operation: Operation) -> Route {
    Route { path, operation }
}

/// The whole table.
pub const ROUTES: &[Route] = &[
    row("/api/v1/positions", Operation::Positions),
    row("/api/v1/orders", Operation::Orders),
    row("/api/v1/orders", Operation::PlaceOrder),
    row("/api/v1/orders/history", Operation::OrderHistory),
    row("/api/v1/orders/cancel_all", Operation::CancelAll),
    row("/api/v1/orders/{client_order_id}", Operation::Order),
    row("/api/v1/orders/{client_order_id}", Operation::ModifyOrder),
    row(
        "/api/v1/orders/{client_order_id}/cancel",
        Operation::CancelOrder,
    ),
    row("/api/v1/positions/{symbol}/close", Operation::ClosePosition),
    row("/api/v1/realtime_pnl", Operation::RealtimePnl),
    row("/api/v1/account", Operation::Account),
    row("/api/v1/kill_switch_status", Operation::HaltStatus),
    row("/api/v1/circuit_breakers", Operation::Breakers),
    row("/api/v1/alerts", Operation::Alerts),
    row("/api/v1/market/prices", Operation::Prices),
    row("/api/v1/market/clock", Operation::MarketClock),
    row("/api/v1/market/series", Operation::Series),
    row("/api/v1/market/tape", Operation::ControlTape),
    row("/api/v1/system/health", Operation::SystemHealth),
    row("/api/v1/dashboard/stats", Operation::DashboardStats),
    row("/api/v1/streams/{stream}", Operation::StreamLog),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_one_route_and_no_two_share_method_and_path() {
        let operations: BTreeSet<_> = ROUTES.iter().map(|route| route.operation).collect();
        assert_eq!(operations.len(), ROUTES.len());
        assert_eq!(operations.len(), Operation::ALL.len());
        let places: BTreeSet<_> = ROUTES
            .iter()
            .map(|route| (route.path, route.method().to_string()))
            .collect();
        assert_eq!(places.len(), ROUTES.len());
    }
}
