//! How wide each column is, and which of the three blocks (left, middle, right) it stands in.
//!
//! Pure arithmetic over the columns and the room; no drawing.

use egui::Rangef;

use super::{CheckBoxes, Pin, TableColumn};

/// Width of the column of check boxes.
pub(super) const CHECK_WIDTH: f32 = 34.0;

/// The columns of one frame: offsets inside their block.
#[derive(Clone, Debug)]
pub(super) struct Widths {
    /// Index of the column and its extent, from the left edge of the left block.
    pub(super) left: Vec<(usize, Rangef)>,
    /// From the left edge of the middle block, before scrolling.
    pub(super) middle: Vec<(usize, Rangef)>,
    /// From the left edge of the right block.
    pub(super) right: Vec<(usize, Rangef)>,
    /// Width of the left block with the check boxes.
    pub(super) left_width: f32,
    /// Width of the middle block.
    pub(super) middle_width: f32,
    /// Width of the right block.
    pub(super) right_width: f32,
    /// Width of the table.
    pub(super) room: f32,
    /// The middle is wider than the room for it.
    pub(super) scrolls_sideways: bool,
}

impl Widths {
    /// Gives every column its width for `room` points.
    pub(super) fn fit(columns: &[TableColumn], check_boxes: CheckBoxes, room: f32) -> Self {
        let check_width = if check_boxes == CheckBoxes::Shown {
            CHECK_WIDTH
        } else {
            0.0
        };
        let room_for_columns = (room - check_width).max(0.0);
        let min: f32 = columns.iter().map(|column| column.min).sum();
        let ideal: f32 = columns.iter().map(|column| column.ideal).sum();
        let grow: f32 = columns.iter().map(|column| column.grow).sum();
        let sum_of = |gives_way: bool, of: fn(&TableColumn) -> f32| -> f32 {
            let some = columns
                .iter()
                .filter(|column| column.gives_way == gives_way);
            some.map(of).sum()
        };
        // First those that give way shrink, then the others.
        let weak_ideal = sum_of(true, |column| column.ideal);
        let weak_min = sum_of(true, |column| column.min);
        let firm_ideal = ideal - weak_ideal;
        let firm_min = min - weak_min;
        let between = |column: &TableColumn, room: f32, min: f32, ideal: f32| {
            let share = if ideal > min {
                ((room - min) / (ideal - min)).clamp(0.0, 1.0)
            } else {
                1.0
            };
            column.min + (column.ideal - column.min) * share
        };
        let width_of = |column: &TableColumn| {
            if room_for_columns >= ideal {
                let spare = room_for_columns - ideal;
                column.ideal
                    + if grow > 0.0 {
                        spare * column.grow / grow
                    } else {
                        0.0
                    }
            } else if column.gives_way {
                between(column, room_for_columns - firm_ideal, weak_min, weak_ideal)
            } else {
                between(column, room_for_columns - weak_min, firm_min, firm_ideal)
            }
        };

        let mut widths = Self {
            left: Vec::new(),
            middle: Vec::with_capacity(columns.len()),
            right: Vec::new(),
            left_width: check_width,
            middle_width: 0.0,
            right_width: 0.0,
            room,
            scrolls_sideways: min > room_for_columns,
        };
        let mut exact = [0.0_f32; 3];
        for (index, column) in columns.iter().enumerate() {
            let (block, edge, exact, offset) = match column.pin {
                Pin::Left => (
                    &mut widths.left,
                    &mut widths.left_width,
                    &mut exact[0],
                    check_width,
                ),
                Pin::None => (
                    &mut widths.middle,
                    &mut widths.middle_width,
                    &mut exact[1],
                    0.0,
                ),
                Pin::Right => (
                    &mut widths.right,
                    &mut widths.right_width,
                    &mut exact[2],
                    0.0,
                ),
            };
            *exact += width_of(column);
            // Whole points, rounded down: a column that moves by fractions makes digits shimmer when the window is dragged,
            // and half a point too much would make the table scroll sideways.
            let end = offset + exact.floor();
            block.push((index, Rangef::new(*edge, end)));
            *edge = end;
        }
        widths
    }

    /// The same as columns of `egui_table`: the sticky block, and everything else. A fixed range keeps it from widening with its content.
    pub(super) fn blocks(&self) -> Vec<egui_table::Column> {
        let block = |width: f32| {
            egui_table::Column::new(width)
                .range(width..=width)
                .resizable(false)
        };
        let content = self.middle_width + self.right_width;
        let rest = if self.scrolls_sideways {
            content
        } else {
            (self.room - self.left_width).max(0.0)
        };
        if self.left_width > 0.0 {
            vec![block(self.left_width), block(rest)]
        } else {
            vec![block(rest)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [TableColumn; 4] = [
        TableColumn::new("symbol", "Symbol", 50.0, 80.0).pin_left(),
        TableColumn::new("qty", "Qty", 40.0, 60.0).right(),
        TableColumn::new("value", "Value", 80.0, 120.0).right(),
        TableColumn::new("close", "", 60.0, 60.0)
            .pin_right()
            .grow(0.0),
    ];

    fn total(widths: &Widths) -> f32 {
        widths.left_width + widths.middle_width + widths.right_width
    }

    #[test]
    fn spare_room_is_shared_and_buttons_keep_their_width() {
        let widths = Widths::fit(&COLUMNS, CheckBoxes::Shown, 500.0);
        assert!((total(&widths) - 500.0).abs() <= 3.0, "{widths:?}");
        assert_eq!(widths.right_width, 60.0);
        assert!(!widths.scrolls_sideways);
    }

    #[test]
    fn columns_shrink_before_anything_scrolls() {
        for room in [264.0, 280.0, 300.0, 354.0] {
            let widths = Widths::fit(&COLUMNS, CheckBoxes::Shown, room);
            assert!((total(&widths) - room).abs() <= 3.0, "{room}: {widths:?}");
            assert!(!widths.scrolls_sideways, "{room}");
        }
    }

    #[test]
    fn what_does_not_scroll_fits_at_every_width() {
        for step in 0..6000_u16 {
            let room = 180.0 + f32::from(step) * 0.25;
            let widths = Widths::fit(&COLUMNS, CheckBoxes::Shown, room);
            assert_eq!(widths.scrolls_sideways, room < 264.0, "{room}");
            assert!(
                widths.scrolls_sideways || total(&widths) <= room,
                "{room}: {widths:?}"
            );
        }
    }

    #[test]
    fn what_gives_way_shrinks_before_the_others_do() {
        let mut columns = COLUMNS;
        columns[1] = columns[1].gives_way();
        // Ideal 320, without the 20 that "qty" can give 300.
        for (room, qty, value) in [
            (320.0, 60.0, 120.0),
            (310.0, 50.0, 120.0),
            (300.0, 40.0, 120.0),
        ] {
            let widths = Widths::fit(&columns, CheckBoxes::None, room);
            let width = |at: usize| {
                let (_, extent) = widths.middle[at];
                extent.span()
            };
            assert_eq!((width(0), width(1)), (qty, value), "{room}");
        }
        let widths = Widths::fit(&columns, CheckBoxes::None, 265.0);
        assert!(!widths.scrolls_sideways);
        assert!(widths.middle[1].1.span() < 120.0, "then the others shrink");
        assert!((total(&widths) - 265.0).abs() <= 3.0, "{widths:?}");
    }

    #[test]
    fn below_the_least_width_the_middle_scrolls() {
        let widths = Widths::fit(&COLUMNS, CheckBoxes::None, 180.0);
        assert!(widths.scrolls_sideways);
        assert_eq!(
            (widths.left_width, widths.middle_width, widths.right_width),
            (50.0, 120.0, 60.0)
        );
    }
}
