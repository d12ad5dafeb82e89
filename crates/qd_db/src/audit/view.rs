//! The log for a viewer: newest first, filtered, by bounded pages.
//!
//! Who may look is decided elsewhere.

use std::fmt;

use qd_types::{ParseError, UtcMicros};

use super::record::AuditRecord;
use super::rows::{RecordRow, read_record};
use crate::database::on_either;
use crate::{Database, DbError};

/// The most records of one page.
pub const MAX_PAGE: u32 = 500;

const PAGE: &str = "SELECT writer, number, at, event, actor, session, address, subject, outcome, detail, previous, hash \
    FROM audit_records WHERE at >= $1 AND at < $2 \
    AND ($3 IS NULL OR actor = $3) AND ($4 IS NULL OR event = $4) \
    AND ($5 IS NULL OR (at, writer, number) < ($5, $6, $7)) \
    ORDER BY at DESC, writer DESC, number DESC LIMIT $8";

/// What to look for; the default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this instant on.
    pub from: Option<UtcMicros>,
    /// Before this instant.
    pub until: Option<UtcMicros>,
    /// By this user only.
    pub actor: Option<String>,
    /// This event only.
    pub event: Option<String>,
}

/// Where a page ended; its text goes to the viewer and comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    at: UtcMicros,
    number: i64,
    writer: String,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// Newest first; of one instant, by writer and number.
    pub records: Vec<AuditRecord>,
    /// Where the next page begins; absent when this was the last.
    pub next: Option<AuditCursor>,
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.0, self.number, self.writer)
    }
}

impl std::str::FromStr for AuditCursor {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let read = || {
            let mut parts = text.splitn(3, '.');
            Some(Self {
                at: UtcMicros(parts.next()?.parse().ok()?),
                number: parts.next()?.parse().ok()?,
                // PostgreSQL takes no NUL in a text.
                writer: parts
                    .next()
                    .filter(|writer| !writer.contains('\0'))?
                    .to_owned(),
            })
        };
        read().ok_or_else(|| ParseError::new("cursor", text, "instant.number.writer"))
    }
}

impl Database {
    /// One page of what `filter` lets through, older than `after`; at most [`MAX_PAGE`] records.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        after: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<AuditPage, DbError> {
        // Nothing with a NUL was ever stored, and PostgreSQL would refuse to look for it.
        let texts = [filter.actor.as_deref(), filter.event.as_deref()];
        if texts.iter().flatten().any(|text| text.contains('\0')) {
            return Ok(AuditPage {
                records: Vec::new(),
                next: None,
            });
        }
        let limit = limit.clamp(1, MAX_PAGE) as usize;
        // One more than asked for tells whether there is another page.
        let asked = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows: Vec<RecordRow> = on_either!(self, pool => {
            sqlx::query_as(PAGE)
                .bind(filter.from.map_or(i64::MIN, |at| at.0))
                .bind(filter.until.map_or(i64::MAX, |at| at.0))
                .bind(filter.actor.as_deref())
                .bind(filter.event.as_deref())
                .bind(after.map(|after| after.at.0))
                .bind(after.map_or("", |after| after.writer.as_str()))
                .bind(after.map_or(0, |after| after.number))
                .bind(asked)
                .fetch_all(pool)
                .await?
        });
        let has_more = rows.len() > limit;
        let records: Vec<AuditRecord> = rows
            .into_iter()
            .take(limit)
            .map(read_record)
            .collect::<Result<_, _>>()?;
        let next = records.last().filter(|_| has_more).map(|last| AuditCursor {
            at: last.what.at,
            number: last.number,
            writer: last.writer.clone(),
        });
        Ok(AuditPage { records, next })
    }
}
