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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_calendar_library_on_every_day_of_four_centuries() {
        // 146 097 days is one full cycle; 1900 to 2300 holds the leap-year exceptions.
        let start = UtcMicros::parse_rfc3339("1900-01-01T23:59:58.000001Z").unwrap();
        for day in 0..146_097 {
            let at = start.plus_micros(day * 86_400_000_000);
            assert_eq!(parse(&at.to_rfc3339()), Ok(at));
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
