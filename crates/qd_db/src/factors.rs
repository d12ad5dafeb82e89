//! The second factor of a user: a sealed secret, the last step that was used, and recovery codes as hashes.
//!
//! It opens no secret and computes no code: it sees to it that whatever was used once is not used again, on whichever node.

use std::fmt;

use qd_types::{UserId, UtcMicros};

use crate::database::{in_transaction, on_either};
use crate::{Database, DbError, UserError};

/// A second factor. `Debug` leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Factor {
    /// The secret, sealed by whoever has the key.
    pub sealed_secret: Vec<u8>,
    /// The greatest time step whose code was accepted.
    pub last_step: i64,
    /// When it was enrolled.
    pub enrolled_at: UtcMicros,
    /// Recovery codes that have not been used.
    pub codes_left: u32,
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factor")
            .field("last_step", &self.last_step)
            .field("codes_left", &self.codes_left)
            .finish_non_exhaustive()
    }
}

const FACTOR: &str = "SELECT sealed_secret, last_step, enrolled_at, \
    (SELECT COUNT(*) FROM recovery_codes c WHERE c.user_id = f.user_id AND c.used_at IS NULL) \
    FROM user_factors f WHERE f.user_id = $1";
const IS_USER: &str = "SELECT COUNT(*) FROM users WHERE id = $1";
const DROP_FACTOR: &str = "DELETE FROM user_factors WHERE user_id = $1";
const DROP_CODES: &str = "DELETE FROM recovery_codes WHERE user_id = $1";
const ENROLL: &str = "INSERT INTO user_factors (user_id, sealed_secret, last_step, enrolled_at) VALUES ($1, $2, $3, $4)";
const ADD_CODE: &str = "INSERT INTO recovery_codes (user_id, hash, used_at) VALUES ($1, $2, NULL)";
const TAKE_STEP: &str =
    "UPDATE user_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2";
const TAKE_CODE: &str =
    "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL";

impl Database {
    /// The second factor of a user; none when none is enrolled.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn factor(&self, user_id: &UserId) -> Result<Option<Factor>, DbError> {
        let row: Option<(Vec<u8>, i64, i64, i64)> = on_either!(self, pool => {
            sqlx::query_as(FACTOR).bind(user_id.as_str()).fetch_optional(pool).await?
        });
        Ok(
            row.map(|(sealed_secret, last_step, enrolled_at, left)| Factor {
                sealed_secret,
                last_step,
                enrolled_at: UtcMicros(enrolled_at),
                codes_left: u32::try_from(left).unwrap_or(u32::MAX),
            }),
        )
    }

    /// Enrolls a factor in place of whatever there was, with all of its recovery codes. `step` is the one whose code
    /// proved that the user has the secret: it is used up.
    ///
    /// # Errors
    /// [`UserError::Unknown`] when there is no such user.
    pub async fn enroll_factor(
        &self,
        user_id: &UserId,
        sealed_secret: &[u8],
        step: i64,
        code_hashes: &[[u8; 32]],
        at: UtcMicros,
    ) -> Result<(), UserError> {
        let id = user_id.as_str();
        in_transaction!(self, tx => {
            let known: i64 = sqlx::query_scalar(IS_USER).bind(id).fetch_one(&mut *tx).await?;
            if known == 0 {
                return Err(UserError::Unknown(user_id.clone()));
            }
            sqlx::query(DROP_CODES).bind(id).execute(&mut *tx).await?;
            sqlx::query(DROP_FACTOR).bind(id).execute(&mut *tx).await?;
            sqlx::query(ENROLL)
                .bind(id)
                .bind(sealed_secret)
                .bind(step)
                .bind(at.0)
                .execute(&mut *tx)
                .await?;
            for hash in code_hashes {
                sqlx::query(ADD_CODE).bind(id).bind(hash.as_slice()).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// Uses up a time step: true for the first who asks, false for that step and every earlier one from then on.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take_step(&self, user_id: &UserId, step: i64) -> Result<bool, DbError> {
        let taken = on_either!(self, pool => {
            sqlx::query(TAKE_STEP)
                .bind(user_id.as_str())
                .bind(step)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(taken == 1)
    }

    /// Uses up a recovery code: true once, if it is one of the user's.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take_recovery_code(
        &self,
        user_id: &UserId,
        code_hash: &[u8; 32],
        at: UtcMicros,
    ) -> Result<bool, DbError> {
        let taken = on_either!(self, pool => {
            sqlx::query(TAKE_CODE)
                .bind(user_id.as_str())
                .bind(code_hash.as_slice())
                .bind(at.0)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(taken == 1)
    }

    /// Takes the factor and its codes away; false when there was none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove_factor(&self, user_id: &UserId) -> Result<bool, DbError> {
        let id = user_id.as_str();
        let removed = in_transaction!(self, tx => {
            sqlx::query(DROP_CODES).bind(id).execute(&mut *tx).await?;
            sqlx::query(DROP_FACTOR).bind(id).execute(&mut *tx).await?.rows_affected()
        });
        Ok(removed == 1)
    }
}
