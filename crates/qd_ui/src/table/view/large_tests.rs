//! Tables too large to be put in order within one frame.

use proptest::prelude::*;
use qd_types::Decimal;

use super::*;
use crate::table::SortDir;

#[derive(Clone, Debug)]
struct Row {
    name: String,
    value: i64,
}

struct Model;

impl TableModel for Model {
    type Row = Row;
    type Key = String;

    const WORDS: &'static [&'static str] = &["name"];

    fn key(row: &Row) -> String {
        row.name.clone()
    }

    /// Negative values are unknown, or words, by column.
    fn value<'r>(row: &'r Row, column_id: &str) -> CellValue<'r> {
        let number = Decimal::from(row.value);
        match column_id {
            "name" => CellValue::text(&row.name),
            "value" if row.value < 0 => CellValue::Empty,
            "mixed" if row.value < 0 => CellValue::text(&row.name),
            "value" | "mixed" => CellValue::Number(number),
            _ => CellValue::Empty,
        }
    }
}

const COLUMNS: [TableColumn; 3] = [
    TableColumn::new("name", "Name", 50.0, 60.0).pin_left(),
    TableColumn::new("value", "Value", 50.0, 60.0).right(),
    TableColumn::new("mixed", "Mixed", 50.0, 60.0),
];

const MANY: usize = 50_000;

/// Long names that begin alike, so that a key of a few letters does not tell them apart.
fn rows(count: usize, value: impl Fn(usize) -> i64) -> Arc<[Arc<Row>]> {
    (0..count)
        .map(|i| {
            Arc::new(Row {
                name: format!("a-long-name-of-{:05}", i * 7_919 % 99_991),
                value: value(i),
            })
        })
        .collect()
}

fn mixed_up(seed: usize) -> impl Fn(usize) -> i64 {
    move |i| {
        let chance = (i + 1).wrapping_mul(2_654_435_761 + seed * 2) >> 8;
        i64::try_from(chance % 5_000).unwrap() - 500
    }
}

/// Frames until nothing is left to do.
fn settled(view: &mut TableView<Model>, rows: &Arc<[Arc<Row>]>) -> (Shown<Row>, usize) {
    let mut num_frames = 0;
    loop {
        num_frames += 1;
        let shown = view.settle(rows);
        if !view.is_arranging() {
            return (shown, num_frames);
        }
        assert!(num_frames < 1_000, "it never ends");
    }
}

/// What a plain stable sort makes of it.
fn plainly(rows: &[Arc<Row>], column_id: &str, dir: SortDir) -> Vec<usize> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by(|one, other| {
        let value = |place: &usize| Model::value(&rows[*place], column_id);
        match (value(one), value(other)) {
            (CellValue::Empty, CellValue::Empty) => std::cmp::Ordering::Equal,
            (CellValue::Empty, _) => std::cmp::Ordering::Greater,
            (_, CellValue::Empty) => std::cmp::Ordering::Less,
            (one, other) => {
                let rising = match (one, other) {
                    (CellValue::Number(one), CellValue::Number(other)) => one.cmp(&other),
                    (CellValue::Text(one), CellValue::Text(other)) => one.cmp(&other),
                    (CellValue::Number(_), _) => std::cmp::Ordering::Less,
                    _ => std::cmp::Ordering::Greater,
                };
                if dir == SortDir::Ascending {
                    rising
                } else {
                    rising.reverse()
                }
            }
        }
    });
    places
}

#[test]
fn a_large_table_comes_into_its_order_over_frames_and_says_so() {
    let all = rows(MANY, mixed_up(1));
    let mut view = TableView::<Model>::new(&COLUMNS);
    let (natural, _) = settled(&mut view, &all);
    assert!(natural.indices.iter().copied().eq(0..MANY));

    view.set_sort(SortState::by("value", SortDir::Descending));
    let first = view.settle(&all);
    assert!(view.is_arranging(), "one frame must not do it all");
    assert!(first.indices == natural.indices, "the order that it had");
    assert_eq!(view.note(&first), "sorting\u{2026}");
    let (sorted, num_frames) = settled(&mut view, &all);
    assert!(num_frames > 1, "{num_frames} more frames");
    assert!(*sorted.indices == *plainly(&all, "value", SortDir::Descending));
    assert_eq!(view.note(&sorted), "");
    assert!(
        sorted.is_same(&view.settle(&all)),
        "and then nothing is done"
    );
}

#[test]
fn every_sort_of_many_rows_equals_a_plain_one() {
    for column_id in ["name", "value", "mixed"] {
        for dir in [SortDir::Ascending, SortDir::Descending] {
            for count in [8_193, 16_384, 20_000, MANY] {
                let all = rows(count, mixed_up(count));
                let mut view = TableView::<Model>::new(&COLUMNS);
                view.set_sort(SortState::by(column_id, dir));
                let (shown, _) = settled(&mut view, &all);
                assert!(
                    *shown.indices == *plainly(&all, column_id, dir),
                    "{column_id} {dir:?} {count}"
                );
            }
        }
    }
}

#[test]
fn work_in_pieces_of_any_size_comes_to_the_same() {
    let config = ProptestConfig::with_cases(12);
    proptest!(config, |(budget in 1_usize..90_000, seed in 0_usize..1_000)| {
        let all = rows(MANY, mixed_up(seed));
        let criteria = Criteria {
            sort: SortState::by("value", SortDir::Ascending),
            ..Criteria::default()
        };
        let mut work = OrderWork::<Model>::new(&all, &criteria);
        while !work.step(budget) {}
        prop_assert!(work.into_places() == plainly(&all, "value", SortDir::Ascending));
    });
}

#[test]
fn news_do_not_start_the_work_again_and_are_shown_at_once() {
    let first = rows(MANY, mixed_up(1));
    let mut view = TableView::<Model>::new(&COLUMNS);
    settled(&mut view, &first);
    view.set_sort(SortState::by("value", SortDir::Ascending));
    view.settle(&first);
    // Every frame brings other values: the work ends all the same, and what is on screen is of this frame.
    let mut last = Arc::clone(&first);
    let mut num_orders = 0;
    for seed in 2..40 {
        last = rows(MANY, mixed_up(seed));
        let before = view.ordered_by.clone();
        let shown = view.settle(&last);
        assert!(Arc::ptr_eq(&shown.rows, &last));
        assert_eq!(shown.len(), MANY);
        num_orders += usize::from(before != view.ordered_by);
    }
    assert_eq!(num_orders, 1, "the first order was finished");
    assert_eq!(
        view.note(&view.shown.clone().unwrap()),
        "",
        "an order that only catches up is no news"
    );
    let (shown, _) = settled(&mut view, &last);
    assert!(*shown.indices == *plainly(&last, "value", SortDir::Ascending));
}

#[test]
fn rows_come_and_go_while_the_order_is_being_made() {
    let all = rows(MANY, mixed_up(1));
    let mut view = TableView::<Model>::new(&COLUMNS);
    settled(&mut view, &all);
    view.set_sort(SortState::by("value", SortDir::Ascending));
    view.settle(&all);
    let fewer: Arc<[Arc<Row>]> = all.iter().skip(10).cloned().collect();
    let shown = view.settle(&fewer);
    assert_eq!((shown.len(), shown.num_hidden()), (MANY - 10, 0));
    let more = rows(MANY + 10, mixed_up(1));
    let shown = view.settle(&more);
    assert_eq!((shown.len(), shown.num_hidden()), (MANY + 10, 0));
    let (shown, _) = settled(&mut view, &more);
    assert!(*shown.indices == *plainly(&more, "value", SortDir::Ascending));
}

fn over(body_hovered: bool) -> TableResponse {
    TableResponse {
        body_hovered,
        ..TableResponse::default()
    }
}

#[test]
fn an_order_on_its_way_does_not_arrive_under_the_pointer() {
    let all = rows(MANY, mixed_up(1));
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_sort(SortState::by("value", SortDir::Ascending));
    let (sorted, _) = settled(&mut view, &all);
    let moved = rows(MANY, mixed_up(7));
    let shown = view.settle(&moved);
    assert!(view.work.is_some(), "it catches up");
    view.follow(&over(true), &shown);
    for _ in 0..20 {
        assert!(view.settle(&moved).indices == sorted.indices);
    }
    view.follow(&over(false), &shown);
    let (shown, _) = settled(&mut view, &moved);
    assert!(*shown.indices == *plainly(&moved, "value", SortDir::Ascending));
}

#[test]
fn what_leaves_a_table_that_catches_up_is_exact() {
    let all = rows(MANY, |_| 1);
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_filter(&COLUMNS[1], ColumnFilter::Typed(">0".to_owned()));
    settled(&mut view, &all);
    // The keyboard is on a row that stays; everything before it goes under the filter.
    let shown = view.settle(&all);
    view.selection
        .set_cursor(shown.at(MANY - 1).unwrap().name.clone());
    let fell = rows(MANY, |i| i64::from(i == MANY - 1));
    let shown = view.settle(&fell);
    assert_eq!(shown.len(), MANY, "the screen is a few frames behind");
    let last = &fell[MANY - 1].name;
    let copied = view.to_tsv(&shown);
    assert_eq!(
        copied
            .lines()
            .nth(1)
            .map(|line| line.starts_with(last.as_str())),
        Some(true)
    );
    let notes = ExportNotes {
        title: "Rows",
        made_at: qd_types::UtcMicros::from_millis(0),
        seal: "",
    };
    let file = view.to_csv(&shown, &notes);
    assert!(file.contains(&format!("# rows,1 of {MANY}")));
}

#[test]
fn one_row_more_or_less_carries_every_place_along() {
    let all = rows(MANY, mixed_up(3));
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_sort(SortState::by("value", SortDir::Descending));
    settled(&mut view, &all);
    let names =
        |shown: &Shown<Row>| -> Vec<String> { shown.iter().map(|row| row.name.clone()).collect() };
    let shown = view.settle(&all);
    let mut expected = names(&shown);
    view.follow(&over(true), &shown);
    // One goes from the middle, one comes there, another at the end.
    let mut list: Vec<Arc<Row>> = all.to_vec();
    let gone = list.remove(MANY / 2);
    let new = |name: &str| {
        Arc::new(Row {
            name: name.to_owned(),
            value: 7,
        })
    };
    list.insert(MANY / 3, new("first new"));
    list.push(new("second new"));
    let shown = view.settle(&list.into());
    expected.retain(|name| *name != gone.name);
    expected.extend(["first new".to_owned(), "second new".to_owned()]);
    assert!(names(&shown) == expected);
}

#[test]
fn nothing_moves_under_the_pointer_of_a_large_table() {
    let all = rows(MANY, mixed_up(1));
    let mut view = TableView::<Model>::new(&COLUMNS);
    view.set_sort(SortState::by("value", SortDir::Ascending));
    let (sorted, _) = settled(&mut view, &all);
    view.follow(&over(true), &sorted);
    let moved = rows(MANY, mixed_up(7));
    let (held, num_frames) = settled(&mut view, &moved);
    assert_eq!(num_frames, 1, "nothing to do");
    assert!(held.indices == sorted.indices);
    view.follow(&over(false), &held);
    let (shown, _) = settled(&mut view, &moved);
    assert!(*shown.indices == *plainly(&moved, "value", SortDir::Ascending));
}

#[test]
fn a_file_has_the_new_filter_even_before_the_screen() {
    let all = rows(MANY, mixed_up(1));
    let mut view = TableView::<Model>::new(&COLUMNS);
    settled(&mut view, &all);
    view.set_quick_filter("of-00001".to_owned());
    // Only the first frame: with the work barely begun, the screen still has every row.
    let shown = view.settle(&all);
    assert_eq!(view.to_tsv(&shown).lines().count(), 2, "titles and one row");
}
