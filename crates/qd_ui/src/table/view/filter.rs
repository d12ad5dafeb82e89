//! What a user types into a column's filter, and which values pass it.
//!
//! Words: `msft`, `!msft` (without), `=msft` (exactly), `aapl|msft` (either).
//! Numbers: `>100`, `<=-5`, `10..20`, `..20`, `=5`; with `k`, `m` or `b` behind, and with the signs that the table shows.

use std::collections::BTreeSet;

use qd_types::Decimal;

use super::value::CellValue;

/// How a column can be filtered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterKind {
    /// Not at all.
    None,
    /// By words.
    #[default]
    Text,
    /// By a range of numbers.
    Number,
    /// By choosing among these words, which are all there can be.
    Choice(&'static [&'static str]),
}

impl FilterKind {
    /// What its field says while it is empty.
    pub fn hint(self) -> &'static str {
        match self {
            Self::None | Self::Choice(_) => "",
            Self::Text => "aapl|msft, !tsla",
            Self::Number => ">100, -5..20, <1.5m",
        }
    }
}

/// The filter of one column, as the user made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnFilter {
    /// Typed, into a column of words or of numbers.
    Typed(String),
    /// Chosen words; a row passes with any of them.
    Chosen(BTreeSet<&'static str>),
}

impl ColumnFilter {
    /// Whether it lets everything pass.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Typed(text) => text.trim().is_empty(),
            Self::Chosen(words) => words.is_empty(),
        }
    }
}

/// A filter made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Words(Vec<WordTest>),
    Numbers {
        low: Option<(Decimal, Edge)>,
        high: Option<(Decimal, Edge)>,
    },
    Chosen(BTreeSet<&'static str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WordTest {
    word: String,
    is_whole: bool,
    is_negated: bool,
}

/// Whether the limit itself passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Included,
    Excluded,
}

impl Test {
    /// The test that a filter stands for: `Ok(None)` lets everything pass.
    ///
    /// # Errors
    /// What was typed is no range of numbers; the words say what would be.
    pub(super) fn of(
        filter: &ColumnFilter,
        kind: FilterKind,
    ) -> Result<Option<Self>, &'static str> {
        if filter.is_empty() {
            return Ok(None);
        }
        Ok(match (filter, kind) {
            (ColumnFilter::Chosen(words), _) => Some(Self::Chosen(words.clone())),
            (ColumnFilter::Typed(_), FilterKind::None) => None,
            (ColumnFilter::Typed(text), FilterKind::Number) => {
                Some(numbers(text).ok_or("Not a range of numbers. Try >100, <=-5 or 10..20.")?)
            }
            (ColumnFilter::Typed(text), FilterKind::Text | FilterKind::Choice(_)) => words(text),
        })
    }

    pub(super) fn passes(&self, value: &CellValue<'_>) -> bool {
        match (self, value) {
            (Self::Words(tests), CellValue::Text(text)) => {
                let text = text.to_lowercase();
                let (without, with): (Vec<_>, Vec<_>) =
                    tests.iter().partition(|test| test.is_negated);
                without.iter().all(|test| !test.finds(&text))
                    && (with.is_empty() || with.iter().any(|test| test.finds(&text)))
            }
            (Self::Numbers { low, high }, CellValue::Number(number)) => {
                let above = |(limit, edge): &(Decimal, Edge)| {
                    number > limit || (*edge == Edge::Included && number == limit)
                };
                let below = |(limit, edge): &(Decimal, Edge)| {
                    number < limit || (*edge == Edge::Included && number == limit)
                };
                low.as_ref().is_none_or(above) && high.as_ref().is_none_or(below)
            }
            (Self::Chosen(words), CellValue::Text(text)) => words.contains(text.as_ref()),
            (Self::Words(_) | Self::Numbers { .. } | Self::Chosen(_), _) => false,
        }
    }
}

impl WordTest {
    fn finds(&self, text: &str) -> bool {
        if self.is_whole {
            text == self.word
        } else {
            text.contains(&self.word)
        }
    }
}

fn words(text: &str) -> Option<Test> {
    let mut tests = Vec::new();
    for part in text.split('|') {
        let part = part.trim();
        let (is_negated, part) = part
            .strip_prefix('!')
            .map_or((false, part), |rest| (true, rest.trim()));
        let (is_whole, part) = part
            .strip_prefix('=')
            .map_or((false, part), |rest| (true, rest.trim()));
        if !part.is_empty() {
            tests.push(WordTest {
                word: part.to_lowercase(),
                is_whole,
                is_negated,
            });
        }
    }
    (!tests.is_empty()).then_some(Test::Words(tests))
}

fn numbers(text: &str) -> Option<Test> {
    let text = text.trim();
    let at_edge = |text: &str, edge| Some(Some((number(text)?, edge)));
    if let Some((low, high)) = text.split_once("..") {
        let limit = |text: &str| match text.trim() {
            "" => Some(None),
            text => at_edge(text, Edge::Included),
        };
        let (low, high) = (limit(low)?, limit(high)?);
        return (low.is_some() || high.is_some()).then_some(Test::Numbers { low, high });
    }
    let range = |low, high| Some(Test::Numbers { low, high });
    // The longer signs first.
    if let Some(rest) = text.strip_prefix(">=") {
        return range(at_edge(rest, Edge::Included)?, None);
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return range(None, at_edge(rest, Edge::Included)?);
    }
    if let Some(rest) = text.strip_prefix('>') {
        return range(at_edge(rest, Edge::Excluded)?, None);
    }
    if let Some(rest) = text.strip_prefix('<') {
        return range(None, at_edge(rest, Edge::Excluded)?);
    }
    let exact = at_edge(text.strip_prefix('=').unwrap_or(text), Edge::Included)?;
    range(exact, exact)
}

/// A number as people type it, or as the table shows it.
fn number(text: &str) -> Option<Decimal> {
    let mut plain: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, ',' | '$' | '%' | '+' | '_' | ' ' | '\u{a0}' | '\u{2009}'))
        .map(|c| if c == '\u{2212}' { '-' } else { c })
        .collect();
    let factor = match plain.chars().last()?.to_ascii_lowercase() {
        'k' => 1_000_i64,
        'm' => 1_000_000,
        'b' => 1_000_000_000,
        _ => 1,
    };
    if factor != 1 {
        plain.pop();
    }
    plain
        .parse::<Decimal>()
        .ok()?
        .checked_mul(Decimal::from(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(typed: &str, kind: FilterKind, values: &[CellValue<'_>]) -> Vec<bool> {
        let filter = ColumnFilter::Typed(typed.to_owned());
        let test = Test::of(&filter, kind).unwrap().unwrap();
        values.iter().map(|value| test.passes(value)).collect()
    }

    #[test]
    fn words_are_found_anywhere_whole_or_not_at_all() {
        let values = ["AAPL", "MSFT", "MS"].map(CellValue::text);
        let check = |typed: &str, expected: [bool; 3]| {
            assert_eq!(
                passes(typed, FilterKind::Text, &values),
                expected,
                "{typed}"
            );
        };
        check("ms", [false, true, true]);
        check(" =ms ", [false, false, true]);
        check("!ms", [true, false, false]);
        check("aa|=ms", [true, false, true]);
        check("ms | !msft", [false, false, true]);
    }

    #[test]
    fn ranges_of_numbers_as_people_type_them() {
        let numbers = ["-1500", "0", "10", "20", "1500000"];
        let values = numbers.map(|text| CellValue::Number(text.parse().unwrap()));
        for (typed, expected) in [
            (">10", "...##"),
            (">= 10", "..###"),
            ("<0", "#...."),
            ("<=\u{2212}1,500", "#...."),
            ("0..20", ".###."),
            ("..10", "###.."),
            ("1.5m..", "....#"),
            ("=10", "..#.."),
            ("$20", "...#."),
            ("> -1.5k", ".####"),
        ] {
            let passed = passes(typed, FilterKind::Number, &values);
            let shown: String = passed.iter().map(|p| if *p { '#' } else { '.' }).collect();
            assert_eq!(shown, expected, "{typed}");
        }
        for typed in ["abc", "..", ">", "10..x", "k", "1e99m"] {
            let filter = ColumnFilter::Typed(typed.to_owned());
            assert!(Test::of(&filter, FilterKind::Number).is_err(), "{typed}");
        }
    }

    #[test]
    fn nothing_is_found_by_no_filter_and_no_filter_hides_nothing() {
        assert_eq!(passes("!x", FilterKind::Text, &[CellValue::Empty]), [false]);
        assert_eq!(
            passes("..5", FilterKind::Number, &[CellValue::Empty]),
            [false]
        );
        for typed in ["", "  "] {
            let filter = ColumnFilter::Typed(typed.to_owned());
            assert_eq!(Test::of(&filter, FilterKind::Number), Ok(None));
        }
        let chosen = ColumnFilter::Chosen(["BUY"].into());
        let test = Test::of(&chosen, FilterKind::Text).unwrap().unwrap();
        assert!(test.passes(&CellValue::text("BUY")));
        assert!(!test.passes(&CellValue::text("SELL")));
    }
}
