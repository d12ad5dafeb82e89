//! The auth gateway with real ports, real sockets and a real bus; the execution side is a fake that checks signatures, or the real one.
//!
//! Every wait is bounded and ends when the thing waited for is there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

mod app;
mod auth;
mod channels;
mod drain;
mod fake_execution;
mod http;
mod lease;
mod proxy;
mod real_execution;
mod redis_away;
mod socket;
mod socket_limits;
mod tls;
mod visits;
mod ws;
