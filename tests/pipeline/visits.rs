//! A console that reads the bus itself comes and goes a hundred times: nothing of it stays, here or at the server.

use std::sync::Arc;
use std::time::Duration;

use qd_feed::Rt;
use qd_state::Snapshot;
use qd_types::StreamName;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

use crate::desk::{Desk, user};
use crate::redis_server::RedisServer;
use crate::{Console, clock, is_at, within};

/// What leaving may take.
const LEAVING: Duration = Duration::from_secs(1);

fn num_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until `probe` says yes.
async fn until(what: &str, mut probe: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !probe().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

// covers: RT-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_visits_to_the_bus_leave_nothing_on_either_side() {
    let redis = RedisServer::start().await;
    let desk = Desk::start(&redis.url(), 3, clock()).await;
    let streams = [
        StreamName::Positions(user()),
        StreamName::Orders(user()),
        StreamName::KillSwitch,
    ];
    let mut base = None;
    for visit in 0..100 {
        let is_abrupt = visit % 2 == 1;
        let own = is_abrupt.then(|| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build().unwrap()
        });
        let rt = Rt::new(
            own.as_ref()
                .map_or_else(Handle::current, |own| own.handle().clone()),
        );
        let console = Console::start_on(&redis.url(), rt.clone());
        let is_there = |snapshot: &Snapshot| {
            is_at(&snapshot.positions.seal, desk.positions.position().as_ref())
        };
        console.until("the picture", is_there).await;
        for stream in &streams {
            let num = desk.bus.num_subscribers(stream).await.unwrap();
            assert!(num > 0, "visit {visit}: {stream} has a reader");
        }
        let meter = Arc::clone(console.feed.meter());
        let left_at = Instant::now();
        match own {
            Some(own) => {
                own.shutdown_background();
                drop(console);
            }
            None => drop(console),
        }
        until("the server to see it go", async || {
            for stream in &streams {
                if desk.bus.num_subscribers(stream).await.unwrap() > 0 {
                    return false;
                }
            }
            true
        })
        .await;
        if !is_abrupt {
            until("the tasks to end", async || rt.tasks().alive() == 0).await;
            assert_eq!(meter.sockets_opened(), meter.sockets_closed());
        }
        let took = left_at.elapsed();
        assert!(took < LEAVING, "visit {visit}: leaving took {took:?}");
        if visit == 5 {
            base = Some((
                Handle::current().metrics().num_alive_tasks(),
                num_descriptors(),
                redis.num_clients().await,
            ));
        }
    }
    let (tasks, descriptors, clients) = base.unwrap();
    until("everything at its base", async || {
        Handle::current().metrics().num_alive_tasks() <= tasks
            && num_descriptors() <= descriptors
            && redis.num_clients().await <= clients
    })
    .await;
}
