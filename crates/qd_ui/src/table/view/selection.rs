//! Which rows are selected, by key: what moves, sorts or is filtered away takes its mark with it.
//!
//! It knows rows only by key and by their place on screen, which the caller looks up.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What the arrow keys, Page Up and Down, Home and End ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorMove {
    /// So many rows down, or up when negative.
    By(i64),
    /// To the first row.
    ToFirst,
    /// To the last row.
    ToLast,
}

/// How a click or a move treats what is selected already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelectMode {
    /// This row alone.
    #[default]
    Only,
    /// This row too, or no longer.
    Toggle,
    /// From the anchor to this row, and nothing else.
    Range,
    /// From the anchor to this row, beside what is selected.
    AddRange,
}

/// The selected rows of a table, the row that the keyboard is at, and the row that a range begins at.
#[derive(Clone, Debug)]
pub struct Selection<K> {
    /// Shared with the frame that draws it.
    keys: Arc<BTreeSet<K>>,
    cursor: Option<K>,
    anchor: Option<K>,
}

impl<K> Default for Selection<K> {
    fn default() -> Self {
        Self {
            keys: Arc::default(),
            cursor: None,
            anchor: None,
        }
    }
}

/// The rows on screen, as far as a selection needs them.
pub(super) trait Places<K> {
    fn len(&self) -> usize;
    fn key_at(&self, place: usize) -> Option<K>;
    fn place_of(&self, key: &K) -> Option<usize>;
}

impl<K: Clone + Ord> Selection<K> {
    /// The keys of all selected rows, shown or not.
    pub fn keys(&self) -> &Arc<BTreeSet<K>> {
        &self.keys
    }

    /// Whether a row is selected.
    pub fn contains(&self, key: &K) -> bool {
        self.keys.contains(key)
    }

    /// The row that the keyboard is at.
    pub fn cursor(&self) -> Option<&K> {
        self.cursor.as_ref()
    }

    pub(super) fn set_cursor(&mut self, key: K) {
        self.cursor = Some(key);
    }

    /// Selects nothing.
    pub fn clear(&mut self) {
        self.keys = Arc::default();
        self.anchor = None;
    }

    /// Neither selected nor at the keyboard: nothing to keep up with.
    pub(super) fn is_unmarked(&self) -> bool {
        self.keys.is_empty() && self.cursor.is_none() && self.anchor.is_none()
    }

    pub(super) fn is_marked(&self, key: &K) -> bool {
        self.keys.contains(key)
            || self.cursor.as_ref() == Some(key)
            || self.anchor.as_ref() == Some(key)
    }

    pub(super) fn retain(&mut self, is_there: impl Fn(&K) -> bool) {
        if !self.keys.iter().all(&is_there) {
            Arc::make_mut(&mut self.keys).retain(&is_there);
        }
        self.cursor.take_if(|key| !is_there(key));
        self.anchor.take_if(|key| !is_there(key));
    }

    pub(super) fn select(&mut self, key: K, mode: SelectMode, shown: &dyn Places<K>) {
        match mode {
            SelectMode::Only => {
                self.keys = Arc::new(BTreeSet::from([key.clone()]));
                self.anchor = Some(key.clone());
            }
            SelectMode::Toggle => {
                let keys = Arc::make_mut(&mut self.keys);
                if !keys.remove(&key) {
                    keys.insert(key.clone());
                }
                self.anchor = Some(key.clone());
            }
            SelectMode::Range | SelectMode::AddRange => {
                let range = self.range_to(&key, shown);
                let keys = Arc::make_mut(&mut self.keys);
                if mode == SelectMode::Range {
                    keys.clear();
                }
                keys.extend(range.filter_map(|i| shown.key_at(i)));
                self.anchor.get_or_insert_with(|| key.clone());
            }
        }
        self.cursor = Some(key);
    }

    /// Moves the cursor; `extends` takes what is passed into the selection, without it nothing is selected or left.
    pub(super) fn move_cursor(
        &mut self,
        step: CursorMove,
        extends: bool,
        first_visible: usize,
        shown: &dyn Places<K>,
    ) -> Option<K> {
        let last = shown.len().checked_sub(1)?;
        let place = self.cursor.as_ref().and_then(|key| shown.place_of(key));
        let to = match (step, place) {
            (CursorMove::ToFirst, _) => 0,
            (CursorMove::ToLast, _) => last,
            // The first press shows where the keyboard is.
            (CursorMove::By(_), None) => first_visible.min(last),
            (CursorMove::By(by), Some(place)) => {
                let by_rows = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
                if by < 0 {
                    place.saturating_sub(by_rows)
                } else {
                    place.saturating_add(by_rows).min(last)
                }
            }
        };
        let key = shown.key_at(to)?;
        if extends {
            if self.anchor.is_none() {
                self.anchor.clone_from(&self.cursor);
            }
            self.select(key.clone(), SelectMode::Range, shown);
        } else {
            self.cursor = Some(key.clone());
        }
        Some(key)
    }

    /// Selects all that is shown, or none of it when all is selected.
    pub(super) fn toggle_all(&mut self, shown: &dyn Places<K>) {
        let all: BTreeSet<K> = (0..shown.len()).filter_map(|i| shown.key_at(i)).collect();
        let keys = Arc::make_mut(&mut self.keys);
        if all.is_subset(keys) {
            keys.retain(|key| !all.contains(key));
        } else {
            keys.extend(all);
        }
    }

    pub(super) fn select_all(&mut self, shown: &dyn Places<K>) {
        let keys = Arc::make_mut(&mut self.keys);
        keys.extend((0..shown.len()).filter_map(|i| shown.key_at(i)));
    }

    fn range_to(&self, key: &K, shown: &dyn Places<K>) -> RangeInclusive<usize> {
        let Some(to) = shown.place_of(key) else {
            // An empty range.
            return RangeInclusive::new(1, 0);
        };
        let from = self.anchor.as_ref().and_then(|key| shown.place_of(key));
        let from = from.unwrap_or(to);
        from.min(to)..=from.max(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Places<char> for &str {
        fn len(&self) -> usize {
            str::len(self)
        }
        fn key_at(&self, place: usize) -> Option<char> {
            self.chars().nth(place)
        }
        fn place_of(&self, key: &char) -> Option<usize> {
            self.chars().position(|c| c == *key)
        }
    }

    fn selected(selection: &Selection<char>) -> String {
        selection.keys().iter().collect()
    }

    #[test]
    fn a_click_takes_one_ctrl_one_more_and_shift_all_between() {
        let mut selection = Selection::default();
        let shown = &"abcdef";
        selection.select('b', SelectMode::Only, shown);
        selection.select('e', SelectMode::Toggle, shown);
        assert_eq!(selected(&selection), "be");
        selection.select('c', SelectMode::AddRange, shown);
        assert_eq!(selected(&selection), "bcde");
        selection.select('f', SelectMode::Range, shown);
        assert_eq!(selected(&selection), "ef", "from the anchor, e");
        selection.select('e', SelectMode::Toggle, shown);
        assert_eq!(selected(&selection), "f");
        selection.select('a', SelectMode::Only, shown);
        assert_eq!(selected(&selection), "a");
    }

    #[test]
    fn a_range_is_what_lies_between_on_screen_now() {
        let mut selection = Selection::default();
        selection.select('b', SelectMode::Only, &"abcdef");
        selection.select('e', SelectMode::Range, &"fbxe");
        assert_eq!(selected(&selection), "bex");
        // The anchor is filtered away: the row alone.
        selection.select('d', SelectMode::Range, &"cd");
        assert_eq!(selected(&selection), "d");
    }

    #[test]
    fn the_keyboard_walks_extends_and_stops_at_the_ends() {
        let mut selection = Selection::default();
        let shown = &"abcdef";
        let by = CursorMove::By;
        assert_eq!(selection.move_cursor(by(1), false, 2, shown), Some('c'));
        assert_eq!(selection.move_cursor(by(1), false, 2, shown), Some('d'));
        assert_eq!(selected(&selection), "", "walking selects nothing");
        assert_eq!(selection.move_cursor(by(1), true, 0, shown), Some('e'));
        assert_eq!(selected(&selection), "de");
        assert_eq!(selection.move_cursor(by(-3), true, 0, shown), Some('b'));
        assert_eq!(selected(&selection), "bcd");
        assert_eq!(selection.move_cursor(by(100), false, 0, shown), Some('f'));
        assert_eq!(
            selection.move_cursor(CursorMove::ToFirst, true, 0, shown),
            Some('a')
        );
        assert_eq!(selection.move_cursor(by(i64::MIN), false, 0, &""), None);
    }

    #[test]
    fn all_that_is_shown_and_what_is_gone() {
        let mut selection = Selection::default();
        selection.select('x', SelectMode::Only, &"xab");
        selection.toggle_all(&"ab");
        assert_eq!(selected(&selection), "abx", "the hidden one stays");
        selection.toggle_all(&"ab");
        assert_eq!(selected(&selection), "x");
        selection.retain(|key| *key == 'a');
        assert_eq!(selected(&selection), "");
        assert_eq!(selection.cursor(), None);
    }
}
