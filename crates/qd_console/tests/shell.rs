//! The shell around the desk, headless: it starts without a server, says so, and rests.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop here"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_console::{App, AppConfig};
use qd_feed::{Feed, FeedConfig, FeedHandle, FeedSource, GatewaySource, Rt, SignIn};
use qd_pages::{Preferences, UiScale, ZonePreference};
use qd_state::{ConnectionState, SnapshotCell, Store, StoreConfig};
use qd_types::{UserId, ZoneChoice};
use qd_ui::tokens::{DesignTokens, Theme};

struct Shell {
    harness: Harness<'static, App>,
    feed: Arc<FeedHandle>,
    cell: Arc<SnapshotCell>,
    runtime: tokio::runtime::Runtime,
}

/// What eframe keeps on the machine, in memory.
#[derive(Clone, Default)]
struct Storage(BTreeMap<String, String>);

impl eframe::Storage for Storage {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

impl Shell {
    fn start() -> Self {
        Self::start_as(AppConfig { is_test: true }, Storage::default())
    }

    fn start_as(app_config: AppConfig, kept: Storage) -> Self {
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
                let mut app = App::new(&cc.egui_ctx, app_config, app_feed, app_cell);
                app.restore(Some(&kept));
                app
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

/// What the light theme clears to stands in `tests/console/comfort.rs`.
#[test]
fn the_picture_is_cleared_to_the_color_that_the_page_does_not_fill() {
    let mut shell = Shell::start();
    shell.harness.step();
    let visuals = shell.harness.ctx.global_style().visuals.clone();
    assert_eq!(
        eframe::App::clear_color(shell.harness.state(), &visuals),
        DesignTokens::dark().surface_base.to_normalized_gamma_f32(),
    );
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

#[test]
fn what_was_kept_is_in_force_from_the_first_frame() {
    let kept = Preferences {
        theme: Theme::Light,
        scale: UiScale::of_percent(125).unwrap(),
        zone: ZonePreference::Utc,
        ..Preferences::default()
    };
    let storage = Storage([("quarterdeck_preferences".to_owned(), kept.encode())].into());
    let mut shell = Shell::start_as(AppConfig::default(), storage);
    shell.harness.step();
    let ctx = &shell.harness.ctx;
    assert_eq!(ctx.theme(), egui::Theme::Light);
    assert!((ctx.zoom_factor() - 1.25).abs() < 1e-4);
    assert_eq!(shell.harness.state().preferences(), kept);
    shell.until("the feed shows UTC", |shell| {
        shell.cell.load().zone == ZoneChoice::Utc
    });
}

#[test]
fn what_cannot_be_read_is_said_once_and_the_defaults_hold() {
    for (text, words) in [
        ("\u{0}\u{1}{garbage", "they are damaged"),
        ("quarterdeck preferences 9\ntheme neon\n", "newer console"),
    ] {
        let storage = Storage([("quarterdeck_preferences".to_owned(), text.to_owned())].into());
        let mut shell = Shell::start_as(AppConfig::default(), storage);
        shell.until("the note", |shell| {
            shell.harness.query_all_by_label_contains(words).count() > 0
        });
        assert_eq!(shell.harness.state().preferences(), Preferences::default());
        let alerts = shell
            .harness
            .query_all_by_role(egui::accesskit::Role::Alert)
            .filter_map(|alert| alert.accesskit_node().label())
            .filter(|label| label.contains(words))
            .count();
        assert_eq!(alerts, 1, "one notice");
    }
}
