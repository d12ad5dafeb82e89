//! The alerts: the header's badge, and the list that it opens.
//!
//! It takes and resolves nothing; what an alert says was said by execution.

use egui::{
    Context, Key, Modifiers, Rect, Response, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2,
};
use qd_state::{AlertRow, AlertsView};
use qd_types::{AlertState, Tone, fmt};
use qd_ui::badge::{Chip, paint_badge};
use qd_ui::button::Button;
use qd_ui::icon::{Icon, toned_icon_button};
use qd_ui::paint;
use qd_ui::text::{self, HAlign};
use qd_ui::tokens::{size, space};

use super::overlay::{Outcome, is_pressed, panel};
use crate::PageCtx;
use crate::dashboard::seal_ui;

const ROW_HEIGHT: f32 = 46.0;
/// What stands over and under the list.
const AROUND: f32 = 160.0;

/// What the badge says.
struct Badge {
    /// "2 alerts", "no alerts", "alerts unverified".
    words: String,
    /// The same in fewer letters.
    brief: String,
    /// The sign where there is no room for words, and what stands beside it.
    icon: Icon,
    short: String,
    /// For those who do not see it.
    name: String,
    /// Absent while it is to be quiet.
    tone: Option<Tone>,
}

fn badge(alerts: &AlertsView) -> Badge {
    let num = alerts.num_firing();
    let noun = if num == 1 { "alert" } else { "alerts" };
    let tone = alerts.worst().map(|severity| severity.tone());
    if !alerts.is_verified() {
        // Nobody vouches for the list: that none fires would be a guess.
        let (known, name) = match num {
            0 => ("alerts".to_owned(), "Alerts: unverified".to_owned()),
            _ => (
                format!("{num} {noun}"),
                format!("Alerts: {num} firing, unverified"),
            ),
        };
        return Badge {
            words: format!("{known} unverified"),
            brief: format!("{known} ?"),
            icon: Icon::Doubt,
            short: short_count(num),
            name,
            tone: Some(tone.unwrap_or(Tone::Warn)),
        };
    }
    let num_taken = alerts
        .rows
        .iter()
        .filter(|row| row.alert.state == AlertState::Acknowledged)
        .count();
    match alerts.worst() {
        // Somebody has seen to it, but it stands.
        None if num_taken > 0 => Badge {
            words: format!("{num_taken} acknowledged"),
            brief: format!("{num_taken} ack."),
            icon: Icon::Warning,
            short: short_count(num_taken),
            name: format!("Alerts: none firing, {num_taken} acknowledged"),
            tone: Some(Tone::Info),
        },
        None => Badge {
            words: "no alerts".to_owned(),
            brief: "no alerts".to_owned(),
            icon: Icon::Warning,
            short: String::new(),
            name: "Alerts: none firing".to_owned(),
            tone: None,
        },
        Some(worst) => Badge {
            words: format!("{num} {noun}"),
            brief: format!("{num} {noun}"),
            icon: Icon::Warning,
            short: short_count(num),
            name: format!("Alerts: {num} firing, the worst {worst}"),
            tone,
        },
    }
}

fn short_count(num: usize) -> String {
    match num {
        0 => String::new(),
        1..100 => num.to_string(),
        _ => "99+".to_owned(),
    }
}

/// Draws the badge at the right of what room there is: in words where they fit, else as a sign.
pub(crate) fn badge_ui(ui: &mut Ui, cx: &PageCtx<'_>) -> Response {
    let alerts = &cx.snapshot.alerts;
    let badge = badge(alerts);
    let chip = |words| match badge.tone {
        Some(tone) => Chip::pill(words, tone),
        None => Chip::outline(words),
    };
    let room = ui.available_width();
    let fitting = [badge.words.as_str(), badge.brief.as_str()]
        .map(chip)
        .into_iter()
        .find(|chip| chip.width(ui.painter(), &cx.ui) <= room);
    let response = match fitting {
        Some(chip) => chip.name(&badge.name).button().ui(ui, &cx.ui),
        None => toned_icon_button(
            ui,
            &cx.ui,
            badge.icon,
            badge.tone,
            &badge.name,
            &badge.short,
        ),
    };
    response.on_hover_ui(|ui| {
        ui.label(format!("{}\n{}", badge.name, alerts.seal.text));
    })
}

/// The list over the page.
pub(super) fn alerts_ui(ctx: &Context, cx: &PageCtx<'_>) -> Outcome {
    let tokens = cx.ui.tokens;
    let alerts = &cx.snapshot.alerts;
    // Read before the list is made: nothing in it has the keyboard.
    let scroll = scroll_by(ctx);
    let (is_closed, should_close) = panel(ctx, cx, "Alerts", |ui| {
        text::label(ui, "Alerts", &tokens.fonts.title, tokens.text_strong);
        seal_ui(ui, cx, &alerts.seal);
        ui.add_space(space::S);
        if alerts.rows.is_empty() {
            let words = if alerts.is_verified() {
                "No alerts: nothing fires, and nothing has since the desk began."
            } else {
                "No alert is known, and nobody vouches for that now."
            };
            text::label(ui, words, &tokens.fonts.body, tokens.text_secondary);
        } else {
            list_ui(ui, cx, scroll);
        }
        ui.add_space(space::S);
        let close = Button::new("Close").name("Close alerts").ui(ui, &cx.ui);
        if ui.memory(|memory| memory.focused().is_none()) {
            close.request_focus();
        }
        close.clicked()
    });
    if is_closed || should_close || is_pressed(ctx, &[Key::A]) {
        Outcome::Closed
    } else {
        Outcome::Open
    }
}

/// How far the keys move the list, in points.
fn scroll_by(ctx: &Context) -> f32 {
    ctx.input_mut(|input| {
        let mut rows = |key| input.count_and_consume_key(Modifiers::NONE, key) as f32;
        let (up, down) = (rows(Key::ArrowUp), rows(Key::ArrowDown));
        let pages = rows(Key::PageUp) - rows(Key::PageDown);
        ROW_HEIGHT * (up - down + 8.0 * pages)
    })
}

fn list_ui(ui: &mut Ui, cx: &PageCtx<'_>, scroll: f32) {
    let rows = &cx.snapshot.alerts.rows;
    let window = ui.ctx().content_rect().height();
    let room = window - size::HEADER_HEIGHT - size::FOOTER_HEIGHT - AROUND;
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt("alerts")
        .max_height(room.max(2.0 * ROW_HEIGHT))
        .auto_shrink([false, true])
        .show_rows(ui, ROW_HEIGHT, rows.len(), |ui, shown| {
            ui.scroll_with_delta(vec2(0.0, scroll));
            for row in shown.filter_map(|row| rows.get(row)) {
                row_ui(ui, cx, row);
            }
        });
}

/// One alert, named as a whole: how bad, what, since when, and what is known of it.
fn row_ui(ui: &mut Ui, cx: &PageCtx<'_>, row: &AlertRow) {
    let (tokens, fonts) = (cx.ui.tokens, &cx.ui.tokens.fonts);
    let alert = &row.alert;
    let age = fmt::age(cx.age_ms(cx.snapshot.to_client_clock(alert.at)));
    let state = match (alert.state, &alert.by) {
        (AlertState::Acknowledged, Some(by)) => format!("acknowledged by {by}"),
        (state, _) => state.as_str().to_owned(),
    };
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    response.widget_info(|| {
        let detail = match alert.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        let name = format!(
            "{}, {state} {age} ago: {}{detail} ({})",
            alert.severity, alert.title, alert.rule
        );
        WidgetInfo::labeled(Role::ListItem, true, name)
    });
    let is_over = alert.state == AlertState::Resolved;
    let (strong, plain) = if is_over {
        (tokens.text_secondary, tokens.text_hint)
    } else {
        (tokens.text_strong, tokens.text_primary)
    };
    let painter = ui.painter();
    let (upper, lower) = rect
        .shrink2(vec2(0.0, 4.0))
        .split_top_bottom_at_fraction(0.5);
    let tone = if is_over {
        Tone::Faint
    } else {
        alert.severity.tone()
    };
    let badge = paint_badge(
        painter,
        upper.left_center(),
        80.0,
        alert.severity.as_str(),
        tone,
        tokens,
    );
    let since = format!("{state} \u{b7} {age} ago");
    let since = text::paint(
        painter,
        upper.with_min_x(upper.center().x),
        &since,
        &fonts.number_small,
        plain,
        HAlign::Right,
    );
    let title = Rect::from_min_max(
        pos2(badge.right() + space::S, upper.top()),
        pos2(since.left() - space::S, upper.bottom()),
    );
    text::paint(
        painter,
        title,
        &alert.title,
        &fonts.strong,
        strong,
        HAlign::Left,
    );
    let rule = text::paint(
        painter,
        lower.with_min_x(lower.left() + lower.width() * 0.6),
        &alert.rule,
        &fonts.label,
        tokens.text_hint,
        HAlign::Right,
    );
    let detail = lower.with_max_x(rule.left() - space::S);
    text::paint(
        painter,
        detail,
        &alert.detail,
        &fonts.body,
        plain,
        HAlign::Left,
    );
    paint::underline(painter, rect, tokens.line_row);
    // Whole, where a narrow window has cut it.
    response.on_hover_ui(|ui| {
        let meaning = format!("{} \u{b7} {}\n{}", row.time, alert.title, alert.detail);
        ui.label(meaning.trim_end());
    });
}
