//! The reducer as its readers see it: events in, the picture's text out.
//!
//! The stream contract has its own tests beside `stream_client`.

mod ages;
mod alerts;
mod asked;
mod asleep;
mod fixtures;
mod orders;
mod positions;
mod session;
mod truth;
mod urgency;
