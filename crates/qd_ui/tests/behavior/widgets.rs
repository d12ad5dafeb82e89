//! Cards, toasts, seals, banners, navigation, and the gallery as a whole.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use egui::accesskit::{Role, Toggled};
use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_types::Tone;
use qd_ui::banner::Banner;
use qd_ui::card::{MetricCard, StaleMark};
use qd_ui::nav::{NavGroup, NavItem, nav_ui};
use qd_ui::seal::{Seal, SealLook};
use qd_ui::state_block::StateBlock;
use qd_ui::testing::{self, GalleryState, gallery_ui};
use qd_ui::toast::Toasts;
use qd_ui::{DesignTokens, UiCtx};

use super::harness;

#[test]
fn a_card_is_one_node_with_its_value() {
    let harness = harness(vec2(240.0, 120.0), |ui, cx| {
        MetricCard::new("Unrealized P&L", Some("+$12,481.36"))
            .money(Tone::Gain)
            .context("14 positions")
            .ui(ui, cx);
    });
    let card = harness.get_by_label("Unrealized P&L: +$12,481.36");
    assert_eq!(card.accesskit_node().role(), Role::Group);
}

#[test]
fn a_card_without_a_value_says_that_it_waits() {
    let harness = harness(vec2(240.0, 120.0), |ui, cx| {
        MetricCard::new("Exposure", None).ui(ui, cx);
    });
    harness.get_by_label("Exposure: waiting for the first value");
}

#[test]
fn a_card_says_its_age_past_thirty_sixty_and_a_hundred_and_twenty_seconds() {
    assert_eq!(StaleMark::from_age_ms(30_000), StaleMark::Fresh);
    assert_eq!(StaleMark::from_age_ms(30_001), StaleMark::Faded);
    assert_eq!(StaleMark::from_age_ms(60_001), StaleMark::Doubtful);
    assert_eq!(StaleMark::from_age_ms(120_001), StaleMark::Refresh);
    assert_eq!(
        StaleMark::from_age_ms(-5),
        StaleMark::Fresh,
        "a clock that is ahead makes nothing old"
    );

    for (age_ms, says_stale, offers_refresh) in [
        (31_000, false, false),
        (61_000, true, false),
        (121_000, true, true),
    ] {
        let refreshed = Rc::new(Cell::new(false));
        let seen = Rc::clone(&refreshed);
        let mut harness = harness(vec2(240.0, 120.0), move |ui, cx| {
            let card =
                MetricCard::new("Positions", Some("14")).stale(StaleMark::from_age_ms(age_ms));
            if card.ui(ui, cx).refresh_clicked {
                seen.set(true);
            }
        });
        assert_eq!(
            harness
                .query_by_label_contains("data may be stale")
                .is_some(),
            says_stale,
            "{age_ms}"
        );
        assert_eq!(
            harness.query_by_label("Refresh Positions").is_some(),
            offers_refresh,
            "{age_ms}"
        );
        if offers_refresh {
            harness.get_by_label("Refresh Positions").click();
            harness.run();
            assert!(refreshed.get());
        }
    }
}

/// The value as it was painted, and how long the console may rest then.
fn painted_value(card: MetricCard<'static>, is_test: bool) -> (egui::Color32, Duration) {
    let tokens = DesignTokens::dark();
    let mut harness = Harness::builder()
        .with_size(vec2(240.0, 120.0))
        .with_context_setup(testing::setup(tokens.clone()))
        .build_ui(move |ui| {
            let cx = UiCtx {
                tokens: &tokens,
                now_ms: testing::NOW_MS,
                is_test,
            };
            card.ui(ui, &cx);
        });
    harness.run();
    let color = harness.output().shapes.iter().find_map(|clipped| {
        let egui::Shape::Text(text) = &clipped.shape else {
            return None;
        };
        (card.value == Some(text.galley.text()))
            .then(|| text.override_text_color.unwrap_or(text.fallback_color))
    });
    let viewport = harness.output().viewport_output.values().next();
    (
        color.expect("the value is painted"),
        viewport.expect("there is a viewport").repaint_delay,
    )
}

/// How far two colors are apart.
fn distance(a: egui::Color32, b: egui::Color32) -> u32 {
    let pairs = a.to_array().into_iter().zip(b.to_array());
    pairs.map(|(a, b)| u32::from(a.abs_diff(b))).sum()
}

// covers: DB-1
#[test]
fn a_value_that_changes_sign_takes_its_new_color_by_and_by() {
    const A_BLINK: Duration = Duration::from_secs(1);
    let tokens = DesignTokens::dark();
    let loss = MetricCard::new("Unrealized P&L", Some("\u{2212}$12.00")).money(Tone::Loss);
    let (at_rest, rest) = painted_value(loss, false);
    assert_eq!(at_rest, tokens.tone(Tone::Loss));
    assert!(rest > A_BLINK, "a card at rest asks for nothing: {rest:?}");

    let seen = [0, 150, 300, 450].map(|age_ms| {
        let (color, wait) = painted_value(loss.sign_changed(age_ms, Tone::Gain), false);
        assert!(
            wait < A_BLINK,
            "the fade goes on after {age_ms} ms: {wait:?}"
        );
        distance(color, at_rest)
    });
    assert!(
        seen.is_sorted_by(|before, after| before > after) && seen[3] > 0,
        "nearer to its own color with every step: {seen:?}"
    );
    let before = distance(tokens.tone(Tone::Gain), at_rest);
    assert!(
        seen[0] * 3 > before,
        "seen at a glance: {seen:?} of {before}"
    );
    let (over, wait) = painted_value(loss.sign_changed(600, Tone::Gain), false);
    assert_eq!(over, at_rest, "over");
    assert!(wait > A_BLINK, "and nothing more is asked for: {wait:?}");
    let (still, _) = painted_value(loss.sign_changed(0, Tone::Gain), true);
    assert_eq!(still, at_rest, "a picture stands still");
}

// covers: DB-1
#[test]
fn a_value_past_thirty_seconds_is_painted_at_half_opacity() {
    let painted = |age_ms| {
        let card = MetricCard::new("Positions", Some("14"));
        painted_value(card.stale(StaleMark::from_age_ms(age_ms)), true).0
    };
    let fresh = painted(30_000);
    assert_eq!(fresh, DesignTokens::dark().text_strong);
    for age_ms in [30_001, 61_000, 121_000] {
        assert_eq!(painted(age_ms), fresh.gamma_multiply(0.5), "{age_ms}");
    }
}

#[test]
fn a_toast_is_an_alert_that_can_be_dismissed() {
    let tokens = DesignTokens::dark();
    let mut toasts = Toasts::default();
    toasts.push(Tone::Danger, "Order NVDA rejected", testing::NOW_MS);
    let mut harness = Harness::builder()
        .with_size(vec2(600.0, 400.0))
        .with_context_setup(testing::setup(tokens.clone()))
        .build_ui_state(
            move |ui, toasts: &mut Toasts| {
                let cx = UiCtx {
                    tokens: &tokens,
                    now_ms: testing::NOW_MS + 1_000,
                    is_test: true,
                };
                toasts.ui(ui.ctx(), &cx);
            },
            toasts,
        );
    harness.run();
    harness.get_by_role_and_label(Role::Alert, "Order NVDA rejected");
    harness.get_by_label("Dismiss").click();
    harness.run();
    assert!(harness.query_by_role(Role::Alert).is_none());
    assert_eq!(harness.state().history().count(), 1);
}

#[test]
fn a_long_banner_takes_the_lines_it_needs() {
    const DETAIL: &str = "for 14 s (the connection was reset). Values below keep their age; nothing can be sent. 3 failed attempts, next try in 12 s.";
    for width in [1200.0, 700.0, 420.0, 320.0] {
        let mut harness = harness(vec2(width, 400.0), move |ui, cx| {
            Banner::new(Tone::Danger, "Connection lost")
                .detail(DETAIL)
                .action("Retry now")
                .ui(ui, cx);
            Banner::new(Tone::Info, "Read-only").ui(ui, cx);
        });
        harness.run();
        let below = harness.get_by_label("Read-only").rect();
        let mut is_seen = false;
        for clipped in &harness.output().shapes {
            let egui::Shape::Text(text) = &clipped.shape else {
                continue;
            };
            if text.galley.text() == DETAIL {
                let rect = text.visual_bounding_rect();
                assert!(!text.galley.elided, "{width}");
                assert!(clipped.clip_rect.contains_rect(rect), "{width}: {rect:?}");
                assert!(
                    rect.bottom() <= below.top(),
                    "{width}: {rect:?} and {below:?}"
                );
                is_seen = true;
            }
        }
        assert!(is_seen, "{width}");
        let button = harness.get_by_role_and_label(Role::Button, "Retry now");
        assert!(button.rect().right() <= width, "{width}");
    }
}

#[test]
fn seals_banners_and_states_say_themselves() {
    let retried = Rc::new(Cell::new(0));
    let seen = Rc::clone(&retried);
    let mut harness = harness(vec2(900.0, 400.0), move |ui, cx| {
        Seal::new(SealLook::Verified, "✓ verified to #18,402 · 10:38:16.204").ui(ui, cx);
        Seal::new(SealLook::Resyncing, "resyncing…").ui(ui, cx);
        if Banner::new(Tone::Danger, "Connection lost")
            .detail("since 10:38:02")
            .action("Retry now")
            .ui(ui, cx)
        {
            seen.set(seen.get() + 1);
        }
        if StateBlock::error("Orders could not be read", &["No answer since 10:38:02."])
            .action("Retry")
            .ui(ui, cx)
        {
            seen.set(seen.get() + 10);
        }
    });
    harness.get_by_label("✓ verified to #18,402 · 10:38:16.204");
    harness.get_by_label("resyncing…");
    harness.get_by_role_and_label(Role::Alert, "Connection lost: since 10:38:02");
    harness.get_by_role_and_label(
        Role::Alert,
        "Orders could not be read. No answer since 10:38:02.",
    );
    harness.get_by_label("Retry now").click();
    harness.run();
    harness.get_by_label("Retry").click();
    harness.run();
    assert_eq!(retried.get(), 11);
}

#[test]
fn the_navigation_returns_what_was_chosen_and_refuses_what_is_disabled() {
    let chosen = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&chosen);
    let mut harness = harness(vec2(184.0, 400.0), move |ui, cx| {
        let items = [
            NavItem::new(0, "Dashboard"),
            NavItem::new(1, "Positions"),
            NavItem::disabled(2, "Backtests", "Not built yet."),
        ];
        seen.borrow_mut().extend(nav_ui(
            ui,
            cx,
            &[NavGroup {
                title: "TRADE",
                items: &items,
            }],
            0,
        ));
    });
    assert_eq!(
        harness.get_by_label("Dashboard").accesskit_node().toggled(),
        Some(Toggled::True)
    );
    harness.get_by_label("Positions").click();
    harness.run();
    harness.get_by_label("Backtests").click();
    harness.run();
    assert_eq!(*chosen.borrow(), [1]);
}

#[test]
fn the_console_does_not_end_on_a_shortcut_and_labels_leave_clicks_alone() {
    let harness = harness(vec2(100.0, 100.0), |_, _| {});
    assert!(
        harness
            .ctx
            .options(|options| options.quit_shortcuts.is_empty())
    );
    assert!(!harness.ctx.global_style().interaction.selectable_labels);
}

#[test]
fn the_gallery_settles_at_every_size() {
    for size in [testing::DESK, testing::LAPTOP, testing::PHONE] {
        for show_parts in [false, true] {
            let tokens = DesignTokens::dark();
            let state = GalleryState {
                show_parts,
                ..GalleryState::default()
            };
            let mut harness = Harness::builder()
                .with_size(size)
                .with_context_setup(testing::setup(tokens.clone()))
                .build_ui_state(
                    move |ui, state: &mut GalleryState| {
                        let cx = UiCtx {
                            tokens: &tokens,
                            now_ms: testing::NOW_MS,
                            is_test: true,
                        };
                        gallery_ui(ui, &cx, state);
                    },
                    state,
                );
            harness.run();
            harness.get_by_label("Unrealized P&L: +$12,481.36");
            if !show_parts && size == testing::DESK {
                harness.get_by_label("Close AAPL").click();
                harness.run();
                harness.get_by_role_and_label(Role::AlertDialog, "Close AAPL?");
            }
        }
    }
}
