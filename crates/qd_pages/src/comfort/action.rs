//! Everything that a key or the command palette can do, and the doing. Buttons say the same things by themselves.
//!
//! Nothing here sends an order, a change or a cancel: the most it does is to put the dashboard's question. What would add risk has no
//! place among these until the console has an armed lamp.

use egui::Context;
use qd_types::{AccountId, ClientOrderId, Symbol};
use qd_ui::tokens::{MoneyPalette, Theme};

use super::{HeaderPanel, Overlay, Sound, UiScale, ZonePreference};
use crate::dashboard::{DashboardRequest, DashboardTable};
use crate::desk::DeskState;
use crate::{Command, Page, PageCtx};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    OpenPalette,
    ShowKeys,
    ToggleSettings,
    ToggleNotes,
    ShowAlerts,
    ToggleTheme,
    SetTheme(Theme),
    SetMoney(MoneyPalette),
    SetZone(ZonePreference),
    SetSound(Sound),
    LargerScale,
    SmallerScale,
    ResetScale,
    Refresh,
    RetryConnection,
    Reload,
    SignOut,
    ShowPage(Page),
    FocusTable(DashboardTable),
    FocusFilter(DashboardTable),
    Close(Symbol),
    Cancel(AccountId, ClientOrderId),
    Change(AccountId, ClientOrderId),
}

impl Action {
    /// Does it.
    #[track_caller]
    pub(crate) fn run(self, ctx: &Context, cx: &PageCtx<'_>, state: &mut DeskState) {
        let preferences = &mut state.preferences;
        match self {
            Self::OpenPalette => {
                state.overlay = Some(Overlay::palette(ctx, cx, preferences, state.machine));
            }
            Self::ShowKeys => state.overlay = Some(Overlay::keys(ctx)),
            Self::ToggleSettings => HeaderPanel::Settings.toggle(ctx),
            Self::ToggleNotes => HeaderPanel::Notes.toggle(ctx),
            Self::ShowAlerts => state.overlay = Some(Overlay::alerts(ctx, None)),
            Self::ToggleTheme => preferences.theme = preferences.theme.other(),
            Self::SetTheme(theme) => preferences.theme = theme,
            Self::SetMoney(money) => preferences.money = money,
            Self::SetZone(zone) => preferences.zone = zone,
            Self::SetSound(sound) => preferences.sound = sound,
            Self::LargerScale => {
                preferences.scale = preferences.scale.larger().unwrap_or(preferences.scale);
            }
            Self::SmallerScale => {
                preferences.scale = preferences.scale.smaller().unwrap_or(preferences.scale);
            }
            Self::ResetScale => preferences.scale = UiScale::default(),
            Self::Refresh => cx.commands.send(Command::RefreshStreams),
            Self::RetryConnection => cx.commands.send(Command::RetryConnection),
            Self::Reload => cx.commands.send(Command::Reload),
            Self::SignOut => cx.commands.send(Command::SignOut),
            Self::ShowPage(page) => cx.commands.send(Command::ShowPage(page)),
            Self::FocusTable(table) => state.dashboard.ask(DashboardRequest::FocusTable(table)),
            Self::FocusFilter(table) => state.dashboard.ask(DashboardRequest::FocusFilter(table)),
            Self::Close(symbol) => state.dashboard.ask(DashboardRequest::Close(symbol)),
            Self::Cancel(account, order) => {
                state
                    .dashboard
                    .ask(DashboardRequest::Cancel(account, order));
            }
            Self::Change(account, order) => {
                state
                    .dashboard
                    .ask(DashboardRequest::Change(account, order));
            }
        }
        // The shell follows preferences, and the dashboard its request, before the next frame.
        ctx.request_repaint();
    }
}
