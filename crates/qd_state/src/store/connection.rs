//! The socket as the user sees it, the watch over its silence, and the server's clock.
//!
//! It opens and retries nothing: the feed does, and tells.

use std::collections::BTreeSet;
use std::sync::Arc;

use qd_types::{UtcMicros, fmt};

use crate::event::{ClockOffset, SocketClosed, Welcome};
use crate::snapshot::{ConnectionState, ConnectionView, ProgramUpdate};
use crate::stream_client::SILENCE_MILLIS;

/// What the socket is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Opening,
    Up,
    Down,
    Ended,
}

/// The connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    link: Link,
    since: Option<UtcMicros>,
    num_failed_attempts: u32,
    retry_at: Option<UtcMicros>,
    last_close_code: Option<u16>,
    last_error: Option<Arc<str>>,
    /// Client's clock.
    newest_stamp_at: Option<UtcMicros>,
    /// What of the server does not work.
    degraded: BTreeSet<String>,
    node: Option<Arc<str>>,
    server_version: Option<Arc<str>>,
    /// The build that was served when this program first got through: its own, unless another node was updated before.
    own_build: Option<String>,
    update: ProgramUpdate,
    clock: Option<ClockOffset>,
    /// From the welcome, until the clock is measured.
    rough_offset_micros: Option<i64>,
    shown: (ConnectionState, Option<i64>),
    is_dirty: bool,
    view: Arc<ConnectionView>,
}

impl Connection {
    /// A socket is open.
    pub(crate) fn opened(&mut self, now: UtcMicros) {
        self.turn(Link::Opening, now);
        self.retry_at = None;
    }

    /// The server answered.
    pub(crate) fn welcomed(&mut self, welcome: &Welcome, now: UtcMicros) {
        self.turn(Link::Up, now);
        self.num_failed_attempts = 0;
        self.retry_at = None;
        self.last_error = None;
        self.degraded.clear();
        self.newest_stamp_at = Some(now);
        self.node = Some(Arc::from(welcome.node.as_str()));
        self.server_version = Some(Arc::from(welcome.server_version.as_str()));
        if let Some(served) = &welcome.served {
            let own = self.own_build.get_or_insert_with(|| served.build.clone());
            self.update = match (*own == served.build, served.auto_reload) {
                (true, _) => ProgramUpdate::None,
                (false, false) => ProgramUpdate::Offered,
                (false, true) => ProgramUpdate::Wanted,
            };
        }
        self.rough_offset_micros = Some(welcome.server_time.micros_since(now));
    }

    /// The socket closed, or did not open.
    pub(crate) fn closed(&mut self, closed: &SocketClosed, now: UtcMicros) {
        if self.link != Link::Up {
            self.num_failed_attempts += 1;
        }
        let link = if closed.retry_at.is_some() {
            Link::Down
        } else {
            Link::Ended
        };
        self.turn(link, now);
        self.retry_at = closed.retry_at;
        self.last_close_code = closed.code;
        self.last_error = Some(Arc::from(closed.reason.as_str()));
    }

    /// Signed out.
    pub(crate) fn ended(&mut self, reason: &str, now: UtcMicros) {
        self.turn(Link::Ended, now);
        self.retry_at = None;
        self.last_error = Some(Arc::from(reason));
    }

    /// A frame with a stamp of the server came; gives the stamp on the client's clock.
    pub(crate) fn stamped(&mut self, stamp: Option<UtcMicros>, now: UtcMicros) -> UtcMicros {
        let at = stamp.map_or(now, |stamp| {
            // A stamp from the future is a wrong clock, not a fresh message.
            stamp.plus_micros(-self.offset_micros()).min(now)
        });
        if self.newest_stamp_at.is_none_or(|newest| newest < at) {
            self.newest_stamp_at = Some(at);
            self.is_dirty = true;
        }
        at
    }

    /// The server said what does not work.
    pub(crate) fn degraded(&mut self, what: String) {
        self.is_dirty |= self.degraded.insert(what);
    }

    /// The server said what works again.
    pub(crate) fn works_again(&mut self, what: &str) {
        self.is_dirty |= self.degraded.remove(what);
    }

    /// The exchange of stamps gave the server's clock.
    pub(crate) fn measured(&mut self, clock: ClockOffset) {
        self.clock = Some(clock);
        self.is_dirty = true;
    }

    /// Whether the silence has lasted too long: then the link counts as down, once.
    pub(crate) fn is_silent(&mut self, now: UtcMicros) -> bool {
        let is_silent = self.silent_at().is_some_and(|at| at <= now);
        if is_silent {
            self.turn(Link::Down, now);
            self.retry_at = Some(now);
            self.last_error = Some(Arc::from("no word from the server for 12 s"));
        }
        is_silent
    }

    /// The client's clock was set back: no stamp may lie ahead, and no offset of before counts. Says whether the link was
    /// up; it counts as down then.
    pub(crate) fn clock_set_back(&mut self, now: UtcMicros) -> bool {
        let was_up = self.is_up();
        self.newest_stamp_at = self.newest_stamp_at.map(|at| at.min(now));
        self.clock = None;
        self.rough_offset_micros = None;
        if was_up {
            self.turn(Link::Down, now);
            self.retry_at = Some(now);
            self.last_error = Some(Arc::from("the clock of this computer was set back"));
        }
        self.since = self.since.map(|since| since.min(now));
        self.is_dirty = true;
        was_up
    }

    /// When the silence will have lasted too long.
    pub(crate) fn silent_at(&self) -> Option<UtcMicros> {
        self.newest_stamp_at
            .filter(|_| self.link == Link::Up)
            .map(|at| at.plus_millis(SILENCE_MILLIS))
    }

    /// Whether frames can be sent and answers be expected.
    pub(crate) fn is_up(&self) -> bool {
        self.link == Link::Up
    }

    /// Server's clock minus client's clock, as well as it is known.
    pub(crate) fn offset_micros(&self) -> i64 {
        self.clock
            .map(|clock| clock.offset_micros)
            .or(self.rough_offset_micros)
            .unwrap_or(0)
    }

    /// The measured clock.
    pub(crate) fn clock(&self) -> Option<ClockOffset> {
        self.clock
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(
        &mut self,
        is_resyncing: bool,
        latency_micros: Option<i64>,
    ) -> Arc<ConnectionView> {
        let state = match self.link {
            Link::Opening => ConnectionState::Connecting,
            Link::Up if is_resyncing => ConnectionState::Resyncing,
            Link::Up => ConnectionState::Live,
            Link::Down => ConnectionState::Reconnecting,
            Link::Ended => ConnectionState::Ended,
        };
        let latency_micros = latency_micros.filter(|_| self.link == Link::Up);
        if !self.is_dirty && self.shown == (state, latency_micros) && !self.view.text.is_empty() {
            return Arc::clone(&self.view);
        }
        self.is_dirty = false;
        self.shown = (state, latency_micros);
        let text = match latency_micros {
            Some(micros) => {
                let latency = fmt::latency_micros(micros);
                Arc::from(format!("{} \u{b7} {latency}", state.as_str()))
            }
            None => Arc::from(state.as_str()),
        };
        let new = ConnectionView {
            state,
            since: self.since,
            text,
            num_failed_attempts: self.num_failed_attempts,
            retry_at: self.retry_at,
            last_close_code: self.last_close_code,
            last_error: self.last_error.clone(),
            newest_stamp_at: self.newest_stamp_at,
            degraded: if self.degraded.is_empty() {
                None
            } else {
                let parts: Vec<&str> = self.degraded.iter().map(String::as_str).collect();
                Some(Arc::from(parts.join(", ")))
            },
            node: self.node.clone(),
            server_version: self.server_version.clone(),
            update: self.update,
            clock: self.clock,
        };
        if new != *self.view {
            self.view = Arc::new(new);
        }
        Arc::clone(&self.view)
    }

    fn turn(&mut self, link: Link, now: UtcMicros) {
        if self.link != link || self.since.is_none() {
            self.link = link;
            self.since = Some(now);
        }
        self.is_dirty = true;
    }
}
