//! What can go wrong with a database, by what to do about it.

use qd_types::UserId;

/// Trouble with the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Not reachable, busy beyond patience, or its disk is full: wait and try again.
    #[error("the database is away: {0}")]
    Away(String),
    /// It answers and says no: a wrong address, no permission, a statement that is not allowed.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// What it holds is not what was written: somebody has to look.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A newer program has changed the schema; this one must not write to it.
    #[error("the schema is at migration {found}, this program knows {known}")]
    Newer {
        /// The last migration that was applied.
        found: i64,
        /// The last one that this program has.
        known: i64,
    },
    /// Another process has written to this chain since it was opened here: two must not share a writer's name.
    #[error("the audit chain of {writer} has been continued by somebody else")]
    ChainMoved {
        /// Whose chain.
        writer: String,
    },
}

/// Why something about a user was not done.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no such user.
    #[error("there is no user {0}")]
    Unknown(UserId),
    /// There is one of that id already.
    #[error("there is a user {0} already")]
    Exists(UserId),
    /// Somebody changed the user since it was read.
    #[error("user {0} has been changed meanwhile")]
    Changed(UserId),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl DbError {
    /// Whether waiting may help.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl From<sqlx::Error> for UserError {
    fn from(err: sqlx::Error) -> Self {
        Self::Db(err.into())
    }
}

/// The texts are the server's and the driver's: neither repeats the address, in which a password may stand.
impl From<sqlx::Error> for DbError {
    fn from(err: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let text = err.to_string();
        match &err {
            E::Database(inner) => {
                let code = inner.code().unwrap_or_default();
                let is_sqlite = inner
                    .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                    .is_some();
                if is_sqlite {
                    of_sqlite(&code, text)
                } else {
                    of_postgres(&code, text)
                }
            }
            E::Io(_)
            | E::Tls(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed
            | E::BeginFailed
            | E::Protocol(_) => Self::Away(text),
            E::ColumnDecode { .. }
            | E::Decode(_)
            | E::RowNotFound
            | E::ColumnNotFound(_)
            | E::ColumnIndexOutOfBounds { .. } => Self::Corrupt(text),
            _ => Self::Refused(text),
        }
    }
}

/// `SQLite`'s extended result codes; the low byte is the class.
fn of_sqlite(code: &str, text: String) -> DbError {
    match code.parse::<u32>().map(|code| code & 0xff) {
        // Busy, locked, no memory, interrupted, IO error, full, cannot open, protocol of the locks.
        Ok(5..=7 | 9 | 10 | 13..=15) => DbError::Away(text),
        // Corrupt, not a database.
        Ok(11 | 26) => DbError::Corrupt(text),
        _ => DbError::Refused(text),
    }
}

/// `PostgreSQL`'s SQLSTATE; the first two characters are the class.
fn of_postgres(code: &str, text: String) -> DbError {
    match code.get(..2) {
        // Connection, resources (disk, memory, connections), operator's shutdown, system, cancelled by a timeout,
        // serialization and deadlock, a lock that was not to be had in time.
        Some("08" | "53" | "57" | "58" | "40" | "55") => DbError::Away(text),
        // Internal error: corrupted data or index.
        Some("XX") => DbError::Corrupt(text),
        _ => DbError::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do() {
        for code in ["5", "261", "10", "13", "14"] {
            assert!(of_sqlite(code, String::new()).is_away(), "{code}");
        }
        assert!(matches!(
            of_sqlite("11", String::new()),
            DbError::Corrupt(_)
        ));
        assert!(matches!(
            of_sqlite("1811", String::new()),
            DbError::Refused(_)
        ));
        for code in ["08006", "53100", "57P01", "57014", "55P03"] {
            assert!(of_postgres(code, String::new()).is_away(), "{code}");
        }
        assert!(matches!(
            of_postgres("XX001", String::new()),
            DbError::Corrupt(_)
        ));
        for code in ["28P01", "42501", "23505", "", "ü"] {
            assert!(
                matches!(of_postgres(code, String::new()), DbError::Refused(_)),
                "{code}"
            );
        }
    }
}
