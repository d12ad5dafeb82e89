//! In which zone a time is shown: the exchange's, the reader's own, or none.
//!
//! The reader's own zone comes from the shell as offsets; nobody here asks the machine.

use jiff::tz::{Offset, TimeZone};

use crate::UtcMicros;

/// In which zone a time is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ZoneChoice {
    /// The exchange's own: New York.
    #[default]
    Exchange,
    /// That of the machine in front of the reader.
    Local(LocalZone),
    /// UTC.
    Utc,
}

impl ZoneChoice {
    /// What stands beside a time in this zone.
    pub fn label(self) -> &'static str {
        match self {
            Self::Exchange => "New York",
            Self::Local(_) => "local",
            Self::Utc => "UTC",
        }
    }

    /// The zone as it is at one instant.
    pub(crate) fn time_zone(self, at: UtcMicros) -> TimeZone {
        static NEW_YORK: TimeZone = jiff::tz::get!("America/New_York");
        match self {
            Self::Exchange => NEW_YORK.clone(),
            Self::Local(zone) => {
                Offset::from_seconds(zone.offset_seconds(at)).map_or(TimeZone::UTC, TimeZone::fixed)
            }
            Self::Utc => TimeZone::UTC,
        }
    }
}

/// Changes of clocks that a [`LocalZone`] remembers: two a year for years, four a year for most of the span.
const MAX_CHANGES: usize = 8;
/// How far back and ahead of the measurement offsets are asked for.
const SPAN_DAYS: i64 = 400;
/// No zone puts its clocks back and forth within a week.
const STEP_DAYS: i64 = 7;
const DAY_MICROS: i64 = 86_400_000_000;
/// Clocks change on a full second.
const SECOND_MICROS: i64 = 1_000_000;
/// Whatever says more than a day is no clock.
const MAX_OFFSET_SECONDS: i32 = 86_399;

/// The zone of the machine the console runs on, as its offsets over a year or more before and after it was measured.
///
/// A browser tells no more than the offset at an instant; a fixed one would be wrong for what was before the last
/// change of clocks. Outside the span the offset at its nearer end holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalZone {
    /// Seconds east of Greenwich before the first change.
    first: i32,
    /// Each from when on and to what, oldest first; unused ones repeat nothing and stand at the end of time.
    changes: [(UtcMicros, i32); MAX_CHANGES],
}

impl LocalZone {
    /// A zone whose clocks never change.
    pub const fn fixed(offset_seconds: i32) -> Self {
        Self {
            first: offset_seconds,
            changes: [(UtcMicros(i64::MAX), 0); MAX_CHANGES],
        }
    }

    /// Asks `offset_seconds_at` often enough to know every change of clocks around `now`. Absent when it does not know.
    pub fn measure(
        now: UtcMicros,
        mut offset_seconds_at: impl FnMut(UtcMicros) -> Option<i32>,
    ) -> Option<Self> {
        let mut ask =
            |at| offset_seconds_at(at).filter(|offset| offset.abs() <= MAX_OFFSET_SECONDS);
        let step = STEP_DAYS * DAY_MICROS;
        // On whole steps, so that measuring again an hour later gives an equal zone.
        let middle = now.0.div_euclid(step) * step;
        let mut at = UtcMicros(middle.saturating_sub(SPAN_DAYS * DAY_MICROS));
        let end = UtcMicros(middle.saturating_add(SPAN_DAYS * DAY_MICROS));
        let mut offset = ask(at)?;
        let mut first = offset;
        let mut found = Vec::new();
        while at < end {
            let next = at.plus_micros(step);
            let next_offset = ask(next)?;
            if next_offset != offset {
                let (mut before, mut after) = (at, next);
                while after.micros_since(before) > SECOND_MICROS {
                    let half = after.micros_since(before) / 2 / SECOND_MICROS * SECOND_MICROS;
                    let middle = before.plus_micros(half.max(SECOND_MICROS));
                    if ask(middle)? == offset {
                        before = middle;
                    } else {
                        after = middle;
                    }
                }
                found.push((after, next_offset));
                offset = next_offset;
            }
            at = next;
        }
        // Of too many the oldest go: what is on screen is of today.
        while found.len() > MAX_CHANGES {
            (_, first) = found.remove(0);
        }
        let mut zone = Self::fixed(first);
        for (slot, change) in zone.changes.iter_mut().zip(found) {
            *slot = change;
        }
        Some(zone)
    }

    /// Seconds east of Greenwich at an instant.
    pub fn offset_seconds(&self, at: UtcMicros) -> i32 {
        let changes = self.changes.iter();
        changes
            .take_while(|(from, _)| *from <= at)
            .last()
            .map_or(self.first, |(_, offset)| *offset)
    }

    /// "UTC+01:00", "UTC−03:30": the offset at an instant, for where the zone is chosen.
    pub fn offset_text(&self, at: UtcMicros) -> String {
        let offset = self.offset_seconds(at);
        let sign = if offset < 0 { crate::fmt::MINUS } else { '+' };
        let minutes = offset.abs() / 60;
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse_rfc3339(text).unwrap()
    }

    fn rule(zone: &TimeZone) -> impl Fn(UtcMicros) -> Option<i32> {
        |at| {
            let instant = Timestamp::from_microsecond(at.0).ok()?;
            Some(zone.to_offset(instant).seconds())
        }
    }

    /// The zone's own rules are the oracle: POSIX rules, so that no database of the machine is asked.
    #[test]
    fn a_measured_zone_is_the_zone_over_its_whole_span() {
        let now = at("2026-11-22T15:00:00Z");
        for posix in [
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "EST5EDT,M3.2.0,M11.1.0",
            "AEST-10AEDT,M10.1.0,M4.1.0/3",
            "<+0545>-5:45",
            "NST3:30NDT,M3.2.0,M11.1.0",
            "UTC0",
        ] {
            let zone = TimeZone::posix(posix).unwrap();
            let measured = LocalZone::measure(now, rule(&zone)).unwrap();
            for hours in -390 * 24..390 * 24 {
                let at = now.plus_millis(hours * 3_600_000 + 1);
                assert_eq!(
                    Some(measured.offset_seconds(at)),
                    rule(&zone)(at),
                    "{posix} at {}",
                    at.to_rfc3339()
                );
            }
            let later = LocalZone::measure(now.plus_millis(3_600_000), rule(&zone));
            assert_eq!(later, Some(measured), "{posix} an hour later");
        }
    }

    #[test]
    fn the_change_of_clocks_is_found_to_the_second() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let measured = LocalZone::measure(at("2026-11-22T15:00:00Z"), rule(&zone)).unwrap();
        let local = ZoneChoice::Local(measured);
        assert_eq!(
            at("2026-10-25T00:59:59Z").time_of_day(local),
            (2, 59, 59, 0)
        );
        assert_eq!(at("2026-10-25T01:00:00Z").time_of_day(local), (2, 0, 0, 0));
        assert_eq!(
            at("2026-11-22T23:30:00Z").day_number(local),
            20_261_123,
            "the day is the reader's"
        );
        assert_eq!(
            measured.offset_text(at("2026-11-22T15:00:00Z")),
            "UTC+01:00"
        );
        assert_eq!(
            LocalZone::fixed(-12_600).offset_text(UtcMicros(0)),
            "UTC\u{2212}03:30"
        );
    }

    #[test]
    fn more_changes_than_are_kept_cost_the_oldest_and_nonsense_is_no_zone() {
        let now = at("2026-11-22T15:00:00Z");
        let weekly = |at: UtcMicros| {
            Some(if at.0.div_euclid(14 * DAY_MICROS) % 2 == 0 {
                0
            } else {
                3600
            })
        };
        let measured = LocalZone::measure(now, weekly).unwrap();
        let end = now.plus_micros(395 * DAY_MICROS);
        assert_eq!(Some(measured.offset_seconds(end)), weekly(end));
        assert_eq!(LocalZone::measure(now, |_| Some(90_000)), None);
        assert_eq!(LocalZone::measure(now, |_| None), None);
    }
}
