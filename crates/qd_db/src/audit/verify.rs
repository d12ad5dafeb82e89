//! Walks every chain from its first record and names the first that is not as it was written.
//!
//! It changes nothing, and reads by pages: records may be appended meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use qd_types::UtcMicros;

use super::record::ChainHash;
use super::rows::{RecordRow, read_hash, read_record};
use crate::database::on_either;
use crate::{Database, DbError};

const PAGE: i64 = 1000;

/// Every name once, by jumping from one to the next in the index.
const WRITERS: &str = "WITH RECURSIVE w (writer) AS ( \
    SELECT MIN(writer) FROM audit_records \
    UNION ALL SELECT (SELECT MIN(r.writer) FROM audit_records r WHERE r.writer > w.writer) FROM w WHERE w.writer IS NOT NULL \
    ) SELECT writer FROM w WHERE writer IS NOT NULL \
    UNION SELECT writer FROM audit_heads";
const LAST_ANCHOR: &str =
    "SELECT number, hash, at FROM audit_heads WHERE writer = $1 ORDER BY number DESC LIMIT 1";
const ANCHORS: &str =
    "SELECT number, hash FROM audit_heads WHERE writer = $1 AND number >= $2 AND number <= $3";
const RECORDS: &str = "SELECT writer, number, at, event, actor, session, address, subject, outcome, detail, previous, hash \
    FROM audit_records WHERE writer = $1 AND number > $2 ORDER BY number LIMIT $3";

/// A head that was written down: the record of this number had this hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Whose chain.
    pub writer: String,
    /// The number of the record.
    pub number: i64,
    /// Its hash.
    pub hash: ChainHash,
    /// When it was written down.
    pub at: UtcMicros,
}

/// What the check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every record is as it was written, as far as the chains and anchors can tell.
    Intact {
        /// Records read.
        num_records: u64,
        /// Chains read.
        num_chains: u64,
    },
    /// The first record that is not, in the order of writers and numbers.
    Broken(Break),
}

/// A record that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Whose chain.
    pub writer: String,
    /// Which record.
    pub number: i64,
    /// What is wrong with it.
    pub kind: BreakKind,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakKind {
    /// It is not there, although a later one or an anchor says that it was.
    Missing,
    /// It is there, and no chain has a record of this number.
    Unexpected,
    /// Its contents are not what its hash was made of.
    Edited,
    /// It does not follow the one before: either of the two is not the one that was written.
    Unlinked,
    /// It is not the one that was anchored.
    NotAnchored,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            BreakKind::Missing => "is missing",
            BreakKind::Unexpected => "does not belong there",
            BreakKind::Edited => "has been changed",
            BreakKind::Unlinked => "does not follow the record before it",
            BreakKind::NotAnchored => "is not the one that was anchored",
        };
        write!(f, "record {} of {} {what}", self.number, self.writer)
    }
}

impl Database {
    /// Checks every chain against its hashes, against the anchors beside it, and against `kept`: anchors that were
    /// copied to another place in time.
    ///
    /// # Errors
    /// [`DbError`] when the log could not be read to its end; a log that was read and is wrong is a [`Verdict`].
    pub async fn verify_audit(&self, kept: &[Anchor]) -> Result<Verdict, DbError> {
        // The anchors are read before the records: what is appended meanwhile can only be more than they ask for.
        let mut last_anchors = BTreeMap::new();
        for anchor in self.audit_anchors().await? {
            last_anchors.insert(anchor.writer.clone(), anchor.number);
        }
        let mut writers: BTreeSet<String> = self.audit_writers().await?.into_iter().collect();
        writers.extend(kept.iter().map(|anchor| anchor.writer.clone()));
        let (mut num_records, mut num_chains) = (0_u64, 0_u64);
        for writer in writers {
            let last_anchor = last_anchors.get(&writer).copied().unwrap_or(0);
            match self.verify_chain(&writer, last_anchor, kept).await? {
                Ok(num) => num_records = num_records.saturating_add(num),
                Err((number, kind)) => {
                    return Ok(Verdict::Broken(Break {
                        writer,
                        number,
                        kind,
                    }));
                }
            }
            num_chains = num_chains.saturating_add(1);
        }
        Ok(Verdict::Intact {
            num_records,
            num_chains,
        })
    }

    /// The last anchor of every chain, to be kept in another place.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn audit_anchors(&self) -> Result<Vec<Anchor>, DbError> {
        let mut anchors = Vec::new();
        for writer in self.audit_writers().await? {
            let row: Option<(i64, Vec<u8>, i64)> = on_either!(self, pool => {
                sqlx::query_as(LAST_ANCHOR).bind(&writer).fetch_optional(pool).await?
            });
            if let Some((number, hash, at)) = row {
                anchors.push(Anchor {
                    hash: read_hash(&hash, &writer, number)?,
                    writer,
                    number,
                    at: UtcMicros(at),
                });
            }
        }
        Ok(anchors)
    }

    async fn audit_writers(&self) -> Result<Vec<String>, DbError> {
        let rows: Vec<(String,)> =
            on_either!(self, pool => sqlx::query_as(WRITERS).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(writer,)| writer).collect())
    }

    /// How many records the chain has, or the first number that is wrong.
    async fn verify_chain(
        &self,
        writer: &str,
        last_anchor: i64,
        kept: &[Anchor],
    ) -> Result<Result<u64, (i64, BreakKind)>, DbError> {
        let kept: BTreeMap<i64, ChainHash> = kept
            .iter()
            .filter(|anchor| anchor.writer == writer)
            .map(|anchor| (anchor.number, anchor.hash))
            .collect();
        let last_anchor = last_anchor.max(kept.keys().next_back().copied().unwrap_or(0));
        let (mut after, mut expected, mut previous) = (i64::MIN, 1_i64, ChainHash::NONE);
        let mut num_records = 0_u64;
        loop {
            let (rows, anchors) = self.page_of_chain(writer, after).await?;
            let Some(last) = rows.last() else { break };
            after = last.1;
            for row in rows {
                let number = row.1;
                if number != expected {
                    return Ok(Err(if number < expected {
                        (number, BreakKind::Unexpected)
                    } else {
                        (expected, BreakKind::Missing)
                    }));
                }
                let Ok(record) = read_record(row) else {
                    return Ok(Err((number, BreakKind::Edited)));
                };
                if record.hash != record.computed_hash() {
                    return Ok(Err((number, BreakKind::Edited)));
                }
                if record.previous != previous {
                    return Ok(Err((number, BreakKind::Unlinked)));
                }
                let is_as_anchored = |hash: &[u8]| *hash == record.hash.0;
                if !anchors.get(&number).is_none_or(|hash| is_as_anchored(hash))
                    || !kept.get(&number).is_none_or(|hash| is_as_anchored(&hash.0))
                {
                    return Ok(Err((number, BreakKind::NotAnchored)));
                }
                previous = record.hash;
                expected = expected.saturating_add(1);
                num_records = num_records.saturating_add(1);
            }
        }
        if last_anchor >= expected {
            return Ok(Err((expected, BreakKind::Missing)));
        }
        Ok(Ok(num_records))
    }

    async fn page_of_chain(
        &self,
        writer: &str,
        after: i64,
    ) -> Result<(Vec<RecordRow>, BTreeMap<i64, Vec<u8>>), DbError> {
        on_either!(self, pool => {
            let rows: Vec<RecordRow> = sqlx::query_as(RECORDS)
                .bind(writer)
                .bind(after)
                .bind(PAGE)
                .fetch_all(pool)
                .await?;
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
                return Ok((rows, BTreeMap::new()));
            };
            let anchors: Vec<(i64, Vec<u8>)> = sqlx::query_as(ANCHORS)
                .bind(writer)
                .bind(first.1)
                .bind(last.1)
                .fetch_all(pool)
                .await?;
            Ok((rows, anchors.into_iter().collect()))
        })
    }
}
