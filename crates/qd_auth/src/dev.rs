//! The fixed users of the `dev` sign-in: one per role, so that every door can be tried without a directory.
//! Their ids and the account are those of the demo desk.
//!
//! Whether they may sign in at all is the gateway's: a build feature and a loopback address.

use qd_types::{AccountId, Role, UserId};

use crate::Identity;

/// The fixed users, in the order the sign-in page lists them.
pub fn dev_users() -> Vec<Identity> {
    [
        ("alice", "Alice Archer", Role::Trader),
        ("bob", "Bob Baker", Role::Viewer),
        ("olivia", "Olivia Ortiz", Role::Operator),
        ("adam", "Adam Adler", Role::Admin),
    ]
    .into_iter()
    .filter_map(|(user, name, role)| {
        // The texts above are ids; a mistake in them would show in the test below.
        Some(Identity {
            user_id: UserId::new(user).ok()?,
            name: name.to_owned(),
            roles: vec![role],
            accounts: vec![AccountId::new("PAPER-1").ok()?],
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_user_per_role() {
        let roles: std::collections::BTreeSet<_> = dev_users()
            .iter()
            .flat_map(|user| user.roles.clone())
            .collect();
        assert_eq!(roles.len(), Role::ALL.len());
        assert_eq!(dev_users().len(), Role::ALL.len());
    }
}
