//! One order's story: what it is, how it came to where it is and by what proof, and what it traded.
//!
//! Asked for when it is opened. When the order changes meanwhile it says so and offers to ask again.

use egui::style::ScrollAnimation;
use egui::{
    Context, Key, Label, Rect, Response, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2,
    vec2,
};
use qd_state::{AskPhase, FillRow, OrderDetailView, OrderStoryView, StepRow};
use qd_types::{Tone, fmt};
use qd_ui::badge::badge_ui;
use qd_ui::button::Button;
use qd_ui::sheet::Sheet;
use qd_ui::state_block::StateBlock;
use qd_ui::text::{self, HAlign};
use qd_ui::tokens::space;

use super::sheets::OpenDetail;
use crate::PageCtx;

const WIDTH: f32 = 680.0;
const HEIGHT: f32 = 560.0;
/// With less room than this the facts stand in one column.
const WIDTH_FOR_TWO: f32 = 460.0;
const FACT_NAME_WIDTH: f32 = 70.0;
const FILL_HEIGHT: f32 = 20.0;
/// Room for the widest badge, so that the words beside it stand under each other.
const BADGE_WIDTH: f32 = 158.0;

/// Draws the sheet; true when the user is done with it.
pub(super) fn sheet_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    open: &OpenDetail,
    page_rect: Rect,
) -> bool {
    let view = cx.snapshot.order_detail.as_deref().filter(|view| {
        view.account == open.account && view.client_order_id == open.client_order_id
    });
    let response = Sheet::new(&open.title, vec2(WIDTH, HEIGHT))
        .note(open.client_order_id.as_str())
        .over(page_rect)
        .show(ctx, &cx.ui, "order", |ui| content_ui(ui, cx, view));
    if response.inner {
        cx.commands.send(open.ask());
    }
    response.closed
}

/// Draws what is known; true when it is to be asked for again.
fn content_ui(ui: &mut Ui, cx: &PageCtx<'_>, view: Option<&OrderDetailView>) -> bool {
    let Some(view) = view else {
        // Somebody else signed in, or the wish got lost on the way.
        return StateBlock::empty("Asking for the order", &["Nothing is here yet."])
            .action("Ask again")
            .ui(ui, &cx.ui);
    };
    match (&view.phase, &view.story) {
        (AskPhase::NotFound, _) => StateBlock::error(
            "The order was not found",
            &[
                "It never reached this gateway, or it is not yours to see.",
                "Nothing was traded under this id here.",
            ],
        )
        .action("Ask again")
        .ui(ui, &cx.ui),
        (AskPhase::Failed { detail }, None) => StateBlock::error(
            "The order could not be loaded",
            &[detail, "Its row on the dashboard is up to date."],
        )
        .action("Retry")
        .ui(ui, &cx.ui),
        (_, None) => {
            StateBlock::empty("Loading the order", &["Its story is on its way."]).ui(ui, &cx.ui);
            false
        }
        (phase, Some(story)) => {
            let mut is_wanted = false;
            let margin = egui::Margin::symmetric(16, 10);
            egui::Frame::new().inner_margin(margin).show(ui, |ui| {
                is_wanted = notice_ui(ui, cx, phase, view.is_outdated);
                ScrollArea::vertical()
                    .id_salt("story")
                    .auto_shrink(false)
                    .show(ui, |ui| {
                        scroll_by_keys(ui);
                        story_ui(ui, cx, story);
                    });
            });
            is_wanted
        }
    }
}

/// Why what stands below may not be all of it; true when it is to be asked for again.
fn notice_ui(ui: &mut Ui, cx: &PageCtx<'_>, phase: &AskPhase, is_outdated: bool) -> bool {
    let tokens = cx.ui.tokens;
    let (words, color, action) = match phase {
        AskPhase::Loading => (
            "Loading again\u{2026}".to_owned(),
            tokens.text_secondary,
            None,
        ),
        AskPhase::Failed { detail } => (
            format!("It could not be loaded again: {detail}"),
            tokens.danger,
            Some("Retry"),
        ),
        AskPhase::Loaded | AskPhase::NotFound if is_outdated => (
            "The order has changed since.".to_owned(),
            tokens.warn,
            Some("Load again"),
        ),
        AskPhase::Loaded | AskPhase::NotFound => return false,
    };
    let pressed = ui
        .horizontal(|ui| {
            text::label(ui, &words, &tokens.fonts.body, color);
            action.is_some_and(|action| Button::new(action).ui(ui, &cx.ui).clicked())
        })
        .inner;
    ui.add_space(space::S);
    pressed
}

fn story_ui(ui: &mut Ui, cx: &PageCtx<'_>, story: &OrderStoryView) {
    let status = story.order.status;
    ui.horizontal(|ui| {
        badge_ui(ui, &cx.ui, status.badge(), status.tone());
    });
    ui.add_space(space::S);
    if ui.available_width() < WIDTH_FOR_TWO {
        for (name, value) in story.facts.iter() {
            fact_ui(ui, cx, name, value);
        }
    } else {
        let half = story.facts.len().div_ceil(2);
        ui.columns(2, |columns| {
            for (i, (name, value)) in story.facts.iter().enumerate() {
                if let Some(column) = columns.get_mut(usize::from(i >= half)) {
                    fact_ui(column, cx, name, value);
                }
            }
        });
    }
    heading_ui(ui, cx, "Life");
    for step in story.steps.iter() {
        step_ui(ui, cx, step);
    }
    let fills = match (story.fills.len(), &story.fees) {
        (0, _) => "No fills".to_owned(),
        (num, Some(fees)) => format!("Fills: {}, fees {fees}", fmt::count(num as u64)),
        (num, None) => format!("Fills: {}, fees unknown", fmt::count(num as u64)),
    };
    heading_ui(ui, cx, &fills);
    if !story.fills.is_empty() {
        let names = ["Time", "Qty", "Price", "Fee", "Realized", "Venue id"];
        let rect = allocate_fill(ui).0;
        paint_fill(ui, cx, rect, names.map(|name| (name, Tone::Faint)), false);
    }
    for fill in story.fills.iter() {
        fill_ui(ui, cx, fill);
    }
}

/// There is nothing in the story that could have the focus: the keys move it as a whole.
fn scroll_by_keys(ui: &Ui) {
    const LINE: f32 = 40.0;
    const TO_THE_END: f32 = 1.0e6;
    let page = ui.clip_rect().height() * 0.8;
    let delta = ui.input(|input| {
        [
            (Key::ArrowDown, -LINE),
            (Key::ArrowUp, LINE),
            (Key::PageDown, -page),
            (Key::PageUp, page),
            (Key::End, -TO_THE_END),
            (Key::Home, TO_THE_END),
        ]
        .into_iter()
        .filter(|(key, _)| input.key_pressed(*key))
        .map(|(_, delta)| delta)
        .sum::<f32>()
    });
    if delta != 0.0 {
        ui.scroll_with_delta_animation(vec2(0.0, delta), ScrollAnimation::none());
    }
}

fn heading_ui(ui: &mut Ui, cx: &PageCtx<'_>, words: &str) {
    ui.add_space(space::M);
    text::label(
        ui,
        words,
        &cx.ui.tokens.fonts.strong,
        cx.ui.tokens.text_strong,
    );
    ui.add_space(space::XS);
}

/// A name and its value; the value can be selected, to be taken to the venue's own screen.
fn fact_ui(ui: &mut Ui, cx: &PageCtx<'_>, name: &str, value: &str) {
    let tokens = cx.ui.tokens;
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(FACT_NAME_WIDTH, 16.0), Sense::hover());
        let color = tokens.text_secondary;
        text::paint(
            ui.painter(),
            rect,
            name,
            &tokens.fonts.label,
            color,
            HAlign::Left,
        );
        let words = RichText::new(value)
            .font(tokens.fonts.body.clone())
            .color(tokens.text_primary);
        let label = ui.add(Label::new(words).wrap());
        label.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}: {value}")));
    });
}

fn step_ui(ui: &mut Ui, cx: &PageCtx<'_>, step: &StepRow) {
    let tokens = cx.ui.tokens;
    let is_wide = ui.available_width() >= WIDTH_FOR_TWO;
    ui.horizontal_top(|ui| {
        text::label(ui, &step.time, &tokens.fonts.number, tokens.text_secondary);
        let left = ui.cursor().left();
        badge_ui(ui, &cx.ui, step.status, step.tone);
        if is_wide {
            ui.add_space((left + BADGE_WIDTH - ui.cursor().left()).max(0.0));
        }
        let words = RichText::new(&*step.words)
            .font(tokens.fonts.body.clone())
            .color(tokens.text_primary);
        ui.add(Label::new(words).wrap());
    });
}

/// Time, shares, price, fee, what it realized, the venue's id.
fn fill_ui(ui: &mut Ui, cx: &PageCtx<'_>, fill: &FillRow) {
    let (rect, response) = allocate_fill(ui);
    response.widget_info(|| {
        let realized = match &*fill.realized {
            "" => String::new(),
            realized => format!(", realized {realized}"),
        };
        let words = format!(
            "{}: {} at {}, fee {}{realized}, venue id {}",
            fill.time, fill.qty, fill.price, fill.fee, fill.fill_id
        );
        WidgetInfo::labeled(Role::Label, true, words)
    });
    let columns = [
        (&*fill.time, Tone::Faint),
        (&*fill.qty, Tone::Neutral),
        (&*fill.price, Tone::Neutral),
        (&*fill.fee, Tone::Neutral),
        (&*fill.realized, fill.realized_tone),
        (&*fill.fill_id, Tone::Faint),
    ];
    paint_fill(ui, cx, rect, columns, true);
}

/// One line, or two where one is too narrow for six columns.
fn allocate_fill(ui: &mut Ui) -> (Rect, Response) {
    let width = ui.available_width();
    let num_lines = if width < WIDTH_FOR_TWO { 2.0 } else { 1.0 };
    ui.allocate_exact_size(vec2(width, num_lines * FILL_HEIGHT), Sense::hover())
}

fn paint_fill(ui: &Ui, cx: &PageCtx<'_>, rect: Rect, columns: [(&str, Tone); 6], is_number: bool) {
    const WIDE: [f32; 6] = [0.20, 0.12, 0.16, 0.13, 0.17, 0.22];
    const NARROW: [f32; 6] = [0.34, 0.30, 0.36, 0.34, 0.30, 0.36];
    let tokens = cx.ui.tokens;
    let font = if is_number {
        &tokens.fonts.number
    } else {
        &tokens.fonts.label
    };
    let is_narrow = rect.width() < WIDTH_FOR_TWO;
    let shares = if is_narrow { NARROW } else { WIDE };
    let mut left = rect.left();
    let mut top = rect.top();
    for (i, ((words, tone), share)) in columns.into_iter().zip(shares).enumerate() {
        if is_narrow && i == 3 {
            left = rect.left();
            top += FILL_HEIGHT;
        }
        let width = rect.width() * share;
        let cell = Rect::from_min_size(pos2(left, top), vec2(width - space::S, FILL_HEIGHT));
        let align = match i {
            0 => HAlign::Left,
            3 if is_narrow => HAlign::Left,
            _ => HAlign::Right,
        };
        text::paint(ui.painter(), cell, words, font, tokens.tone(tone), align);
        left += width;
    }
}
