//! Instants: the one form we write, read without the calendar library; every other RFC 3339 form through it.

use qd_types::{ParseError, UtcMicros};

/// Reads an instant. Our own form (27 bytes, six digits, `Z`) is by far the most common and costs a few nanoseconds.
pub(crate) fn parse(text: &str) -> Result<UtcMicros, ParseError> {
    match canonical(text.as_bytes()) {
        Some(at) => Ok(at),
        None => UtcMicros::parse_rfc3339(text),
    }
}

/// `YYYY-MM-DDTHH:MM:SS.ffffffZ` and nothing else; leap seconds and odd dates are left to the library.
fn canonical(text: &[u8]) -> Option<UtcMicros> {
    let text: &[u8; 27] = text.try_into().ok()?;
    let digits = |from: usize, count: usize| -> Option<i64> {
        text.get(from..from + count)?
            .iter()
            .try_fold(0_i64, |sum, byte| {
                byte.is_ascii_digit()
                    .then(|| sum * 10 + i64::from(byte - b'0'))
            })
    };
    let marks = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (26, b'Z'),
    ];
    if !marks.iter().all(|(at, mark)| text.get(*at) == Some(mark)) {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let micros = digits(20, 6)?;
    // Day 29 to 31 exist in some months only: the library knows which.
    let plain = (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let rare_but_sure = (1..=12).contains(&month)
        && (29..=30).contains(&day)
        && month != 2
        && hour < 24
        && minute < 60
        && second < 60;
    if !(plain || rare_but_sure) {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(UtcMicros(seconds * 1_000_000 + micros))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, with years that begin in March (Hinnant's method).
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The canonical text of an instant, made without an allocation; `None` for years that do not have four digits.
pub(crate) struct Canonical([u8; 27]);

impl Canonical {
    /// The text of `at`.
    pub(crate) fn of(at: UtcMicros) -> Option<Self> {
        let micros_of_day = at.0.rem_euclid(86_400_000_000);
        let (year, month, day) = civil(at.0.div_euclid(86_400_000_000));
        if !(1..=9999).contains(&year) {
            return None;
        }
        let seconds = micros_of_day / 1_000_000;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let fields = [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, seconds / 3_600),
            (14, 2, seconds / 60 % 60),
            (17, 2, seconds % 60),
            (20, 6, micros_of_day % 1_000_000),
        ];
        for (from, count, value) in fields {
            let mut rest = value;
            for digit in text.get_mut(from..from + count)?.iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).ok()?;
                rest /= 10;
            }
        }
        Some(Self(text))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Year, month and day of a day since 1970-01-01, the way back from [`days_since_epoch`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_calendar_library_on_every_day_of_four_centuries() {
        // 146 097 days is one full cycle; 1900 to 2300 holds the leap-year exceptions.
        let start = UtcMicros::parse_rfc3339("1900-01-01T23:59:58.000001Z").unwrap();
        for day in 0..146_097 {
            let at = start.plus_micros(day * 86_400_000_000);
            let text = at.to_rfc3339();
            assert_eq!(parse(&text), Ok(at));
            assert_eq!(Canonical::of(at).unwrap().as_str(), text);
        }
    }

    #[test]
    fn years_without_four_digits_are_left_to_the_library() {
        for (text, ours) in [
            ("0001-01-01T00:00:00.000000Z", true),
            ("9999-12-30T21:59:59.999999Z", true),
            ("0000-12-31T23:59:59.999999Z", false),
        ] {
            let at = UtcMicros::parse_rfc3339(text).unwrap();
            assert_eq!(
                Canonical::of(at).map(|text| text.as_str().to_owned()),
                ours.then(|| text.to_owned())
            );
        }
        for at in [i64::MIN, i64::MAX] {
            assert!(Canonical::of(UtcMicros(at)).is_none());
        }
    }

    #[test]
    fn other_forms_go_to_the_library_and_nonsense_is_refused() {
        for (text, same) in [
            (
                "2025-11-22T14:18:16.204+00:00",
                "2025-11-22T14:18:16.204000Z",
            ),
            (
                "2025-11-22T09:18:16.204000-05:00",
                "2025-11-22T14:18:16.204000Z",
            ),
            ("2025-11-22 14:18:16Z", "2025-11-22T14:18:16.000000Z"),
            ("2024-02-29T00:00:00.000000Z", "2024-02-29T00:00:00.000000Z"),
        ] {
            assert_eq!(parse(text).unwrap().to_rfc3339(), same, "{text}");
        }
        for bad in [
            "",
            "2025-02-29T00:00:00.000000Z",
            "2025-04-31T00:00:00.000000Z",
            "2025-13-01T00:00:00.000000Z",
            "2025-11-22T24:00:00.000000Z",
            "2025-11-22T14:60:00.000000Z",
            "2025-11-22T14:18:16.20400xZ",
            "2025-11-22T14:18:16.204000",
        ] {
            assert!(parse(bad).is_err(), "{bad:?} should be refused");
        }
    }
}
