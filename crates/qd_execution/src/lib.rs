//! The execution gateway: orders, halts, P&L, the paper venue and its REST API.
mod chance;
pub mod config;
pub mod desk;
pub mod ledger;
pub mod market;
pub mod strategies;
pub mod venue;
