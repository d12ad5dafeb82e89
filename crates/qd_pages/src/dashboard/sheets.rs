//! The sheets over the dashboard: one order's story, the whole history. Which is open, and what that asks for.
//!
//! What they show is in `detail` and `history`. The story lies over the history: closing it leads back there.

use egui::{Context, Id, Rect};
use qd_state::PageAsk;
use qd_types::{AccountId, ClientOrderId, Order, fmt};

use qd_ui::table::view::TableView;

use super::activity::ActivityTable;
use super::{DashboardState, detail, history};
use crate::{Command, PageCtx};

/// What is open.
#[derive(Default)]
pub(crate) struct Sheets {
    history: Option<OpenHistory>,
    detail: Option<OpenDetail>,
}

/// The control that opened a sheet: the keyboard goes back there. Absent when it was a click on a row.
type Opener = Option<Id>;

/// The history, and what its user did with the list.
struct OpenHistory {
    opener: Opener,
    table: TableView<ActivityTable>,
}

/// The order whose story is open.
pub(crate) struct OpenDetail {
    pub(super) account: AccountId,
    pub(super) client_order_id: ClientOrderId,
    /// "SELL 400 AAPL", until the story itself is there and after.
    pub(super) title: String,
    opener: Opener,
}

impl OpenDetail {
    /// What asks for its story, the first time and again.
    pub(super) fn ask(&self) -> Command {
        Command::AskForPage(PageAsk::Order {
            account: self.account.clone(),
            client_order_id: self.client_order_id.clone(),
        })
    }
}

impl Sheets {
    /// Opens the story of an order.
    pub(crate) fn open_detail(&mut self, cx: &PageCtx<'_>, order: &Order, opener: Opener) {
        let is_open = self.detail.as_ref().is_some_and(|open| {
            open.account == order.account && open.client_order_id == order.client_order_id
        });
        // A second pass of the same frame must not ask twice.
        if is_open {
            return;
        }
        let open = OpenDetail {
            account: order.account.clone(),
            client_order_id: order.client_order_id.clone(),
            title: format!(
                "{} {} {}",
                order.side.label(),
                fmt::qty(order.qty),
                order.symbol
            ),
            opener,
        };
        cx.commands.send(open.ask());
        self.detail = Some(open);
    }

    /// Opens the whole history.
    pub(crate) fn open_history(&mut self, cx: &PageCtx<'_>, opener: Opener) {
        if self.history.is_none() {
            cx.commands.send(Command::AskForPage(PageAsk::History));
            let table = history::table();
            self.history = Some(OpenHistory { opener, table });
        }
    }
}

/// Draws the sheet on top, if one is open, over `page_rect`.
pub(crate) fn sheets_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    state: &mut DashboardState,
    page_rect: Rect,
) {
    let sheets = &mut state.sheets;
    if let Some(open) = &sheets.detail {
        if detail::sheet_ui(ctx, cx, open, page_rect) {
            cx.commands.send(Command::AskForPage(PageAsk::OrderClosed));
            let opener = sheets.detail.take().and_then(|open| open.opener);
            if sheets.history.is_none() {
                state.return_focus = opener;
            }
            ctx.request_repaint();
        }
    } else if let Some(open) = &mut sheets.history {
        let opener = open.opener;
        let response = history::sheet_ui(ctx, cx, &mut open.table, page_rect);
        if let Some((order, link)) = response.detail {
            sheets.open_detail(cx, &order, link);
            ctx.request_repaint();
        }
        if response.closed {
            cx.commands
                .send(Command::AskForPage(PageAsk::HistoryClosed));
            sheets.history = None;
            state.return_focus = opener;
            ctx.request_repaint();
        }
    }
}
