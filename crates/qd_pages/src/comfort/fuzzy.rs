//! How well a few typed letters fit a command: all of them in order, better at the beginnings of words and side by side.

/// The fit of `query` to `text`; absent when a letter of it is missing. Words of the query may stand in any order.
///
/// An empty query fits everything equally.
pub(crate) fn fit(query: &str, text: &str) -> Option<i32> {
    query
        .split_whitespace()
        .map(|word| fit_word(word, text))
        .try_fold(0_i32, |sum, fit| Some(sum.saturating_add(fit?)))
}

/// The best of the places where the word may begin: greedy from there on.
fn fit_word(word: &str, text: &str) -> Option<i32> {
    let mut best = None;
    let mut before = ' ';
    for (at, first) in text.char_indices() {
        let is_start = !before.is_alphanumeric();
        before = first;
        let mut letters = word.chars();
        if !letters.next().is_some_and(|letter| same(letter, first)) {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let Some(tail) = fit_tail(letters, rest.chars().skip(1)) else {
            // Later places have even fewer letters left.
            break;
        };
        // A word's beginning counts most, and of two the earlier.
        let place = i32::try_from(at).unwrap_or(i32::MAX).min(40);
        let fit = tail + if is_start { 60 } else { 0 } - place / 4;
        best = best.max(Some(fit));
    }
    best
}

/// The rest of a word's letters in the rest of a text: 10 for each beside the one before, less for each gap.
fn fit_tail(
    letters: impl Iterator<Item = char>,
    mut text: impl Iterator<Item = char>,
) -> Option<i32> {
    let mut fit = 0;
    for letter in letters {
        let gap = text.position(|found| same(letter, found))?;
        fit += match gap {
            0 => 10,
            gap => -i32::try_from(gap).unwrap_or(i32::MAX).min(20),
        };
    }
    Some(fit)
}

fn same(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of<'a>(query: &str, texts: &[&'a str]) -> Option<&'a str> {
        let mut found: Vec<(i32, &str)> = texts
            .iter()
            .filter_map(|text| Some((fit(query, text)?, *text)))
            .collect();
        found.sort_by_key(|(fit, _)| -fit);
        found.first().map(|(_, text)| *text)
    }

    #[test]
    fn letters_must_all_be_there_and_in_order() {
        assert_eq!(fit("", "anything"), Some(0));
        assert_eq!(fit("  ", "anything"), Some(0));
        assert!(fit("sgo", "Sign out").is_some());
        assert!(fit("tuo", "Sign out").is_none());
        assert!(fit("AAPL", "close aapl…").is_some(), "case does not matter");
        assert!(
            fit("aapl close", "Close AAPL…").is_some(),
            "nor the order of words"
        );
        assert!(fit("close msft", "Close AAPL…").is_none());
        assert!(fit("x", "").is_none());
        assert!(fit("ß", "GROẞ").is_some());
    }

    #[test]
    fn beginnings_of_words_and_neighbors_come_first() {
        let commands = [
            "Theme: light",
            "Close META…",
            "Go to the dashboard",
            "Times: UTC",
        ];
        assert_eq!(best_of("the", &commands), Some("Theme: light"));
        assert_eq!(best_of("meta", &commands), Some("Close META…"));
        assert_eq!(best_of("dash", &commands), Some("Go to the dashboard"));
        assert_eq!(best_of("utc", &commands), Some("Times: UTC"));
        assert_eq!(
            best_of("al", &["Total", "Close ALGN…"]),
            Some("Close ALGN…")
        );
        assert_eq!(
            best_of("cv", &["Close AVGO…", "Close V…"]),
            Some("Close V…")
        );
    }
}

#[cfg(test)]
mod property_tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any text finds itself, whatever it is made of, and nothing panics.
        #[test]
        fn prop_a_text_fits_itself(text in "\\PC{0,60}", query in "\\PC{0,20}") {
            prop_assert!(fit(&text, &text).is_some());
            let _any = fit(&query, &text);
        }
    }
}
