//! What stands over the page and takes the whole keyboard: the command palette, the list of keys, the alerts. One at a time.

use egui::{
    Align2, Color32, Context, CornerRadius, Frame, Id, Key, Margin, Modal, Modifiers, Rect, Role,
    ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use qd_ui::button::Button;
use qd_ui::field::{field_id, text_field};
use qd_ui::paint;
use qd_ui::text::{self, HAlign};
use qd_ui::tokens::{radius, size, space};

use super::action::Action;
use super::alerts::alerts_ui;
use super::keys::{self, WIDGET_KEYS};
use super::palette::{PaletteEntry, entries};
use super::{Machine, Preferences};
use crate::PageCtx;
use crate::desk::DeskState;

const WIDTH: f32 = 560.0;
const ROW_HEIGHT: f32 = 28.0;
const NUM_VISIBLE: f32 = 11.0;
/// Rows that Page Down goes on.
const PAGE: usize = 10;
const FIELD: &str = "Find a command";

/// What is open, and what had the keyboard before.
pub(crate) struct Overlay {
    kind: Kind,
    opener: Option<Id>,
}

enum Kind {
    Palette(Palette),
    Keys,
    Alerts,
}

#[derive(Default)]
struct Palette {
    query: String,
    entries: Vec<PaletteEntry>,
    selected: usize,
    /// The chosen row was moved by a key: scroll to it.
    is_moved: bool,
}

/// What became of the overlay in this frame.
pub(super) enum Outcome {
    Open,
    Closed,
    Chosen(Action),
}

impl Overlay {
    /// The palette with every command.
    pub(crate) fn palette(
        ctx: &Context,
        cx: &PageCtx<'_>,
        preferences: &Preferences,
        machine: Machine,
    ) -> Self {
        let palette = Palette {
            entries: entries(cx, preferences, machine, "", ctx.os().is_mac()),
            ..Palette::default()
        };
        Self::new(ctx, Kind::Palette(palette))
    }

    /// The list of keys.
    pub(crate) fn keys(ctx: &Context) -> Self {
        Self::new(ctx, Kind::Keys)
    }

    /// The list of alerts. The keyboard goes back to `opener`, or to what has it now.
    pub(crate) fn alerts(ctx: &Context, opener: Option<Id>) -> Self {
        let overlay = Self::new(ctx, Kind::Alerts);
        Self {
            opener: opener.or(overlay.opener),
            ..overlay
        }
    }

    fn new(ctx: &Context, kind: Kind) -> Self {
        egui::Popup::close_all(ctx);
        Self {
            kind,
            opener: ctx.memory(|memory| memory.focused()),
        }
    }
}

/// Draws what is open, and does what was chosen in it. Called last: it stands over everything.
pub(crate) fn overlay_ui(ctx: &Context, cx: &PageCtx<'_>, state: &mut DeskState) {
    profiling::function_scope!();
    let Some(mut overlay) = state.overlay.take() else {
        give_back(ctx, state);
        return;
    };
    let outcome = match &mut overlay.kind {
        Kind::Palette(palette) => palette_ui(ctx, cx, palette, &state.preferences, state.machine),
        Kind::Keys => keys_ui(ctx, cx),
        Kind::Alerts => alerts_ui(ctx, cx),
    };
    match outcome {
        Outcome::Open => state.overlay = Some(overlay),
        Outcome::Closed => {
            state.return_focus = overlay.opener;
            ctx.request_repaint();
        }
        Outcome::Chosen(action) => {
            // The keyboard goes where the command takes it, and back where it was when it takes it nowhere.
            let leads_away = matches!(
                action,
                Action::FocusFilter(_)
                    | Action::FocusTable(_)
                    | Action::Close(_)
                    | Action::Cancel(..)
                    | Action::Change(..)
                    | Action::ToggleSettings
                    | Action::ToggleNotes
                    | Action::ShowKeys
                    | Action::ShowAlerts
            );
            if !leads_away {
                state.return_focus = overlay.opener;
            }
            ctx.memory_mut(|memory| memory.stop_text_input());
            action.run(ctx, cx, state);
        }
    }
}

/// While the overlay was on screen in the frame before, nothing behind it can have the focus.
fn give_back(ctx: &Context, state: &mut DeskState) {
    if state.return_focus.is_none() {
        return;
    }
    if ctx.memory(|memory| memory.top_modal_layer().is_none())
        && let Some(opener) = state.return_focus.take()
    {
        ctx.memory_mut(|memory| memory.request_focus(opener));
    }
    ctx.request_repaint();
}

/// A panel over the page, from the top, under the header. Returns what `add` does and whether it is to be closed.
pub(super) fn panel<R>(
    ctx: &Context,
    cx: &PageCtx<'_>,
    name: &str,
    add: impl FnOnce(&mut Ui) -> R,
) -> (R, bool) {
    let tokens = cx.ui.tokens;
    let id = Id::unique(("qd_overlay", name));
    let top = size::HEADER_HEIGHT + space::M;
    let area = Modal::default_area(id)
        .anchor(Align2::CENTER_TOP, vec2(0.0, top))
        .role(Role::Dialog)
        .accessible_name(name);
    let frame = Frame::new()
        .fill(tokens.surface_overlay)
        .stroke(Stroke::new(1.0, tokens.line_strong))
        .corner_radius(CornerRadius::same(radius::PANEL))
        .inner_margin(Margin::same(12));
    let window = ctx.content_rect();
    // Header and footer stay in plain view.
    let page = window
        .with_min_y(window.top() + size::HEADER_HEIGHT)
        .with_max_y(window.bottom() - size::FOOTER_HEIGHT);
    ctx.layer_painter(egui::LayerId::new(egui::Order::Foreground, id))
        .rect_filled(page, 0.0, tokens.scrim);
    let response = Modal::new(id)
        .area(area)
        .frame(frame)
        .backdrop_color(Color32::TRANSPARENT)
        .show(ctx, |ui| {
            ui.set_width(WIDTH.min(window.width() - 48.0));
            // Not only as high as it was in the frame before: a list that was short may be long again.
            ui.set_max_height(page.height() - 2.0 * space::XL);
            add(ui)
        });
    let should_close = response.should_close();
    (response.inner, should_close)
}

/// The height that is left for a list under `above` points of other things.
fn list_height(ctx: &Context, above: f32) -> f32 {
    let room = ctx.content_rect().height() - size::HEADER_HEIGHT - size::FOOTER_HEIGHT;
    (room - above - 4.0 * space::XL).clamp(ROW_HEIGHT * 2.0, ROW_HEIGHT * NUM_VISIBLE)
}

fn palette_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    palette: &mut Palette,
    preferences: &Preferences,
    machine: Machine,
) -> Outcome {
    let asked = palette_keys(ctx, palette);
    // The field is the only thing here that takes the keyboard; nothing gives it up.
    let field = field_id(FIELD);
    if ctx.memory(|memory| memory.focused() != Some(field)) {
        ctx.memory_mut(|memory| memory.request_focus(field));
    }
    let (clicked, should_close) = panel(ctx, cx, "Commands", |ui| {
        let width = ui.available_width();
        let field = text_field(
            ui,
            &cx.ui,
            &mut palette.query,
            "Find a command\u{2026}",
            FIELD,
            width,
        );
        if field.changed() {
            palette.entries = entries(cx, preferences, machine, &palette.query, ctx.os().is_mac());
            palette.selected = 0;
            palette.is_moved = true;
        }
        ui.add_space(space::S);
        list_ui(ui, cx, palette)
    });
    let chosen = match asked {
        Some(Asked::Close) => return Outcome::Closed,
        Some(Asked::Run) => Some(palette.selected),
        None => clicked,
    };
    let entry = chosen.and_then(|row| palette.entries.get(row));
    if let Some(entry) = entry.filter(|entry| entry.disabled_because.is_none()) {
        return Outcome::Chosen(entry.action.clone());
    }
    if should_close {
        return Outcome::Closed;
    }
    Outcome::Open
}

enum Asked {
    Run,
    Close,
}

/// Takes the palette's own keys before its field sees them.
fn palette_keys(ctx: &Context, palette: &mut Palette) -> Option<Asked> {
    let last = palette.entries.len().saturating_sub(1);
    ctx.input_mut(|input| {
        let mut count = |key| input.count_and_consume_key(Modifiers::NONE, key);
        let (down, up) = (count(Key::ArrowDown), count(Key::ArrowUp));
        let down = down + PAGE * count(Key::PageDown);
        let up = up + PAGE * count(Key::PageUp);
        if down + up > 0 {
            palette.selected = (palette.selected + down).min(last).saturating_sub(up);
            palette.is_moved = true;
        }
        if count(Key::Enter) > 0 {
            return Some(Asked::Run);
        }
        let is_closed = count(Key::Escape) > 0 || input.consume_key(Modifiers::COMMAND, Key::K);
        is_closed.then_some(Asked::Close)
    })
}

/// Draws the rows that are in view. Returns the one that was clicked.
fn list_ui(ui: &mut Ui, cx: &PageCtx<'_>, palette: &mut Palette) -> Option<usize> {
    let tokens = cx.ui.tokens;
    if palette.entries.is_empty() {
        text::label(
            ui,
            "No command is called that.",
            &tokens.fonts.body,
            tokens.text_secondary,
        );
        return None;
    }
    let height = list_height(ui.ctx(), 60.0);
    let mut clicked = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let (selected, is_moved) = (palette.selected, std::mem::take(&mut palette.is_moved));
    let entries = &palette.entries;
    ScrollArea::vertical()
        .id_salt("commands")
        .max_height(height)
        .auto_shrink([false, true])
        .show_rows(ui, ROW_HEIGHT, entries.len(), |ui, rows| {
            if is_moved {
                let top = ui.min_rect().top() - rows.start as f32 * ROW_HEIGHT;
                let place = Rect::from_min_size(
                    pos2(ui.min_rect().left(), top + selected as f32 * ROW_HEIGHT),
                    vec2(1.0, ROW_HEIGHT),
                );
                ui.scroll_to_rect_animation(place, None, egui::style::ScrollAnimation::none());
            }
            for row in rows {
                let Some(entry) = entries.get(row) else {
                    continue;
                };
                if row_ui(ui, cx, entry, row == selected) {
                    clicked = Some(row);
                }
            }
        });
    clicked
}

/// One command: its words, and at the right its reason or its key. True when it was clicked.
fn row_ui(ui: &mut Ui, cx: &PageCtx<'_>, entry: &PaletteEntry, is_selected: bool) -> bool {
    let tokens = cx.ui.tokens;
    let enabled = entry.disabled_because.is_none();
    let sense = if enabled {
        // The field keeps the keyboard: rows are moved through by arrows.
        Sense::click() - Sense::FOCUSABLE
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), sense);
    response.widget_info(|| {
        let beside = entry.disabled_because.or(entry.hotkey.as_deref());
        let name = match beside {
            Some(beside) => format!("{}, {beside}", entry.title),
            None => entry.title.clone(),
        };
        WidgetInfo::labeled(Role::ListBoxOption, enabled, name)
    });
    let ctx = ui.ctx();
    ctx.accesskit_node_builder(response.id, |node| node.set_selected(is_selected));
    if is_selected {
        // The keyboard stays with the field: this is what a screen reader reads beside it.
        let option = response.id.accesskit_id();
        ctx.accesskit_node_builder(field_id(FIELD), |node| node.set_active_descendant(option));
    }
    let painter = ui.painter();
    let corner = CornerRadius::same(radius::CONTROL);
    if is_selected {
        painter.rect_filled(rect, corner, tokens.nav_selected);
        let bar = rect.with_max_x(rect.left() + 3.0).shrink2(vec2(0.0, 4.0));
        painter.rect_filled(bar, 1.5, tokens.accent);
    } else if enabled && response.hovered() {
        painter.rect_filled(rect, corner, tokens.row_hover);
    }
    let inner = rect.shrink2(vec2(10.0, 0.0));
    let (beside, font) = match (entry.disabled_because, &entry.hotkey) {
        (Some(reason), _) => (reason, &tokens.fonts.label),
        (None, Some(keys)) => (keys.as_str(), &tokens.fonts.number_small),
        (None, None) => ("", &tokens.fonts.label),
    };
    let at = text::paint(
        painter,
        inner.with_min_x(inner.left() + inner.width() * 0.4),
        beside,
        font,
        tokens.text_hint,
        HAlign::Right,
    );
    let color = match (enabled, is_selected) {
        (false, _) => tokens.text_hint,
        (true, true) => tokens.text_strong,
        (true, false) => tokens.text_primary,
    };
    let words = inner.with_max_x(if beside.is_empty() {
        inner.right()
    } else {
        at.left() - space::S
    });
    text::paint(
        painter,
        words,
        &entry.title,
        &tokens.fonts.body,
        color,
        HAlign::Left,
    );
    response.clicked()
}

fn keys_ui(ctx: &Context, cx: &PageCtx<'_>) -> Outcome {
    let tokens = cx.ui.tokens;
    let is_mac = ctx.os().is_mac();
    let (is_closed, should_close) = panel(ctx, cx, "Keys", |ui| {
        text::label(ui, "Keys", &tokens.fonts.title, tokens.text_strong);
        ui.add_space(space::S);
        let room = ctx.content_rect().height() - size::HEADER_HEIGHT - size::FOOTER_HEIGHT - 140.0;
        ScrollArea::vertical()
            .id_salt("keys")
            .max_height(room.max(120.0))
            .auto_shrink([false, true])
            .show(ui, |ui| {
                for hotkey in keys::hotkeys() {
                    let chords: Vec<String> = hotkey
                        .chords
                        .iter()
                        .map(|chord| chord.words(is_mac))
                        .collect();
                    key_ui(ui, cx, &chords.join(" or "), hotkey.words);
                }
                ui.add_space(space::S);
                for (chords, words) in WIDGET_KEYS {
                    key_ui(ui, cx, chords, words);
                }
            });
        ui.add_space(space::S);
        let close = Button::new("Close").name("Close keys").ui(ui, &cx.ui);
        if ui.memory(|memory| memory.focused().is_none()) {
            close.request_focus();
        }
        close.clicked()
    });
    let is_again = is_pressed(ctx, &[Key::Questionmark, Key::F1]);
    if is_closed || should_close || is_again {
        Outcome::Closed
    } else {
        Outcome::Open
    }
}

/// Whether one of the keys that opened a list was pressed: they close it too.
pub(super) fn is_pressed(ctx: &Context, keys: &[Key]) -> bool {
    ctx.input(|input| {
        input.events.iter().any(|event| match event {
            egui::Event::Key {
                key,
                pressed: true,
                repeat: false,
                modifiers,
                ..
            } => keys.contains(key) && !modifiers.command && !modifiers.ctrl,
            _ => false,
        })
    })
}

/// A line of the list of keys: named as a whole.
fn key_ui(ui: &mut Ui, cx: &PageCtx<'_>, chords: &str, words: &str) {
    let tokens = cx.ui.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{chords}: {words}")));
    let column = (rect.width() * 0.38).min(200.0);
    let painter = ui.painter();
    text::paint(
        painter,
        rect.with_max_x(rect.left() + column),
        chords,
        &tokens.fonts.number,
        tokens.text_strong,
        HAlign::Left,
    );
    text::paint(
        painter,
        rect.with_min_x(rect.left() + column + space::S),
        words,
        &tokens.fonts.body,
        tokens.text_primary,
        HAlign::Left,
    );
    paint::underline(painter, rect, tokens.line_row);
}
