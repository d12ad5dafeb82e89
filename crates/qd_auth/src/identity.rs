//! Who is asking, and what follows from it.
//!
//! It does not say how the identity was proven: that stands in the session record.

use qd_types::{AccountId, Permission, Role, StreamName, UserId};

/// A person who proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id that channels and records are named by.
    pub user_id: UserId,
    /// What the header shows.
    pub name: String,
    /// Sorted, without repetition; empty means that nothing is allowed.
    pub roles: Vec<Role>,
    /// The accounts granted, sorted.
    pub accounts: Vec<AccountId>,
}

impl Identity {
    /// Whether any role has `permission`.
    pub fn allows(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.allows(permission))
    }

    /// All permissions of all roles, in the table's order.
    pub fn permissions(&self) -> Vec<Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(|permission| self.allows(*permission))
            .collect()
    }

    /// The streams that this person may listen to, built from who they are and never from what they ask for.
    pub fn streams(&self) -> Vec<StreamName> {
        let all = [
            (
                Permission::PositionsView,
                StreamName::Positions(self.user_id.clone()),
            ),
            (
                Permission::OrdersView,
                StreamName::Orders(self.user_id.clone()),
            ),
            (
                Permission::AlertsView,
                StreamName::Alerts(self.user_id.clone()),
            ),
            (Permission::HaltView, StreamName::KillSwitch),
            (Permission::HaltView, StreamName::CircuitBreakers),
        ];
        all.into_iter()
            .filter(|(permission, _)| self.allows(*permission))
            .map(|(_, stream)| stream)
            .collect()
    }

    /// Whether `stream` is one of [`Self::streams`].
    pub fn may_hear(&self, stream: &StreamName) -> bool {
        self.streams().contains(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(user: &str, roles: &[Role]) -> Identity {
        Identity {
            user_id: UserId::new(user).unwrap(),
            name: user.to_owned(),
            roles: roles.to_vec(),
            accounts: Vec::new(),
        }
    }

    #[test]
    fn people_hear_their_own_streams_and_nobody_elses() {
        let alice = identity("alice", &[Role::Viewer]);
        for own in [
            "positions:alice",
            "orders:alice",
            "alerts:alice",
            "kill_switch:state",
            "circuit_breaker:state",
        ] {
            assert!(alice.may_hear(&StreamName::parse(own).unwrap()), "{own}");
        }
        for foreign in ["positions:bob", "orders:alicf", "alerts:Alice"] {
            assert!(
                !alice.may_hear(&StreamName::parse(foreign).unwrap()),
                "{foreign}"
            );
        }
    }

    #[test]
    fn without_a_role_nothing_is_allowed() {
        let nobody = identity("nobody", &[]);
        assert!(nobody.streams().is_empty());
        assert!(nobody.permissions().is_empty());
    }

    #[test]
    fn roles_add_up() {
        let both = identity("both", &[Role::Viewer, Role::Operator]);
        assert_eq!(both.permissions(), Role::Operator.permissions());
    }
}
