//! Opening a database by its address.
//!
//! It decides how a connection behaves: how durable a commit is, how long to wait, how far to trust the way there. It knows no table.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::DbError;
use crate::migrations::{migrate_postgres, migrate_sqlite};

/// How long a request waits for a connection, or for another process's write to a `SQLite` file.
const PATIENCE: Duration = Duration::from_secs(5);
const POSTGRES_CONNECTIONS: u32 = 5;
const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The two kinds; their statements are the same text, and only the types of the driver differ.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs an expression with the pool of either kind.
macro_rules! on_either {
    ($database:expr, $pool:ident => $body:expr) => {
        match &$database.store {
            $crate::database::Store::Sqlite($pool) => $body,
            $crate::database::Store::Postgres($pool) => $body,
        }
    };
}

/// Runs an expression inside one writing transaction of either kind; `?` inside it rolls back.
///
/// `SQLite` takes the writer's place at once: a transaction that reads first and writes then could not be waited for.
macro_rules! in_transaction {
    ($database:expr, $tx:ident => $body:expr) => {
        match &$database.store {
            $crate::database::Store::Sqlite(pool) => {
                let mut $tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                let out = $body;
                $tx.commit().await?;
                out
            }
            $crate::database::Store::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let out = $body;
                $tx.commit().await?;
                out
            }
        }
    };
}

pub(crate) use {in_transaction, on_either};

/// An open database whose schema is what this program expects.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) store: Store,
}

impl Database {
    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…`, and brings its schema up to date.
    ///
    /// A `SQLite` file is made when there is none, readable by its owner alone. A `PostgreSQL` server that is neither on this
    /// machine's loopback nor behind a socket must prove who it is: `sslmode=verify-full`.
    ///
    /// # Errors
    /// [`DbError`]; the text never holds the address.
    pub async fn open(url: &str) -> Result<Self, DbError> {
        if url.starts_with("sqlite:") {
            Self::open_sqlite(url).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::open_postgres(url).await
        } else {
            Err(DbError::Refused(
                "the address must begin with sqlite: or postgres:".to_owned(),
            ))
        }
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// [`DbError`], when it does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        on_either!(self, pool => { sqlx::query("SELECT 1").execute(pool).await?; });
        Ok(())
    }

    /// Closes every connection; whoever still holds a clone gets [`DbError::Away`].
    pub async fn close(&self) {
        on_either!(self, pool => pool.close().await);
    }

    async fn open_sqlite(url: &str) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered "written" survives the loss of power.
            .synchronous(SqliteSynchronous::Full);
        if !url.contains(":memory:") && !url.contains("mode=memory") {
            make_private(options.get_filename())?;
        }
        // One connection is the one writer. It is never closed for age: a database in memory would go with it.
        let connect = || {
            SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(PATIENCE)
                .connect_with(options.clone())
        };
        // Turning the write-ahead log on does not wait for another process that is just doing the same.
        let mut tries = BUSY_TRIES;
        let pool = loop {
            match connect().await {
                Err(err) if tries > 0 && is_busy(&err) => {
                    tries -= 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                result => break result?,
            }
        };
        migrate_sqlite(&pool).await?;
        Ok(Self {
            store: Store::Sqlite(pool),
        })
    }

    async fn open_postgres(url: &str) -> Result<Self, DbError> {
        // The parser's complaint may quote the address, and with it the password.
        let options = PgConnectOptions::from_str(url)
            .map_err(|err| match err {
                sqlx::Error::Configuration(_) => {
                    DbError::Refused("the address of PostgreSQL cannot be read".to_owned())
                }
                err => err.into(),
            })?
            .application_name("quarterdeck")
            .options([("statement_timeout", "10s"), ("lock_timeout", "5s")]);
        check_transport(&options)?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        migrate_postgres(&pool).await?;
        Ok(Self {
            store: Store::Postgres(pool),
        })
    }
}

/// Makes the file before `SQLite` does, which would follow the umask; its log and index take over the mode.
fn make_private(path: &std::path::Path) -> Result<(), DbError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(err) => Err(DbError::Away(format!("the database file: {err}"))),
    }
}

/// Whether `SQLite` says busy or locked; the low byte of its codes is the class.
fn is_busy(err: &sqlx::Error) -> bool {
    let code = err
        .as_database_error()
        .and_then(|err| err.code()?.parse::<u32>().ok());
    matches!(code.map(|code| code & 0xff), Some(5 | 6))
}

fn check_transport(options: &PgConnectOptions) -> Result<(), DbError> {
    let host = options.get_host();
    let is_here = options.get_socket().is_some()
        || host.starts_with('/')
        || matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]");
    if is_here || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        Ok(())
    } else {
        Err(DbError::Refused(
            "a PostgreSQL server on another machine needs sslmode=verify-full".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Checklist: V12.3.1
    #[test]
    fn a_server_far_away_must_prove_who_it_is() {
        let check = |url: &str| check_transport(&PgConnectOptions::from_str(url).unwrap()).is_ok();
        assert!(check("postgres://qd@localhost/qd"));
        assert!(check("postgres://qd@127.0.0.1/qd"));
        assert!(check("postgres://qd@x/qd?host=/run/postgresql"));
        assert!(check("postgres://qd@db.example/qd?sslmode=verify-full"));
        for mode in ["disable", "prefer", "require", "verify-ca"] {
            assert!(
                !check(&format!("postgres://qd@db.example/qd?sslmode={mode}")),
                "{mode}"
            );
        }
        assert!(!check("postgres://qd@db.example/qd"));
        assert!(!check("postgres://qd@localhost.example/qd"));
    }
}
