//! The dashboard: five cards, positions, open orders, activity.
//!
//! Only places; what each part shows is in the file of its name.

mod activity;
mod all_orders;
mod cards;
mod detail;
mod dialogs;
mod history;
mod orders;
mod positions;
mod request;
mod row_parts;
mod selected;
mod sheets;
mod table_tools;
mod workspace;

use egui::{Id, Rect, ScrollArea, Ui, UiBuilder, vec2};
use qd_ui::tokens::space;

use self::activity::ActivityState;
use self::dialogs::OpenDialog;
use self::orders::OrdersState;
use self::positions::PositionsState;
pub use self::request::{DashboardRequest, DashboardTable};
pub(crate) use self::request::{cancel_refusal, close_refusal, modify_refusal};
pub(crate) use self::row_parts::seal_ui;
use self::sheets::Sheets;
pub(crate) use self::workspace::Workspaces;
use crate::PageCtx;

/// With this much room the activity list stands beside the tables.
const WIDTH_FOR_SIDE: f32 = 1000.0;
const ORDERS_HEIGHT: f32 = 232.0;
/// Less than this and the tables scroll as a whole instead of shrinking further.
const LEAST_HEIGHT: f32 = 420.0;

/// What the dashboard remembers between frames.
#[derive(Default)]
pub struct DashboardState {
    positions: PositionsState,
    orders: OrdersState,
    activity: ActivityState,
    pub(crate) workspaces: Workspaces,
    dialog: Option<OpenDialog>,
    sheets: Sheets,
    /// What was asked for from outside; taken when it is drawn next.
    request: Option<DashboardRequest>,
    /// The button to give the keyboard back to, as soon as the dialog that it opened is off the screen.
    return_focus: Option<Id>,
    /// What had the keyboard when that was last looked at.
    focused: Option<Id>,
}

impl DashboardState {
    /// What the user made of each table's columns, as text, by the table's name.
    pub(crate) fn column_layouts(&self) -> [(&'static str, String); 3] {
        let [folded, unfolded] = self.positions.layouts();
        [
            ("positions", folded),
            ("stakes", unfolded),
            ("orders", self.orders.layout()),
        ]
    }

    /// Lays a table's columns out by a text that was kept; says whether there is such a table.
    pub(crate) fn set_column_layout(&mut self, table: &str, layout: &str) -> bool {
        match table {
            "positions" => self.positions.set_layout(layout),
            "stakes" => self.positions.set_unfolded_layout(layout),
            "orders" => self.orders.set_layout(layout),
            _ => return false,
        }
        true
    }

    /// Scrolls what the keyboard came to into view, when it is in the part that scrolls.
    fn follow_focus(&mut self, ui: &Ui) {
        let focused = ui.memory(|memory| memory.focused());
        if focused == self.focused {
            return;
        }
        self.focused = focused;
        let Some(response) = focused.and_then(|id| ui.ctx().read_response(id)) else {
            return;
        };
        let clip = ui.clip_rect();
        // Header and navigation are on the same layer, and seen whole beside this part: they are none of it.
        let seen = response.interact_rect;
        let is_ours = response.layer_id == ui.layer_id()
            && (!seen.is_positive() || clip.intersects(seen))
            && !clip.contains_rect(response.rect);
        if is_ours {
            ui.scroll_to_rect(response.rect.expand(space::S), None);
        }
    }
}

/// Draws the dashboard into the room that is left; dialogs stand over `page_rect`.
pub fn dashboard_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState, page_rect: Rect) {
    profiling::function_scope!();
    state.take_request(ui.ctx(), cx);
    let room = ui.available_size();
    if room.x >= WIDTH_FOR_SIDE && room.y >= LEAST_HEIGHT {
        cards::cards_ui(ui, cx);
        ui.add_space(space::M - space::XS);
        workspace::workspace_ui(ui, cx, state);
    } else {
        ScrollArea::vertical()
            .id_salt("dashboard")
            .auto_shrink(false)
            .show(ui, |ui| {
                cards::cards_ui(ui, cx);
                ui.add_space(space::M - space::XS);
                stacked_ui(ui, cx, state, room.y);
                state.follow_focus(ui);
            });
    }
    sheets::sheets_ui(ui.ctx(), cx, state, page_rect);
    dialogs::dialog_ui(ui.ctx(), cx, state, page_rect);
}

fn stacked_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState, height: f32) {
    let width = ui.available_width();
    let positions_height = (height * 0.55).clamp(260.0, 520.0);
    let parts = [
        ("positions", positions_height),
        ("orders", ORDERS_HEIGHT),
        ("activity", ORDERS_HEIGHT + 60.0),
    ];
    let origin = ui.cursor().min;
    let mut top = 0.0;
    for (i, (name, part_height)) in parts.into_iter().enumerate() {
        let rect = Rect::from_min_size(origin + vec2(0.0, top), vec2(width, part_height));
        part(ui, name, rect, |ui| match i {
            0 => positions::positions_ui(ui, cx, state),
            1 => orders::orders_ui(ui, cx, state),
            _ => activity::activity_ui(ui, cx, state),
        });
        top += part_height + space::M;
    }
    ui.advance_cursor_after_rect(Rect::from_min_size(origin, vec2(width, top)));
}

/// A named place: widgets keep their ids when the layout changes around them.
fn part(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(name), add);
}
