//! The confirmations of the dashboard: they say what will happen in money and position, then send what was confirmed.
//!
//! The ids are fixed when a dialog opens, so a doubled key or a second pass of the frame is the same command. One file
//! per question; this one opens, draws and ends them.

mod cancel;
mod cancel_all;
mod close;
mod close_selected;
mod modify;

use egui::{Context, Id, Rect};
use qd_state::{OrderRow, PositionRow};
use qd_types::Symbol;
use qd_ui::dialog::DialogOutcome;

use self::cancel::CancelOne;
use self::cancel_all::CancelAll;
use self::close::CloseOne;
use self::close_selected::CloseSelected;
use self::modify::ModifyOne;
use super::DashboardState;
use crate::PageCtx;

/// A question on screen.
pub(crate) struct OpenDialog {
    question: Question,
    /// The button that asked: the keyboard goes back there.
    opener: Id,
}

enum Question {
    Close(CloseOne),
    CloseSelected(CloseSelected),
    Cancel(CancelOne),
    Modify(ModifyOne),
    CancelAll(CancelAll),
}

impl OpenDialog {
    /// Asks before a position is closed.
    pub(crate) fn close(cx: &PageCtx<'_>, row: &PositionRow, opener: Id) -> Self {
        Self {
            question: Question::Close(CloseOne::new(cx, row)),
            opener,
        }
    }

    /// Asks before what one strategy holds on one account is closed.
    pub(crate) fn close_stake(cx: &PageCtx<'_>, row: &PositionRow, opener: Id) -> Self {
        Self {
            question: Question::Close(CloseOne::stake(cx, row)),
            opener,
        }
    }

    /// Asks before the positions in `symbols` are closed, of which the filter hides `num_hidden`.
    pub(crate) fn close_selected(
        cx: &PageCtx<'_>,
        symbols: impl IntoIterator<Item = Symbol>,
        num_hidden: usize,
        opener: Id,
    ) -> Self {
        Self {
            question: Question::CloseSelected(CloseSelected::new(cx, symbols, num_hidden)),
            opener,
        }
    }

    /// Asks before an order is cancelled.
    pub(crate) fn cancel(cx: &PageCtx<'_>, row: &OrderRow, opener: Id) -> Self {
        Self {
            question: Question::Cancel(CancelOne::new(cx, row)),
            opener,
        }
    }

    /// Asks what to change of an open order.
    pub(crate) fn modify(cx: &PageCtx<'_>, row: &OrderRow, opener: Id) -> Self {
        Self {
            question: Question::Modify(ModifyOne::new(cx, row)),
            opener,
        }
    }

    /// Asks before all open orders are cancelled, or those of a scope to be chosen.
    pub(crate) fn cancel_all(cx: &PageCtx<'_>, opener: Id) -> Self {
        Self {
            question: Question::CancelAll(CancelAll::new(cx)),
            opener,
        }
    }
}

/// Draws the open question, if there is one, over `page_rect`.
pub(crate) fn dialog_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    state: &mut DashboardState,
    page_rect: Rect,
) {
    let Some(open) = &mut state.dialog else {
        // While the dialog was on screen in the frame before, nothing behind it can have the focus.
        if state.return_focus.is_some() {
            if ctx.memory(|memory| memory.top_modal_layer().is_none())
                && let Some(opener) = state.return_focus.take()
            {
                ctx.memory_mut(|memory| memory.request_focus(opener));
            }
            ctx.request_repaint();
        }
        return;
    };
    profiling::function_scope!();
    let opener = open.opener;
    let outcome = match &mut open.question {
        Question::Close(question) => question.ui(ctx, cx, page_rect),
        Question::CloseSelected(question) => question.ui(ctx, cx, page_rect),
        Question::Cancel(question) => question.ui(ctx, cx, page_rect),
        Question::Modify(question) => question.ui(ctx, cx, page_rect),
        Question::CancelAll(question) => question.ui(ctx, cx, page_rect),
    };
    if outcome != DialogOutcome::Open {
        state.return_focus = Some(opener);
        ctx.request_repaint();
    }
    match outcome {
        DialogOutcome::Open => {}
        DialogOutcome::Cancelled => state.dialog = None,
        // Taken out first: a second pass of this frame finds nothing to send.
        DialogOutcome::Confirmed => match state.dialog.take().map(|open| open.question) {
            Some(Question::Close(question)) => question.send(cx),
            Some(Question::CloseSelected(question)) => question.send(cx),
            Some(Question::Cancel(question)) => question.send(cx),
            Some(Question::Modify(question)) => question.send(cx),
            Some(Question::CancelAll(question)) => question.send(cx),
            None => {}
        },
    }
}
