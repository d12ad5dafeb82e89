//! The view of a table: rows in, places out; and what leaves it as text.

use proptest::prelude::*;
use qd_types::{Decimal, UtcMicros};

use super::*;
use crate::table::SortDir;

#[derive(Clone, Debug)]
struct Row {
    name: &'static str,
    value: Option<i64>,
    side: &'static str,
}

struct Model;

impl TableModel for Model {
    type Row = Row;
    type Key = &'static str;

    const WORDS: &'static [&'static str] = &["name", "side"];

    fn key(row: &Row) -> &'static str {
        row.name
    }

    fn value<'r>(row: &'r Row, column_id: &str) -> CellValue<'r> {
        match column_id {
            "name" => CellValue::text(row.name),
            "value" => CellValue::number(row.value.map(Decimal::from)),
            "side" => CellValue::text(row.side),
            "at" => CellValue::Time(UtcMicros::from_millis(row.value.unwrap_or(0))),
            _ => CellValue::Empty,
        }
    }
}

const COLUMNS: [TableColumn; 5] = [
    TableColumn::new("name", "Name", 50.0, 60.0).pin_left(),
    TableColumn::new("value", "Value", 50.0, 60.0).right(),
    TableColumn::new("side", "Side", 50.0, 60.0).filter(FilterKind::Choice(&["BUY", "SELL"])),
    TableColumn::new("at", "At", 50.0, 60.0).filter(FilterKind::None),
    TableColumn::new("close", "", 50.0, 60.0).without_values(),
];

fn row(name: &'static str, value: i64) -> Row {
    let value = (value >= 0).then_some(value);
    let side = if name.len() > 1 { "SELL" } else { "BUY" };
    Row { name, value, side }
}

fn rows(rows: &[Row]) -> Arc<[Arc<Row>]> {
    rows.iter().cloned().map(Arc::new).collect()
}

fn names(view: &mut TableView<Model>, rows: &Arc<[Arc<Row>]>) -> Vec<&'static str> {
    view.settle(rows).iter().map(|row| row.name).collect()
}

fn typed(text: &str) -> ColumnFilter {
    ColumnFilter::Typed(text.to_owned())
}

/// The table said nothing but where the pointer is.
fn hover(view: &mut TableView<Model>, rows: &Arc<[Arc<Row>]>, body_hovered: bool) {
    let shown = view.settle(rows);
    let response = TableResponse {
        body_hovered,
        ..TableResponse::default()
    };
    view.follow(&response, &shown);
}

#[test]
fn sort_and_filters_decide_and_equal_rows_keep_their_order() {
    let all = rows(&[
        row("ab", 2),
        row("b", 1),
        row("ba", 2),
        row("c", 0),
        row("d", -1),
    ]);
    let mut view = TableView::<Model>::new(&COLUMNS);
    assert_eq!(names(&mut view, &all), ["ab", "b", "ba", "c", "d"]);
    view.set_quick_filter(" B ".to_owned());
    assert_eq!(
        names(&mut view, &all),
        ["ab", "b", "ba", "c", "d"],
        "BUY has a b too"
    );
    view.set_quick_filter("sell".to_owned());
    assert_eq!(names(&mut view, &all), ["ab", "ba"]);
    view.set_quick_filter(String::new());
    for (dir, expected) in [
        (SortDir::Ascending, ["c", "b", "ab", "ba", "d"]),
        (SortDir::Descending, ["ab", "ba", "b", "c", "d"]),
    ] {
        view.set_sort(SortState::by("value", dir));
        assert_eq!(names(&mut view, &all), expected, "what is unknown is last");
    }
    view.set_filter(&COLUMNS[1], typed(">0"));
    assert_eq!(names(&mut view, &all), ["ab", "ba", "b"]);
    view.set_filter(&COLUMNS[2], ColumnFilter::Chosen(["BUY"].into()));
    assert_eq!(names(&mut view, &all), ["b"]);
    assert_eq!(view.settle(&all).num_hidden(), 4);
    assert!(view.columns()[1].is_filtered && !view.columns()[0].is_filtered);
    // What is no range filters nothing, and says so.
    view.set_filter(&COLUMNS[1], typed(">x"));
    assert!(view.filter_error("value").is_some());
    assert_eq!(names(&mut view, &all), ["b", "c", "d"]);
    view.clear_filters();
    assert_eq!(names(&mut view, &all).len(), 5);
    assert!(!view.is_filtered());
}

#[test]
fn nothing_moves_under_the_pointer() {
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_sort(SortState::by("value", SortDir::Descending));
    let before = rows(&[row("a", 1), row("b", 2), row("c", 3)]);
    assert_eq!(names(&mut view, &before), ["c", "b", "a"]);
    hover(&mut view, &before, true);

    // Only values change: "a" would lead now.
    let moved = rows(&[row("a", 9), row("b", 2), row("c", 3)]);
    assert_eq!(names(&mut view, &moved), ["c", "b", "a"]);
    // "b" left; "d" is new and would lead too.
    let after = rows(&[row("a", 9), row("c", 3), row("d", 10)]);
    assert_eq!(names(&mut view, &after), ["c", "a", "d"]);
    // One out, one in: the count alone says nothing.
    let other = rows(&[row("a", 9), row("d", 10), row("e", 11)]);
    assert_eq!(names(&mut view, &other), ["a", "d", "e"]);

    hover(&mut view, &other, false);
    assert_eq!(names(&mut view, &other), ["e", "d", "a"]);
}

#[test]
fn the_order_is_computed_when_something_changed_and_not_per_frame() {
    let all = rows(&[row("a", 1), row("b", 2)]);
    let mut view = TableView::<Model>::new(&COLUMNS);
    let first = view.settle(&all);
    assert!(first.is_same(&view.settle(&all)));
    view.set_sort(SortState::by("value", SortDir::Descending));
    let sorted = view.settle(&all);
    assert!(!first.is_same(&sorted));
    assert!(sorted.is_same(&view.settle(&all)));
}

#[test]
fn what_is_selected_stays_selected_until_its_row_is_gone() {
    let all = rows(&[row("a", 1), row("b", 2), row("c", 3)]);
    let mut view = TableView::<Model>::new(&COLUMNS);
    let shown = view.settle(&all);
    let click = |view: &mut TableView<Model>, shown: &Shown<Row>, place, modifiers| {
        let response = TableResponse {
            row_clicked: Some((place, modifiers)),
            ..TableResponse::default()
        };
        view.follow(&response, shown);
    };
    click(&mut view, &shown, 0, Modifiers::NONE);
    click(&mut view, &shown, 1, Modifiers::CTRL);
    view.set_sort(SortState::by("value", SortDir::Descending));
    let shown = view.settle(&all);
    assert_eq!(view.note(&shown), "2 selected");
    let selected: Vec<_> = view.selected(&shown).map(|row| row.name).collect();
    assert_eq!(selected, ["b", "a"], "in the order of the screen");
    assert_eq!(view.cursor_place(), Some(1), "the row b has moved");

    view.set_filter(&COLUMNS[1], typed(">=2"));
    let shown = view.settle(&all);
    assert_eq!(
        view.note(&shown),
        "2 selected, 1 of them hidden · 1 hidden by filter"
    );
    assert_eq!(view.selected(&shown).count(), 1);

    let fewer = rows(&[row("a", 1), row("c", 3)]);
    view.settle(&fewer);
    assert_eq!(view.selection().keys().len(), 1);
    view.clear_filters();
    let shown = view.settle(&fewer);
    assert_eq!(view.note(&shown), "1 selected");
    assert_eq!(view.cursor_place(), None);
}

#[test]
fn what_leaves_is_what_is_on_screen_and_exact() {
    let all = rows(&[row("=b", 1500), row("a,\"x\"", 20), row("c", -1)]);
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_sort(SortState::by("value", SortDir::Ascending));
    view.layout.shift(&COLUMNS, "value", 5);
    view.layout.set_hidden(&COLUMNS[3], true);
    view.arrange();
    view.set_filter(&COLUMNS[1], typed(">5"));
    let shown = view.settle(&all);
    let notes = ExportNotes {
        title: "Rows",
        made_at: UtcMicros::from_millis(1_000),
        seal: "verified to #7",
    };
    insta::assert_snapshot!(view.to_csv(&shown, &notes), @r#"
    # table,Rows
    # taken at,1970-01-01T00:00:01.000000Z
    # time zone,UTC
    # seal,verified to #7
    # rows,2 of 3
    # filter,Value: >5
    Name,Side,Value
    "a,""x""",SELL,20
    '=b,SELL,1500
    "#);
    assert_eq!(
        view.to_tsv(&shown).lines().count(),
        3,
        "nothing selected: all"
    );
    view.select(&shown, 1, SelectMode::Only);
    let shown = view.settle(&all);
    assert_eq!(view.to_tsv(&shown), "Name\tSide\tValue\n'=b\tSELL\t1500\n");
}

#[test]
fn a_sort_of_many_rows_equals_a_plain_one() {
    proptest!(|(values in prop::collection::vec(-3_i64..6, 0..40), down in any::<bool>())| {
        let all: Arc<[Arc<Row>]> = values
            .iter()
            .map(|value| Arc::new(Row { name: "r", value: (*value >= 0).then_some(*value), side: "" }))
            .collect();
        let mut view = TableView::<Model>::new(&COLUMNS);
        let dir = if down { SortDir::Descending } else { SortDir::Ascending };
        view.set_sort(SortState::by("value", dir));
        let shown = view.settle(&all);
        let ours: Vec<usize> = shown.indices.to_vec();
        let mut plain: Vec<usize> = (0..values.len()).collect();
        plain.sort_by_key(|i| {
            let value = values[*i];
            (value < 0, if value < 0 { 0 } else if down { -value } else { value })
        });
        prop_assert_eq!(ours, plain);
    });
}
