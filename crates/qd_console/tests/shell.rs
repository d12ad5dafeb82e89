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
use qd_state::{
    ConnectionState, Event, Session, Snapshot, SnapshotCell, Store, StoreConfig, Urgency, Welcome,
};
use qd_types::{Environment, Role, UserId, UtcMicros, ZoneChoice};
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
        Self::start_on(AppConfig { is_test: true }, None)
    }

    /// With `on_screen` the app shows what is put there instead of what its feed makes.
    fn start_on(app_config: AppConfig, on_screen: Option<Arc<SnapshotCell>>) -> Self {
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
        let app_feed = Arc::clone(&feed);
        let app_cell = on_screen.unwrap_or_else(|| Arc::clone(&cell));
        let harness = Harness::builder()
            .with_size(egui::vec2(1440.0, 900.0))
            .build_eframe(move |cc| App::new(&cc.egui_ctx, app_config, app_feed, app_cell));
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

/// A snapshot of a desk on which `user` is signed in.
fn signed_in(user: &str) -> Arc<Snapshot> {
    let mut store = Store::new(StoreConfig::default());
    let welcome = Welcome {
        session: Session {
            user_id: UserId::new(user).unwrap(),
            name: user.to_owned(),
            roles: vec![Role::Trader],
            permissions: Role::Trader.permissions(),
            accounts: Vec::new(),
            idle_at: None,
            absolute_at: None,
        },
        environment: Environment::Paper,
        server_version: "1".to_owned(),
        served: None,
        node: "gateway-1".to_owned(),
        server_time: UtcMicros(1),
    };
    store.apply(Event::SessionWelcomed(welcome), UtcMicros(1));
    store.snapshot_if_changed(UtcMicros(1)).unwrap()
}

/// A shell whose snapshots are the test's own, with what a machine keeps.
struct Machine {
    shell: Shell,
    on_screen: Arc<SnapshotCell>,
    storage: Storage,
}

impl Machine {
    fn with(storage: Storage) -> Self {
        let on_screen = Arc::<SnapshotCell>::default();
        let shell = Shell::start_on(AppConfig::default(), Some(Arc::clone(&on_screen)));
        let mut machine = Self {
            shell,
            on_screen,
            storage,
        };
        machine.frame();
        machine
    }

    /// One frame, with the storage that the harness cannot give.
    fn frame(&mut self) {
        self.shell.harness.step();
        let ctx = self.shell.harness.ctx.clone();
        let app = self.shell.harness.state_mut();
        app.follow_preferences(&ctx, Some(&mut self.storage));
        self.shell.harness.step();
    }

    fn sign_in(&mut self, user: &str) {
        self.on_screen.publish(signed_in(user), Urgency::Now);
        self.frame();
    }

    fn preferences(&self) -> Preferences {
        self.shell.harness.state().preferences()
    }

    /// By the keyboard, as a user would.
    fn toggle_theme(&mut self) {
        let key = egui::Key::T;
        self.shell.harness.key_press(key);
        self.frame();
        self.frame();
    }
}

fn light() -> Preferences {
    Preferences {
        theme: Theme::Light,
        scale: UiScale::of_percent(125).unwrap(),
        zone: ZonePreference::Utc,
        ..Preferences::default()
    }
}

#[test]
fn what_was_kept_is_in_force_as_soon_as_it_is_known_who_looks() {
    let storage = Storage([("quarterdeck_preferences/alice".to_owned(), light().encode())].into());
    let mut machine = Machine::with(storage);
    assert_eq!(machine.preferences(), Preferences::default(), "nobody's");
    machine.sign_in("alice");
    assert_eq!(machine.preferences(), light());
    // The next start looks like that before anybody has answered, for a window's size depends on it; and only looks.
    let mut again = Machine::with(machine.storage.clone());
    assert_eq!(again.preferences(), light());
    again.toggle_theme();
    assert_eq!(again.storage.0, machine.storage.0, "nobody has signed in");
    again.sign_in("bob");
    assert_eq!(again.preferences(), Preferences::default());
    let ctx = &machine.shell.harness.ctx;
    assert_eq!(ctx.theme(), egui::Theme::Light);
    assert!((ctx.zoom_factor() - 1.25).abs() < 1e-4);
    // The feed has a picture of its own here.
    machine.shell.until("the feed shows UTC", |shell| {
        shell.cell.load().zone == ZoneChoice::Utc
    });
}

#[test]
fn every_user_of_a_machine_has_their_own() {
    let storage = Storage([("quarterdeck_preferences/alice".to_owned(), light().encode())].into());
    let mut machine = Machine::with(storage);
    machine.sign_in("bob");
    assert_eq!(machine.preferences(), Preferences::default());
    assert_eq!(machine.shell.harness.ctx.theme(), egui::Theme::Dark);
    machine.toggle_theme();
    let of_bob = machine.preferences();
    assert_eq!(of_bob.theme, Theme::Light);
    assert_eq!(
        machine.storage.0.get("quarterdeck_preferences/bob"),
        Some(&of_bob.encode())
    );
    machine.sign_in("alice");
    assert_eq!(machine.preferences(), light(), "untouched by the other");
    machine.sign_in("carol");
    assert_eq!(machine.preferences(), Preferences::default());
    machine.sign_in("bob");
    assert_eq!(machine.preferences(), of_bob);
    let keys: Vec<&str> = machine.storage.0.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "quarterdeck_last_user",
            "quarterdeck_preferences/alice",
            "quarterdeck_preferences/bob"
        ],
        "what nobody changed is not written"
    );
}

#[test]
fn what_was_kept_before_users_had_their_own_is_the_first_ones() {
    let arrangement = qd_pages::DeskState::default().arrangement();
    let arrangement = arrangement.replace("columns positions ", "columns positions ~-avg ~qty:90");
    let storage = Storage(
        [
            ("quarterdeck_preferences".to_owned(), light().encode()),
            ("quarterdeck_arrangement".to_owned(), arrangement.clone()),
        ]
        .into(),
    );
    let mut machine = Machine::with(storage);
    assert_eq!(machine.storage.0.len(), 2, "nobody has come yet");
    machine.sign_in("alice");
    assert_eq!(machine.preferences(), light());
    let moved = |last_user: &str| {
        BTreeMap::from([
            ("quarterdeck_last_user".to_owned(), last_user.to_owned()),
            ("quarterdeck_preferences/alice".to_owned(), light().encode()),
            (
                "quarterdeck_arrangement/alice".to_owned(),
                arrangement.clone(),
            ),
        ])
    };
    assert_eq!(machine.storage.0, moved("alice"));
    machine.sign_in("bob");
    assert_eq!(machine.preferences(), Preferences::default());
    assert_eq!(
        machine.storage.0,
        moved("bob"),
        "nothing of alice's is bob's"
    );
}

#[test]
fn what_cannot_be_read_is_said_once_and_the_defaults_hold() {
    for (text, words) in [
        ("\u{0}\u{1}{garbage", "they are damaged"),
        ("quarterdeck preferences 9\ntheme neon\n", "newer console"),
    ] {
        let key = "quarterdeck_preferences/alice";
        let mut machine = Machine::with(Storage([(key.to_owned(), text.to_owned())].into()));
        machine.sign_in("alice");
        machine.frame();
        assert_eq!(machine.preferences(), Preferences::default());
        let alerts = machine
            .shell
            .harness
            .query_all_by_role(egui::accesskit::Role::Alert)
            .filter_map(|alert| alert.accesskit_node().label())
            .filter(|label| label.contains(words))
            .count();
        assert_eq!(alerts, 1, "one notice");
        assert_eq!(machine.storage.0[key], text, "left where it is");
    }
}
