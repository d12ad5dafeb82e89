//! Users: who may sign in, with what, and as what.
//!
//! A password arrives here as the text of its hash; making and judging one is `qd_auth`'s. Whether a user may do something is nobody's question here.

use std::fmt;

use qd_types::{AccountId, Role, UserId, UtcMicros};

use crate::database::on_either;
use crate::{Database, DbError, UserError};

/// A user to be added; not locked.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The id that channels and records are named by; it is never given to another person.
    pub user_id: UserId,
    /// What the header shows.
    pub name: String,
    /// What the user may be; empty means that nothing is allowed.
    pub roles: Vec<Role>,
    /// The accounts granted.
    pub accounts: Vec<AccountId>,
    /// The password's hash in PHC form; absent when the user signs in otherwise.
    pub password_hash: Option<String>,
}

/// A user as the database knows it. `Debug` leaves the password's hash out.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The id that channels and records are named by.
    pub user_id: UserId,
    /// What the header shows.
    pub name: String,
    /// Sorted, without repetition.
    pub roles: Vec<Role>,
    /// The accounts granted, sorted, without repetition.
    pub accounts: Vec<AccountId>,
    /// The password's hash in PHC form; absent when the user signs in otherwise.
    pub password_hash: Option<String>,
    /// Whether an administrator has locked the user out; attempts that failed are counted elsewhere.
    pub locked: bool,
    /// When the user was added.
    pub created_at: UtcMicros,
    /// When anything about the user was changed last.
    pub changed_at: UtcMicros,
    /// One more with every change, from one: what was read is compared by it before it is written.
    pub version: i64,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("user_id", &self.user_id)
            .field("roles", &self.roles)
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("user_id", &self.user_id)
            .field("roles", &self.roles)
            .field("accounts", &self.accounts)
            .field("has_password", &self.password_hash.is_some())
            .field("locked", &self.locked)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

type UserRow = (
    String,
    String,
    String,
    String,
    Option<String>,
    bool,
    i64,
    i64,
    i64,
);

fn read_user(row: UserRow) -> Result<User, DbError> {
    let (id, name, roles, accounts, password_hash, locked, created_at, changed_at, version) = row;
    let corrupt = |what: &str| DbError::Corrupt(format!("user {id:?}: {what}"));
    Ok(User {
        user_id: UserId::new(&id).map_err(|err| corrupt(&err.to_string()))?,
        name,
        roles: roles
            .split_whitespace()
            .map(|word| Role::parse(word).ok_or_else(|| corrupt("an unknown role")))
            .collect::<Result<_, _>>()?,
        accounts: accounts
            .split_whitespace()
            .map(|word| AccountId::new(word).map_err(|err| corrupt(&err.to_string())))
            .collect::<Result<_, _>>()?,
        password_hash,
        locked,
        created_at: UtcMicros(created_at),
        changed_at: UtcMicros(changed_at),
        version,
    })
}

/// Sorted, without repetition, as words between spaces; no word of either kind holds a space.
fn write_words<T: Ord + Clone>(words: &[T], text_of: impl Fn(&T) -> &str) -> String {
    let mut words = words.to_vec();
    words.sort();
    words.dedup();
    let texts: Vec<&str> = words.iter().map(text_of).collect();
    texts.join(" ")
}

/// The columns of [`UserRow`], in its order.
macro_rules! columns {
    () => {
        "id, name, roles, accounts, password_hash, locked, created_at, changed_at, version"
    };
}

/// A change of what is named, when the version is the expected one.
macro_rules! change {
    ($what:literal) => {
        concat!(
            "UPDATE users SET ",
            $what,
            ", changed_at = $3, version = version + 1 WHERE id = $1 AND ($2 IS NULL OR version = $2) RETURNING ",
            columns!()
        )
    };
}

const ADD: &str = concat!(
    "INSERT INTO users (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1) ON CONFLICT (id) DO NOTHING RETURNING ",
    columns!()
);
const FIND: &str = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
const LIST: &str = concat!("SELECT ", columns!(), " FROM users ORDER BY id");
const SET_PASSWORD: &str = change!("password_hash = $4");
const SET_GRANTS: &str = change!("roles = $4, accounts = $5");
const SET_LOCKED: &str = change!("locked = $4");

/// In every change, `expected` is the version that was read; absent, whatever stands there is changed.
impl Database {
    /// Adds a user.
    ///
    /// # Errors
    /// [`UserError::Exists`] when the id is taken.
    pub async fn add_user(&self, user: &NewUser, at: UtcMicros) -> Result<User, UserError> {
        let row: Option<UserRow> = on_either!(self, pool => {
            sqlx::query_as(ADD)
                .bind(user.user_id.as_str())
                .bind(user.name.replace('\0', "\u{fffd}"))
                .bind(write_words(&user.roles, |role| role.as_str()))
                .bind(write_words(&user.accounts, |account| account.as_str()))
                .bind(user.password_hash.as_deref())
                .bind(false)
                .bind(at.0)
                .fetch_optional(pool)
                .await?
        });
        match row {
            Some(row) => Ok(read_user(row)?),
            None => Err(UserError::Exists(user.user_id.clone())),
        }
    }

    /// The user of that id; none when there is none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find_user(&self, user_id: &UserId) -> Result<Option<User>, DbError> {
        let row: Option<UserRow> = on_either!(self, pool => {
            sqlx::query_as(FIND).bind(user_id.as_str()).fetch_optional(pool).await?
        });
        row.map(read_user).transpose()
    }

    /// Everybody, by id.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn list_users(&self) -> Result<Vec<User>, DbError> {
        let rows: Vec<UserRow> =
            on_either!(self, pool => sqlx::query_as(LIST).fetch_all(pool).await?);
        rows.into_iter().map(read_user).collect()
    }

    /// Gives the user another password, or none.
    ///
    /// # Errors
    /// [`UserError::Unknown`], or [`UserError::Changed`] when the version is another.
    pub async fn set_password(
        &self,
        user_id: &UserId,
        expected: Option<i64>,
        password_hash: Option<&str>,
        at: UtcMicros,
    ) -> Result<User, UserError> {
        let row: Option<UserRow> = on_either!(self, pool => {
            sqlx::query_as(SET_PASSWORD)
                .bind(user_id.as_str())
                .bind(expected)
                .bind(at.0)
                .bind(password_hash)
                .fetch_optional(pool)
                .await?
        });
        self.changed(user_id, row).await
    }

    /// Replaces the roles and the accounts.
    ///
    /// # Errors
    /// [`UserError::Unknown`], or [`UserError::Changed`] when the version is another.
    pub async fn set_grants(
        &self,
        user_id: &UserId,
        expected: Option<i64>,
        roles: &[Role],
        accounts: &[AccountId],
        at: UtcMicros,
    ) -> Result<User, UserError> {
        let row: Option<UserRow> = on_either!(self, pool => {
            sqlx::query_as(SET_GRANTS)
                .bind(user_id.as_str())
                .bind(expected)
                .bind(at.0)
                .bind(write_words(roles, |role| role.as_str()))
                .bind(write_words(accounts, |account| account.as_str()))
                .fetch_optional(pool)
                .await?
        });
        self.changed(user_id, row).await
    }

    /// Locks the user out, or lets them in again.
    ///
    /// # Errors
    /// [`UserError::Unknown`], or [`UserError::Changed`] when the version is another.
    pub async fn set_locked(
        &self,
        user_id: &UserId,
        expected: Option<i64>,
        locked: bool,
        at: UtcMicros,
    ) -> Result<User, UserError> {
        let row: Option<UserRow> = on_either!(self, pool => {
            sqlx::query_as(SET_LOCKED)
                .bind(user_id.as_str())
                .bind(expected)
                .bind(at.0)
                .bind(locked)
                .fetch_optional(pool)
                .await?
        });
        self.changed(user_id, row).await
    }

    /// What an update gave back; when it hit nothing, why.
    async fn changed(&self, user_id: &UserId, row: Option<UserRow>) -> Result<User, UserError> {
        match row {
            Some(row) => Ok(read_user(row)?),
            None if self.find_user(user_id).await?.is_none() => {
                Err(UserError::Unknown(user_id.clone()))
            }
            None => Err(UserError::Changed(user_id.clone())),
        }
    }
}
