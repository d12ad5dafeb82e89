//! Who we are: signing in, the first answer, and what happens when the session is over.

use std::sync::Arc;

use qd_state::{Event, SocketClosed};
use qd_wire::salvage::{self, BootstrapAnswer};

use super::job::Job;
use super::{Ingest, IngestParts};
use crate::config::{FeedSource, SignIn};
use crate::lanes::Lanes;
use crate::rest::{RestClient, RestError};
use crate::rt::random_u64;
use crate::session::SessionKey;
use crate::translate;

/// How far we are with the session; instants are monotonic microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Sign in when it is due.
    #[cfg(not(target_arch = "wasm32"))]
    SignIn {
        /// When.
        due_at: i64,
    },
    /// The answer is awaited.
    #[cfg(not(target_arch = "wasm32"))]
    SigningIn,
    /// Ask for the first answer when it is due.
    Bootstrap {
        /// When.
        due_at: i64,
    },
    /// The answer is awaited.
    Bootstrapping,
    /// Signed in, streams known: the connection's turn.
    Ready,
    /// Over, until somebody asks for another try.
    Ended,
    /// The bus is read directly: its own side keeps its connection.
    #[cfg(not(target_arch = "wasm32"))]
    Bus,
}

impl Ingest {
    /// What there is before the first turn.
    pub(super) fn beginning(
        parts: &IngestParts,
        session_key: &Arc<SessionKey>,
    ) -> (Option<RestClient>, Phase) {
        match &parts.config.source {
            FeedSource::Gateway(gateway) => {
                let rest = RestClient::new(&gateway.url, Arc::clone(session_key), parts.rt.clone());
                let phase = match &gateway.sign_in {
                    SignIn::Browser => Phase::Bootstrap { due_at: i64::MIN },
                    #[cfg(not(target_arch = "wasm32"))]
                    SignIn::Dev { .. } => Phase::SignIn { due_at: i64::MIN },
                };
                match rest {
                    Ok(rest) => (Some(rest), phase),
                    Err(err) => {
                        tracing::error!(%err, "no REST client");
                        (None, Phase::Ended)
                    }
                }
            }
            #[cfg(not(target_arch = "wasm32"))]
            FeedSource::Redis { .. } => (None, Phase::Bus),
        }
    }

    /// When something of the session is due.
    pub(super) fn session_deadline(&self) -> Option<i64> {
        match self.phase {
            #[cfg(not(target_arch = "wasm32"))]
            Phase::SignIn { due_at } => Some(due_at),
            Phase::Bootstrap { due_at } => Some(due_at),
            _ => None,
        }
    }

    /// Starts what is due.
    pub(super) fn advance_session(&mut self, now: i64) {
        match self.phase {
            #[cfg(not(target_arch = "wasm32"))]
            Phase::SignIn { due_at } if due_at <= now => self.sign_in(),
            Phase::Bootstrap { due_at } if due_at <= now => self.bootstrap(),
            #[cfg(not(target_arch = "wasm32"))]
            Phase::Bus => self.advance_bus(now),
            _ => {}
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn sign_in(&mut self) {
        let Some(gateway) = self.config.source.gateway() else {
            return;
        };
        let (SignIn::Dev { user }, Some(rest)) = (&gateway.sign_in, &self.rest) else {
            self.phase = Phase::Ended;
            return;
        };
        self.phase = Phase::SigningIn;
        let (rest, user) = (rest.clone(), user.clone());
        self.jobs.push(Box::pin(async move {
            Job::SignedIn(rest.dev_sign_in(user.as_str()).await)
        }));
    }

    /// The sign-in was answered.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn signed_in(&mut self, result: Result<(), RestError>) {
        match result {
            Ok(()) => self.phase = Phase::Bootstrap { due_at: i64::MIN },
            Err(RestError::Unauthorized) => self.ended("the gateway refused the sign-in"),
            Err(err @ RestError::Refused { status, .. }) if status < 500 && status != 429 => {
                self.ended(&format!("the gateway refused the sign-in: {err}"));
            }
            Err(err) => {
                let due_at = self.say_unreachable(&err);
                self.phase = Phase::SignIn { due_at };
            }
        }
    }

    fn bootstrap(&mut self) {
        let Some(gateway) = self.config.source.gateway_mut() else {
            return;
        };
        if let Some(early) = gateway.bootstrap.take() {
            match salvage::bootstrap_answer(&early) {
                Ok(answer) => return self.bootstrapped(Ok(Box::new(answer))),
                Err(err) => tracing::warn!(%err, "the early first answer cannot be read"),
            }
        }
        let Some(rest) = self.rest.clone() else {
            return;
        };
        self.phase = Phase::Bootstrapping;
        self.jobs.push(Box::pin(async move {
            Job::Bootstrapped(rest.bootstrap().await.map(Box::new))
        }));
    }

    /// The first answer came, or did not.
    pub(super) fn bootstrapped(&mut self, result: Result<Box<BootstrapAnswer>, RestError>) {
        match result {
            Ok(answer) => {
                self.session_key.set_csrf(&answer.session.csrf);
                self.backoff.reset();
                for event in translate::bootstrap(*answer) {
                    self.apply(event);
                }
                self.session_known();
            }
            Err(RestError::Unauthorized) => self.session_over("the session has ended"),
            Err(err) => {
                let due_at = self.say_unreachable(&err);
                self.phase = Phase::Bootstrap { due_at };
            }
        }
    }

    /// Gives when to try again.
    fn say_unreachable(&mut self, err: &RestError) -> i64 {
        let wait = self
            .backoff
            .next_millis(err.retry_after_millis(), random_u64());
        let wait = i64::try_from(wait).unwrap_or(i64::MAX).saturating_mul(1000);
        let due_at = self.rt.monotonic_micros().saturating_add(wait);
        tracing::info!(%err, "the gateway cannot be asked");
        self.apply(Event::SocketClosed(SocketClosed {
            code: None,
            reason: translate::words(&err.to_string()),
            retry_at: Some(self.wall_at(due_at)),
        }));
        due_at
    }

    /// The store knows who is signed in: the streams have their lanes now, or have other ones.
    pub(super) fn session_known(&mut self) {
        let wanted = self.store.wanted();
        let has_them = self
            .lanes
            .as_ref()
            .is_some_and(|lanes| lanes.streams().eq(sorted(&wanted).iter()));
        if !has_them {
            let had_others = self.lanes.is_some();
            let lanes = Lanes::new(&wanted, Arc::clone(&self.signal));
            self.meter.set_lanes(Some(lanes.port()));
            self.lanes = Some(lanes);
            if had_others {
                // Somebody else is signed in now: the open connection has the wrong streams.
                self.lose_connection("the session changed");
            }
        }
        self.pollers.set_signed_in(true);
        if self.rest.is_some() {
            self.phase = Phase::Ready;
        }
    }

    /// There is no session any more. A development sign-in signs in again; a browser goes back to the sign-in page.
    pub(super) fn session_over(&mut self, reason: &str) {
        self.ended(reason);
        let Some(gateway) = self.config.source.gateway() else {
            return;
        };
        match &gateway.sign_in {
            SignIn::Browser => {}
            #[cfg(not(target_arch = "wasm32"))]
            SignIn::Dev { .. } => {
                let wait = self.backoff.next_millis(None, random_u64());
                let wait = i64::try_from(wait).unwrap_or(i64::MAX).saturating_mul(1000);
                let due_at = self.rt.monotonic_micros().saturating_add(wait);
                self.phase = Phase::SignIn { due_at };
            }
        }
    }

    /// Forgets everything that the session gave.
    pub(super) fn ended(&mut self, reason: &str) {
        self.link.close();
        self.lanes = None;
        self.meter.set_lanes(None);
        self.session_key.clear();
        self.pollers.set_signed_in(false);
        self.asking.clear();
        self.phase = Phase::Ended;
        self.apply(Event::SessionEnded {
            reason: reason.to_owned(),
        });
    }

    /// The user does not want to wait.
    pub(super) fn retry_now(&mut self) {
        self.backoff.reset();
        self.link.retry_now();
        self.phase = match self.phase {
            #[cfg(not(target_arch = "wasm32"))]
            Phase::SignIn { .. } => Phase::SignIn { due_at: i64::MIN },
            Phase::Bootstrap { .. } => Phase::Bootstrap { due_at: i64::MIN },
            Phase::Ended if self.rest.is_some() => match &self.config.source {
                FeedSource::Gateway(gateway) => match &gateway.sign_in {
                    SignIn::Browser => Phase::Bootstrap { due_at: i64::MIN },
                    #[cfg(not(target_arch = "wasm32"))]
                    SignIn::Dev { .. } => Phase::SignIn { due_at: i64::MIN },
                },
                #[cfg(not(target_arch = "wasm32"))]
                FeedSource::Redis { .. } => Phase::Bus,
            },
            phase => phase,
        };
    }
}

fn sorted(streams: &[qd_types::StreamName]) -> Vec<qd_types::StreamName> {
    let mut streams = streams.to_vec();
    streams.sort();
    streams
}
