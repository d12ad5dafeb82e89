//! Instants and the clock they come from; nobody below the shells reads a wall clock.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};

use crate::{ParseError, ZoneChoice};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMicros(pub i64);

impl UtcMicros {
    /// The instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Microseconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds from `earlier` to `self`, rounded down; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.micros_since(earlier).div_euclid(1000)
    }

    /// `self` moved by `micros`.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// `self` moved by `millis`.
    pub const fn plus_millis(self, millis: i64) -> Self {
        self.plus_micros(millis.saturating_mul(1000))
    }

    /// RFC 3339 in UTC with exactly six fractional digits and `Z`: the only form our publishers write.
    pub fn to_rfc3339(self) -> String {
        let mut text = String::with_capacity(27);
        let timestamp = Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        // Printing into a string cannot fail; a value outside jiff's range was replaced above.
        DateTimePrinter::new()
            .precision(Some(6))
            .print_timestamp(&timestamp, &mut text)
            .ok();
        text
    }

    /// Reads any RFC 3339 instant, also `+00:00` and other offsets of foreign producers.
    ///
    /// # Errors
    /// [`ParseError`] when the text is no instant.
    pub fn parse_rfc3339(text: &str) -> Result<Self, ParseError> {
        text.parse::<Timestamp>()
            .map(|timestamp| Self(timestamp.as_microsecond()))
            .map_err(|err| ParseError::new("instant", text, err.to_string()))
    }

    /// Hour, minute, second and millisecond of the day in `zone`.
    pub fn time_of_day(self, zone: ZoneChoice) -> (i8, i8, i8, i16) {
        let time = self.zoned(zone).time();
        (
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond(),
        )
    }

    /// The calendar day in `zone` as `YYYYMMDD`, for "today" and for trading dates.
    pub fn day_number(self, zone: ZoneChoice) -> i32 {
        let date = self.zoned(zone).date();
        i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
    }

    /// Midnight of an exchange's day that is given as `YYYYMMDD`; absent when there is no such day.
    pub fn exchange_midnight(day_number: u32) -> Option<Self> {
        let part = |divisor: u32, modulus: u32| day_number / divisor % modulus;
        let date = jiff::civil::Date::new(
            i16::try_from(part(10_000, 10_000)).ok()?,
            i8::try_from(part(100, 100)).ok()?,
            i8::try_from(part(1, 100)).ok()?,
        )
        .ok()?;
        let zone = ZoneChoice::Exchange.time_zone(Self::default());
        let midnight = date.to_zoned(zone).ok()?;
        Some(Self(midnight.timestamp().as_microsecond()))
    }

    /// Monday is 1, Sunday is 7, in `zone`.
    pub fn weekday(self, zone: ZoneChoice) -> i8 {
        self.zoned(zone).date().weekday().to_monday_one_offset()
    }

    fn zoned(self, zone: ZoneChoice) -> jiff::Zoned {
        Timestamp::from_microsecond(self.0)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned(zone.time_zone(self))
    }
}

/// Where "now" comes from. Shells pass a real one; tests and replays pass their own.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> UtcMicros;
}

/// A clock that stands still until somebody moves it: for tests and for virtual time.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: UtcMicros) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets the time shown.
    pub fn set(&self, now: UtcMicros) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the time shown forward by `millis`.
    pub fn advance_millis(&self, millis: i64) {
        self.0
            .fetch_add(millis.saturating_mul(1000), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcMicros {
        UtcMicros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_six_digits_and_reads_foreign_offsets() {
        let at = UtcMicros(1_763_821_096_204_000);
        assert_eq!(at.to_rfc3339(), "2025-11-22T14:18:16.204000Z");
        assert_eq!(
            UtcMicros::parse_rfc3339("2025-11-22T14:18:16.204+00:00"),
            Ok(at)
        );
        assert_eq!(
            UtcMicros::parse_rfc3339("2025-11-22T09:18:16.204-05:00"),
            Ok(at)
        );
        assert!(UtcMicros::parse_rfc3339("yesterday").is_err());
    }

    #[test]
    fn the_exchange_keeps_new_york_time_across_the_change_of_clocks() {
        let winter = UtcMicros::parse_rfc3339("2026-01-05T14:30:00Z").unwrap();
        let summer = UtcMicros::parse_rfc3339("2026-07-06T13:30:00Z").unwrap();
        assert_eq!(winter.time_of_day(ZoneChoice::Exchange), (9, 30, 0, 0));
        assert_eq!(summer.time_of_day(ZoneChoice::Exchange), (9, 30, 0, 0));
        assert_eq!(winter.day_number(ZoneChoice::Exchange), 20_260_105);
        assert_eq!(winter.weekday(ZoneChoice::Exchange), 1);
    }
}
