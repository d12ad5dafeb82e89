//! The pages and the navigation at the left. A page that is not built says so instead of being hidden.

use egui::Ui;
use qd_ui::nav::{NavGroup, NavItem, nav_ui};
use qd_ui::text;
use qd_ui::tokens::space;

use crate::dashboard::Workspaces;
use crate::{Command, PageCtx};

/// Where the user is, or wants to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// Cards, positions, orders, activity.
    #[default]
    Dashboard,
    /// The order ticket.
    OrderEntry,
    /// Positions alone.
    Positions,
    /// The kill switch.
    KillSwitch,
    /// Circuit breakers.
    CircuitBreakers,
    /// Equity and P&L over time.
    Performance,
    /// Value at risk and stress.
    Risk,
    /// Backtests.
    Backtests,
    /// Services and counters.
    SystemHealth,
    /// Alert rules and history.
    Alerts,
    /// Data quality.
    Data,
    /// The audit log.
    AuditLog,
    /// Users and limits.
    Administration,
}

const NOT_BUILT: &str = "Not built yet.";

const GROUPS: [NavGroup<'static, Page>; 3] = [
    NavGroup {
        title: "TRADE",
        items: &[
            NavItem {
                page: Page::Dashboard,
                label: "Dashboard",
                mark: None,
                disabled_because: None,
            },
            item(Page::OrderEntry, "Order entry"),
            item(Page::Positions, "Positions"),
            item(Page::KillSwitch, "Kill switch"),
            item(Page::CircuitBreakers, "Circuit breakers"),
        ],
    },
    NavGroup {
        title: "ANALYSE",
        items: &[
            item(Page::Performance, "Performance"),
            item(Page::Risk, "Risk"),
            item(Page::Backtests, "Backtests"),
        ],
    },
    NavGroup {
        title: "OPERATE",
        items: &[
            item(Page::SystemHealth, "System health"),
            item(Page::Alerts, "Alerts"),
            item(Page::Data, "Data"),
            item(Page::AuditLog, "Audit log"),
            item(Page::Administration, "Administration"),
        ],
    },
];

const fn item(page: Page, label: &'static str) -> NavItem<'static, Page> {
    NavItem {
        page,
        label,
        mark: None,
        disabled_because: Some(NOT_BUILT),
    }
}

/// Every page in the order of the navigation, with its words and the reason why it cannot be opened.
pub(crate) fn pages() -> impl Iterator<Item = (Page, &'static str, Option<&'static str>)> {
    let items = GROUPS.iter().flat_map(|group| group.items);
    items.map(|item| (item.page, item.label, item.disabled_because))
}

/// Draws the navigation, with the workspaces of the dashboard below it.
pub(crate) fn navigation_ui(
    ui: &mut Ui,
    cx: &PageCtx<'_>,
    current: Page,
    workspaces: &mut Workspaces,
) {
    profiling::function_scope!();
    if let Some(page) = nav_ui(ui, &cx.ui, &GROUPS, current) {
        cx.commands.send(Command::ShowPage(page));
    }
    if current == Page::Dashboard {
        let tokens = cx.ui.tokens;
        ui.add_space(space::M);
        ui.horizontal(|ui| {
            ui.add_space(space::S);
            text::label(ui, "WORKSPACE", &tokens.fonts.label, tokens.text_hint);
        });
        ui.horizontal(|ui| {
            ui.add_space(space::XS);
            workspaces.menu_ui(ui, cx);
        });
    }
}
