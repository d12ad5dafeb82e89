//! The navigation at the left: pages in groups, the current one marked.
//!
//! It knows no page; the caller's id comes back when one is chosen.

use egui::{CornerRadius, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use qd_types::Tone;

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::radius;

const ITEM_HEIGHT: f32 = 29.0;
const ITEM_GAP: f32 = 2.0;
const INDENT: f32 = 10.0;

/// One page.
#[derive(Clone, Copy, Debug)]
pub struct NavItem<'a, T> {
    /// The caller's name for it.
    pub page: T,
    /// The words.
    pub label: &'a str,
    /// A dot at the right: something there wants a look.
    pub mark: Option<Tone>,
    /// False for a page that is not built or not permitted; it is shown, faint, and says why.
    pub disabled_because: Option<&'a str>,
}

impl<'a, T> NavItem<'a, T> {
    /// A page that can be opened.
    pub fn new(page: T, label: &'a str) -> Self {
        Self {
            page,
            label,
            mark: None,
            disabled_because: None,
        }
    }

    /// A page that cannot be opened, and why.
    pub fn disabled(page: T, label: &'a str, reason: &'a str) -> Self {
        Self {
            page,
            label,
            mark: None,
            disabled_because: Some(reason),
        }
    }
}

/// Pages under one caption.
#[derive(Clone, Copy, Debug)]
pub struct NavGroup<'a, T> {
    /// The caption, in capitals.
    pub title: &'a str,
    /// Its pages, from top to bottom.
    pub items: &'a [NavItem<'a, T>],
}

/// Draws the navigation over the available width; returns the page that was chosen in this frame.
pub fn nav_ui<T: Copy + PartialEq>(
    ui: &mut Ui,
    cx: &UiCtx<'_>,
    groups: &[NavGroup<'_, T>],
    current: T,
) -> Option<T> {
    let tokens = cx.tokens;
    let mut chosen = None;
    ui.spacing_mut().item_spacing.y = ITEM_GAP;
    for (index, group) in groups.iter().enumerate() {
        ui.add_space(if index == 0 { 14.0 } else { 5.0 });
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, group.title));
        text::paint(
            ui.painter(),
            rect.with_min_x(rect.left() + INDENT),
            group.title,
            &tokens.fonts.label,
            tokens.text_hint,
            HAlign::Left,
        );
        for item in group.items {
            if item_ui(ui, cx, item, item.page == current) {
                chosen = Some(item.page);
            }
        }
    }
    chosen
}

fn item_ui<T>(ui: &mut Ui, cx: &UiCtx<'_>, item: &NavItem<'_, T>, is_current: bool) -> bool {
    let tokens = cx.tokens;
    let enabled = item.disabled_because.is_none();
    let sense = if enabled {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ITEM_HEIGHT), sense);
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, is_current, item.label));
    let response = match item.disabled_because {
        Some(reason) => response.on_hover_text(reason),
        None => response.on_hover_cursor(egui::CursorIcon::PointingHand),
    };

    let painter = ui.painter();
    let corner = CornerRadius::same(radius::CONTROL);
    if is_current {
        painter.rect_filled(rect, corner, tokens.nav_selected);
    } else if enabled && response.hovered() {
        painter.rect_filled(rect, corner, tokens.row_hover);
    }
    if response.has_focus() {
        paint::focus_ring(painter, rect.shrink(2.0), radius::CONTROL, tokens);
    }
    let color = match (is_current, enabled) {
        (true, _) => tokens.text_strong,
        (false, true) if response.hovered() => tokens.text_primary,
        (false, true) => tokens.text_secondary,
        (false, false) => tokens.text_faint,
    };
    text::paint(
        painter,
        rect.with_min_x(rect.left() + INDENT)
            .with_max_x(rect.right() - 18.0),
        item.label,
        &tokens.fonts.body,
        color,
        HAlign::Left,
    );
    if let Some(tone) = item.mark {
        paint::dot(
            painter,
            pos2(rect.right() - 11.0, rect.center().y),
            3.5,
            tokens.tone(tone),
        );
    }
    response.clicked()
}
