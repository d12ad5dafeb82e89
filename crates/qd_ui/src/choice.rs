//! One of a few: options side by side, the chosen one marked by fill, border and weight.
//!
//! It keeps no choice; what was clicked comes back.

use egui::{CornerRadius, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{radius, size, space};

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct ChoiceOption<'a, T> {
    /// The caller's name for it.
    pub value: T,
    /// The words.
    pub label: &'a str,
    /// Why it cannot be chosen; absent when it can.
    pub disabled_because: Option<&'a str>,
}

impl<'a, T> ChoiceOption<'a, T> {
    /// An option that can be chosen.
    pub fn new(value: T, label: &'a str) -> Self {
        Self {
            value,
            label,
            disabled_because: None,
        }
    }
}

/// Draws the options of the question `name` in a row that wraps. The tree calls each "name: label". Returns a new choice.
pub fn choice_ui<T: Copy + PartialEq>(
    ui: &mut Ui,
    cx: &UiCtx<'_>,
    name: &str,
    options: &[ChoiceOption<'_, T>],
    current: T,
) -> Option<T> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
        for option in options {
            let is_current = option.value == current;
            if option_ui(ui, cx, name, option, is_current) && !is_current {
                chosen = Some(option.value);
            }
        }
    });
    chosen
}

fn option_ui<T>(
    ui: &mut Ui,
    cx: &UiCtx<'_>,
    name: &str,
    option: &ChoiceOption<'_, T>,
    is_current: bool,
) -> bool {
    let tokens = cx.tokens;
    let enabled = option.disabled_because.is_none();
    let font = if is_current {
        &tokens.fonts.strong
    } else {
        &tokens.fonts.body
    };
    let galley = text::layout(ui.painter(), option.label, font, f32::INFINITY);
    let wanted = vec2(galley.size().x + 20.0, size::TOUCH_TARGET);
    let sense = if enabled {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(wanted, sense);
    response.widget_info(|| {
        let label = format!("{name}: {}", option.label);
        WidgetInfo::selected(Role::RadioButton, enabled, is_current, label)
    });
    let response = match option.disabled_because {
        Some(reason) => response.on_hover_text(reason),
        None => response.on_hover_cursor(egui::CursorIcon::PointingHand),
    };
    let painter = ui.painter();
    let corner = CornerRadius::same(radius::CONTROL);
    let (fill, line, color) = if is_current {
        (tokens.nav_selected, tokens.accent, tokens.text_strong)
    } else if !enabled {
        (
            egui::Color32::TRANSPARENT,
            tokens.line_subtle,
            tokens.text_faint,
        )
    } else if response.hovered() {
        (tokens.row_hover, tokens.line_control, tokens.text_strong)
    } else {
        (
            egui::Color32::TRANSPARENT,
            tokens.line_strong,
            tokens.text_primary,
        )
    };
    painter.rect(
        rect,
        corner,
        fill,
        Stroke::new(1.0, line),
        StrokeKind::Inside,
    );
    text::paint_galley(painter, rect, galley, color, HAlign::Center);
    if response.has_focus() {
        paint::focus_ring(painter, rect, radius::CONTROL, tokens);
    }
    response.clicked()
}
