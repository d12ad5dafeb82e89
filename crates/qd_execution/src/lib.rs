//! The execution gateway: orders, halts, P&L, the paper venue and its REST API.
mod chance;
pub mod market;
