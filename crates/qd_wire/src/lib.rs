//! Every byte format of Quarterdeck: bus messages, socket frames, REST bodies, the signed identity.
//!
//! **Owns**: JSON in and out, versions, bounds in bytes, leniency towards other producers, strictness towards commands.
//! **Does not own**: state, numbering, IO, clocks. Values in and out are those of `qd_types`.
//! **Threading**: pure functions over bytes; call them from any thread, native or wasm.
//! **Failure**: what cannot be read is a [`WireError`] (or [`rest::CommandError`], [`identity::IdentityError`]) whose text
//! is short and safe to log; nothing here panics on input, and no number that could overflow later gets in.

mod codec;
mod error;
pub mod frame;
pub mod head;
pub mod identity;
pub mod message;
mod raw;
pub mod rest;
pub mod salvage;

pub use self::error::WireError;
pub use self::head::{Body, Head, MAX_EVENT_BYTES, MAX_MESSAGE_BYTES, read_head, write_message};
pub use self::message::{Message, OrderEvent, Payload, decode};
pub use self::raw::RawJson;
