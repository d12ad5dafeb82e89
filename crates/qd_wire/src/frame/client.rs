//! Frames of the console: few, small, and read by a gateway that trusts none of them.

use qd_types::{Epoch, Seq, StreamName, StreamPos, UtcMicros};
use serde::{Deserialize, Serialize, Serializer};

use super::{MAX_CLIENT_FRAME_BYTES, PlaceWire, WHAT, need, tagged};
use crate::codec::Ser;
use crate::error::{WireError, bounded, object_text, sample};

/// What kind of console is at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// `native` or `web`.
    pub kind: String,
    /// The console's version.
    pub version: String,
}

/// Latency of one stretch of a stream's way as the client measured it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopStats {
    /// Which stream.
    #[serde(with = "crate::codec")]
    pub stream: StreamName,
    /// Which stretch, `received_to_applied`; absent from older clients, whose figure is the whole way from publish to paint.
    #[serde(default = "whole_way")]
    pub hop: String,
    /// Median, in milliseconds.
    #[serde(serialize_with = "finite")]
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    #[serde(serialize_with = "finite")]
    pub p99_ms: f64,
    /// How far off the two may be because clocks differ, in milliseconds.
    #[serde(serialize_with = "finite")]
    pub error_ms: f64,
}

fn whole_way() -> String {
    "published_to_painted".to_owned()
}

/// What the client has seen since its last report; the gateway makes metrics of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientStats {
    /// Latency per stream and stretch of the way.
    pub hops: Vec<HopStats>,
    /// Frames dropped by the client's own queues.
    pub dropped: u64,
    /// Messages that lanes jumped over.
    pub skipped: u64,
    /// Holes seen.
    pub gaps: u64,
    /// Resyncs asked for.
    pub resyncs: u64,
    /// 99th percentile of a frame's time, in milliseconds.
    #[serde(serialize_with = "finite")]
    pub frame_ms_p99: f64,
}

/// A statistic without samples is no number and JSON has none for it: zero is sent.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )
)]
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(if value.is_finite() { *value } else { 0.0 })
}

/// A frame from the console.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame {
    /// The first frame: what to go on with and what to open.
    Hello {
        /// Streams that continue behind a place.
        resume: Vec<(StreamName, StreamPos)>,
        /// Streams wanted; the gateway opens only those of the session's user.
        want: Vec<StreamName>,
        /// What kind of console it is.
        client: ClientInfo,
    },
    /// Send again what comes after this place.
    Resync {
        /// Which stream.
        stream: StreamName,
        /// The last place applied.
        pos: StreamPos,
    },
    /// Whether the console can be seen.
    Visible {
        /// It can.
        on: bool,
    },
    /// Somebody used the console: extends the idle time.
    Active,
    /// Asks for the gateway's clock.
    Clock {
        /// The client's clock now.
        t0: UtcMicros,
    },
    /// What the client has seen.
    Stats(ClientStats),
}

impl ClientFrame {
    /// The frame's text.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct HelloWire<'a> {
            resume: Vec<PlaceWire>,
            want: Ser<'a, Vec<StreamName>>,
            client: &'a ClientInfo,
        }
        #[derive(Serialize)]
        struct VisibleWire {
            on: bool,
        }
        #[derive(Serialize)]
        struct ClockWire<'a> {
            t0: Ser<'a, UtcMicros>,
        }
        #[derive(Serialize)]
        struct NoFields {}

        match self {
            Self::Hello {
                resume,
                want,
                client,
            } => tagged(
                "hello",
                &HelloWire {
                    resume: resume
                        .iter()
                        .map(|(stream, pos)| PlaceWire::new(stream, pos))
                        .collect(),
                    want: Ser(want),
                    client,
                },
            ),
            Self::Resync { stream, pos } => tagged("resync", &PlaceWire::new(stream, pos)),
            Self::Visible { on } => tagged("visible", &VisibleWire { on: *on }),
            Self::Active => tagged("active", &NoFields {}),
            Self::Clock { t0 } => tagged("clock", &ClockWire { t0: Ser(t0) }),
            Self::Stats(stats) => tagged("stats", stats),
        }
    }

    /// Reads a frame of a client that may be anybody.
    ///
    /// # Errors
    /// [`WireError::UnknownFrame`] for a kind of a newer console, to be counted and ignored; otherwise what is wrong.
    pub fn decode(text: &str) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        struct ClientFrameWire {
            t: String,
            #[serde(default)]
            resume: Option<Vec<PlaceWire>>,
            #[serde(default, with = "crate::codec")]
            want: Option<Vec<StreamName>>,
            #[serde(default)]
            client: Option<ClientInfo>,
            #[serde(default, with = "crate::codec")]
            stream: Option<StreamName>,
            #[serde(default, with = "crate::codec")]
            epoch: Option<Epoch>,
            #[serde(default, with = "crate::codec")]
            seq: Option<Seq>,
            #[serde(default)]
            on: Option<bool>,
            #[serde(default, with = "crate::codec")]
            t0: Option<UtcMicros>,
        }

        bounded(WHAT, text.len(), MAX_CLIENT_FRAME_BYTES)?;
        object_text(WHAT, text.as_bytes())?;
        let malformed = |err: serde_json::Error| WireError::malformed(WHAT, err);
        let wire: ClientFrameWire = serde_json::from_str(text).map_err(malformed)?;
        let frame = match wire.t.as_str() {
            "hello" => Self::Hello {
                resume: wire
                    .resume
                    .unwrap_or_default()
                    .into_iter()
                    .map(PlaceWire::into_place)
                    .collect(),
                want: wire.want.unwrap_or_default(),
                client: need("client", wire.client)?,
            },
            "resync" => Self::Resync {
                stream: need("stream", wire.stream)?,
                pos: StreamPos {
                    epoch: need("epoch", wire.epoch)?,
                    seq: need("seq", wire.seq)?,
                },
            },
            "visible" => Self::Visible {
                on: need("on", wire.on)?,
            },
            "active" => Self::Active,
            "clock" => Self::Clock {
                t0: need("t0", wire.t0)?,
            },
            "stats" => Self::Stats(serde_json::from_str(text).map_err(malformed)?),
            other => {
                return Err(WireError::UnknownFrame {
                    kind: sample(other),
                });
            }
        };
        Ok(frame)
    }
}
