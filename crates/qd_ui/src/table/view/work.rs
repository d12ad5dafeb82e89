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
const RUN_COST: usize = 8;
/// What one condition of a filter adds to that: for each of them, and for each column that the quick filter reads.
const CONDITION_COST: usize = 4;
/// How much more a comparison costs where the words themselves have to be looked at.
const IN_FULL: usize = 6;
/// Letters of a text that its key has; longer ones are compared in full when that is not enough.
const KEY_LETTERS: usize = 14;
/// Beyond every number: decimals have 96 bits, and nine places more.
const WORDS_FROM: i128 = 1 << 126;

/// One row as sorting sees it: its key, and its place for rows with the same. The smaller comes first, whichever way
/// the sort goes.
type Keyed = (i128, usize);

/// Going up, numbers come before words; rows without a value come last either way.
fn key_of(value: &CellValue<'_>, dir: SortDir) -> i128 {
    let rising = match value {
        CellValue::Empty => return i128::MAX,
        CellValue::Text(words) => WORDS_FROM + text_key(words),
        CellValue::Number(number) => billionths(*number),
        CellValue::Time(at) => i128::from(at.0),
    };
    match dir {
        SortDir::Ascending => rising,
        SortDir::Descending => -rising,
    }
}

/// The first letters and how many there are, so that equal keys of short words are equal words.
fn text_key(words: &str) -> i128 {
    let mut key = [0; 16];
    // The first byte stays zero: there is room for what comes before and after all words.
    for (slot, byte) in key[1..=KEY_LETTERS].iter_mut().zip(words.bytes()) {
        *slot = byte;
    }
    key[15] = u8::try_from(words.len().min(KEY_LETTERS + 1)).unwrap_or(u8::MAX);
    i128::from_be_bytes(key)
}

/// Whether other words may have the same key.
fn is_cut(value: &CellValue<'_>) -> bool {
    matches!(value, CellValue::Text(words) if words.len() > KEY_LETTERS)
}

/// An order that is being made.
pub(super) struct OrderWork<M: TableModel> {
    rows: Arc<[Arc<M::Row>]>,
    criteria: Criteria,
    stage: Stage,
    /// Some words are longer than their keys.
    has_cut: bool,
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
            has_cut: false,
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
        self.keyed.into_iter().map(|(_, place)| place).collect()
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
        let criteria = &self.criteria;
        let num_quick = if criteria.quick.is_empty() {
            0
        } else {
            M::WORDS.len()
        };
        let cost = KEYING_COST + CONDITION_COST * (criteria.tests.len() + num_quick);
        let to = self.rows.len().min(from + (*budget / cost).max(1));
        let by = self.criteria.sort.by;
        for (place, row) in self.rows.iter().enumerate().take(to).skip(from) {
            if self.criteria.passes::<M>(row) {
                let key = by.map_or(0, |(column_id, dir)| {
                    let value = M::value(row, column_id);
                    self.has_cut |= is_cut(&value);
                    key_of(&value, dir)
                });
                self.keyed.push((key, place));
            }
        }
        *budget = budget.saturating_sub((to - from) * cost);
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

    /// How much more a comparison costs here than of numbers.
    fn factor(&self) -> usize {
        if self.has_cut { IN_FULL } else { 1 }
    }

    fn sort_run(&mut self, from: usize, budget: &mut usize) {
        let to = self.keyed.len().min(from + RUN);
        if let Some(run) = self.keyed.get_mut(from..to) {
            // Not a stable sort: no two rows are equal, for places differ.
            if self.has_cut {
                let (rows, by) = (&self.rows, self.criteria.sort.by);
                run.sort_unstable_by(|one, other| in_full::<M>(rows, by, *one, *other));
            } else {
                run.sort_unstable();
            }
        }
        *budget = budget.saturating_sub((to - from) * RUN_COST * self.factor());
        self.stage = match to == self.keyed.len() {
            false => Stage::Runs(to),
            true if to <= RUN => Stage::Done,
            true => Stage::Merge(Merge::pass(RUN, to)),
        };
    }

    fn merge(&mut self, budget: &mut usize) {
        let (len, factor) = (self.keyed.len(), self.factor());
        let Stage::Merge(at) = &mut self.stage else {
            return;
        };
        while *budget > 0 {
            let middle = len.min(at.start + at.width);
            let end = len.min(middle + at.width);
            let before = self.merged.len();
            let most = (*budget / factor).max(1);
            let left = self.keyed.get(at.left..middle).unwrap_or_default();
            let right = self.keyed.get(at.right..end).unwrap_or_default();
            let (from_left, from_right) = if self.has_cut {
                let (rows, by) = (&self.rows, self.criteria.sort.by);
                let is_before = |one, other| in_full::<M>(rows, by, one, other) == Ordering::Less;
                merge_into(&mut self.merged, (left, right), most, is_before)
            } else {
                merge_into(&mut self.merged, (left, right), *budget, |one, other| {
                    one < other
                })
            };
            (at.left, at.right) = (at.left + from_left, at.right + from_right);
            *budget = budget.saturating_sub((self.merged.len() - before) * factor);
            if at.left < middle || at.right < end {
                return;
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

/// Moves at most `most` of two sorted runs into one; gives how many of each.
fn merge_into(
    merged: &mut Vec<Keyed>,
    (left, right): (&[Keyed], &[Keyed]),
    most: usize,
    is_before: impl Fn(Keyed, Keyed) -> bool,
) -> (usize, usize) {
    let (mut from_left, mut from_right) = (0, 0);
    while from_left + from_right < most {
        let (Some(one), Some(other)) = (left.get(from_left), right.get(from_right)) else {
            break;
        };
        // No branch on which it is: with mixed rows every second guess would be wrong.
        let is_left = is_before(*one, *other);
        merged.push(if is_left { *one } else { *other });
        from_left += usize::from(is_left);
        from_right += usize::from(!is_left);
    }
    // One of them is through: the rest of the other follows as it is.
    if from_left == left.len() || from_right == right.len() {
        let mut room = most.saturating_sub(from_left + from_right);
        for (run, taken) in [(left, &mut from_left), (right, &mut from_right)] {
            let rest = run.get(*taken..).unwrap_or_default();
            let rest = rest.get(..room.min(rest.len())).unwrap_or_default();
            merged.extend_from_slice(rest);
            *taken += rest.len();
            room -= rest.len();
        }
    }
    (from_left, from_right)
}

/// A total order: equal keys of long words by the words, and then by where the rows stand.
fn in_full<M: TableModel>(
    rows: &[Arc<M::Row>],
    by: Option<(&'static str, SortDir)>,
    (one_key, one): Keyed,
    (other_key, other): Keyed,
) -> Ordering {
    let in_words = || {
        let (column_id, dir) = by?;
        let (one, other) = (rows.get(one)?, rows.get(other)?);
        let (one, other) = (M::value(one, column_id), M::value(other, column_id));
        match (one, other, dir) {
            (CellValue::Text(one), CellValue::Text(other), SortDir::Ascending) => {
                Some(one.cmp(&other))
            }
            (CellValue::Text(one), CellValue::Text(other), SortDir::Descending) => {
                Some(other.cmp(&one))
            }
            _ => None,
        }
    };
    one_key
        .cmp(&other_key)
        .then_with(|| in_words().unwrap_or(Ordering::Equal))
        .then(one.cmp(&other))
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
        for one in words.map(CellValue::text) {
            for other in words.map(CellValue::text) {
                let key = |value| key_of(value, SortDir::Ascending);
                let (left, right) = (key(&one), key(&other));
                if left == right && is_cut(&one) && is_cut(&other) {
                    continue;
                }
                let (CellValue::Text(one), CellValue::Text(other)) = (&one, &other) else {
                    unreachable!("they are words");
                };
                assert_eq!(left.cmp(&right), one.cmp(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn numbers_of_any_scale_compare_as_numbers_and_before_words() {
        let key = |text: &str| {
            key_of(
                &CellValue::Number(text.parse().unwrap()),
                SortDir::Ascending,
            )
        };
        assert!(key("-1") < key("-0.5"));
        assert!(key("9.99") < key("10"));
        assert_eq!(key("1.50"), key("1.5"));
        assert_eq!(key("0.3333333331"), key("0.3333333339"));
        let largest = qd_types::Decimal::MAX;
        assert!(key(&largest.to_string()) > key("1"));
        assert!(key(&(-largest).to_string()) < key("1"));
        let no_words = key_of(&CellValue::text(""), SortDir::Ascending);
        assert!(key(&largest.to_string()) < no_words && no_words < i128::MAX);
        let longest = CellValue::text("\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}");
        assert!(key_of(&longest, SortDir::Ascending) < i128::MAX);
    }
}
