//! The shell around the desk, headless: it starts without a server, says so, and rests.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop here"
)]

use std::sync::Arc;
use std::time::Duration;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use qd_console::{App, AppConfig};
use qd_feed::{Feed, FeedConfig, FeedHandle, FeedSource, GatewaySource, Rt, SignIn};
use qd_state::{ConnectionState, SnapshotCell, Store, StoreConfig};
use qd_types::UserId;

struct Shell {
    harness: Harness<'static, App>,
    feed: Arc<FeedHandle>,
    cell: Arc<SnapshotCell>,
    runtime: tokio::runtime::Runtime,
}

impl Shell {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = FeedConfig {
            source: FeedSource::Gateway(GatewaySource {
                // Nobody listens on the discard port of the loopback.
                url: "http://127.0.0.1:9".to_owned(),
                sign_in: SignIn::Dev {
                    user: UserId::new("alice").unwrap(),
                },
                bootstrap: None,
            }),
            client_kind: Arc::from("native"),
            client_version: Arc::from("test"),
        };
        let cell = Arc::<SnapshotCell>::default();
        let rt = Rt::new(runtime.handle().clone());
        let feed = Arc::new(Feed::start(
            config,
            Store::new(StoreConfig::default()),
            Arc::clone(&cell),
            rt,
        ));
        let (app_feed, app_cell) = (Arc::clone(&feed), Arc::clone(&cell));
        let harness = Harness::builder()
            .with_size(egui::vec2(1440.0, 900.0))
            .build_eframe(move |cc| {
                App::new(
                    &cc.egui_ctx,
                    AppConfig { is_test: true },
                    app_feed,
                    app_cell,
                )
            });
        Self {
            harness,
            feed,
            cell,
            runtime,
        }
    }

    /// Draws frames until a condition holds, for ten seconds at most.
    fn until(&mut self, what: &str, fits: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            self.harness.step();
            if fits(self) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not within 10 s: {what}"
            );
            self.runtime
                .block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        }
    }
}

#[test]
fn without_a_server_it_says_so_and_keeps_its_frame() {
    let mut shell = Shell::start();
    shell.until("the outage", |shell| {
        shell.cell.load().connection.state == ConnectionState::Reconnecting
    });
    shell.until("the outage drawn", |shell| {
        shell
            .harness
            .query_all_by_label_contains("Reconnecting")
            .next()
            .is_some()
    });
    assert!(
        shell
            .harness
            .query_all_by_label_contains("Dashboard")
            .next()
            .is_some()
    );
    assert!(shell.cell.load().connection.num_failed_attempts > 0);
}

#[test]
fn it_rests_when_nothing_happens() {
    let mut shell = Shell::start();
    shell.until("the outage", |shell| {
        shell.cell.load().connection.state == ConnectionState::Reconnecting
    });
    // Only frames that are asked for at once count here: the clock's one a second and motion ask with a delay.
    let frames = shell
        .harness
        .try_run()
        .expect("the console must come to rest");
    assert!(frames <= 3, "{frames} frames without a reason");
    assert!(shell.harness.state().snapshot().version > 0);
    assert!(shell.feed.meter().snapshots_published() > 0);
}
