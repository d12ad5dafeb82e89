//! A record as a row of its table, both ways.

use qd_types::UtcMicros;

use super::record::{AuditRecord, ChainHash, NewRecord};
use crate::DbError;

/// The columns in the order of the table, as every statement here names them.
pub(super) type RecordRow = (
    String,
    i64,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    String,
    Vec<u8>,
    Vec<u8>,
);

pub(super) fn read_record(row: RecordRow) -> Result<AuditRecord, DbError> {
    let (
        writer,
        number,
        at,
        event,
        actor,
        session,
        address,
        subject,
        outcome,
        detail,
        previous,
        hash,
    ) = row;
    Ok(AuditRecord {
        previous: read_hash(&previous, &writer, number)?,
        hash: read_hash(&hash, &writer, number)?,
        writer,
        number,
        what: NewRecord {
            at: UtcMicros(at),
            event,
            actor,
            session,
            address,
            subject,
            outcome,
            detail,
        },
    })
}

pub(super) fn read_hash(bytes: &[u8], writer: &str, number: i64) -> Result<ChainHash, DbError> {
    match <[u8; 32]>::try_from(bytes) {
        Ok(bytes) => Ok(ChainHash(bytes)),
        Err(_) => Err(DbError::Corrupt(format!(
            "record {number} of {writer}: a hash of {} bytes",
            bytes.len()
        ))),
    }
}
