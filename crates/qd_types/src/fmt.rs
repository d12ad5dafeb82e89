//! How numbers and instants look on screen; rows are formatted once per change with these, never per frame.
//!
//! Minus is U+2212, thousands are set off with commas, and P&L always carries its sign.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{Money, Price, Qty, Ratio, Tone, UtcMicros, ZoneChoice};

/// The true minus: as wide as a digit in the console's fonts.
pub const MINUS: char = '\u{2212}';

/// When a number shows its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    WhenNegative,
    Always,
}

fn grouped(value: Decimal, digits: u32, sign: Sign, prefix: &str) -> String {
    let rounded = value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    let text = format!("{:.*}", digits as usize, rounded.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::with_capacity(text.len() + 8);
    if rounded.is_sign_negative() && !rounded.is_zero() {
        out.push(MINUS);
    } else if sign == Sign::Always && !rounded.is_zero() {
        out.push('+');
    }
    out.push_str(prefix);
    let num_digits = whole.len();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (num_digits - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `$17,809.18`, `−$2,194.16`.
pub fn money(value: Money) -> String {
    grouped(value.get(), 2, Sign::WhenNegative, "$")
}

/// `+$379.69`, `−$1,011.08`, `$0.00`: for P&L.
pub fn signed_money(value: Money) -> String {
    grouped(value.get(), 2, Sign::Always, "$")
}

/// `+$208k`, `−$1.2M`: for context lines where the cents are elsewhere.
pub fn short_signed_money(value: Money) -> String {
    let absolute = value.abs().get();
    let (unit, suffix, digits) = if absolute >= Decimal::from(1_000_000) {
        (Decimal::from(1_000_000), "M", 1)
    } else if absolute >= Decimal::from(1_000) {
        (Decimal::from(1_000), "k", 0)
    } else {
        (Decimal::ONE, "", 0)
    };
    format!(
        "{}{suffix}",
        grouped(value.get() / unit, digits, Sign::Always, "$")
    )
}

/// `217.19`; below a dollar four places: `0.1234`.
pub fn price(value: Price) -> String {
    let digits = if value.abs().get() < Decimal::ONE && !value.is_zero() {
        4
    } else {
        2
    };
    grouped(value.get(), digits, Sign::WhenNegative, "")
}

/// `1,234`, `−57`, `0.5`: whole shares without a point.
pub fn qty(value: Qty) -> String {
    let scale = value.get().normalize().scale().min(6);
    grouped(value.get(), scale, Sign::WhenNegative, "")
}

/// `+1.03%`, `−5.37%`.
pub fn signed_percent(value: Ratio) -> String {
    format!("{}%", grouped(value.percent(), 2, Sign::Always, ""))
}

/// `38 %`: whole percents for context lines.
pub fn whole_percent(value: Ratio) -> String {
    format!(
        "{} %",
        grouped(
            value.get() * Decimal::ONE_HUNDRED,
            0,
            Sign::WhenNegative,
            ""
        )
    )
}

/// `18,402`: a count or a stream's number.
pub fn count(value: u64) -> String {
    grouped(Decimal::from(value), 0, Sign::WhenNegative, "")
}

/// Gain above zero, loss below, neutral at zero (as shown, in cents).
pub fn pl_tone(value: Money) -> Tone {
    let shown = value
        .get()
        .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    if shown.is_zero() {
        Tone::Neutral
    } else if shown.is_sign_negative() {
        Tone::Loss
    } else {
        Tone::Gain
    }
}

/// Somebody else's words as one line of at most `max_chars`: cut with an ellipsis, without line breaks, controls, and the
/// marks that would turn the direction of what stands around them.
pub fn line(text: &str, max_chars: usize) -> String {
    // Far more than is shown of it; a text of megabytes is not walked through.
    let num_looked_at = max_chars.saturating_mul(4).max(64);
    let mut out = String::new();
    let mut num_chars = 0;
    let mut is_space_due = false;
    for (i, c) in text.chars().enumerate() {
        if is_direction_mark(c) {
            continue;
        }
        if c.is_control() || c.is_whitespace() {
            is_space_due = num_chars > 0;
            continue;
        }
        let num_needed = 1 + usize::from(is_space_due);
        if num_chars + num_needed > max_chars || i >= num_looked_at {
            // The ellipsis takes the place of the last character where there is no room left.
            if num_chars >= max_chars {
                out.pop();
            }
            out.push('\u{2026}');
            return out;
        }
        if std::mem::take(&mut is_space_due) {
            out.push(' ');
        }
        out.push(c);
        num_chars += num_needed;
    }
    out
}

/// Embeddings, overrides and isolates, and marks that are nothing but a direction.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `10:38:16.204`.
pub fn time_millis(at: UtcMicros, zone: ZoneChoice) -> String {
    let (hour, minute, second, millis) = at.time_of_day(zone);
    format!("{hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// "2013-10-07".
pub fn date(at: UtcMicros, zone: ZoneChoice) -> String {
    let day = at.day_number(zone);
    format!(
        "{:04}-{:02}-{:02}",
        day / 10_000,
        day / 100 % 100,
        day % 100
    )
}

/// `10:38:16`.
pub fn time_seconds(at: UtcMicros, zone: ZoneChoice) -> String {
    let (hour, minute, second, _) = at.time_of_day(zone);
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// `05:21:44`: a duration for a countdown; never negative.
pub fn countdown(millis: i64) -> String {
    let secs = millis.max(0) / 1000;
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// `0.3 s`, `42 s`, `3 min`, `2 h`: how old something is.
pub fn age(millis: i64) -> String {
    let millis = millis.max(0);
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..120_000 => format!("{} s", millis / 1000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / 3_600_000),
    }
}

/// `3.1 ms`, `120 ms`, `1.2 s`: a latency from microseconds.
pub fn latency_micros(micros: i64) -> String {
    let micros = micros.max(0);
    match micros {
        0..100_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        100_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_groups_signs_and_rounds() {
        let m = |text| Money::parse(text).unwrap();
        assert_eq!(money(m("17809.18")), "$17,809.18");
        assert_eq!(money(m("-2194.155")), "\u{2212}$2,194.16");
        assert_eq!(signed_money(m("379.69")), "+$379.69");
        assert_eq!(signed_money(m("-0.001")), "$0.00");
        assert_eq!(signed_money(m("1234567.5")), "+$1,234,567.50");
        assert_eq!(short_signed_money(m("208123")), "+$208k");
        assert_eq!(short_signed_money(m("-1234567")), "\u{2212}$1.2M");
        assert_eq!(pl_tone(m("-0.001")), Tone::Neutral);
        assert_eq!(pl_tone(m("-0.01")), Tone::Loss);
    }

    #[test]
    fn shares_prices_and_percents() {
        assert_eq!(qty(Qty::parse("-1250").unwrap()), "\u{2212}1,250");
        assert_eq!(qty(Qty::parse("0.5000").unwrap()), "0.5");
        assert_eq!(price(Price::parse("217.185").unwrap()), "217.19");
        assert_eq!(price(Price::parse("0.12345").unwrap()), "0.1235");
        assert_eq!(signed_percent(Ratio::parse("0.0103").unwrap()), "+1.03%");
        assert_eq!(whole_percent(Ratio::parse("0.384").unwrap()), "38 %");
        assert_eq!(count(18402), "18,402");
    }

    #[test]
    fn other_peoples_words_become_one_bounded_line() {
        assert_eq!(line("plain words", 20), "plain words");
        assert_eq!(line("  two\r\n\tlines \u{0}", 20), "two lines");
        assert_eq!(line("eleven char", 11), "eleven char");
        assert_eq!(line("twelve chars", 11), "twelve cha\u{2026}");
        assert_eq!(line("a b", 2), "a\u{2026}");
        // An override would show the rest of the screen backwards.
        assert_eq!(line("pay \u{202e}cba", 20), "pay cba");
        assert_eq!(line("שלום 🚀\u{200d}🔥", 20), "שלום 🚀\u{200d}🔥");
        let long = line(&"x".repeat(10_000), 80);
        assert_eq!(long.chars().count(), 80);
        assert_eq!(line(&" ".repeat(10_000), 80), "");
    }

    #[test]
    fn ages_latencies_and_countdowns() {
        assert_eq!(age(340), "0.3 s");
        assert_eq!(age(61_000), "61 s");
        assert_eq!(age(-5), "0.0 s");
        assert_eq!(latency_micros(3_140), "3.1 ms");
        assert_eq!(latency_micros(1_250_000), "1.2 s");
        assert_eq!(countdown(19_304_000), "05:21:44");
    }
}
