//! The life of one socket: who it is, hello, welcome, the lanes; then `socket_session`; then the farewell.
//!
//! It frames nothing itself (`qd_wire`) and decides nothing about sessions (`qd_auth`).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use qd_types::{StreamName, StreamPos};
use qd_wire::frame::{ClientFrame, SocketLimits, Welcome, bye_frame, close_code, welcome_frame};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::lane::Lane;
use crate::registry::{Registered, TooMany};
use crate::retry::spread_retry_millis;
use crate::sessions::{LiveSession, Lookup};
use crate::shared_lane::SharedLane;
use crate::socket::Admission;
use crate::socket_session::{End, Retry, Slot, SocketSession, close, close_for_now, end_of};
use crate::state::AppState;
use crate::transport::Transport;

/// A close has so long to reach the peer, and the peer so long to answer it.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Runs a socket to its end.
pub(crate) async fn run(
    socket: WebSocket,
    state: AppState,
    admission: Admission,
    transport: Option<Arc<Transport>>,
) {
    let (mut sink, mut stream) = socket.split();
    let end = match admission {
        Admission::NoSession => close(close_code::NO_SESSION, "no_session"),
        Admission::Unknown => close_for_now(close_code::RESTARTING, "unavailable"),
        Admission::Session(session) => {
            let registered = state
                .sockets
                .register(&session.session_id.store_key(), &state.config.limits);
            match registered {
                Err(TooMany::Node | TooMany::Session) => {
                    close_for_now(close_code::TOO_MANY, "too_many")
                }
                Ok(registered) => {
                    let name = session.session_id.public_name();
                    let user_id = session.record.identity.user_id.clone();
                    let socket_id = registered.socket_id();
                    tracing::info!(socket_id, %user_id, session = name, "a socket opened");
                    let (end, returned) =
                        live(sink, &mut stream, &state, *session, &registered, transport).await;
                    sink = returned;
                    tracing::info!(socket_id, %user_id, session = name, ?end, "a socket ends");
                    end
                }
            }
        }
    };
    if let End::Close {
        code,
        reason,
        retry,
    } = end
    {
        state.metrics.socket_closed(code);
        let retry_after_ms = (retry == Retry::Spread).then(spread_retry_millis);
        let farewell = async {
            let bye = Message::Text(bye_frame(reason, retry_after_ms).into());
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            sink.feed(bye).await?;
            sink.send(Message::Close(Some(frame))).await
        };
        if matches!(timeout(CLOSE_WITHIN, farewell).await, Ok(Ok(()))) {
            // Hearing the peer's own close keeps ours from being overtaken by a reset.
            let answered = async { while let Some(Ok(_)) = stream.next().await {} };
            timeout(CLOSE_WITHIN, answered).await.ok();
        }
    }
}

/// From hello to the end; gives the sink back for the farewell.
async fn live(
    mut sink: SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
    state: &AppState,
    session: LiveSession,
    registered: &Registered,
    transport: Option<Arc<Transport>>,
) -> (End, SplitSink<WebSocket, Message>) {
    let hello = tokio::select! {
        biased;
        () = registered.revoked.cancelled() => Err(close(close_code::NO_SESSION, "session_ended")),
        () = state.draining.cancelled() => Err(close_for_now(close_code::RESTARTING, "restarting")),
        hello = timeout(state.config.timing.hello_within, read_hello(stream)) => {
            hello.unwrap_or(Err(close(close_code::IDLE, "no_hello")))
        }
    };
    let (want, resume) = match hello {
        Ok(hello) => hello,
        Err(end) => return (end, sink),
    };
    let identity = &session.record.identity;
    let is_foreign = want
        .iter()
        .chain(resume.iter().map(|(stream, _)| stream))
        .any(|stream| !identity.may_hear(stream));
    if is_foreign {
        tracing::warn!(user_id = %identity.user_id, "a socket asked for somebody else's stream");
        return (close(close_code::FORBIDDEN, "forbidden"), sink);
    }
    // Asked again once the socket is registered: a session that ended between the upgrade and here told nobody.
    let session = match state.sessions.look_up(&session.session_id).await {
        Ok(Lookup::Live(session)) => *session,
        Ok(Lookup::Ended(verdict)) => return (end_of(verdict), sink),
        Ok(Lookup::Absent) => return (close(close_code::NO_SESSION, "session_ended"), sink),
        // Nothing is known; the first tick asks again.
        Err(_) => session,
    };
    let identity = &session.record.identity;
    let welcome = welcome_frame(&Welcome {
        session: state.sessions.info(&session),
        environment: state.config.environment,
        server: state.server_info(),
        limits: SocketLimits {
            beat_every_ms: millis(state.config.timing.beat_every),
            ping_every_ms: millis(state.config.timing.ping_every),
            ..SocketLimits::default()
        },
    });
    if sink.feed(Message::Text(welcome.into())).await.is_err() {
        return (End::Left, sink);
    }

    let wake = Arc::new(Notify::new());
    let streams = if want.is_empty() {
        identity.streams()
    } else {
        want
    };
    let (slots, num_urgent) = open_lanes(state, streams, &resume, &wake);
    registered.set_lanes(slots.iter().map(|slot| Arc::clone(&slot.lane)).collect());
    let mut task = SocketSession::new(
        Arc::clone(state),
        session,
        transport,
        sink,
        slots,
        num_urgent,
    );
    // The welcome is fed and not yet flushed.
    task.begin_flush();
    let end = task.run(stream, registered, &wake).await;
    (end, task.into_sink())
}

type Hello = (Vec<StreamName>, Vec<(StreamName, StreamPos)>);

async fn read_hello(stream: &mut SplitStream<WebSocket>) -> Result<Hello, End> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                return match ClientFrame::decode(text.as_str()) {
                    Ok(ClientFrame::Hello { resume, want, .. }) => Ok((want, resume)),
                    // A stream's name that is none of ours is no different from a foreign one.
                    Ok(_) | Err(_) => Err(close(close_code::FORBIDDEN, "bad_hello")),
                };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(close(close_code::FORBIDDEN, "bad_hello")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Left),
        }
    }
}

/// Subscribes first and opens then, so that nothing can fall between the log and what is routed.
fn open_lanes(
    state: &AppState,
    mut streams: Vec<StreamName>,
    resume: &[(StreamName, StreamPos)],
    wake: &Arc<Notify>,
) -> (Vec<Slot>, usize) {
    let urgency = |stream: &StreamName| match stream {
        StreamName::KillSwitch | StreamName::CircuitBreakers => 0,
        StreamName::Orders(_) => 1,
        StreamName::Positions(_) | StreamName::Alerts(_) => 2,
    };
    streams.sort_by_key(|stream| (urgency(stream), stream.clone()));
    streams.dedup();
    let num_urgent = streams.iter().filter(|stream| urgency(stream) == 0).count();
    let mut orders = None;
    let mut slots: Vec<Slot> = Vec::with_capacity(streams.len());
    for stream in streams {
        // Orders come before positions, so that positions can lift events into them.
        let lifted_to = if matches!(stream, StreamName::Positions(_)) {
            orders.clone()
        } else {
            None
        };
        let lane = SharedLane::new(Lane::new(stream.clone()), Arc::clone(wake), lifted_to);
        if matches!(stream, StreamName::Orders(_)) {
            orders = Some(Arc::clone(&lane));
        }
        let sink: Arc<SharedLane> = Arc::clone(&lane);
        let subscription = state.hub.subscribe(stream.clone(), sink);
        let from = resume
            .iter()
            .find(|(name, _)| *name == stream)
            .map(|(_, pos)| pos.clone());
        lane.with(|lane| lane.open(from));
        slots.push(Slot {
            stream,
            lane,
            _subscription: subscription,
        });
    }
    (slots, num_urgent)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
