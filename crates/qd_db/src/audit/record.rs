//! One record, and the bytes that its hash is made of.
//!
//! Pure: it reads and writes nothing. What strangers chose (a user name, an address) is made harmless here, before it is hashed.

use std::fmt;

use qd_types::UtcMicros;
use sha2::{Digest as _, Sha256};

/// The greatest length of every text but the detail, in bytes; what is longer is cut and ends in `…`.
pub const MAX_TEXT_BYTES: usize = 512;
/// The greatest length of the detail, in bytes; what is longer is replaced by its length.
pub const MAX_DETAIL_BYTES: usize = 16 * 1024;

/// The first thing in the canonical bytes: another form of them would have another label.
const LABEL: &[u8] = b"qd.audit.v1";

/// SHA-256 of a record's canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// What the first record of a chain follows.
    pub const NONE: Self = Self([0; 32]);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Something that happened, before it has its place in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// When it happened, by the clock of whoever saw it.
    pub at: UtcMicros,
    /// What happened, as a word such as `signin`.
    pub event: String,
    /// Who did it: a user id; absent when nobody is known.
    pub actor: Option<String>,
    /// The public name of the session, never its id; absent outside a session.
    pub session: Option<String>,
    /// Where from; absent for what the server does by itself.
    pub address: Option<String>,
    /// What it was done to; absent when that is the actor.
    pub subject: Option<String>,
    /// How it ended, as a word such as `done` or `refused`.
    pub outcome: String,
    /// Everything else, as one JSON value; `{}` when there is nothing.
    pub detail: String,
}

/// A record in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Whose chain.
    pub writer: String,
    /// The place in it, from one, without a gap.
    pub number: i64,
    /// What happened.
    pub what: NewRecord,
    /// The hash of the record before; [`ChainHash::NONE`] for the first.
    pub previous: ChainHash,
    /// The hash of this one.
    pub hash: ChainHash,
}

impl NewRecord {
    /// The same with texts that can be stored, printed and shown: no control characters, bounded length.
    pub(crate) fn cleaned(&self) -> Self {
        let option = |text: &Option<String>| text.as_deref().map(clean_text);
        Self {
            at: self.at,
            event: clean_text(&self.event),
            actor: option(&self.actor),
            session: option(&self.session),
            address: option(&self.address),
            subject: option(&self.subject),
            outcome: clean_text(&self.outcome),
            detail: clean_detail(&self.detail),
        }
    }
}

impl AuditRecord {
    /// Puts `what` behind `previous`.
    pub(crate) fn chained(writer: &str, number: i64, what: NewRecord, previous: ChainHash) -> Self {
        let hash = ChainHash(Sha256::digest(canonical(writer, number, &what, previous)).into());
        Self {
            writer: writer.to_owned(),
            number,
            what,
            previous,
            hash,
        }
    }

    /// The hash that the contents have now, whatever hash is written beside them.
    pub fn computed_hash(&self) -> ChainHash {
        let bytes = canonical(&self.writer, self.number, &self.what, self.previous);
        ChainHash(Sha256::digest(bytes).into())
    }
}

/// Label and fields in this order, each behind its length as four bytes, greatest first; numbers as eight bytes,
/// greatest first; what may be absent is one byte 0, or 1 and the text. Two records that differ give two texts.
fn canonical(writer: &str, number: i64, what: &NewRecord, previous: ChainHash) -> Vec<u8> {
    fn field(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
        for part in parts {
            bytes.extend_from_slice(part);
        }
    }
    fn option(bytes: &mut Vec<u8>, text: Option<&str>) {
        match text {
            None => field(bytes, &[&[0]]),
            Some(text) => field(bytes, &[&[1], text.as_bytes()]),
        }
    }
    let mut bytes = Vec::with_capacity(256 + what.detail.len());
    field(&mut bytes, &[LABEL]);
    field(&mut bytes, &[writer.as_bytes()]);
    field(&mut bytes, &[&number.to_be_bytes()]);
    field(&mut bytes, &[&what.at.0.to_be_bytes()]);
    field(&mut bytes, &[what.event.as_bytes()]);
    option(&mut bytes, what.actor.as_deref());
    option(&mut bytes, what.session.as_deref());
    option(&mut bytes, what.address.as_deref());
    option(&mut bytes, what.subject.as_deref());
    field(&mut bytes, &[what.outcome.as_bytes()]);
    field(&mut bytes, &[what.detail.as_bytes()]);
    field(&mut bytes, &[&previous.0]);
    bytes
}

/// Control characters and the marks that turn the direction of writing become their escapes.
fn clean_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MAX_TEXT_BYTES));
    for c in text.chars() {
        let before = clean.len();
        if c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
        if clean.len() > MAX_TEXT_BYTES {
            clean.truncate(before);
            while clean.len() > MAX_TEXT_BYTES - '…'.len_utf8() {
                clean.pop();
            }
            clean.push('…');
            break;
        }
    }
    clean
}

/// JSON has control characters between its values only, where a space means the same.
fn clean_detail(detail: &str) -> String {
    if detail.len() > MAX_DETAIL_BYTES {
        return format!("{{\"left_out_bytes\":{}}}", detail.len());
    }
    detail.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = (String, i64, NewRecord, ChainHash)> {
        // Short texts of few characters, so that borders between fields are where records differ.
        let text = || "[ab\\x00\\x01]{0,3}";
        let option = || proptest::option::of(text());
        let what = (
            0_i64..3,
            text(),
            option(),
            option(),
            option(),
            option(),
            text(),
            text(),
        )
            .prop_map(
                |(at, event, actor, session, address, subject, outcome, detail)| NewRecord {
                    at: UtcMicros(at),
                    event,
                    actor,
                    session,
                    address,
                    subject,
                    outcome,
                    detail,
                },
            );
        (
            text(),
            0_i64..3,
            what,
            (0_u8..2).prop_map(|byte| ChainHash([byte; 32])),
        )
    }

    /// Reads the canonical bytes back: what can be read back can mean one thing only.
    fn read_back(bytes: &[u8]) -> (String, i64, NewRecord, ChainHash) {
        let mut rest = bytes;
        let mut next = || {
            let (len, after) = rest.split_at(4);
            let len = u32::from_be_bytes(len.try_into().unwrap()) as usize;
            let (field, after) = after.split_at(len);
            rest = after;
            field.to_vec()
        };
        let text = |field: Vec<u8>| String::from_utf8(field).unwrap();
        let number = |field: Vec<u8>| i64::from_be_bytes(field.try_into().unwrap());
        let option = |field: Vec<u8>| {
            (field[0] == 1).then(|| String::from_utf8(field[1..].to_vec()).unwrap())
        };
        assert_eq!(next(), LABEL);
        let (writer, num) = (text(next()), number(next()));
        let what = NewRecord {
            at: UtcMicros(number(next())),
            event: text(next()),
            actor: option(next()),
            session: option(next()),
            address: option(next()),
            subject: option(next()),
            outcome: text(next()),
            detail: text(next()),
        };
        let previous = ChainHash(next().try_into().unwrap());
        assert!(rest.is_empty());
        (writer, num, what, previous)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn different_records_have_different_bytes(one in record(), other in record()) {
            let bytes = |(writer, number, what, previous): &(String, i64, NewRecord, ChainHash)| {
                canonical(writer, *number, what, *previous)
            };
            prop_assert_eq!(&read_back(&bytes(&one)), &one);
            prop_assert_eq!(one == other, bytes(&one) == bytes(&other));
        }

        #[test]
        fn clean_texts_stay_clean_and_short(text in "\\PC{0,300}|[\\x00-\\x7f\u{202e}]{0,600}") {
            let clean = clean_text(&text);
            prop_assert!(clean.len() <= MAX_TEXT_BYTES);
            let has_bad = clean.contains(|c: char| c.is_control() || c == '\u{202e}');
            prop_assert!(!has_bad);
            prop_assert_eq!(clean_text(&clean), clean);
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let what = NewRecord {
            at: UtcMicros(1),
            event: "signin".to_owned(),
            actor: Some("alice".to_owned()),
            session: None,
            address: Some("127.0.0.1".to_owned()),
            subject: None,
            outcome: "done".to_owned(),
            detail: "{}".to_owned(),
        };
        let record = AuditRecord::chained("node-1", 1, what, ChainHash::NONE);
        assert_eq!(record.hash, record.computed_hash());
        // Computed by another program from docs/specs/audit.md.
        assert_eq!(
            record.hash.to_string(),
            "3e510ab749f536c7e13bfdcb2acc5f278f506b201c0841e0f4b318174c31d604"
        );
    }

    // Checklist: V16.4.1
    #[test]
    fn what_strangers_chose_cannot_write_a_line_of_its_own() {
        assert_eq!(
            clean_text("a\r\nb\u{1b}[31m\0"),
            "a\\u{d}\\u{a}b\\u{1b}[31m\\u{0}"
        );
        assert_eq!(clean_text("\u{202e}evil"), "\\u{202e}evil");
        assert!(clean_text(&"é".repeat(400)).ends_with('…'));
        assert_eq!(clean_detail("{\"a\":\n1\0}"), "{\"a\": 1 }");
        assert_eq!(
            clean_detail(&"x".repeat(20_000)),
            "{\"left_out_bytes\":20000}"
        );
    }
}
