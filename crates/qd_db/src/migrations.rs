//! The schema, step by step, and how a database is brought to it.
//!
//! A step that was released is never changed: the checksum of each is kept, and another text under the same number is refused.

use sha2::{Digest as _, Sha256};
use sqlx::{PgPool, SqlitePool};

use crate::DbError;

/// One step, in both dialects.
struct Migration {
    number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    sqlite: include_str!("../migrations/0001.sqlite.sql"),
    postgres: include_str!("../migrations/0001.postgres.sql"),
}];

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS qd_migrations (number BIGINT PRIMARY KEY, checksum TEXT NOT NULL)";
const APPLIED: &str = "SELECT number, checksum FROM qd_migrations ORDER BY number";
const NOTE: &str = "INSERT INTO qd_migrations (number, checksum) VALUES ($1, $2)";
/// Any number that nobody else locks by: "qdmigr" in ASCII.
const LOCK: &str = "SELECT pg_advisory_xact_lock(124610187913586)";

fn checksum(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        write!(hex, "{byte:02x}").ok();
    }
    hex
}

/// The steps that are still to do; an error when what was done is not what this program has.
fn missing(
    applied: &[(i64, String)],
    text_of: impl Fn(&Migration) -> &'static str,
) -> Result<Vec<&'static Migration>, DbError> {
    let known = MIGRATIONS.last().map_or(0, |last| last.number);
    if let Some((found, _)) = applied.iter().find(|(number, _)| *number > known) {
        return Err(DbError::Newer {
            found: *found,
            known,
        });
    }
    let mut todo = Vec::new();
    for migration in MIGRATIONS {
        match applied
            .iter()
            .find(|(number, _)| *number == migration.number)
        {
            None => todo.push(migration),
            Some((_, kept)) if *kept == checksum(text_of(migration)) => {}
            Some(_) => {
                return Err(DbError::Corrupt(format!(
                    "migration {} was applied with another text",
                    migration.number
                )));
            }
        }
    }
    Ok(todo)
}

/// Brings `SQLite` up to date. `BEGIN IMMEDIATE` takes the one writer's place, so a second process waits and finds it done.
pub(crate) async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), DbError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(TABLE).execute(&mut *tx).await?;
    let applied: Vec<(i64, String)> = sqlx::query_as(APPLIED).fetch_all(&mut *tx).await?;
    for migration in missing(&applied, |migration| migration.sqlite)? {
        sqlx::raw_sql(migration.sqlite).execute(&mut *tx).await?;
        sqlx::query(NOTE)
            .bind(migration.number)
            .bind(checksum(migration.sqlite))
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// Brings `PostgreSQL` up to date. Asks first without changing anything: the role of a gateway may read and insert only.
pub(crate) async fn migrate_postgres(pool: &PgPool) -> Result<(), DbError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('qd_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if exists {
        let applied: Vec<(i64, String)> = sqlx::query_as(APPLIED).fetch_all(pool).await?;
        if missing(&applied, |migration| migration.postgres)?.is_empty() {
            return Ok(());
        }
    }
    let mut tx = pool.begin().await?;
    sqlx::query(LOCK).execute(&mut *tx).await?;
    sqlx::query(TABLE).execute(&mut *tx).await?;
    let applied: Vec<(i64, String)> = sqlx::query_as(APPLIED).fetch_all(&mut *tx).await?;
    for migration in missing(&applied, |migration| migration.postgres)? {
        sqlx::raw_sql(migration.postgres).execute(&mut *tx).await?;
        sqlx::query(NOTE)
            .bind(migration.number)
            .bind(checksum(migration.postgres))
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_compared_and_what_is_not_is_left() {
        let done = |number| (number, checksum(MIGRATIONS[0].sqlite));
        let of = |migration: &Migration| migration.sqlite;
        assert_eq!(missing(&[], of).unwrap().len(), MIGRATIONS.len());
        assert_eq!(missing(&[done(1)], of).unwrap().len(), MIGRATIONS.len() - 1);
        let other = [(1, "0".repeat(64))];
        assert!(matches!(missing(&other, of), Err(DbError::Corrupt(_))));
        let newer = [done(1), (900, String::new())];
        assert!(matches!(
            missing(&newer, of),
            Err(DbError::Newer { found: 900, .. })
        ));
    }
}
