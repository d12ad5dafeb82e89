//! The halt machine's state and the breakers, as the accepting step reads them.
//!
//! Who may change them, and with what second factor, is decided before these are called; procedures are not here.

use qd_types::{
    BreakerState, HaltScope, HaltState, HaltStatus, PositionKey, ScopedHalt, UserId, UtcMicros,
};

use super::Ledger;

impl Ledger {
    /// Changes the firm's halt state: counts the halt epoch up and has it published.
    ///
    /// Who may do so, and with what second factor, is decided before this is called.
    pub fn set_halt(&mut self, state: HaltState, by: Option<UserId>, reason: &str, now: UtcMicros) {
        self.halt = HaltStatus {
            state,
            scopes: std::mem::take(&mut self.halt.scopes),
            halt_epoch: self.halt.halt_epoch + 1,
            by,
            at: Some(now),
            reason: Some(reason.to_owned()),
        };
        self.changes.halt = true;
    }

    /// Halts one scope, or lifts its halt with [`HaltState::Active`]; counts the halt epoch up.
    pub fn set_scoped_halt(&mut self, scope: HaltScope, state: HaltState, now: UtcMicros) {
        self.halt.scopes.retain(|halt| halt.scope != scope);
        if state != HaltState::Active {
            self.halt.scopes.push(ScopedHalt { scope, state });
            self.halt.scopes.sort_by(|a, b| a.scope.cmp(&b.scope));
        }
        self.halt.halt_epoch += 1;
        self.halt.at = Some(now);
        self.changes.halt = true;
    }

    /// Puts a breaker into a state; an unknown name changes nothing and answers `false`.
    pub fn set_breaker(
        &mut self,
        name: &str,
        state: BreakerState,
        reason: &str,
        now: UtcMicros,
    ) -> bool {
        let Some(breaker) = self
            .breakers
            .iter_mut()
            .find(|breaker| breaker.name == name)
        else {
            return false;
        };
        breaker.trip_count_today +=
            u32::from(state == BreakerState::Tripped && breaker.state != state);
        breaker.state = state;
        breaker.reason = Some(reason.to_owned());
        breaker.at = Some(now);
        self.changes.breakers = true;
        true
    }

    /// The strictest halt that applies to a row.
    pub fn halt_for(&self, key: &PositionKey) -> HaltState {
        let strictness = |state: HaltState| match state {
            HaltState::Active => 0,
            HaltState::ReduceOnly => 1,
            HaltState::Halted => 2,
            HaltState::Unknown => 3,
        };
        self.halt
            .scopes
            .iter()
            .filter(|halt| halt.scope.covers_row(key))
            .map(|halt| halt.state)
            .chain([self.halt.state])
            .max_by_key(|state| strictness(*state))
            .unwrap_or(HaltState::Unknown)
    }
}
