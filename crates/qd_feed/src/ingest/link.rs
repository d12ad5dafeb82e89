//! The connection as the ingest task sees it: when to open one, what its control frames mean, how it ended.

use std::sync::Arc;

use qd_state::{ClockOffset, Event, ReconnectReason, SocketClosed};
use qd_types::{Clock as _, StreamName, StreamPos};
use qd_wire::frame::{ClientFrame, ClientInfo, Welcome, close_code};

use super::connection::Connection;
use super::{Ingest, Phase};
#[cfg(not(target_arch = "wasm32"))]
use crate::config::FeedSource;
use crate::lanes::{Arrived, Control};
use crate::rt::random_u64;
#[cfg(target_arch = "wasm32")]
use crate::socket::EarlySocket;
use crate::socket::{SocketEnd, SocketRequest};
use crate::translate;

/// A connection that is not welcomed in this time is given up.
const WELCOME_TIMEOUT_MICROS: i64 = 15_000_000;

/// The clocks are compared this often; twice at the start, so that one slow answer does not spoil the first figures.
const CLOCK_INTERVAL_MICROS: i64 = 30_000_000;
const FIRST_CLOCK_MICROS: i64 = 1_000_000;

/// A connection that lasted this long was a good one: the next failure starts from the shortest wait.
const GOOD_CONNECTION_MICROS: i64 = 10_000_000;

/// "Too many" without a time is answered with at least this, in milliseconds.
const TOO_MANY_MILLIS: u64 = 5_000;

/// The connection, or the wait for the next.
#[derive(Debug, Default)]
pub(crate) struct Link {
    connection: Option<Open>,
    /// When the next one is opened; at once when absent.
    retry_at: Option<i64>,
    /// Nothing is opened until somebody asks: the server said no.
    is_refused: bool,
    num_connections: u64,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    opened_at: i64,
    welcomed_at: Option<i64>,
    clock_due_at: i64,
    bye: Option<(String, Option<u64>)>,
    /// Its socket was opened by somebody else, a while before we had a word to say on it.
    is_early: bool,
}

impl Link {
    /// Whether frames can be sent and answers be expected.
    pub(super) fn is_up(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|open| open.welcomed_at.is_some())
    }

    /// Closes whatever is open and waits for nothing.
    pub(super) fn close(&mut self) {
        self.connection = None;
        self.retry_at = None;
        self.is_refused = false;
    }

    /// The next connection is opened at once.
    pub(super) fn retry_now(&mut self) {
        self.retry_at = None;
        self.is_refused = false;
    }
}

impl Ingest {
    /// When something of the connection is due.
    pub(super) fn link_deadline(&self) -> Option<i64> {
        let Some(open) = &self.link.connection else {
            return self
                .link
                .retry_at
                .filter(|_| !self.link.is_refused && self.phase == Phase::Ready);
        };
        let stats = self.stats.due_at();
        Some(match open.welcomed_at {
            None => open.opened_at.saturating_add(WELCOME_TIMEOUT_MICROS),
            Some(_) => open.clock_due_at.min(stats),
        })
    }

    /// Opens what is due, gives up what takes too long, sends what is due.
    pub(super) fn advance_link(&mut self, now: i64) {
        if self.phase != Phase::Ready {
            return;
        }
        let Some(open) = &mut self.link.connection else {
            if !self.link.is_refused && self.link.retry_at.is_none_or(|at| at <= now) {
                self.open_connection(now);
            }
            return;
        };
        if open.welcomed_at.is_none() {
            if now.saturating_sub(open.opened_at) >= WELCOME_TIMEOUT_MICROS {
                let end = SocketEnd::broken("the server did not answer within 15 s");
                self.connection_ended(&end);
            }
            return;
        }
        if open.clock_due_at <= now {
            let is_first = open.clock_due_at <= open.opened_at;
            open.clock_due_at = now.saturating_add(if is_first {
                FIRST_CLOCK_MICROS
            } else {
                CLOCK_INTERVAL_MICROS
            });
            let t0 = self.rt.now();
            self.send(&ClientFrame::Clock { t0 });
        }
        if self.stats.due_at() <= now {
            let report = self.stats.make(&self.cell.load(), now);
            self.send(&ClientFrame::Stats(report));
        }
    }

    fn open_connection(&mut self, now: i64) {
        let (Some(lanes), Some(rest)) = (&self.lanes, &self.rest) else {
            return;
        };
        let base_url = rest.base_url();
        let socket_url = match base_url.split_once("://") {
            Some(("https", host)) => format!("wss://{host}/ws"),
            Some((_, host)) => format!("ws://{host}/ws"),
            None => format!("ws://{base_url}/ws"),
        };
        #[cfg(target_arch = "wasm32")]
        let early_socket = self
            .config
            .source
            .gateway_mut()
            .and_then(|gateway| gateway.early_socket.take())
            .filter(EarlySocket::is_alive);
        #[cfg(target_arch = "wasm32")]
        let is_early = early_socket.is_some();
        #[cfg(not(target_arch = "wasm32"))]
        let is_early = false;
        let request = SocketRequest {
            url: socket_url,
            #[cfg(not(target_arch = "wasm32"))]
            origin: base_url.to_owned(),
            #[cfg(not(target_arch = "wasm32"))]
            cookie: self.session_key.cookie_header(),
            #[cfg(target_arch = "wasm32")]
            early_socket,
        };
        let hello = ClientFrame::Hello {
            resume: self.store.resume(),
            want: lanes.streams().cloned().collect(),
            client: ClientInfo {
                kind: self.config.client_kind.as_ref().to_owned(),
                version: self.config.client_version.as_ref().to_owned(),
            },
        };
        self.link.num_connections += 1;
        let connection = Connection::open(
            &self.rt,
            self.link.num_connections,
            request,
            hello.encode(),
            lanes.port(),
            Arc::clone(&self.meter),
        );
        self.link.retry_at = None;
        self.link.connection = Some(Open {
            connection,
            opened_at: now,
            welcomed_at: None,
            clock_due_at: now,
            bye: None,
            is_early,
        });
    }

    /// Sends a frame if there is anybody to send it to: nothing is kept for later.
    pub(super) fn send(&self, frame: &ClientFrame) {
        if let Some(open) = &self.link.connection
            && open.welcomed_at.is_some()
        {
            open.connection.send(frame.encode());
        }
    }

    /// Asks for what comes after `pos`.
    pub(super) fn send_resync(&self, stream: StreamName, pos: StreamPos) {
        #[cfg(not(target_arch = "wasm32"))]
        if matches!(self.config.source, FeedSource::Redis { .. }) {
            return self.redis_resync(stream, pos);
        }
        self.send(&ClientFrame::Resync { stream, pos });
    }

    /// The store gave the connection up.
    pub(super) fn reconnect(&mut self, reason: ReconnectReason) {
        tracing::info!(?reason, "giving the connection up");
        #[cfg(not(target_arch = "wasm32"))]
        if matches!(self.config.source, FeedSource::Redis { .. }) {
            return self.bus_anew();
        }
        self.lose_connection(match reason {
            ReconnectReason::ServerSilent => "nothing came for too long",
            ReconnectReason::ClockSetBack => "the clock of this computer was set back",
        });
    }

    /// Closes the connection and opens another at once.
    pub(super) fn lose_connection(&mut self, reason: &str) {
        if self.link.connection.take().is_some() {
            self.link.retry_at = Some(self.rt.monotonic_micros());
            self.apply(Event::SocketClosed(SocketClosed {
                code: None,
                reason: reason.to_owned(),
                retry_at: Some(self.rt.now()),
            }));
        }
    }

    /// What came by no stream.
    pub(super) fn control(&mut self, arrived: Arrived<Control>) {
        let is_current = self
            .link
            .connection
            .as_ref()
            .is_some_and(|open| open.connection.connection_id == arrived.connection_id);
        if !is_current {
            // An older connection's last words: it was given up, and that was said.
            return;
        }
        match arrived.what {
            Control::Opened => self.apply(Event::SocketOpened),
            Control::Welcomed(welcome) => self.welcomed(&welcome),
            Control::Beat(positions, at) => self.apply(Event::BeatReceived { positions, at }),
            Control::Clock { t0, t1, t2 } => {
                let measured = self.clock_sync.exchanged(t0, t1, t2, arrived.received_at);
                if let Some(offset) = measured {
                    self.apply(Event::ClockMeasured(ClockOffset {
                        offset_micros: offset.offset_micros,
                        error_micros: offset.error_micros,
                    }));
                }
            }
            Control::Degraded(what, Some(since)) => {
                let what = translate::words(&what);
                self.apply(Event::DegradedReceived { what, since });
            }
            // The next beat says the same by coming.
            Control::Degraded(what, None) => {
                let what = translate::words(&what);
                self.apply(Event::DegradedEnded { what });
            }
            Control::Bye {
                reason,
                retry_after_millis,
            } => {
                if let Some(open) = &mut self.link.connection {
                    open.bye = Some((reason, retry_after_millis));
                }
            }
            Control::Unreadable(detail) => {
                let event = Event::MessageUnreadable {
                    stream: None,
                    pos: None,
                    detail,
                };
                self.note_unreadable(&event);
                self.apply(event);
            }
            Control::Ended(end) => self.connection_ended(&end),
        }
    }

    fn welcomed(&mut self, welcome: &Welcome) {
        let now = self.rt.monotonic_micros();
        self.session_key.set_csrf(&welcome.session.csrf);
        if let Some(open) = &mut self.link.connection {
            open.welcomed_at = Some(now);
            open.clock_due_at = open.opened_at;
        }
        self.clock_sync.reset();
        self.stats.connected(now);
        let came_from_server = self.config.client_kind.as_ref() == "web";
        let welcome = translate::welcome(welcome, came_from_server);
        self.apply(Event::SessionWelcomed(welcome));
        self.session_known();
        if !self.is_visible {
            self.send(&ClientFrame::Visible { on: false });
        }
    }

    /// A connection is over: what it means is in the code.
    pub(super) fn connection_ended(&mut self, end: &SocketEnd) {
        let now = self.rt.monotonic_micros();
        let Some(open) = self.link.connection.take() else {
            return;
        };
        if open.is_early && open.welcomed_at.is_none() {
            // It may have ended for want of a hello, before ours was on its way: that is no verdict on us, and no attempt of ours
            // has failed yet.
            tracing::debug!(
                code = end.code,
                reason = end.reason,
                "the early socket ended"
            );
            self.link.retry_at = Some(now);
            return;
        }
        let lasted = open.welcomed_at.map_or(0, |at| now.saturating_sub(at));
        if lasted >= GOOD_CONNECTION_MICROS {
            self.backoff.reset();
        }
        let (bye_reason, bye_millis) = open.bye.unzip();
        let mut retry_after = bye_millis.flatten().or_else(|| retry_after(&end.reason));
        let reason = match (bye_reason, end.reason.is_empty()) {
            (Some(bye), true) => bye,
            (_, true) => "the connection ended".to_owned(),
            (_, false) => end.reason.clone(),
        };
        let reason = translate::words(&reason);
        tracing::info!(code = end.code, reason, "connection ended");
        match (end.code, end.refused_status) {
            (Some(close_code::NO_SESSION | close_code::IDLE), _) | (_, Some(401)) => {
                return self.session_over(&reason);
            }
            (Some(close_code::FORBIDDEN), _) | (_, Some(403)) => {
                self.link.is_refused = true;
                return self.apply(Event::SocketClosed(SocketClosed {
                    code: end.code,
                    reason: format!("not allowed: {reason}"),
                    retry_at: None,
                }));
            }
            (Some(close_code::TOO_MANY), _) | (_, Some(429)) => {
                retry_after = Some(retry_after.unwrap_or(TOO_MANY_MILLIS));
            }
            _ => {}
        }
        let wait_millis = self.backoff.next_millis(retry_after, random_u64());
        let wait = i64::try_from(wait_millis).unwrap_or(i64::MAX);
        let retry_at = now.saturating_add(wait.saturating_mul(1000));
        self.link.retry_at = Some(retry_at);
        self.apply(Event::SocketClosed(SocketClosed {
            code: end.code,
            reason,
            retry_at: Some(self.wall_at(retry_at)),
        }));
    }
}

/// Reads `retry_after_ms` out of a close reason, whatever is around it: `{"retry_after_ms":1500}`, `retry_after_ms=1500`.
fn retry_after(reason: &str) -> Option<u64> {
    let (_, rest) = reason.split_once("retry_after_ms")?;
    let digits: String = rest
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use qd_state::{SnapshotCell, Store, StoreConfig};

    use super::super::IngestParts;
    use super::*;
    use crate::config::{FeedConfig, GatewaySource, SignIn};
    use crate::lanes::Lanes;
    use crate::rt::Rt;

    /// With a connection under way, to an address where nobody listens.
    fn connecting(is_early: bool) -> Ingest {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let (_port, commands) = crossbeam_channel::bounded(1);
        let mut ingest = Ingest::new(IngestParts {
            config: FeedConfig {
                source: FeedSource::Gateway(GatewaySource {
                    url: "http://127.0.0.1:1".to_owned(),
                    sign_in: SignIn::Browser,
                    bootstrap: None,
                }),
                client_kind: Arc::from("native"),
                client_version: Arc::from("test"),
            },
            store: Store::new(StoreConfig::default()),
            cell: Arc::<SnapshotCell>::default(),
            rt: Rt::new(tokio::runtime::Handle::current()),
            commands,
            signal: Arc::default(),
            meter: Arc::default(),
            paint_log: Arc::default(),
        });
        ingest.lanes = Some(Lanes::new(&[StreamName::KillSwitch], Arc::default()));
        ingest.phase = Phase::Ready;
        ingest.advance_link(ingest.rt.monotonic_micros());
        ingest.link.connection.as_mut().unwrap().is_early = is_early;
        ingest
    }

    fn failed_attempts(ingest: &mut Ingest) -> u32 {
        let now = ingest.rt.now();
        ingest.store.snapshot_if_changed(now);
        ingest.store.last_snapshot().connection.num_failed_attempts
    }

    // covers: RT-6
    #[tokio::test]
    async fn an_early_socket_that_was_never_welcomed_is_followed_by_our_own_at_once() {
        let broken = SocketEnd::broken("gone");
        let no_hello = SocketEnd {
            code: Some(close_code::IDLE),
            ..broken.clone()
        };
        for end in [&broken, &no_hello] {
            let mut ingest = connecting(true);
            ingest.connection_ended(end);
            assert_eq!(ingest.phase, Phase::Ready, "{end:?}");
            assert_eq!(failed_attempts(&mut ingest), 0, "{end:?}");
            let now = ingest.rt.monotonic_micros();
            assert!(ingest.link_deadline().is_some_and(|at| at <= now));
            ingest.advance_link(now);
            let own = ingest.link.connection.as_ref().unwrap();
            assert!(!own.is_early);
        }

        // Our own word is heard.
        let mut ingest = connecting(false);
        ingest.connection_ended(&broken);
        assert_eq!(failed_attempts(&mut ingest), 1);
        let now = ingest.rt.monotonic_micros();
        assert!(ingest.link_deadline().is_some_and(|at| at > now));
        // And so is what the server says on an early socket once it has welcomed us.
        let mut ingest = connecting(true);
        let now = ingest.rt.monotonic_micros();
        ingest.link.connection.as_mut().unwrap().welcomed_at = Some(now);
        ingest.connection_ended(&no_hello);
        assert_eq!(ingest.phase, Phase::Ended);
    }

    #[test]
    fn the_time_to_come_back_is_found_in_the_close_reason() {
        assert_eq!(retry_after(r#"{"retry_after_ms":1500}"#), Some(1500));
        assert_eq!(retry_after("restarting; retry_after_ms=20"), Some(20));
        assert_eq!(retry_after("restarting"), None);
        assert_eq!(retry_after("retry_after_ms=soon"), None);
    }
}
