//! The header's connection and the footer's counters.
//!
//! Only pictures; the counting itself is `store::connection` and `latency`.

use std::sync::Arc;

use qd_types::UtcMicros;

use crate::event::ClockOffset;

/// How the console stands with its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    /// The first attempt, or an attempt now running.
    #[default]
    Connecting,
    /// Connected, and every table is verified or knowingly unverified.
    Live,
    /// Connected, and at least one table is being fetched.
    Resyncing,
    /// Not connected: nothing can be sent, nothing is queued.
    Reconnecting,
    /// The server ended the session; only a sign-in helps.
    Ended,
}

impl ConnectionState {
    /// The word on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "Connecting",
            Self::Live => "Live",
            Self::Resyncing => "Resyncing",
            Self::Reconnecting => "Reconnecting",
            Self::Ended => "Signed out",
        }
    }
}

/// The header's connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionView {
    /// How it stands.
    pub state: ConnectionState,
    /// Since when.
    pub since: Option<UtcMicros>,
    /// "Live · 4 ms", "Reconnecting".
    pub text: Arc<str>,
    /// Attempts that failed in a row; zero while connected.
    pub num_failed_attempts: u32,
    /// When the next attempt starts.
    pub retry_at: Option<UtcMicros>,
    /// The last close code.
    pub last_close_code: Option<u16>,
    /// Why the last socket ended, or why the session did.
    pub last_error: Option<Arc<str>>,
    /// The newest stamp of the server, on the client's clock: how old everything is at worst.
    pub newest_stamp_at: Option<UtcMicros>,
    /// What of the server does not work, as it says itself.
    pub degraded: Option<Arc<str>>,
    /// Which node answered.
    pub node: Option<Arc<str>>,
    /// The server's version.
    pub server_version: Option<Arc<str>>,
    /// Whether the server gives browsers another program than this one by now.
    pub update: ProgramUpdate,
    /// The clocks against each other; absent before the first measurement.
    pub clock: Option<ClockOffset>,
}

/// Whether this program is the one that its server gives out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgramUpdate {
    /// As far as is known.
    #[default]
    None,
    /// There is another; loading it is the user's decision.
    Offered,
    /// There is another, and it is to be loaded at once.
    Wanted,
}

/// One stretch of a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hop {
    /// Facts made → published.
    MadeToPublished,
    /// Published → sent on by the gateway.
    PublishedToRouted,
    /// Sent on → out of the socket; across two clocks.
    RoutedToReceived,
    /// Out of the socket → applied.
    ReceivedToApplied,
    /// Applied → painted.
    AppliedToPainted,
    /// Published → painted; across two clocks.
    PublishedToPainted,
}

impl Hop {
    /// In the order of the way, the sum last.
    pub const ALL: [Self; 6] = [
        Self::MadeToPublished,
        Self::PublishedToRouted,
        Self::RoutedToReceived,
        Self::ReceivedToApplied,
        Self::AppliedToPainted,
        Self::PublishedToPainted,
    ];

    /// The words on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MadeToPublished => "made\u{2192}published",
            Self::PublishedToRouted => "published\u{2192}routed",
            Self::RoutedToReceived => "routed\u{2192}received",
            Self::ReceivedToApplied => "received\u{2192}applied",
            Self::AppliedToPainted => "applied\u{2192}painted",
            Self::PublishedToPainted => "publish\u{2192}paint",
        }
    }

    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::MadeToPublished => "made_to_published",
            Self::PublishedToRouted => "published_to_routed",
            Self::RoutedToReceived => "routed_to_received",
            Self::ReceivedToApplied => "received_to_applied",
            Self::AppliedToPainted => "applied_to_painted",
            Self::PublishedToPainted => "published_to_painted",
        }
    }

    /// Whether the two ends are on different clocks: then the figure has an error bound.
    pub fn crosses_clocks(self) -> bool {
        matches!(self, Self::RoutedToReceived | Self::PublishedToPainted)
    }
}

/// How long a hop took, over the last messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopLatency {
    /// Which.
    pub hop: Hop,
    /// Half were faster, in microseconds.
    pub p50_micros: i64,
    /// 99 of 100 were faster, in microseconds.
    pub p99_micros: i64,
    /// How wrong the figures may be, either way, in microseconds; zero on one clock, absent while unmeasured.
    pub error_micros: Option<i64>,
    /// Over how many messages.
    pub num_samples: usize,
}

/// The footer's counters, since sign-in unless "per second".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedView {
    /// Messages that came, a second.
    pub pushed_per_second: u64,
    /// Applied messages that a newer one overtook before the screen showed them, a second.
    pub conflated_per_second: u64,
    /// Messages that came.
    pub num_received: u64,
    /// Messages applied.
    pub num_applied: u64,
    /// States that lanes left out, said by them.
    pub num_skipped: u64,
    /// Messages dropped: from the feed's own queue, or out of order behind a hole.
    pub num_dropped: u64,
    /// Times a table fell out of `Verified`.
    pub num_gaps: u64,
    /// `resync` frames and REST fetches asked for because of holes.
    pub num_resyncs: u64,
    /// Messages that came twice.
    pub num_duplicates: u64,
    /// Messages that could not be read.
    pub num_unreadable: u64,
    /// What was wrong with the last of them.
    pub last_unreadable: Option<Arc<str>>,
    /// Per hop, in the order of [`Hop::ALL`]; hops without a sample are left out.
    pub hops: Arc<[HopLatency]>,
    /// "publish→paint p50 3.1 ms p99 9.8 ms ±0.4 ms"; empty before the first sample.
    pub latency_text: Arc<str>,
    /// 99 of 100 frames took less, in microseconds; absent before the first.
    pub frame_p99_micros: Option<i64>,
}
