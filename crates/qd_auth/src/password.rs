//! Passwords: Argon2id over their exact bytes, and what a new one must be.
//!
//! Every function here takes tens of milliseconds of a core on purpose; how many may run at once, and where, is the caller's.

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use qd_types::UserId;
use std::fmt;
use zxcvbn::Score;

/// The least length of a new password, in characters.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// The greatest length of a new password, in bytes; all of them count.
pub const MAX_PASSWORD_BYTES: usize = 256;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// What one check may cost at most: a stored text must not be able to ask for all memory.
const MAX_MEMORY_KIB: u32 = 65_536;
const MAX_PASSES: u32 = 8;

/// A password's hash in PHC form, `$argon2id$v=19$m=…`. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Why a password was not hashed, or a text is no hash of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The stored text is no Argon2id hash, or asks for more work than we do for anybody.
    #[error("the stored password hash is none that we can check")]
    UnknownHash,
    /// The system gave no random bytes.
    #[error("no randomness: {0}")]
    NoRandomness(String),
    /// Argon2 refused, which it does only when memory is short.
    #[error("the password could not be hashed: {0}")]
    NotHashed(String),
}

/// Why a new password is refused; the texts are for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Fewer than [`MIN_PASSWORD_CHARS`] characters.
    #[error("a password has at least 8 characters")]
    TooShort,
    /// More than [`MAX_PASSWORD_BYTES`] bytes.
    #[error("a password has at most 256 bytes")]
    TooLong,
    /// The user id stands in it, in whatever case.
    #[error("the password must not contain the user id")]
    HoldsUserId,
    /// On the list of common passwords, or so close to it that a million tries find it.
    #[error("this password is among the first that an attacker tries")]
    TooCommon,
}

impl PasswordHash {
    /// Reads a stored hash.
    ///
    /// # Errors
    /// [`PasswordError::UnknownHash`] when it is no Argon2id hash, or one of unreasonable cost.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let hash = Self(text.to_owned());
        let params = hash.params().ok_or(PasswordError::UnknownHash)?;
        let is_bounded = params.m_cost() <= MAX_MEMORY_KIB
            && params.t_cost() <= MAX_PASSES
            && params.p_cost() <= LANES;
        if is_bounded {
            Ok(hash)
        } else {
            Err(PasswordError::UnknownHash)
        }
    }

    /// The text to store. It is a secret: it goes to the store and nowhere else.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made with other parameters than a new one would be: hash again after a right password.
    pub fn needs_rehash(&self) -> bool {
        self.params().is_none_or(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES)
        })
    }

    /// The parameters, when this is Argon2id, version 19, with a salt and a hash.
    fn params(&self) -> Option<Params> {
        let phc = Phc::new(&self.0).ok()?;
        let is_ours = phc.algorithm.as_str() == Algorithm::Argon2id.as_str()
            && phc.version == Some(u32::from(Version::V0x13))
            && phc.salt.is_some()
            && phc.hash.is_some();
        is_ours.then_some(())?;
        Params::try_from(&phc).ok()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Hashes a password with a salt of its own.
///
/// # Errors
/// [`PasswordError`] when the system has no randomness or no memory.
pub fn hash_password(password: &str) -> Result<PasswordHash, PasswordError> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|err| PasswordError::NoRandomness(err.to_string()))?;
    hash_with(password, &salt)
}

/// Whether `password` is the one that `hash` was made of, byte for byte.
pub fn verify_password(password: &str, hash: &PasswordHash) -> bool {
    let Ok(phc) = Phc::new(hash.as_str()) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &phc)
        .is_ok()
}

/// Costs what [`verify_password`] costs and is always false: for names that nobody has, so that the time tells nothing.
pub fn verify_nobody(password: &str) -> bool {
    std::hint::black_box(hash_with(password, &[0; SALT_BYTES]).is_ok());
    false
}

/// Whether `password` may become the password of `user_id`.
///
/// # Errors
/// [`PasswordRefusal`], the first rule that it breaks.
pub fn check_new_password(password: &str, user_id: &UserId) -> Result<(), PasswordRefusal> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordRefusal::TooLong);
    }
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(PasswordRefusal::TooShort);
    }
    let holds_id = password
        .to_lowercase()
        .contains(&user_id.as_str().to_lowercase());
    if holds_id {
        return Err(PasswordRefusal::HoldsUserId);
    }
    // A score of one is "within a million tries": all of the list, and what one reaches from it by turning letters.
    if zxcvbn::zxcvbn(password, &[user_id.as_str()]).score() < Score::Two {
        return Err(PasswordRefusal::TooCommon);
    }
    Ok(())
}

fn hash_with(password: &str, salt: &[u8]) -> Result<PasswordHash, PasswordError> {
    let not_hashed = |err: &dyn fmt::Display| PasswordError::NotHashed(err.to_string());
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|err| not_hashed(&err))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|phc: Phc| PasswordHash(phc.to_string()))
        .map_err(|err| not_hashed(&err))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user() -> UserId {
        UserId::new("alice").unwrap()
    }

    // covers: ID-1
    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = hash_password("correct horse battery").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password("correct horse battery", &hash));
        assert!(!verify_password("correct horse batterY", &hash));
        assert!(!verify_password("", &hash));
        let again = hash_password("correct horse battery").unwrap();
        assert_ne!(hash, again, "the salt is the same");
        assert_eq!(PasswordHash::parse(hash.as_str()), Ok(hash.clone()));
        assert!(!hash.needs_rehash());
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }

    // Checklist: V6.2.5, V6.2.8
    #[test]
    fn every_byte_counts() {
        let long = "x".repeat(72);
        for (password, other) in [
            (format!("{long}a"), format!("{long}b")),
            ("trailing ".to_owned(), "trailing".to_owned()),
            ("with\0one".to_owned(), "with\0two".to_owned()),
            ("caf\u{e9}".to_owned(), "cafe\u{301}".to_owned()),
            ("key🔑🔑".to_owned(), "key🔑🔒".to_owned()),
            ("y".repeat(256), "y".repeat(255)),
        ] {
            let hash = hash_password(&password).unwrap();
            assert!(verify_password(&password, &hash), "{password:?}");
            assert!(!verify_password(&other, &hash), "{other:?}");
        }
    }

    // Checklist: V6.2.1, V6.2.9
    #[test]
    fn lengths_are_eight_characters_to_256_bytes() {
        let check = |password: &str| check_new_password(password, &user());
        assert_eq!(check("vK#9qe!"), Err(PasswordRefusal::TooShort));
        assert_eq!(check("vK#9qe!z"), Ok(()));
        // Characters, not bytes.
        assert_eq!(check("🔑🦉🌵🚲🍋🎻🧊"), Err(PasswordRefusal::TooShort));
        assert_eq!(check("🔑🦉🌵🚲🍋🎻🧊🛶"), Ok(()));
        let words = "seven quiet owls row past a lemon tree at dusk while it rains; ";
        assert_eq!(check(words), Ok(()));
        let long: String = words.chars().cycle().take(256).collect();
        assert_eq!(check(&long), Ok(()));
        assert_eq!(check(&format!("{long}x")), Err(PasswordRefusal::TooLong));
    }

    // Checklist: V6.2.4, V6.2.12
    #[test]
    fn common_passwords_and_their_variations_are_refused() {
        for common in [
            "password",
            "12345678",
            "123456789",
            "qwertyuiop",
            "iloveyou",
            "sunshine",
            "princess",
            "football",
            "baseball",
            "superman",
            "trustno1",
            "starwars",
            "whatever",
            "jennifer",
            "michelle",
            "computer",
            "11111111",
            "87654321",
            "1q2w3e4r",
            "asdfghjkl",
            "Password",
            "P@ssw0rd",
            "drowssap",
            "password1",
            "aaaaaaaaaaaa",
            "elvis123",
            "motorcyc",
            "gwendoli",
            "987654123",
            "letmein1",
        ] {
            assert_eq!(
                check_new_password(common, &user()),
                Err(PasswordRefusal::TooCommon),
                "{common}"
            );
        }
        assert_eq!(
            check_new_password("my-ALICE-vK#9qe!", &user()),
            Err(PasswordRefusal::HoldsUserId)
        );
    }

    #[test]
    fn foreign_and_greedy_hashes_are_refused_and_old_ones_told() {
        let hash = hash_password("correct horse battery").unwrap();
        let with =
            |params: &str| PasswordHash::parse(&hash.as_str().replace("m=19456,t=2,p=1", params));
        assert!(with("m=4194304,t=2,p=1").is_err(), "four gigabytes");
        assert!(with("m=19456,t=900,p=1").is_err(), "900 passes");
        assert!(with("m=19456,t=2,p=64").is_err(), "64 lanes");
        assert!(with("m=9728,t=2,p=1").unwrap().needs_rehash());
        let argon2i = hash.as_str().replace("argon2id", "argon2i");
        for foreign in [
            "",
            "x",
            "$2b$12$abc",
            "$argon2id$v=19$m=19456,t=2,p=1",
            &argon2i,
        ] {
            assert_eq!(
                PasswordHash::parse(foreign),
                Err(PasswordError::UnknownHash),
                "{foreign}"
            );
        }
    }

    // Checklist: V6.3.8
    #[test]
    fn nobody_costs_as_much_as_somebody() {
        // Counted in work, not in time: the same parameters give the same work on a machine of any mood.
        let nobody = hash_with("x", &[0; SALT_BYTES]).unwrap();
        let somebody = hash_password("x").unwrap();
        let params = |hash: &PasswordHash| {
            let params = hash.params().unwrap();
            (params.m_cost(), params.t_cost(), params.p_cost())
        };
        assert_eq!(params(&nobody), params(&somebody));
        assert!(!verify_nobody("x"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_makes_the_check_panic(text in "\\PC{0,120}|[\\x00-\\x20a-zA-Z0-9]{0,40}") {
            check_new_password(&text, &user()).ok();
            PasswordHash::parse(&text).ok();
        }
    }
}
