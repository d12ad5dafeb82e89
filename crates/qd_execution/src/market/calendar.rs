//! When the exchange trades: the regular NYSE calendar by rule, or a simulated session that never closes.
//!
//! Knows no extraordinary closures (mourning days, storms): a paper desk need not.

use qd_types::{MarketPhase, UtcMicros, ZoneChoice};

const DAY_MILLIS: i64 = 86_400_000;
const MINUTE_MILLIS: i64 = 60_000;
const PRE_OPEN: i64 = 4 * 60;
const OPEN: i64 = 9 * 60 + 30;
const CLOSE: i64 = 16 * 60;
const EARLY_CLOSE: i64 = 13 * 60;
const AFTER_HOURS: i64 = 4 * 60;

/// Which sessions the desk keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// Trades around the clock; "closes" at the next 16:00 of New York, when nothing stops.
    #[default]
    AlwaysOpen,
    /// Regular hours on exchange days.
    Exchange,
    /// No trading at all, as on a holiday: the desk stands with what it has.
    Closed,
}

/// What the market is doing, from the exchange's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketClock {
    /// What trades now.
    pub phase: MarketPhase,
    /// When the phase ends; absent when nothing is planned.
    pub next_change_at: Option<UtcMicros>,
}

impl MarketClock {
    /// Reads the calendar at `now`.
    pub fn at(session: Session, now: UtcMicros) -> Self {
        let clock_time = millis_of_day(now);
        match session {
            Session::AlwaysOpen => {
                let days = i64::from(clock_time >= CLOSE * MINUTE_MILLIS);
                Self {
                    phase: MarketPhase::Open,
                    next_change_at: Some(instant(now, days, CLOSE)),
                }
            }
            Session::Exchange => Self::of_exchange(now, clock_time),
            Session::Closed => Self {
                phase: MarketPhase::Closed,
                next_change_at: None,
            },
        }
    }

    fn of_exchange(now: UtcMicros, clock_time: i64) -> Self {
        let today = Date::of(now);
        let mut phase = MarketPhase::Closed;
        // Ten days cover every run of holidays and weekends.
        for days in 0..10 {
            let Some(close) = today.plus_days(days).close_minute() else {
                continue;
            };
            for (minute, begins) in [
                (PRE_OPEN, MarketPhase::PreOpen),
                (OPEN, MarketPhase::Open),
                (close, MarketPhase::AfterHours),
                (close + AFTER_HOURS, MarketPhase::Closed),
            ] {
                if days > 0 || minute * MINUTE_MILLIS > clock_time {
                    return Self {
                        phase,
                        next_change_at: Some(instant(now, days, minute)),
                    };
                }
                phase = begins;
            }
        }
        Self {
            phase,
            next_change_at: None,
        }
    }
}

/// How much faster than usual the simulated market moves at `now`.
///
/// A session has its wild hours at the open and, less so, at the close; a market that never closes has a slow tide
/// instead.
pub(super) fn wildness(session: Session, now: UtcMicros) -> f64 {
    const TIDE_MILLIS: i64 = 40 * MINUTE_MILLIS;
    let minutes = millis_of_day(now) as f64 / MINUTE_MILLIS as f64;
    let (open, close) = (OPEN as f64, CLOSE as f64);
    let in_session = session == Session::Exchange && (open..close).contains(&minutes);
    if in_session {
        // From -1 at the open over noon to 1 at the close.
        let place = 2.0 * (minutes - open) / (close - open) - 1.0;
        let edge = place * place * place * place;
        return 0.7 + if place < 0.0 { 1.2 } else { 0.8 } * edge;
    }
    let place = now.as_millis().rem_euclid(TIDE_MILLIS) as f64 / TIDE_MILLIS as f64;
    let height = 1.0 - (2.0 * place - 1.0).abs();
    0.7 + 0.8 * height * height * (3.0 - 2.0 * height)
}

fn millis_of_day(now: UtcMicros) -> i64 {
    let (hour, minute, second, millis) = now.time_of_day(ZoneChoice::Exchange);
    (i64::from(hour) * 60 + i64::from(minute)) * MINUTE_MILLIS
        + i64::from(second) * 1000
        + i64::from(millis)
}

/// The instant `days` after the exchange day of `now` at `minute` of that day.
fn instant(now: UtcMicros, days: i64, minute: i64) -> UtcMicros {
    let wanted = minute * MINUTE_MILLIS;
    let whole_millis = UtcMicros::from_millis(now.as_millis());
    let guess = whole_millis.plus_millis(days * DAY_MILLIS + wanted - millis_of_day(now));
    // A change of clocks in between moves the wall by an hour; half a day tells which way.
    let off =
        (wanted - millis_of_day(guess) + DAY_MILLIS / 2).rem_euclid(DAY_MILLIS) - DAY_MILLIS / 2;
    guess.plus_millis(off)
}

/// A civil date of the exchange, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Date(i64);

impl Date {
    fn of(now: UtcMicros) -> Self {
        let number = i64::from(now.day_number(ZoneChoice::Exchange));
        Self::new(number / 10_000, number / 100 % 100, number % 100)
    }

    fn new(year: i64, month: i64, day: i64) -> Self {
        // Counted in years that begin in March, so that the leap day is the last.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// Year, month and day.
    fn civil(self) -> (i64, i64, i64) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }

    /// Monday is 1, Sunday is 7.
    fn weekday(self) -> i64 {
        (self.0 + 3).rem_euclid(7) + 1
    }

    /// When regular trading ends, in minutes; `None` when there is none that day.
    fn close_minute(self) -> Option<i64> {
        if self.weekday() > 5 || self.is_holiday() {
            return None;
        }
        let (year, month, day) = self.civil();
        let early = match (month, day) {
            (12, 24) => true,
            // The third is early only when the fourth is a holiday on its own day.
            (7, 3) => self.weekday() < 5,
            (11, _) => self == nth_weekday(year, 11, 4, 4).plus_days(1),
            _ => false,
        };
        Some(if early { EARLY_CLOSE } else { CLOSE })
    }

    fn is_holiday(self) -> bool {
        let (year, month, _) = self.civil();
        let observed = |month, day| {
            let date = Self::new(year, month, day);
            match date.weekday() {
                6 => date.plus_days(-1),
                7 => date.plus_days(1),
                _ => date,
            }
        };
        let new_year = Self::new(year, 1, 1);
        match month {
            // A New Year's Day on a Saturday is not made up for on the last day of the year.
            1 => {
                (new_year.weekday() != 6 && self == observed(1, 1))
                    || self == nth_weekday(year, 1, 1, 3)
            }
            2 => self == nth_weekday(year, 2, 1, 3),
            3 | 4 => self == good_friday(year),
            5 => self == last_monday_of_may(year),
            6 => self == observed(6, 19),
            7 => self == observed(7, 4),
            9 => self == nth_weekday(year, 9, 1, 1),
            11 => self == nth_weekday(year, 11, 4, 4),
            12 => self == observed(12, 25),
            _ => false,
        }
    }
}

/// The `nth` `weekday` of a month.
fn nth_weekday(year: i64, month: i64, weekday: i64, nth: i64) -> Date {
    let first = Date::new(year, month, 1);
    let offset = (weekday - first.weekday()).rem_euclid(7);
    first.plus_days(offset + 7 * (nth - 1))
}

fn last_monday_of_may(year: i64) -> Date {
    let last = Date::new(year, 5, 31);
    last.plus_days(-(last.weekday() - 1))
}

/// Two days before Easter Sunday (the anonymous Gregorian computus).
fn good_friday(year: i64) -> Date {
    let golden = year % 19;
    let century = year / 100;
    let skipped_leaps = century / 4;
    let correction = (century + 8) / 25;
    let moon = (century - correction + 1) / 3;
    let epact = (19 * golden + century - skipped_leaps - moon + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (year % 100 / 4) - epact - year % 100 % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let sum = epact + weekday - 7 * late + 114;
    Date::new(year, sum / 31, sum % 31 + 1).plus_days(-2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(text: &str) -> (MarketPhase, String) {
        let now = UtcMicros::parse_rfc3339(text).unwrap();
        let clock = MarketClock::at(Session::Exchange, now);
        (clock.phase, clock.next_change_at.unwrap().to_rfc3339())
    }

    // covers: RT-8
    #[test]
    fn phases_follow_the_exchange_through_days_weekends_holidays_and_the_change_of_clocks() {
        use MarketPhase::{AfterHours, Closed, Open, PreOpen};
        for (now, phase, next) in [
            (
                "2026-01-05T08:59:59.9Z",
                Closed,
                "2026-01-05T09:00:00.000000Z",
            ),
            (
                "2026-01-05T09:00:00Z",
                PreOpen,
                "2026-01-05T14:30:00.000000Z",
            ),
            ("2026-01-05T14:30:00Z", Open, "2026-01-05T21:00:00.000000Z"),
            ("2026-07-06T13:30:00Z", Open, "2026-07-06T20:00:00.000000Z"),
            (
                "2026-01-05T21:00:00Z",
                AfterHours,
                "2026-01-06T01:00:00.000000Z",
            ),
            (
                "2026-01-06T01:00:00Z",
                Closed,
                "2026-01-06T09:00:00.000000Z",
            ),
            // Friday night before clocks go forward on Sunday 8 March: Monday opens an hour earlier in UTC.
            (
                "2026-03-07T02:00:00Z",
                Closed,
                "2026-03-09T08:00:00.000000Z",
            ),
            // Good Friday 2026 is 3 April; the half day after Thanksgiving is 27 November.
            (
                "2026-04-03T15:00:00Z",
                Closed,
                "2026-04-06T08:00:00.000000Z",
            ),
            (
                "2026-11-26T15:00:00Z",
                Closed,
                "2026-11-27T09:00:00.000000Z",
            ),
            ("2026-11-27T17:59:00Z", Open, "2026-11-27T18:00:00.000000Z"),
            (
                "2026-11-27T18:00:00Z",
                AfterHours,
                "2026-11-27T22:00:00.000000Z",
            ),
            // Independence Day on a Saturday is kept on Friday.
            (
                "2026-07-03T15:00:00Z",
                Closed,
                "2026-07-06T08:00:00.000000Z",
            ),
            // New Year's Day 2028 is a Saturday: the Friday before trades.
            ("2027-12-31T15:00:00Z", Open, "2027-12-31T21:00:00.000000Z"),
        ] {
            assert_eq!(clock(now), (phase, next.to_owned()), "at {now}");
        }
    }

    #[test]
    fn the_simulated_session_is_open_at_any_hour_and_names_the_next_four_o_clock() {
        for (now, next) in [
            ("2026-11-22T05:00:00.123456Z", "2026-11-22T21:00:00.000000Z"),
            ("2026-11-22T21:00:00Z", "2026-11-23T21:00:00.000000Z"),
            ("2026-03-08T05:30:00Z", "2026-03-08T20:00:00.000000Z"),
        ] {
            let now = UtcMicros::parse_rfc3339(now).unwrap();
            let clock = MarketClock::at(Session::AlwaysOpen, now);
            assert_eq!(clock.phase, MarketPhase::Open);
            assert_eq!(clock.next_change_at.unwrap().to_rfc3339(), next);
        }
    }

    #[test]
    fn dates_and_holidays_agree_with_the_published_calendar() {
        for days in -1_000..40_000 {
            let (year, month, day) = Date(days).civil();
            assert_eq!(Date::new(year, month, day), Date(days));
        }
        let holidays_of_2026 = [
            (1, 1),
            (1, 19),
            (2, 16),
            (4, 3),
            (5, 25),
            (6, 19),
            (7, 3),
            (9, 7),
            (11, 26),
            (12, 25),
        ];
        let mut found = Vec::new();
        for days in Date::new(2026, 1, 1).0..Date::new(2027, 1, 1).0 {
            if Date(days).weekday() <= 5 && Date(days).is_holiday() {
                let (_, month, day) = Date(days).civil();
                found.push((month, day));
            }
        }
        assert_eq!(found, holidays_of_2026);
        for (year, month, day) in [(2024, 3, 29), (2025, 4, 18), (2027, 3, 26), (2030, 4, 19)] {
            assert_eq!(good_friday(year), Date::new(year, month, day));
        }
    }
}
