//! The console's own feed visits the gateway a hundred times, and leaves by every door; both sides count what is left.
//!
//! What the gateway does with bare sockets is `socket_limits`.

use std::sync::Arc;
use std::time::Duration;

use qd_feed::{Feed, FeedCommand, FeedConfig, FeedHandle, FeedSource, GatewaySource, Rt, SignIn};
use qd_state::{ConnectionState, Snapshot, SnapshotCell, Store, StoreConfig};
use qd_types::{MessageKind, UserId, UtcMicros};
use qd_wire::frame::{ClientFrame, ServerFrame};
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

use crate::app::{App, eventually};
use crate::real_execution::start;
use crate::ws::{Ws, pos, stream};

/// What leaving may take.
const LEAVING: Duration = Duration::from_secs(1);

pub(crate) struct Visitor {
    feed: FeedHandle,
    pub(crate) cell: Arc<SnapshotCell>,
}

impl Visitor {
    pub(crate) fn start(app: &App, rt: Rt) -> Self {
        let cell = Arc::<SnapshotCell>::default();
        let config = FeedConfig {
            source: FeedSource::Gateway(GatewaySource {
                url: app.origin(),
                sign_in: SignIn::Dev {
                    user: UserId::new("alice").unwrap(),
                },
                bootstrap: None,
            }),
            client_kind: Arc::from("native"),
            client_version: Arc::from("test"),
        };
        let store = Store::new(StoreConfig::default());
        let feed = Feed::start(config, store, Arc::clone(&cell), rt);
        Self { feed, cell }
    }

    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&Snapshot) -> bool) {
        eventually(what, async || fits(&self.cell.load()).then_some(())).await;
    }
}

/// Open files of this process: both sides live in it.
fn num_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn is_live(snapshot: &Snapshot) -> bool {
    snapshot.connection.state == ConnectionState::Live
        && snapshot.positions.seal.state.is_verified()
        && snapshot.orders.seal.state.is_verified()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// The window is closed.
    Closes,
    /// Signed out first.
    SignsOut,
    /// The process is gone, without a word.
    Vanishes,
}

// covers: RT-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_visits_by_every_door_leave_nothing_on_either_side() {
    let (app, stop) = start().await;
    let base = app.gateway.counts();
    assert_eq!((base.sockets, base.subscriptions), (0, 0));
    let mut base_of_process = None;
    for visit in 0..100 {
        let door = [Door::Closes, Door::SignsOut, Door::Vanishes][visit % 3];
        // Whoever vanishes has a runtime of its own, that vanishes with it.
        let own = (door == Door::Vanishes).then(|| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build().unwrap()
        });
        let rt = Rt::new(
            own.as_ref()
                .map_or_else(Handle::current, |own| own.handle().clone()),
        );
        let visitor = Visitor::start(&app, rt.clone());
        visitor.until("a live desk", is_live).await;
        assert!(app.gateway.counts().subscriptions >= 4, "visit {visit}");
        if door == Door::SignsOut {
            visitor.feed.send(FeedCommand::SignOut).unwrap();
            let is_out = |snapshot: &Snapshot| {
                snapshot.session.is_none() && snapshot.positions.rows.is_empty()
            };
            visitor.until("the sign-out", is_out).await;
        }
        let meter = Arc::clone(visitor.feed.meter());
        let left_at = Instant::now();
        match own {
            Some(own) => {
                // The runtime goes first, as in a process that is killed: nobody is left to say goodbye.
                own.shutdown_background();
                drop(visitor);
            }
            None => drop(visitor),
        }
        eventually("the gateway to give everything back", async || {
            let counts = app.gateway.counts();
            (counts.sockets == 0 && counts.subscriptions == 0).then_some(())
        })
        .await;
        if door != Door::Vanishes {
            eventually("the feed's tasks to end", async || {
                (rt.tasks().alive() == 0).then_some(())
            })
            .await;
            assert_eq!(
                meter.sockets_opened(),
                meter.sockets_closed(),
                "visit {visit}"
            );
        }
        let took = left_at.elapsed();
        assert!(took < LEAVING, "visit {visit} by {door:?}: {took:?}");
        // The first visits of every kind fill pools that stay.
        if visit == 8 {
            let tasks = settled_tasks(&app, base.tasks).await;
            base_of_process = Some((tasks, num_descriptors()));
        }
    }
    let (tasks, descriptors) = base_of_process.unwrap();
    eventually(
        "tasks and descriptors of the whole process at their base",
        async || {
            let now = (
                Handle::current().metrics().num_alive_tasks(),
                num_descriptors(),
            );
            (now.0 <= tasks && now.1 <= descriptors).then_some(())
        },
    )
    .await;
    let counts = app.gateway.counts();
    assert!(counts.lanes.balances(), "{counts:?}");
    assert_eq!(counts.lanes.queued, 0);
    let metrics = app.metrics().await;
    assert!(metrics.contains("qd_gateway_sockets 0"), "{metrics}");
    assert!(metrics.contains("qd_gateway_subscriptions 0"), "{metrics}");
    stop.cancel();
}

/// The tasks that stay when nobody visits.
async fn settled_tasks(app: &App, base: usize) -> usize {
    eventually("the connections to end", async || {
        (app.gateway.counts().tasks <= base).then_some(())
    })
    .await;
    Handle::current().metrics().num_alive_tasks()
}

/// Publishes twenty changes, each after the gateway had its chance to pass on the one before; gives the frames it took.
async fn frames_of_twenty_changes(app: &App, ws: &mut Ws, first_seq: u64) -> usize {
    let positions = stream("positions:alice");
    let last_seq = first_seq + 19;
    let mut num_frames = 0;
    let mut newest = first_seq - 1;
    let mut count = |frame: &ServerFrame, newest: &mut u64| {
        let messages = match frame {
            ServerFrame::Msg { d, .. } => std::slice::from_ref(d),
            ServerFrame::Batch { msgs, .. } => msgs,
            _ => return,
        };
        num_frames += 1;
        for message in messages {
            let head = qd_wire::read_head(message.as_bytes()).unwrap().unwrap();
            assert_eq!(head.seq.0, *newest + 1, "in order, and none is left out");
            *newest = head.seq.0;
        }
    };
    for seq in first_seq..=last_seq {
        app.publish(
            &positions,
            "e",
            seq,
            MessageKind::Delta,
            r#"{"positions":[]}"#,
        )
        .await;
        let t0 = UtcMicros(i64::try_from(seq).unwrap());
        ws.send(&ClientFrame::Clock { t0 }).await;
        loop {
            let frame = ws.frame().await;
            count(&frame, &mut newest);
            if matches!(frame, ServerFrame::Clock { t0: answered, .. } if answered == t0) {
                break;
            }
        }
    }
    while newest < last_seq {
        let frame = ws.frame().await;
        count(&frame, &mut newest);
    }
    num_frames
}

// covers: RT-3
#[tokio::test]
async fn a_hidden_console_gets_one_frame_a_second_and_all_of_it() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let positions = stream("positions:alice");
    app.publish(
        &positions,
        "e",
        1,
        MessageKind::Snapshot,
        r#"{"positions":[]}"#,
    )
    .await;
    let (mut ws, _) = Ws::open(&app, &alice, &[&positions]).await;
    ws.beat(&positions, &pos("e", 1)).await;
    let seen = frames_of_twenty_changes(&app, &mut ws, 2).await;
    ws.send(&ClientFrame::Visible { on: false }).await;
    let started = Instant::now();
    let hidden = frames_of_twenty_changes(&app, &mut ws, 22).await;
    let allowed = 2 + usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(
        hidden <= allowed && hidden < seen,
        "{hidden} frames while hidden, {seen} while seen"
    );
    // Looked at again, what waits comes at once and the rate is the old one.
    ws.send(&ClientFrame::Visible { on: true }).await;
    let again = frames_of_twenty_changes(&app, &mut ws, 42).await;
    assert!(again > hidden, "{again} frames, {hidden} while hidden");
}
