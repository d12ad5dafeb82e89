//! Every channel of the desk through the gateway's socket: from the publisher to the picture of the console's own feed.

use std::sync::Arc;

use qd_bus::Bus;
use qd_feed::Rt;
use qd_tests::channels::{
    calm, is_quiet, positions_moved, shows_the_calm, shows_the_stir, start_desk, stir,
};
use tokio::runtime::Handle;

use crate::app::TestClock;
use crate::real_execution::serve;
use crate::visits::Visitor;

// covers: RT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_every_channel_reaches_the_console_by_the_socket() {
    let clock = Arc::new(TestClock::default());
    let bus = Bus::embedded(Arc::<TestClock>::clone(&clock));
    let desk = start_desk(bus.clone(), Arc::<TestClock>::clone(&clock));
    let (app, stop) = serve(desk.clone(), bus, clock).await;
    let visitor = Visitor::start(&app, Rt::new(Handle::current()));
    visitor.until("a quiet desk", is_quiet).await;
    let before = visitor.cell.load();
    stir(&desk).await;
    visitor
        .until("all of it", |snapshot| {
            shows_the_stir(snapshot) && positions_moved(&before, snapshot)
        })
        .await;
    // By push and by nothing else: no stream was lost, none was asked for again.
    let after = visitor.cell.load();
    assert_eq!(after.feed.num_gaps, before.feed.num_gaps);
    let said: Vec<&str> = after.notices.iter().map(|one| &*one.text).collect();
    for title in ["Trading is halted: a drill", "Breaker drawdown has tripped"] {
        let times = said.iter().filter(|text| text.starts_with(title)).count();
        assert_eq!(times, 1, "{title} in {said:?}");
    }
    calm(&desk).await;
    visitor.until("the end of it", shows_the_calm).await;

    // Loaded anew: what stands is on screen, and nothing of it is said again.
    let other = Visitor::start(&app, Rt::new(Handle::current()));
    other.until("the same", shows_the_calm).await;
    assert_eq!(other.cell.load().notices.len(), 0);
    stop.cancel();
}
