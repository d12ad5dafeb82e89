//! A table of 100,000 rows: sorting and filtering it anew, and drawing a frame of it.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use egui::{Pos2, RawInput, Rect};
use qd_types::{Decimal, Symbol};
use qd_ui::table::view::{CellValue, ColumnFilter, TableModel, TableView};
use qd_ui::table::{CellUi, DataTable, SortDir, SortState, TableColumn, TableRows};
use qd_ui::testing::{self, DESK, NOW_MS};
use qd_ui::{DesignTokens, UiCtx};

const NUM_ROWS: usize = 100_000;

const COLUMNS: [TableColumn; 4] = [
    TableColumn::new("symbol", "Symbol", 58.0, 70.0).pin_left(),
    TableColumn::new("qty", "Qty", 62.0, 74.0).right(),
    TableColumn::new("pl", "P&L ($)", 118.0, 132.0).right(),
    TableColumn::new("value", "Value", 112.0, 120.0).right(),
];

struct Row {
    symbol: Symbol,
    qty: Decimal,
    pl: Decimal,
    texts: [String; 3],
}

struct Model;

impl TableModel for Model {
    type Row = Row;
    type Key = Symbol;

    const WORDS: &'static [&'static str] = &["symbol"];

    fn key(row: &Row) -> Symbol {
        row.symbol
    }

    fn value<'r>(row: &'r Row, column_id: &str) -> CellValue<'r> {
        match column_id {
            "symbol" => CellValue::text(row.symbol.as_str()),
            "qty" => CellValue::Number(row.qty),
            "pl" | "value" => CellValue::Number(row.pl),
            _ => CellValue::Empty,
        }
    }
}

/// Rows whose values are as mixed up as a market's; `step` moves them all.
fn rows(step: u64) -> Arc<[Arc<Row>]> {
    (0..NUM_ROWS as u64)
        .map(|i| {
            let chance = (i + step * 7_919).wrapping_mul(6_364_136_223_846_793_005) >> 40;
            let (qty, pl) = (
                Decimal::from(chance % 999),
                Decimal::new(i64::try_from(chance).unwrap() - 8_000_000, 2),
            );
            Arc::new(Row {
                symbol: Symbol::new(&format!("S{i}")).unwrap(),
                qty,
                pl,
                texts: [qty.to_string(), pl.to_string(), pl.to_string()],
            })
        })
        .collect()
}

struct Painted<'a>(&'a qd_ui::table::view::Shown<Row>);

impl TableRows for Painted<'_> {
    fn num_rows(&self) -> usize {
        self.0.len()
    }
    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }
    fn row_name(&self, row: usize) -> String {
        self.0.at(row).unwrap().symbol.to_string()
    }
    fn row_summary(&self, row: usize) -> String {
        self.row_name(row)
    }
    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let row = self.0.at(row).unwrap();
        match cell.column().column_id {
            "symbol" => cell.strong(row.symbol.as_str()),
            "qty" => cell.number(&row.texts[0]),
            "pl" => cell.number(&row.texts[1]),
            _ => cell.number(&row.texts[2]),
        }
    }
}

/// Frames until the order is made; gives how many.
fn settle(view: &mut TableView<Model>, rows: &Arc<[Arc<Row>]>) -> usize {
    let mut num_frames = 0;
    loop {
        num_frames += 1;
        black_box(view.settle(rows));
        if !view.is_arranging() {
            return num_frames;
        }
    }
}

fn order(criterion: &mut Criterion) {
    let pictures = [rows(0), rows(1)];
    for (name, column_id) in [("by a number", "pl"), ("by words", "symbol")] {
        let mut view = TableView::<Model>::new(&COLUMNS);
        let directions = [SortDir::Ascending, SortDir::Descending];
        let mut step = 0;
        criterion.bench_function(
            &format!("sort 100,000 rows {name}, all slices together"),
            |bencher| {
                bencher.iter(|| {
                    step += 1;
                    view.set_sort(SortState::by(column_id, directions[step % 2]));
                    settle(&mut view, &pictures[0])
                });
            },
        );
        // Every frame brings other values in every row: the share of the work that it does, and the rows put in.
        criterion.bench_function(
            &format!("one frame of it, {name}, every row changed"),
            |bencher| {
                bencher.iter(|| {
                    step += 1;
                    black_box(view.settle(&pictures[step % 2]));
                });
            },
        );
    }
    let mut view = TableView::<Model>::new(&COLUMNS);
    let ranges = [">0", "<0"];
    let mut step = 0;
    criterion.bench_function("filter 100,000 rows by a number", |bencher| {
        bencher.iter(|| {
            step += 1;
            view.set_filter(
                &COLUMNS[2],
                ColumnFilter::Typed(ranges[step % 2].to_owned()),
            );
            settle(&mut view, &pictures[0])
        });
    });
    let words = ["s99", "s98"];
    criterion.bench_function("filter 100,000 rows by words and a number", |bencher| {
        bencher.iter(|| {
            step += 1;
            view.set_quick_filter(words[step % 2].to_owned());
            settle(&mut view, &pictures[0])
        });
    });
}

fn draw(criterion: &mut Criterion) {
    let tokens = DesignTokens::dark();
    let ctx = egui::Context::default();
    testing::setup(tokens.clone())(&ctx);
    let all = rows(0);
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_sort(SortState::by("pl", SortDir::Descending));
    let mut frame = || {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, DESK)),
            ..RawInput::default()
        };
        let mut output = ctx.run_ui(input, |ui| {
            let cx = UiCtx::new(&tokens, NOW_MS);
            let shown = view.settle(&all);
            let mut painted = Painted(&shown);
            view.show(ui, &cx, &shown, &mut painted, |columns| {
                DataTable::new("Rows", columns).check_boxes()
            });
        });
        black_box(ctx.tessellate(std::mem::take(&mut output.shapes), output.pixels_per_point));
        output.drop_without_applying_deltas();
    };
    for _ in 0..3 {
        frame();
    }
    criterion.bench_function("a frame of a 100,000-row table", |bencher| {
        bencher.iter(&mut frame);
    });
}

criterion_group!(benches, order, draw);
criterion_main!(benches);
