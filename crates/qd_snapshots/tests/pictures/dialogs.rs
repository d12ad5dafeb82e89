//! Every dialog and panel, dark and light, in a window that is little larger: what stands behind them has its own pictures.

use std::sync::Arc;

use egui::accesskit::Role as NodeRole;
use egui::{Key, Modifiers, Vec2, vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotResults};
use qd_pages::Command;
use qd_state::{
    Event, HistoryPage, OrderChange, OrderStep, OrderStory, PageAnswer, PageQuestionId,
};
use qd_tests::desk::{SampleDesk, alert};
use qd_types::{AlertSeverity, AlertState, Fill, FillId, Money, Order, OrderStatus, Price, Qty};
use qd_ui::testing::DESK;
use qd_ui::tokens::Theme;

use crate::{Screen, live, painter};

/// A console on which something is opened.
struct Scene {
    harness: Harness<'static, Screen>,
    desk: SampleDesk,
}

impl Scene {
    fn click(&mut self, role: NodeRole, name: &str) {
        self.harness.get_by_role_and_label(role, name).click();
        self.harness.run();
    }

    fn press(&mut self, name: &str) {
        self.click(NodeRole::Button, name);
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run();
    }

    fn write(&mut self, text: &str) {
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.harness.run();
    }

    /// Carries the page's one question to the store, as the feed does it, and the answer back.
    fn answer(&mut self, answer: PageAnswer) {
        let mut question: Option<PageQuestionId> = None;
        for sent in self.harness.state().commands.drain() {
            if let Command::AskForPage(ask) = sent.command {
                question = self.desk.ask_page(ask).or(question);
            }
        }
        self.desk.apply(Event::PageAnswered {
            question_id: question.unwrap(),
            answer,
        });
        self.harness.state_mut().snapshot = self.desk.snapshot();
        self.harness.run();
    }

    fn newest_order(&self) -> Order {
        (*self.harness.state().snapshot.activity.rows[0].order).clone()
    }
}

/// Opens something on the whole desk, makes the window smaller around it, and takes its picture in both themes.
fn pictures(name: &str, size: Vec2, open: impl Fn(&mut Scene)) {
    let mut results = SnapshotResults::new();
    for (theme, word) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let mut desk = live();
        let harness = painter(&mut desk, DESK, theme);
        let mut scene = Scene { harness, desk };
        open(&mut scene);
        // The pointer that pressed must not light up what lies under it.
        scene.harness.remove_cursor();
        scene.harness.set_size(size);
        scene.harness.run();
        scene.harness.snapshot(format!("{name}_{word}"));
        // Both are compared before one of them fails the test.
        results.extend_harness(&mut scene.harness);
    }
}

fn select(scene: &mut Scene, symbols: &[&str]) {
    for symbol in symbols {
        let name = format!("Select {symbol}");
        scene.harness.get_by_label(&name).click();
        scene.harness.run();
    }
}

// covers: DB-6
#[test]
fn close_a_position() {
    pictures("close", vec2(520.0, 420.0), |scene| {
        scene.press("Close AAPL");
    });
}

// covers: DB-6
#[test]
fn close_what_is_selected() {
    pictures("close_selected", vec2(520.0, 480.0), |scene| {
        select(scene, &["AAPL", "HD", "MSFT"]);
        scene.press("Close 3\u{2026} selected");
    });
}

// covers: DB-6
#[test]
fn cancel_an_order() {
    pictures("cancel", vec2(520.0, 360.0), |scene| {
        scene.press("Cancel SELL NVDA");
    });
}

// covers: OC-8
#[test]
fn change_an_order() {
    pictures("modify", vec2(520.0, 480.0), |scene| {
        scene.press("Change SELL NVDA");
        // More of it, and what is wrong with the price said below its field.
        scene.key(Modifiers::COMMAND, Key::A);
        scene.write("400");
        scene.key(Modifiers::NONE, Key::Tab);
        scene.key(Modifiers::COMMAND, Key::A);
        scene.write("107.005");
    });
}

// covers: RT-1
#[test]
fn the_alerts() {
    pictures("alerts", vec2(760.0, 420.0), |scene| {
        let now = scene.desk.now();
        for (id, severity, state) in [
            ("al-1", AlertSeverity::Warning, AlertState::Firing),
            ("al-2", AlertSeverity::Critical, AlertState::Firing),
            ("al-3", AlertSeverity::Info, AlertState::Resolved),
        ] {
            scene.desk.publish_alert(alert(id, severity, state, now));
        }
        scene.harness.state_mut().snapshot = scene.desk.snapshot();
        scene.harness.run();
        scene.key(Modifiers::NONE, Key::A);
    });
}

// covers: DB-6
#[test]
fn cancel_all_orders() {
    pictures("cancel_all", vec2(520.0, 480.0), |scene| {
        scene.press("Cancel all\u{2026}");
    });
}

// covers: DB-7
#[test]
fn the_story_of_an_order() {
    pictures("order", vec2(760.0, 640.0), |scene| {
        scene.click(NodeRole::Link, "Details of SELL 400 AAPL");
        let order = scene.newest_order();
        scene.answer(story(order));
    });
}

fn story(order: Order) -> PageAnswer {
    let created_at = order.created_at;
    let step = |status, millis: i64, reason: Option<&str>, evidence: &str| OrderStep {
        status,
        at: created_at.plus_millis(millis),
        reason_code: reason.map(str::to_owned),
        evidence: evidence.to_owned(),
        by: None,
    };
    let fill = |n: u8, qty: i64, millis: i64, realized: &str| Fill {
        fill_id: FillId::new(&format!("V-77-{n}")).unwrap(),
        qty: Qty::from_units(qty, 0),
        price: Price::parse("153.41").unwrap(),
        at: created_at.plus_millis(millis),
        realized_pl: Money::parse(realized).unwrap(),
    };
    PageAnswer::Order(Box::new(OrderStory {
        steps: vec![
            step(OrderStatus::Accepted, 0, None, "alice: as planned"),
            step(OrderStatus::Sent, 12, None, "desk"),
            step(OrderStatus::Unknown, 512, Some("no_answer"), "desk"),
            step(OrderStatus::Working, 730, None, "venue: found by its id"),
            step(OrderStatus::Filled, 900, None, "fill V-77-2"),
        ],
        fills: vec![
            (
                fill(1, 150, 850, "-4.69"),
                Some(Money::parse("0.75").unwrap()),
            ),
            (
                fill(2, 250, 900, "31.2"),
                Some(Money::parse("1.25").unwrap()),
            ),
        ],
        order,
    }))
}

// covers: DB-7
#[test]
fn the_whole_history() {
    pictures("history", vec2(760.0, 560.0), |scene| {
        scene.press("History: last 5 of 31 today");
        let activity = Arc::clone(&scene.harness.state().snapshot.activity.rows);
        let known = activity.iter().map(|row| OrderChange {
            fill: row.fill.clone(),
            order: (*row.order).clone(),
        });
        let order = scene.newest_order();
        let older = (1..=7).map(|n: i64| OrderChange {
            fill: Some(Fill {
                fill_id: FillId::new(&format!("H{n}")).unwrap(),
                qty: Qty::from_units(n * 25, 0),
                price: Price::parse("153.41").unwrap(),
                at: order.created_at.plus_millis(61_000 * (7 - n)),
                realized_pl: Money::parse("12.5").unwrap(),
            }),
            order: order.clone(),
        });
        scene.answer(PageAnswer::History(HistoryPage {
            entries: known.chain(older).collect(),
            total_today: 31,
            next: Some("h.12".to_owned()),
        }));
    });
}

#[test]
fn the_palette() {
    pictures("palette", vec2(760.0, 560.0), |scene| {
        scene.key(Modifiers::COMMAND, Key::K);
        scene.write("cl");
    });
}

#[test]
fn the_list_of_keys() {
    pictures("keys", vec2(760.0, 760.0), |scene| {
        scene.key(Modifiers::NONE, Key::F1);
    });
}

#[test]
fn the_settings() {
    pictures("settings", vec2(520.0, 560.0), |scene| {
        // In a narrow window they stand in the user's menu.
        scene.harness.set_size(vec2(520.0, 560.0));
        scene.harness.run();
        scene.press("User: alice \u{b7} trader");
        scene.press("Settings");
    });
}
