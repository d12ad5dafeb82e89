//! Single values: decimals from their text, instants, ids, words, places in streams.
//!
//! No float is ever made: a JSON number is read as the text it is written in.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr as _;

use qd_types::{
    AccountId, AlertId, AlertSeverity, AlertState, BreakerState, ClientOrderId, Decimal,
    Environment, Epoch, FillId, HaltScope, HaltState, MarketPhase, MessageKind, Money, OrderStatus,
    OrderType, ParseError, Permission, Price, Qty, Ratio, Role, Seq, Side, StrategyId, StreamName,
    Symbol, TimeInForce, UserId, UtcMicros, VenueOrderId,
};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::Serializer;
use serde_json::value::RawValue;

use super::{Codec, when};

/// Ten to the power of 12: prices, quantities and ratios beyond it are refused, so that no product can overflow.
const SMALL_LIMIT: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

/// Ten to the power of 24: amounts beyond it are refused, so that no sum over rows can overflow.
const MONEY_LIMIT: Decimal = Decimal::from_parts(2_701_131_776, 466_537_709, 54_210, false, 0);

/// The text inside a JSON string, or `None` for any other JSON value.
pub(crate) fn text_from_json(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Reads a decimal from a JSON string or number, within `limit` on either side of zero.
pub(crate) fn decimal_from_json(
    what: &'static str,
    raw: &str,
    limit: Decimal,
) -> Result<Decimal, ParseError> {
    if let Some(value) = short_decimal(raw) {
        return Ok(value);
    }
    let refused = |reason: &str| ParseError::new(what, raw, reason);
    let value = if raw.starts_with('"') {
        let text = text_from_json(raw).ok_or_else(|| refused("no text"))?;
        Money::parse(&text)
            .map_err(|err| refused(&err.reason))?
            .get()
    } else if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        match Money::parse(raw) {
            Ok(value) => value.get(),
            Err(_) => long_number(raw).ok_or_else(|| refused("a number out of range"))?,
        }
    } else {
        return Err(refused("a decimal as text or number"));
    };
    if value.abs() > limit {
        return Err(refused("out of range"));
    }
    Ok(value)
}

/// Reads the decimals that messages are full of: plain, in quotes or not, at most 18 digits of them 12 before the point.
///
/// They fit one machine word and lie within every limit, so that neither has to be checked; `None` is for the slow path.
fn short_decimal(raw: &str) -> Option<Decimal> {
    let text = match raw.strip_prefix('"') {
        Some(text) => text.strip_suffix('"')?,
        None => raw,
    };
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    // With the point, 19 bytes hold 18 digits at most; before it, and without it, there are 12 at most.
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut units = 0_i64;
    let mut num_whole = None;
    for (index, byte) in digits.bytes().enumerate() {
        if byte.is_ascii_digit() {
            if num_whole.is_none() && index >= 12 {
                return None;
            }
            units = units * 10 + i64::from(byte - b'0');
        } else if byte == b'.' && num_whole.is_none() {
            num_whole = Some(index);
        } else {
            return None;
        }
    }
    let num_whole_digits = num_whole.unwrap_or(digits.len());
    let num_fraction_digits = num_whole.map_or(0, |at| digits.len() - at - 1);
    let has_both_sides = num_whole.is_none() || num_fraction_digits > 0;
    if num_whole_digits == 0 || !has_both_sides {
        return None;
    }
    let units = if is_negative { -units } else { units };
    Some(Decimal::new(
        units,
        u32::try_from(num_fraction_digits).ok()?,
    ))
}

/// Reads a number with more digits than a decimal holds, such as a foreign float's `-1.4210854715202004e-14`.
///
/// The digits beyond the twenty-eighth place are rounded away, which is exact for everything that money can mean.
fn long_number(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if mantissa.len() > 512 || exponent > 30 {
        return None;
    }
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let plain = if point <= 0 {
        let zeros = usize::try_from(point.checked_neg()?).ok()?;
        if zeros > 40 {
            return Some(Decimal::ZERO);
        }
        format!("{sign}0.{}{all}", "0".repeat(zeros))
    } else {
        let point = usize::try_from(point).ok()?;
        if point >= all.len() {
            format!("{sign}{all}{}", "0".repeat(point - all.len()))
        } else {
            let (before, after) = all.split_at_checked(point)?;
            format!("{sign}{before}.{after}")
        }
    };
    Decimal::from_str(&plain).ok()
}

/// Writes the canonical text of a decimal; those of up to 18 digits, which are nearly all, without the formatter.
fn encode_decimal<S: Serializer>(value: Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    let value = value.normalize();
    let mut buffer = [0_u8; 32];
    match canonical_text(value, &mut buffer) {
        Some(text) => serializer.serialize_str(text),
        None => serializer.collect_str(&value),
    }
}

/// The text of a normalized decimal in `buffer`, or `None` when it has too many digits.
fn canonical_text(value: Decimal, buffer: &mut [u8; 32]) -> Option<&str> {
    let units = i64::try_from(value.mantissa()).ok()?;
    let scale = usize::try_from(value.scale()).ok()?;
    if units.unsigned_abs() >= 1_000_000_000_000_000_000 || scale > 18 {
        return None;
    }
    let mut rest = units.unsigned_abs();
    let mut at = buffer.len();
    let mut num_digits = 0;
    // Digits from the last to the first, and a zero before the point where there is nothing else.
    while rest > 0 || num_digits <= scale {
        if num_digits == scale && scale > 0 {
            at -= 1;
            *buffer.get_mut(at)? = b'.';
        }
        at -= 1;
        *buffer.get_mut(at)? = b'0' + u8::try_from(rest % 10).ok()?;
        rest /= 10;
        num_digits += 1;
    }
    if units < 0 {
        at -= 1;
        *buffer.get_mut(at)? = b'-';
    }
    std::str::from_utf8(buffer.get(at..)?).ok()
}

macro_rules! decimal_codec {
    ($($name:ident, $what:literal, $limit:expr;)+) => {$(
        impl Codec for $name {
            fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                encode_decimal(self.get(), serializer)
            }

            fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = <&'de RawValue>::deserialize(deserializer)?;
                decimal_from_json($what, raw.get(), $limit)
                    .map(Self::new)
                    .map_err(D::Error::custom)
            }
        }
    )+};
}

decimal_codec! {
    Price, "price", SMALL_LIMIT;
    Qty, "quantity", SMALL_LIMIT;
    Ratio, "ratio", SMALL_LIMIT;
    Money, "amount", MONEY_LIMIT;
}

impl Codec for Decimal {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encode_decimal(*self, serializer)
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        decimal_from_json("decimal", raw.get(), MONEY_LIMIT).map_err(D::Error::custom)
    }
}

/// Reads a JSON string with `parse`, without a copy.
struct TextVisitor<T> {
    what: &'static str,
    parse: fn(&str) -> Result<T, ParseError>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} as text", self.what)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

macro_rules! text_codec {
    ($($name:ty, $what:literal, $parse:expr;)+) => {$(
        impl Codec for $name {
            fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }

            fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(TextVisitor { what: $what, parse: $parse })
            }
        }
    )+};
}

text_codec! {
    Symbol, "symbol", Symbol::new;
    UserId, "user id", UserId::new;
    AccountId, "account", AccountId::new;
    StrategyId, "strategy", StrategyId::new;
    ClientOrderId, "client order id", ClientOrderId::new;
    VenueOrderId, "venue order id", VenueOrderId::new;
    FillId, "fill id", FillId::new;
    AlertId, "alert id", AlertId::new;
    Epoch, "epoch", Epoch::new;
}

/// A word from a closed list.
fn word<T>(what: &'static str, found: Option<T>, text: &str) -> Result<T, ParseError> {
    found.ok_or_else(|| ParseError::new(what, text, "not one of the known words"))
}

macro_rules! word_codec {
    ($($name:ident, $what:literal;)+) => {$(
        text_codec! { $name, $what, |text| word($what, $name::parse(text), text); }
    )+};
}

word_codec! {
    AlertSeverity, "severity";
    AlertState, "alert state";
    BreakerState, "breaker state";
    Environment, "environment";
    HaltState, "halt state";
    MarketPhase, "market phase";
    MessageKind, "message kind";
    OrderStatus, "order status";
    OrderType, "order type";
    Permission, "permission";
    Role, "role";
    Side, "side";
    TimeInForce, "time in force";
}

impl Codec for UtcMicros {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match when::Canonical::of(*self) {
            Some(text) => serializer.serialize_str(text.as_str()),
            None => serializer.serialize_str(&self.to_rfc3339()),
        }
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            what: "instant",
            parse: when::parse,
        })
    }
}

impl Codec for StreamName {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            what: "stream",
            parse: Self::parse,
        })
    }
}

impl Codec for Seq {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

/// Scopes are one word each: `firm`, `account:main`, `strategy:manual`, `symbol:AAPL`.
impl Codec for HaltScope {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            what: "scope",
            parse: Self::parse,
        })
    }
}

/// A list of words in which words of a newer peer are left out instead of refusing the list.
pub(crate) struct KnownWords<T>(PhantomData<T>);

/// A word that may be unknown.
struct MaybeWord<T>(Option<T>);

/// What [`KnownWords`] can hold.
pub(crate) trait Word: Codec + Copy {
    /// The value of a word, if it is known here.
    fn of(text: &str) -> Option<Self>;
}

impl Word for Role {
    fn of(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Word for Permission {
    fn of(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl<'de, T: Word> Deserialize<'de> for MaybeWord<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            what: "word",
            parse: |text| Ok(Self(T::of(text))),
        })
    }
}

impl<T: Word> KnownWords<T> {
    /// For `#[serde(with)]`.
    pub(crate) fn serialize<S: Serializer>(
        words: &Vec<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        words.encode(serializer)
    }

    /// For `#[serde(with)]`.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        Ok(Vec::<MaybeWord<T>>::deserialize(deserializer)?
            .into_iter()
            .filter_map(|word| word.0)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::De;

    #[test]
    fn the_limits_are_the_powers_they_claim() {
        assert_eq!(SMALL_LIMIT.to_string(), "1000000000000");
        assert_eq!(MONEY_LIMIT.to_string(), "1000000000000000000000000");
    }

    #[track_caller]
    fn money(json: &str) -> Result<String, String> {
        serde_json::from_str::<De<Money>>(json)
            .map(|De(value)| value.to_canonical())
            .map_err(|err| err.to_string())
    }

    #[test]
    fn numbers_are_read_from_their_text() {
        for (json, canonical) in [
            ("\"100.50\"", "100.5"),
            ("100.50", "100.5"),
            ("0.1", "0.1"),
            ("-0", "0"),
            ("1e-07", "0.0000001"),
            ("1E+3", "1000"),
            ("9007199254740993", "9007199254740993"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("-1.4210854715202004e-14", "-0.000000000000014210854715202"),
            ("5e-324", "0"),
            ("\"\\u0031.5\"", "1.5"),
            ("\"999999999999.999999\"", "999999999999.999999"),
            ("-999999999999999999", "-999999999999999999"),
            ("\"-1234567890123456.78\"", "-1234567890123456.78"),
            ("\"+7\"", "7"),
            ("9999999999999999999", "9999999999999999999"),
            (
                "123456789.123456789123456789123456789",
                "123456789.12345678912345678912",
            ),
        ] {
            assert_eq!(money(json).as_deref(), Ok(canonical), "{json}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for json in [
            "\"\"",
            "\"abc\"",
            "true",
            "null",
            "[]",
            "{}",
            "\"1,000\"",
            "\"NaN\"",
            "NaN",
            "1e31",
            "1e999999999999",
            "1000000000000000000000001",
            "\" 1\"",
            "\"0x1\"",
            "\"1..2\"",
            "\"1.2.3\"",
            "\"-\"",
            "\"--1\"",
            "\"1-1\"",
            "-",
        ] {
            assert!(money(json).is_err(), "{json} should be refused");
        }
        assert!(serde_json::from_str::<De<Price>>("1000000000000.01").is_err());
        assert!(serde_json::from_str::<De<Price>>("-1000000000000").is_ok());
    }

    #[test]
    fn decimals_are_written_as_the_library_writes_them() {
        let numbers = [
            0_i64,
            1,
            -1,
            7,
            10,
            100,
            105,
            -1_050,
            12_345_678,
            999_999_999_999_999_999,
            1_000_000_000_000_000_000,
            -999_999_999_999_999_999,
            i64::MAX,
            i64::MIN,
        ];
        for units in numbers {
            for scale in 0..=28 {
                let value = Decimal::new(units, scale);
                let mut buffer = [0; 32];
                let expected = value.normalize().to_string();
                if let Some(text) = canonical_text(value.normalize(), &mut buffer) {
                    assert_eq!(text, expected, "{units} at {scale}");
                } else {
                    let normal = value.normalize();
                    assert!(
                        normal.mantissa().unsigned_abs() >= 1_000_000_000_000_000_000
                            || normal.scale() > 18,
                        "{expected} should be written without the formatter"
                    );
                }
                assert_eq!(
                    serde_json::to_string(&crate::codec::Ser(&value)).unwrap(),
                    format!("\"{expected}\"")
                );
            }
        }
    }
}
