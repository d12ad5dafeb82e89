//! Every channel of the desk over a real redis-server: from the execution side's publishers to a console that reads the
//! bus itself.

use qd_bus::{Bus, RedisConfig};
use qd_tests::channels::{
    calm, is_quiet, positions_moved, shows_the_calm, shows_the_stir, start_desk, stir,
};

use crate::redis_server::RedisServer;
use crate::{Console, clock};

// covers: RT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_every_channel_reaches_the_console_by_the_bus() {
    let redis = RedisServer::start().await;
    let bus = Bus::redis(RedisConfig::new(redis.url()), clock())
        .await
        .unwrap();
    let desk = start_desk(bus, clock());
    let console = Console::start(&redis.url());
    let before = console.until("a quiet desk", is_quiet).await;
    stir(&desk).await;
    let after = console
        .until("all of it", |snapshot| {
            shows_the_stir(snapshot) && positions_moved(&before, snapshot)
        })
        .await;
    assert_eq!(after.feed.num_gaps, before.feed.num_gaps);
    let said: Vec<&str> = after.notices.iter().map(|one| &*one.text).collect();
    assert!(said.contains(&"Trading is halted: a drill"), "{said:?}");
    calm(&desk).await;
    console.until("the end of it", shows_the_calm).await;

    // Loaded anew, from the log alone: every alert as it stands, and none is said again.
    let other = Console::start(&redis.url());
    let same = other.until("the same", shows_the_calm).await;
    let is_an_alert = |text: &str| text.contains("halted") || text.contains("Breaker");
    let again = same.notices.iter().filter(|one| is_an_alert(&one.text));
    assert_eq!(again.count(), 0, "{:?}", same.notices);
    console.assert_queues_add_up();
}
