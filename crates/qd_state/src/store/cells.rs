//! Making of cells: the text of a figure only when the figure changed, and the flash that says so.
//!
//! How a number looks is `qd_types::fmt`; this file decides only when it is made again.

use std::sync::Arc;

use qd_types::{Tone, UtcMicros};

use crate::snapshot::{Cell, Direction, Flash};

/// A cell of a new row: nothing to flash.
pub(crate) fn new_cell(text: &str, tone: Tone) -> Cell {
    Cell {
        text: Arc::from(text),
        tone,
        flash: None,
    }
}

/// The cell for `new`, made again only when it differs from `old`.
pub(crate) fn change<T: PartialOrd + Copy>(
    cell: &mut Cell,
    (old, new): (T, T),
    now: UtcMicros,
    make: impl FnOnce(T) -> (String, Tone),
) -> bool {
    if old == new {
        return false;
    }
    let (text, tone) = make(new);
    if *cell.text == *text && cell.tone == tone {
        // The figure moved below what is shown.
        return false;
    }
    cell.text = Arc::from(text);
    cell.tone = tone;
    cell.flash = Some(Flash {
        at: now,
        direction: if new < old {
            Direction::Down
        } else {
            Direction::Up
        },
    });
    true
}
