//! Halt state and circuit breakers: the last word of each machine, and how far it can be trusted.
//!
//! Until the machine has spoken the state is unknown, and unknown never lets risk grow.

use std::sync::Arc;

use qd_types::{Breaker, BreakerState, HaltStatus, Tone, UtcMicros};

use super::Ctx;
use crate::freshness::FreshnessRule;
use crate::snapshot::{BreakerRow, BreakersView, HaltView, Seal};

/// The halt machine's word.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    view: Arc<HaltView>,
}

impl Halt {
    /// Takes over the machine's word.
    pub(crate) fn replace(&mut self, status: HaltStatus) {
        let old = &self.view;
        self.view = Arc::new(HaltView {
            state: status.state,
            text: status.state.badge(),
            tone: status.state.tone(),
            since: status.at,
            by: status.by,
            reason: status.reason.map(Arc::from),
            scopes: status.scopes.into(),
            halt_epoch: status.halt_epoch,
            seal: Arc::clone(&old.seal),
            freshness: old.freshness,
            confirmed_at: old.confirmed_at,
        });
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(
        &mut self,
        seal: &Arc<Seal>,
        confirmed_at: Option<UtcMicros>,
        ctx: &Ctx,
    ) -> Arc<HaltView> {
        let freshness = FreshnessRule::STREAM.of(confirmed_at, ctx.phase, ctx.now);
        let is_same_seal = Arc::ptr_eq(&self.view.seal, seal)
            && self.view.confirmed_at == confirmed_at
            && self.view.freshness == freshness;
        if !is_same_seal {
            let view = Arc::make_mut(&mut self.view);
            view.seal = Arc::clone(seal);
            view.confirmed_at = confirmed_at;
            view.freshness = freshness;
        }
        Arc::clone(&self.view)
    }
}

/// All circuit breakers.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    view: Arc<BreakersView>,
}

impl Breakers {
    /// Takes over all breakers.
    pub(crate) fn replace(&mut self, mut breakers: Vec<Breaker>) {
        breakers.sort_by(|a, b| a.name.cmp(&b.name));
        let rows: Arc<[BreakerRow]> = breakers.into_iter().map(row_of).collect();
        let view = Arc::make_mut(&mut self.view);
        view.num_tripped = rows
            .iter()
            .filter(|row| row.state != BreakerState::Open)
            .count();
        view.rows = rows;
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(
        &mut self,
        seal: &Arc<Seal>,
        confirmed_at: Option<UtcMicros>,
        ctx: &Ctx,
    ) -> Arc<BreakersView> {
        let freshness = FreshnessRule::STREAM.of(confirmed_at, ctx.phase, ctx.now);
        if !Arc::ptr_eq(&self.view.seal, seal) || self.view.freshness != freshness {
            let view = Arc::make_mut(&mut self.view);
            view.seal = Arc::clone(seal);
            view.freshness = freshness;
        }
        Arc::clone(&self.view)
    }
}

fn row_of(breaker: Breaker) -> BreakerRow {
    let (text, tone) = match breaker.state {
        BreakerState::Open => ("normal", Tone::Gain),
        BreakerState::Tripped => ("tripped", Tone::Danger),
        BreakerState::QuietPeriod => ("quiet period", Tone::Warn),
    };
    BreakerRow {
        name: Arc::from(breaker.name),
        state: breaker.state,
        text,
        tone,
        reason: breaker.reason.map(Arc::from),
        at: breaker.at,
        trip_count_today: breaker.trip_count_today,
    }
}
