//! The envelope: the head fields beside every bus message's payload, read without touching the payload.
//!
//! It does not read payloads (that is `message`) and does not number anything (that is `qd_bus`).

use std::fmt::Write as _;

use qd_types::{Epoch, MessageKind, Seq, StreamClass, StreamName, StreamPos, UtcMicros};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::{text_from_json, when};
use crate::error::{WireError, bounded, object_text, sample};

/// No message is larger: a snapshot that would be goes out as `refetch`.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// No event message is larger.
pub const MAX_EVENT_BYTES: usize = 16 * 1024;

/// The version of the envelope that this program writes and reads.
const ENVELOPE_VERSION: &str = "1";

/// What a numbered message says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its channel.
    pub stream: StreamName,
    /// The run of numbers it belongs to.
    pub epoch: Epoch,
    /// Its number in the run, from 1.
    pub seq: Seq,
    /// For a delta: the number it applies on, always `seq - 1`; absent otherwise.
    pub base_seq: Option<Seq>,
    /// What it carries.
    pub kind: MessageKind,
    /// When the state or event that it carries was made.
    pub made_at: UtcMicros,
    /// When its publisher sent it.
    pub published_at: UtcMicros,
}

impl Head {
    /// Its place in the stream.
    pub fn pos(&self) -> StreamPos {
        StreamPos {
            epoch: self.epoch.clone(),
            seq: self.seq,
        }
    }
}

/// The payload of a message as JSON object text without head fields, made by the functions of [`crate::message`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// Wraps text that is known to be a JSON object.
    pub(crate) fn from_object_text(text: Vec<u8>) -> Self {
        debug_assert!(
            text.first() == Some(&b'{') && text.last() == Some(&b'}'),
            "a body is an object"
        );
        Self(text)
    }

    /// A body without fields: that of a `refetch`.
    pub fn empty() -> Self {
        Self(b"{}".to_vec())
    }

    /// Takes up a body that was kept elsewhere, in an outbox for instance.
    ///
    /// # Errors
    /// [`WireError`] when it is no JSON object, or over [`MAX_MESSAGE_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        bounded("body", bytes.len(), MAX_MESSAGE_BYTES)?;
        let text = object_text("body", bytes)?.trim_ascii();
        serde_json::from_str::<EnvelopeWire<'_>>(text)
            .map_err(|err| WireError::malformed("body", err))?;
        Ok(Self::from_object_text(text.as_bytes().to_vec()))
    }

    /// The JSON object text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it adds to a message, the braces counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it carries no field at all, as the body of a `refetch`.
    pub fn is_empty(&self) -> bool {
        self.0 == b"{}"
    }
}

/// The head fields as they come; text is read only when the message turns out to be numbered.
#[derive(Deserialize)]
pub(crate) struct EnvelopeWire<'a> {
    #[serde(borrow, default)]
    v: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default)]
    epoch: Option<&'a RawValue>,
    #[serde(borrow, default)]
    seq: Option<&'a RawValue>,
    #[serde(borrow, default)]
    base_seq: Option<&'a RawValue>,
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    made_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    published_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_server_ts")]
    server_ts: Option<&'a RawValue>,
}

impl<'a> EnvelopeWire<'a> {
    pub(crate) fn head_fields(&self) -> HeadFields<'a> {
        HeadFields {
            v: self.v,
            stream: self.stream,
            epoch: self.epoch,
            seq: self.seq,
            base_seq: self.base_seq,
            kind: self.kind,
            made_at: self.made_at,
            published_at: self.published_at,
            timestamp: self.timestamp,
            server_ts: self.server_ts,
        }
    }
}

/// The head fields of any message, raw.
pub(crate) struct HeadFields<'a> {
    pub(crate) v: Option<&'a RawValue>,
    pub(crate) stream: Option<&'a RawValue>,
    pub(crate) epoch: Option<&'a RawValue>,
    pub(crate) seq: Option<&'a RawValue>,
    pub(crate) base_seq: Option<&'a RawValue>,
    pub(crate) kind: Option<&'a RawValue>,
    pub(crate) made_at: Option<&'a RawValue>,
    pub(crate) published_at: Option<&'a RawValue>,
    /// Another producer's name for when it made the message.
    pub(crate) timestamp: Option<&'a RawValue>,
    /// Milliseconds since 1970, as other producers and readers have it.
    pub(crate) server_ts: Option<&'a RawValue>,
}

const WHAT: &str = "message head";

fn text_field<T>(
    name: &'static str,
    raw: Option<&RawValue>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, WireError> {
    let raw = raw.ok_or_else(|| WireError::malformed(WHAT, format_args!("no {name}")))?;
    let text = text_from_json(raw.get()).ok_or_else(|| {
        WireError::malformed(
            WHAT,
            format_args!("{name} is no text: {}", sample(raw.get())),
        )
    })?;
    parse(&text).map_err(|reason| WireError::malformed(WHAT, format_args!("{name}: {reason}")))
}

fn seq_field(name: &'static str, raw: &RawValue) -> Result<Seq, WireError> {
    raw.get().parse().map(Seq).map_err(|_not_an_integer| {
        WireError::malformed(
            WHAT,
            format_args!("{name} is no whole number: {}", sample(raw.get())),
        )
    })
}

impl HeadFields<'_> {
    /// Whether the message says a place in a stream; it takes both to be one.
    pub(crate) fn is_numbered(&self) -> bool {
        self.epoch.is_some() && self.seq.is_some()
    }

    /// The head, or `None` for a message without epoch or number, whatever else it says about itself.
    pub(crate) fn read(&self) -> Result<Option<Head>, WireError> {
        let (Some(epoch), Some(seq)) = (self.epoch, self.seq) else {
            return Ok(None);
        };
        if let Some(version) = self.v
            && version.get() != ENVELOPE_VERSION
        {
            return Err(WireError::Version {
                found: sample(version.get()),
            });
        }
        let stream = text_field("stream", self.stream, |text| {
            StreamName::parse(text).map_err(|err| err.to_string())
        })?;
        let epoch = text_field("epoch", Some(epoch), |text| {
            Epoch::new(text).map_err(|err| err.to_string())
        })?;
        let seq = seq_field("seq", seq)?;
        let base_seq = self
            .base_seq
            .map(|raw| seq_field("base_seq", raw))
            .transpose()?;
        let kind = text_field("kind", self.kind, |text| {
            MessageKind::parse(text).ok_or_else(|| format!("{:?} is unknown", sample(text)))
        })?;
        let instant = |text: &str| when::parse(text).map_err(|err| err.to_string());
        let head = Head {
            stream,
            epoch,
            seq,
            base_seq,
            kind,
            made_at: text_field("made_at", self.made_at, instant)?,
            published_at: text_field("published_at", self.published_at, instant)?,
        };
        check(&head)?;
        Ok(Some(head))
    }

    /// When the message was made, as well as it can be known; 1970 when it says nothing.
    pub(crate) fn made_at(&self, head: Option<&Head>) -> UtcMicros {
        if let Some(head) = head {
            return head.made_at;
        }
        let instant = |raw: Option<&RawValue>| {
            let text = text_from_json(raw?.get())?;
            when::parse(&text).ok()
        };
        let from_millis = || {
            let millis = self.server_ts?.get().parse().ok()?;
            Some(UtcMicros::from_millis(millis))
        };
        instant(self.made_at)
            .or_else(|| instant(self.timestamp))
            .or_else(from_millis)
            .unwrap_or_default()
    }
}

/// The rules between the fields of a head.
fn check(head: &Head) -> Result<(), WireError> {
    let refused = |reason: &str| Err(WireError::malformed(WHAT, reason));
    if head.seq == Seq(0) {
        return refused("seq 0: the first message has 1");
    }
    let fits = match head.stream.class() {
        StreamClass::State => head.kind != MessageKind::Event,
        StreamClass::Event => head.kind == MessageKind::Event,
    };
    if !fits {
        return refused("a kind that its stream does not carry");
    }
    match (head.kind, head.base_seq) {
        (MessageKind::Delta, Some(base)) if base.next() == head.seq => Ok(()),
        (MessageKind::Delta, _) => refused("a delta applies on base_seq, which is seq - 1"),
        (_, None) => Ok(()),
        (_, Some(_)) => refused("only a delta has a base_seq"),
    }
}

/// Reads the head of a bus message: its fields only, the payload is checked to be JSON and skipped.
///
/// `None` is a message without numbers, from another producer. `Ok` of either kind promises that the bytes are one
/// JSON object in UTF-8, so that they may be put into a frame as they are.
///
/// # Errors
/// [`WireError`] when it is too large, no JSON object, or numbered with a head that breaks the contract.
pub fn read_head(bytes: &[u8]) -> Result<Option<Head>, WireError> {
    bounded("message", bytes.len(), MAX_MESSAGE_BYTES)?;
    let text = object_text(WHAT, bytes)?;
    let wire: EnvelopeWire<'_> =
        serde_json::from_str(text).map_err(|err| WireError::malformed(WHAT, err))?;
    let head = wire.head_fields().read()?;
    if let Some(head) = &head
        && head.kind == MessageKind::Event
    {
        bounded("event", bytes.len(), MAX_EVENT_BYTES)?;
    }
    Ok(head)
}

/// The bytes of a numbered message: the head's fields first, then the body's own, all at the top level.
///
/// The caller compares the length with [`MAX_MESSAGE_BYTES`] and [`MAX_EVENT_BYTES`]: what is too large is not sent.
pub fn write_message(head: &Head, body: &Body) -> Vec<u8> {
    let mut text = String::with_capacity(256);
    // Ids, words and instants hold no character that JSON would escape; writing into a string cannot fail.
    write!(
        text,
        r#"{{"v":1,"stream":"{}","epoch":"{}","seq":{}"#,
        head.stream, head.epoch, head.seq
    )
    .ok();
    if let Some(base_seq) = head.base_seq {
        write!(text, r#","base_seq":{base_seq}"#).ok();
    }
    write!(
        text,
        r#","kind":"{}","made_at":"{}","published_at":"{}","_server_ts":{}"#,
        head.kind,
        head.made_at.to_rfc3339(),
        head.published_at.to_rfc3339(),
        head.published_at.as_millis()
    )
    .ok();
    let mut bytes = text.into_bytes();
    let fields = body.0.get(1..).unwrap_or(b"}");
    bytes.reserve_exact(fields.len() + 1);
    if fields.trim_ascii_start() != b"}" {
        bytes.push(b',');
    }
    bytes.extend_from_slice(fields);
    bytes
}
