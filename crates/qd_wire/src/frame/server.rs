//! Frames of the gateway: written by it without reading bus messages, read by the console with payloads left as text.

use std::fmt::Write as _;

use qd_types::{
    AccountId, Environment, Epoch, Permission, Role, Seq, StreamName, StreamPos, UserId, UtcMicros,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{MAX_CLIENT_FRAME_BYTES, PlaceWire, WHAT, need, tagged};
use crate::codec::KnownWords;
use crate::error::{WireError, object_text, sample};
use crate::head::Head;
use crate::raw::RawJson;

/// Who is signed in, as told to the console. Also a part of the bootstrap answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// The user's id, also the tail of the user's streams.
    #[serde(with = "crate::codec")]
    pub user_id: UserId,
    /// The user's name for the header.
    pub name: String,
    /// The user's roles; words that this program does not know are left out.
    #[serde(with = "KnownWords::<Role>")]
    pub roles: Vec<Role>,
    /// What the user may do; words that this program does not know are left out.
    #[serde(with = "KnownWords::<Permission>")]
    pub permissions: Vec<Permission>,
    /// The accounts granted to the user.
    #[serde(with = "crate::codec")]
    pub accounts: Vec<AccountId>,
    /// When the session ends without user input.
    #[serde(with = "crate::codec")]
    pub idle_at: UtcMicros,
    /// When the session ends in any case.
    #[serde(with = "crate::codec")]
    pub absolute_at: UtcMicros,
    /// For the `X-CSRF-Token` header of everything but GET.
    pub csrf: String,
}

/// The gateway node at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The program's version.
    pub version: String,
    /// The node's name.
    pub node: String,
    /// Its clock when it answered.
    #[serde(with = "crate::codec")]
    pub time: UtcMicros,
    /// The console that it serves to browsers; absent when it serves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<ServedApp>,
}

/// The console that a gateway serves: when it is another than the one that was loaded, that one is outdated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedApp {
    /// Differs from build to build; means nothing else.
    pub build: String,
    /// A page with another build loads itself anew without asking: for developers.
    #[serde(default)]
    pub auto_reload: bool,
}

/// What the gateway takes and promises on this socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketLimits {
    /// Largest frame it reads, in bytes.
    pub max_frame_bytes: u64,
    /// Milliseconds between two beats.
    pub beat_every_ms: u64,
    /// Milliseconds between two pings.
    pub ping_every_ms: u64,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            max_frame_bytes: MAX_CLIENT_FRAME_BYTES as u64,
            beat_every_ms: 5_000,
            ping_every_ms: 20_000,
        }
    }
}

/// The first frame of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Who is signed in.
    pub session: SessionInfo,
    /// Where the desk trades.
    #[serde(with = "crate::codec")]
    pub environment: Environment,
    /// The node that answers.
    pub server: ServerInfo,
    /// What it takes and promises; absent from an older gateway means the defaults.
    #[serde(default)]
    pub limits: SocketLimits,
}

/// A frame from the gateway, payloads not yet decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFrame {
    /// The socket is open.
    Welcome(Box<Welcome>),
    /// A whole state, or a jump forward in one.
    Snapshot {
        /// Which stream.
        stream: StreamName,
        /// Its run.
        epoch: Epoch,
        /// Its number.
        seq: Seq,
        /// How many messages the lane jumped over; absent when none.
        skipped: Option<u64>,
        /// When the gateway wrote the frame.
        routed_at: UtcMicros,
        /// The bus message.
        d: RawJson,
    },
    /// Messages of one stream, in order.
    Batch {
        /// Which stream.
        stream: StreamName,
        /// When the gateway wrote the frame.
        routed_at: UtcMicros,
        /// The bus messages.
        msgs: Vec<RawJson>,
    },
    /// One message.
    Msg {
        /// Which stream; absent when the gateway left it to the message's own head.
        stream: Option<StreamName>,
        /// Whether the message has no number and wins by being the newest.
        unnumbered: bool,
        /// When the gateway wrote the frame.
        routed_at: UtcMicros,
        /// The bus message.
        d: RawJson,
    },
    /// The log no longer has what comes after the client's place; it begins behind this one.
    Gone {
        /// Which stream.
        stream: StreamName,
        /// Where what can still be had begins: the last place that cannot.
        pos: StreamPos,
    },
    /// The hub's places, after its check with the store.
    Beat {
        /// The places.
        streams: Vec<(StreamName, StreamPos)>,
        /// When the gateway wrote the frame.
        at: UtcMicros,
    },
    /// The answer to a client's clock frame.
    Clock {
        /// The client's clock when it asked.
        t0: UtcMicros,
        /// The gateway's clock when it read.
        t1: UtcMicros,
        /// The gateway's clock when it answered.
        t2: UtcMicros,
    },
    /// Something behind the gateway does not work.
    Degraded {
        /// What, as a stable word: `bus`, `execution`.
        what: String,
        /// Since when; absent says that it works again.
        since: Option<UtcMicros>,
    },
    /// The last frame before the close.
    Bye {
        /// Why, as a stable word.
        reason: String,
        /// When to come back, in milliseconds; absent leaves it to the client's backoff.
        retry_after_ms: Option<u64>,
    },
}

/// Every field of every server frame; one pass over the text, payloads stay text.
#[derive(Deserialize)]
struct ServerFrameWire<'a> {
    t: String,
    #[serde(default, with = "crate::codec")]
    stream: Option<StreamName>,
    #[serde(default, with = "crate::codec")]
    epoch: Option<Epoch>,
    #[serde(default, with = "crate::codec")]
    seq: Option<Seq>,
    #[serde(default)]
    skipped: Option<u64>,
    #[serde(default)]
    unnumbered: Option<bool>,
    #[serde(default, with = "crate::codec")]
    routed_at: Option<UtcMicros>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
    #[serde(borrow, default)]
    msgs: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    streams: Option<Vec<PlaceWire>>,
    #[serde(default, with = "crate::codec")]
    at: Option<UtcMicros>,
    #[serde(default, with = "crate::codec")]
    t0: Option<UtcMicros>,
    #[serde(default, with = "crate::codec")]
    t1: Option<UtcMicros>,
    #[serde(default, with = "crate::codec")]
    t2: Option<UtcMicros>,
    #[serde(default)]
    what: Option<String>,
    #[serde(default, with = "crate::codec")]
    since: Option<UtcMicros>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

impl ServerFrame {
    /// Reads a frame. The text is bounded by the socket's own limit.
    ///
    /// # Errors
    /// [`WireError::UnknownFrame`] for a kind of a newer gateway, to be counted and ignored; otherwise what is wrong.
    pub fn decode(text: &str) -> Result<Self, WireError> {
        object_text(WHAT, text.as_bytes())?;
        let malformed = |err: serde_json::Error| WireError::malformed(WHAT, err);
        let wire: ServerFrameWire<'_> = serde_json::from_str(text).map_err(malformed)?;
        let frame = match wire.t.as_str() {
            "welcome" => Self::Welcome(serde_json::from_str(text).map_err(malformed)?),
            "snapshot" => Self::Snapshot {
                stream: need("stream", wire.stream)?,
                epoch: need("epoch", wire.epoch)?,
                seq: need("seq", wire.seq)?,
                skipped: wire.skipped.filter(|skipped| *skipped > 0),
                routed_at: need("routed_at", wire.routed_at)?,
                d: RawJson::from_raw(need("d", wire.d)?),
            },
            "batch" => Self::Batch {
                stream: need("stream", wire.stream)?,
                routed_at: need("routed_at", wire.routed_at)?,
                msgs: need("msgs", wire.msgs)?
                    .into_iter()
                    .map(RawJson::from_raw)
                    .collect(),
            },
            "msg" => Self::Msg {
                stream: wire.stream,
                unnumbered: wire.unnumbered.unwrap_or(false),
                routed_at: need("routed_at", wire.routed_at)?,
                d: RawJson::from_raw(need("d", wire.d)?),
            },
            "gone" => Self::Gone {
                stream: need("stream", wire.stream)?,
                pos: StreamPos {
                    epoch: need("epoch", wire.epoch)?,
                    seq: need("seq", wire.seq)?,
                },
            },
            "beat" => Self::Beat {
                streams: need("streams", wire.streams)?
                    .into_iter()
                    .map(PlaceWire::into_place)
                    .collect(),
                at: need("at", wire.at)?,
            },
            "clock" => Self::Clock {
                t0: need("t0", wire.t0)?,
                t1: need("t1", wire.t1)?,
                t2: need("t2", wire.t2)?,
            },
            "degraded" => Self::Degraded {
                what: need("what", wire.what)?,
                since: wire.since,
            },
            "bye" => Self::Bye {
                reason: need("reason", wire.reason)?,
                retry_after_ms: wire.retry_after_ms,
            },
            other => {
                return Err(WireError::UnknownFrame {
                    kind: sample(other),
                });
            }
        };
        Ok(frame)
    }
}

/// Bus bytes as text. [`crate::read_head`] has checked them, so nothing is ever replaced; if it had not, the frame
/// would still be text.
fn push_bytes(frame: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => frame.push_str(text),
        Err(_) => frame.push_str(&String::from_utf8_lossy(bytes)),
    }
}

fn start(t: &str, capacity: usize) -> String {
    let mut frame = String::with_capacity(capacity + 128);
    // Here and below: writing into a string cannot fail, and names, words and instants need no escapes.
    write!(frame, r#"{{"t":"{t}""#).ok();
    frame
}

fn push_place(frame: &mut String, stream: &StreamName, epoch: &Epoch, seq: Seq) {
    write!(
        frame,
        r#""stream":"{stream}","epoch":"{epoch}","seq":{seq}"#
    )
    .ok();
}

fn push_instant(frame: &mut String, name: &str, at: UtcMicros) {
    write!(frame, r#","{name}":"{}""#, at.to_rfc3339()).ok();
}

/// The first frame of the server.
pub fn welcome_frame(welcome: &Welcome) -> String {
    tagged("welcome", welcome)
}

/// A whole state, or a jump forward in one over `skipped` messages.
pub fn snapshot_frame(
    head: &Head,
    skipped: Option<u64>,
    routed_at: UtcMicros,
    message: &[u8],
) -> String {
    let mut frame = start("snapshot", message.len() + 128);
    frame.push(',');
    push_place(&mut frame, &head.stream, &head.epoch, head.seq);
    if let Some(skipped) = skipped.filter(|skipped| *skipped > 0) {
        write!(frame, r#","skipped":{skipped}"#).ok();
    }
    push_instant(&mut frame, "routed_at", routed_at);
    frame.push_str(r#","d":"#);
    push_bytes(&mut frame, message);
    frame.push('}');
    frame
}

/// Messages of one stream, in order.
pub fn batch_frame<B: AsRef<[u8]>>(
    stream: &StreamName,
    routed_at: UtcMicros,
    messages: &[B],
) -> String {
    let len = messages.iter().map(|bytes| bytes.as_ref().len() + 1).sum();
    let mut frame = start("batch", len);
    write!(frame, r#","stream":"{stream}""#).ok();
    push_instant(&mut frame, "routed_at", routed_at);
    frame.push_str(r#","msgs":["#);
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            frame.push(',');
        }
        push_bytes(&mut frame, message.as_ref());
    }
    frame.push_str("]}");
    frame
}

/// One numbered message.
pub fn msg_frame(stream: &StreamName, routed_at: UtcMicros, message: &[u8]) -> String {
    one_message(stream, "", routed_at, message)
}

/// One message without a number: newest wins.
pub fn unnumbered_frame(stream: &StreamName, routed_at: UtcMicros, message: &[u8]) -> String {
    one_message(stream, r#","unnumbered":true"#, routed_at, message)
}

fn one_message(stream: &StreamName, mark: &str, routed_at: UtcMicros, message: &[u8]) -> String {
    let mut frame = start("msg", message.len());
    write!(frame, r#","stream":"{stream}"{mark}"#).ok();
    push_instant(&mut frame, "routed_at", routed_at);
    frame.push_str(r#","d":"#);
    push_bytes(&mut frame, message);
    frame.push('}');
    frame
}

/// The log no longer has what comes after the client's place; what it has begins behind `pos`.
pub fn gone_frame(stream: &StreamName, pos: &StreamPos) -> String {
    let mut frame = start("gone", 0);
    frame.push(',');
    push_place(&mut frame, stream, &pos.epoch, pos.seq);
    frame.push('}');
    frame
}

/// The hub's places, after its check with the store.
pub fn beat_frame(streams: &[(StreamName, StreamPos)], at: UtcMicros) -> String {
    let mut frame = start("beat", streams.len() * 96);
    frame.push_str(r#","streams":["#);
    for (index, (stream, pos)) in streams.iter().enumerate() {
        frame.push_str(if index > 0 { ",{" } else { "{" });
        push_place(&mut frame, stream, &pos.epoch, pos.seq);
        frame.push('}');
    }
    frame.push(']');
    push_instant(&mut frame, "at", at);
    frame.push('}');
    frame
}

/// The answer to a client's clock frame.
pub fn clock_frame(t0: UtcMicros, t1: UtcMicros, t2: UtcMicros) -> String {
    let mut frame = start("clock", 0);
    for (name, at) in [("t0", t0), ("t1", t1), ("t2", t2)] {
        push_instant(&mut frame, name, at);
    }
    frame.push('}');
    frame
}

/// Something behind the gateway does not work; `None` says that it works again.
pub fn degraded_frame(what: &str, since: Option<UtcMicros>) -> String {
    #[derive(Serialize)]
    struct DegradedWire<'a> {
        what: &'a str,
        #[serde(with = "crate::codec")]
        since: Option<UtcMicros>,
    }

    tagged("degraded", &DegradedWire { what, since })
}

/// The last frame before the close.
pub fn bye_frame(reason: &str, retry_after_ms: Option<u64>) -> String {
    #[derive(Serialize)]
    struct ByeWire<'a> {
        reason: &'a str,
        retry_after_ms: Option<u64>,
    }

    tagged(
        "bye",
        &ByeWire {
            reason,
            retry_after_ms,
        },
    )
}
