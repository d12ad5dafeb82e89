//! Putting rows in order, in pieces: a large table is ordered over several frames, so that none of them waits for it.
//!
//! Filters first, then sorted runs, then merges; every [`OrderWork::step`] does a bounded share of that and keeps what
//! it has. It works on one picture of the rows, whatever arrives meanwhile. Pure: no clock, no threads, so the web has
//! the same as the desktop.

use std::cmp::Ordering;
use std::sync::Arc;

use super::TableModel;
use super::order::Criteria;
use super::value::{CellValue, billionths};
use crate::table::SortDir;

/// Rows that are sorted at once; a power of two, so that merging pairs of runs comes out even.
const RUN: usize = 8_192;
/// What filtering a row and making its key costs, in moves of a merge.
const KEYING_COST: usize = 3;
/// What sorting a row into its run costs, in moves of a merge.
const RUN_COST: usize = 6;
/// Letters of a text that its key has; longer ones are compared in full when that is not enough.
const KEY_LETTERS: usize = 14;

/// One row as sorting sees it: compared without looking at the row, nearly always.
#[derive(Clone, Copy)]
struct Keyed {
    class: Class,
    key: i128,
    place: usize,
}

/// Numbers come before words going up; rows without a value come last either way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Number,
    Text,
    Empty,
}

impl Keyed {
    fn of(value: &CellValue<'_>, place: usize) -> Self {
        let (class, key) = match value {
            CellValue::Empty => (Class::Empty, 0),
            CellValue::Text(words) => (Class::Text, text_key(words)),
            CellValue::Number(number) => (Class::Number, billionths(*number)),
            CellValue::Time(at) => (Class::Number, i128::from(at.0)),
        };
        Self { class, key, place }
    }

    /// Whether equal keys may still be of different words.
    fn is_cut(&self) -> bool {
        self.class == Class::Text && usize::from(self.key.to_be_bytes()[15]) > KEY_LETTERS
    }
}

/// The first letters and how many there are, so that equal keys of short words are equal words.
fn text_key(words: &str) -> i128 {
    let mut key = [0; 16];
    // The first byte stays zero: the key is never negative.
    for (slot, byte) in key[1..=KEY_LETTERS].iter_mut().zip(words.bytes()) {
        *slot = byte;
    }
    key[15] = u8::try_from(words.len().min(KEY_LETTERS + 1)).unwrap_or(u8::MAX);
    i128::from_be_bytes(key)
}

/// An order that is being made.
pub(super) struct OrderWork<M: TableModel> {
    rows: Arc<[Arc<M::Row>]>,
    criteria: Criteria,
    stage: Stage,
    keyed: Vec<Keyed>,
    /// What the merges write.
    merged: Vec<Keyed>,
}

enum Stage {
    /// The rows before this one are filtered and have their keys.
    Key(usize),
    /// The runs before this place are sorted.
    Runs(usize),
    Merge(Merge),
    Done,
}

/// Where merging pairs of neighbors stands.
struct Merge {
    /// Rows of each run.
    width: usize,
    /// Where the pair begins.
    start: usize,
    /// The next of the left and of the right run.
    left: usize,
    right: usize,
}

impl Merge {
    fn pass(width: usize, len: usize) -> Self {
        Self {
            width,
            start: 0,
            left: 0,
            right: width.min(len),
        }
    }
}

impl<M: TableModel> OrderWork<M> {
    pub(super) fn new(rows: &Arc<[Arc<M::Row>]>, criteria: &Criteria) -> Self {
        Self {
            rows: Arc::clone(rows),
            criteria: criteria.clone(),
            stage: Stage::Key(0),
            keyed: Vec::with_capacity(rows.len()),
            merged: Vec::new(),
        }
    }

    /// What it orders.
    pub(super) fn rows(&self) -> &Arc<[Arc<M::Row>]> {
        &self.rows
    }

    /// What it orders by.
    pub(super) fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// Everything at once. Equal rows keep the order they came in, whichever way the sort goes.
    pub(super) fn finish(mut self) -> Vec<usize> {
        while !self.step(usize::MAX) {}
        self.into_places()
    }

    /// The places of the rows that pass, in the order of the sort; of finished work.
    pub(super) fn into_places(self) -> Vec<usize> {
        self.keyed.into_iter().map(|keyed| keyed.place).collect()
    }

    /// Goes on for about `budget` moves of a merge, and says whether it is done.
    pub(super) fn step(&mut self, mut budget: usize) -> bool {
        profiling::function_scope!();
        while budget > 0 {
            match self.stage {
                Stage::Key(from) => self.key(from, &mut budget),
                Stage::Runs(from) => self.sort_run(from, &mut budget),
                Stage::Merge(_) => self.merge(&mut budget),
                Stage::Done => return true,
            }
        }
        matches!(self.stage, Stage::Done)
    }

    fn key(&mut self, from: usize, budget: &mut usize) {
        let to = self.rows.len().min(from + (*budget / KEYING_COST).max(1));
        let by = self.criteria.sort.by;
        for (place, row) in self.rows.iter().enumerate().take(to).skip(from) {
            if self.criteria.passes::<M>(row) {
                let value = by.map_or(CellValue::Empty, |(column_id, _)| M::value(row, column_id));
                self.keyed.push(Keyed::of(&value, place));
            }
        }
        *budget = budget.saturating_sub((to - from) * KEYING_COST);
        if to == self.rows.len() {
            self.stage = if by.is_some() {
                Stage::Runs(0)
            } else {
                Stage::Done
            };
        } else {
            self.stage = Stage::Key(to);
        }
    }

    fn sort_run(&mut self, from: usize, budget: &mut usize) {
        let to = self.keyed.len().min(from + RUN);
        let (rows, by) = (&self.rows, self.criteria.sort.by);
        if let Some(run) = self.keyed.get_mut(from..to) {
            // Not a stable sort: no two rows are equal, for places differ.
            run.sort_unstable_by(|one, other| compare::<M>(rows, by, one, other));
        }
        *budget = budget.saturating_sub((to - from) * RUN_COST);
        self.stage = match to == self.keyed.len() {
            false => Stage::Runs(to),
            true if to <= RUN => Stage::Done,
            true => Stage::Merge(Merge::pass(RUN, to)),
        };
    }

    fn merge(&mut self, budget: &mut usize) {
        let (rows, by) = (&self.rows, self.criteria.sort.by);
        let len = self.keyed.len();
        let Stage::Merge(at) = &mut self.stage else {
            return;
        };
        while *budget > 0 {
            let middle = len.min(at.start + at.width);
            let end = len.min(middle + at.width);
            let is_left_next = match (self.keyed.get(at.left), self.keyed.get(at.right)) {
                (Some(left), Some(right)) if at.left < middle && at.right < end => {
                    compare::<M>(rows, by, left, right) == Ordering::Less
                }
                _ => at.left < middle,
            };
            let next = if is_left_next {
                &mut at.left
            } else {
                &mut at.right
            };
            if let Some(keyed) = self.keyed.get(*next).filter(|_| *next < end) {
                self.merged.push(*keyed);
                *next += 1;
                *budget -= 1;
                continue;
            }
            // The pair is through.
            if end < len {
                (at.start, at.left, at.right) = (end, end, len.min(end + at.width));
                continue;
            }
            std::mem::swap(&mut self.keyed, &mut self.merged);
            self.merged.clear();
            let width = at.width * 2;
            if width >= len {
                self.stage = Stage::Done;
                return;
            }
            *at = Merge::pass(width, len);
        }
    }
}

/// A total order: equal values by where they stand.
fn compare<M: TableModel>(
    rows: &[Arc<M::Row>],
    by: Option<(&'static str, SortDir)>,
    one: &Keyed,
    other: &Keyed,
) -> Ordering {
    let Some((column_id, dir)) = by else {
        return one.place.cmp(&other.place);
    };
    let in_words = || {
        if !one.is_cut() || !other.is_cut() {
            return Ordering::Equal;
        }
        let value = |keyed: &Keyed| rows.get(keyed.place).map(|row| M::value(row, column_id));
        match (value(one), value(other)) {
            (Some(CellValue::Text(one)), Some(CellValue::Text(other))) => one.cmp(&other),
            _ => Ordering::Equal,
        }
    };
    let by_value = match (one.class, other.class) {
        (Class::Empty, _) | (_, Class::Empty) => one.class.cmp(&other.class),
        _ => {
            let rising = (one.class, one.key)
                .cmp(&(other.class, other.key))
                .then_with(in_words);
            match dir {
                SortDir::Ascending => rising,
                SortDir::Descending => rising.reverse(),
            }
        }
    };
    by_value.then(one.place.cmp(&other.place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_compare_by_their_key_as_they_do_in_full_or_are_cut() {
        let words = [
            "",
            "A",
            "A\0",
            "AA",
            "AAPL",
            "AAPL ",
            "B",
            "BRK.B",
            "Zo\u{eb}",
            "\u{202e}abc",
            "ABCDEFGHIJKLMN",
            "ABCDEFGHIJKLMNO",
            "ABCDEFGHIJKLMNP",
            "ABCDEFGHIJKLMN\0",
        ];
        for one in words {
            for other in words {
                let (left, right) = (
                    Keyed::of(&CellValue::text(one), 0),
                    Keyed::of(&CellValue::text(other), 1),
                );
                if left.is_cut() && right.is_cut() && left.key == right.key {
                    continue;
                }
                assert_eq!(
                    left.key.cmp(&right.key),
                    one.cmp(other),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn numbers_of_any_scale_compare_as_numbers() {
        let key = |text: &str| Keyed::of(&CellValue::Number(text.parse().unwrap()), 0).key;
        assert!(key("-1") < key("-0.5"));
        assert!(key("9.99") < key("10"));
        assert_eq!(key("1.50"), key("1.5"));
        assert_eq!(key("0.3333333331"), key("0.3333333339"));
        let largest = qd_types::Decimal::MAX;
        assert!(key(&largest.to_string()) > key("1"));
        assert!(key(&(-largest).to_string()) < key("1"));
    }
}
