//! Workspaces: named layouts of the dashboard's tables, dragged by their titles and resized at their edges.
//!
//! Cards, header and footer are no part of it: they never move. In a narrow window the tables stand in one column,
//! whatever the workspace.

mod layout;
mod menu;

use std::collections::BTreeMap;

use egui::{CursorIcon, Id, Rect, Sense, Stroke, Ui, Visuals, WidgetText, vec2};
use egui_tiles::{
    Behavior, Container, ResizeState, SimplificationOptions, Tile, TileId, Tree, UiResponse,
};
use qd_ui::tokens::{DesignTokens, size, space};

pub(crate) use self::layout::Pane;

use super::DashboardState;
use super::{activity, orders, positions};
use crate::PageCtx;

/// Widths of the layout that nobody has changed: what has to be read whole keeps its room at every window's width.
const SIDE_WIDTH: f32 = 432.0;
const ORDERS_HEIGHT: f32 = 232.0;
/// No table is made smaller than this, in points.
const LEAST_SIDE: f32 = 120.0;

/// The layouts that come with the program, the first one being what a damaged one falls back to.
const BUILT_IN: [(&str, &str); 4] = [
    ("Desk", "h(650:v(660:positions 340:orders) 350:activity)"),
    ("Columns", "h(420:positions 300:orders 280:activity)"),
    ("Rows", "v(500:positions 260:orders 240:activity)"),
    ("Tabs", "t(*positions orders activity)"),
];

/// Longer names are cut.
const MAX_NAME: usize = 24;
/// So many workspaces of one's own at most.
const MAX_SAVED: usize = 20;

/// The workspaces of a user, and the one on screen.
pub(crate) struct Workspaces {
    /// By name, as text.
    saved: BTreeMap<String, String>,
    current: String,
    tree: Tree<Pane>,
    /// The desk as it was made: it fits itself to the window.
    is_untouched: bool,
    /// What was typed into the menu.
    new_name: String,
}

impl Default for Workspaces {
    fn default() -> Self {
        let (name, _) = BUILT_IN[0];
        Self {
            saved: BTreeMap::new(),
            current: name.to_owned(),
            tree: built_in_desk(),
            is_untouched: true,
            new_name: String::new(),
        }
    }
}

fn tree_id() -> Id {
    Id::unique("qd_workspace")
}

fn built_in_desk() -> Tree<Pane> {
    let (_, text) = BUILT_IN[0];
    layout::read(tree_id(), text)
        .unwrap_or_else(|| Tree::new_vertical(tree_id(), Pane::ALL.to_vec()))
}

impl Workspaces {
    /// Every name that can be opened: those of the program, then the user's.
    fn names(&self) -> impl Iterator<Item = &str> {
        let built_in = BUILT_IN.iter().map(|(name, _)| *name);
        built_in.chain(self.saved.keys().map(String::as_str))
    }

    /// Whether a workspace came with the program.
    fn is_built_in(name: &str) -> bool {
        BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
    }

    /// Opens a workspace; says whether it was there and whole. Else the desk is opened.
    pub(crate) fn open(&mut self, name: &str) -> bool {
        let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
        let text = built_in
            .map(|(_, text)| *text)
            .or_else(|| self.saved.get(name).map(String::as_str));
        let tree = text.and_then(|text| layout::read(tree_id(), text));
        let is_whole = tree.is_some();
        let desk = BUILT_IN[0].0;
        let opened = if is_whole { name } else { desk };
        self.is_untouched = opened == desk;
        opened.clone_into(&mut self.current);
        self.tree = tree.unwrap_or_else(built_in_desk);
        is_whole
    }

    /// Keeps the layout on screen under a name; says whether it could. A name of the program's cannot be taken.
    pub(crate) fn save_as(&mut self, name: &str) -> bool {
        let name: String = name
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_NAME)
            .collect();
        let name = name.trim();
        let has_room = self.saved.len() < MAX_SAVED || self.saved.contains_key(name);
        if name.is_empty() || Self::is_built_in(name) || !has_room {
            return false;
        }
        self.saved
            .insert(name.to_owned(), layout::write(&self.tree));
        name.clone_into(&mut self.current);
        true
    }

    /// Forgets a workspace of one's own.
    pub(crate) fn forget(&mut self, name: &str) {
        self.saved.remove(name);
        if self.current == name {
            self.open(BUILT_IN[0].0);
        }
    }

    /// A change by hand belongs to the workspace it was made in; one of the program's becomes the user's own copy.
    fn note_change(&mut self) {
        self.is_untouched = false;
        if !Self::is_built_in(&self.current) {
            let text = layout::write(&self.tree);
            self.saved.insert(self.current.clone(), text);
        }
    }

    /// All of it as lines, `name layout`, the one on screen first: what was changed by hand in it is kept too.
    pub(crate) fn encode(&self) -> String {
        let is_changed = Self::is_built_in(&self.current) && !self.is_untouched;
        let on_screen = if is_changed {
            layout::write(&self.tree)
        } else {
            String::new()
        };
        let mut lines = vec![format!("{}\t{on_screen}", self.current)];
        let saved = self.saved.iter();
        lines.extend(saved.map(|(name, text)| format!("{name}\t{text}")));
        lines.join("\n")
    }

    /// What lines stand for; says whether all of them could be read. What could not is left out, and the desk is
    /// opened where the one on screen was damaged.
    pub(crate) fn decode(lines: &str) -> (Self, bool) {
        let mut workspaces = Self::default();
        let mut is_whole = true;
        let mut lines = lines.lines();
        let first = lines.next().and_then(|line| line.split_once('\t'));
        for line in lines {
            let read = line.split_once('\t').filter(|(name, text)| {
                let has_room = workspaces.saved.len() < MAX_SAVED;
                let is_name = !name.is_empty() && name.chars().count() <= MAX_NAME;
                has_room && is_name && layout::read(tree_id(), text).is_some()
            });
            match read {
                Some((name, text)) => {
                    workspaces.saved.insert(name.to_owned(), text.to_owned());
                }
                None => is_whole = false,
            }
        }
        match first {
            Some((name, "")) => is_whole &= workspaces.open(name),
            Some((name, text)) => {
                is_whole &= workspaces.open(name);
                match layout::read(tree_id(), text) {
                    Some(tree) => {
                        workspaces.tree = tree;
                        workspaces.is_untouched = false;
                    }
                    None => is_whole = false,
                }
            }
            None => is_whole = false,
        }
        (workspaces, is_whole)
    }

    /// The desk as it was made keeps the widths that its tables need, whatever the window.
    fn fit(&mut self, room: egui::Vec2) {
        let tiles = &mut self.tree.tiles;
        let side = tiles.find_pane(&Pane::Activity);
        let orders = tiles.find_pane(&Pane::Orders);
        for (pane, own, whole) in [
            (side, SIDE_WIDTH, room.x - space::M),
            (orders, ORDERS_HEIGHT, room.y - space::M),
        ] {
            let Some(pane) = pane else { continue };
            let parent = tiles.parent_of(pane);
            if let Some(Tile::Container(Container::Linear(linear))) =
                parent.and_then(|parent| tiles.get_mut(parent))
            {
                // Shares are about one each: a table that is dragged in comes with one.
                let own = 2.0 * (own / whole.max(1.0)).clamp(0.1, 0.9);
                for child in linear.children.clone() {
                    let share = if child == pane { own } else { 2.0 - own };
                    linear.shares.set_share(child, share);
                }
            }
        }
    }
}

/// Draws the tables in the room that is left.
pub(super) fn workspace_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    profiling::function_scope!();
    if state.workspaces.is_untouched {
        state.workspaces.fit(ui.available_size());
    }
    // Taken out while its panes draw the rest of the state.
    let mut tree = std::mem::replace(&mut state.workspaces.tree, Tree::empty(tree_id()));
    let mut panes = Panes {
        cx,
        state,
        is_edited: false,
    };
    tree.ui(&mut panes, ui);
    let is_edited = panes.is_edited;
    state.workspaces.tree = tree;
    if is_edited {
        state.workspaces.note_change();
    }
}

struct Panes<'a> {
    cx: &'a PageCtx<'a>,
    state: &'a mut DashboardState,
    is_edited: bool,
}

impl Panes<'_> {
    fn tokens(&self) -> &DesignTokens {
        self.cx.ui.tokens
    }
}

impl Behavior<Pane> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile_id: TileId, pane: &mut Pane) -> UiResponse {
        let rect = ui.max_rect();
        // The title is the handle; what stands beside it is drawn later and takes its own clicks.
        let title = Rect::from_min_size(rect.min, vec2(96.0, size::PANEL_HEADER_HEIGHT));
        let handle = ui.interact(title, ui.scope_id().with("handle"), Sense::DRAG);
        super::part(ui, pane.title(), rect, |ui| match pane {
            Pane::Positions => positions::positions_ui(ui, self.cx, self.state),
            Pane::Orders => orders::orders_ui(ui, self.cx, self.state),
            Pane::Activity => activity::activity_ui(ui, self.cx, self.state),
        });
        if handle.on_hover_cursor(CursorIcon::Grab).drag_started() {
            UiResponse::DragStarted
        } else {
            UiResponse::None
        }
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        let font = self.tokens().fonts.body.clone();
        egui::RichText::new(pane.title()).font(font).into()
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        space::M
    }

    fn min_size(&self) -> f32 {
        LEAST_SIDE
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: false,
            ..SimplificationOptions::default()
        }
    }

    fn resize_stroke(&self, _style: &egui::Style, resize_state: ResizeState) -> Stroke {
        let tokens = self.tokens();
        match resize_state {
            ResizeState::Idle => Stroke::NONE,
            ResizeState::Hovering => Stroke::new(1.0, tokens.line_strong),
            ResizeState::Dragging => Stroke::new(2.0, tokens.accent),
        }
    }

    fn tab_bar_color(&self, _visuals: &Visuals) -> egui::Color32 {
        self.tokens().surface_base
    }

    fn on_edit(&mut self, _edit_action: egui_tiles::EditAction) {
        self.is_edited = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspaces_come_back_with_what_was_changed_by_hand() {
        let mut workspaces = Workspaces::default();
        assert!(workspaces.open("Columns"));
        assert!(workspaces.save_as(" Morning\n "));
        assert!(!workspaces.save_as("Desk"), "the program's own");
        assert!(!workspaces.save_as("  "));
        assert!(workspaces.open("Tabs"));
        workspaces.note_change();
        let kept = workspaces.encode();
        let (back, is_whole) = Workspaces::decode(&kept);
        assert!(is_whole);
        assert_eq!(back.encode(), kept);
        assert_eq!(back.current, "Tabs");
        assert!(back.names().any(|name| name == "Morning"));
        let mut back = back;
        assert!(back.open("Morning"));
        assert_eq!(
            layout::write(&back.tree),
            "h(420:positions 300:orders 280:activity)"
        );
        back.forget("Morning");
        assert_eq!(back.current, "Desk");
        assert!(!back.open("Morning"));
        assert_eq!(back.current, "Desk", "what is not there opens the desk");
    }

    #[test]
    fn a_damaged_workspace_opens_the_desk_and_the_others_stay() {
        let kept = "Mine\t\nMine\th(500:positions\nOther\tt(*positions orders activity)";
        let (back, is_whole) = Workspaces::decode(kept);
        assert!(!is_whole);
        assert_eq!(back.current, "Desk");
        assert!(back.names().any(|name| name == "Other"));
        assert!(!back.names().any(|name| name == "Mine"));
        for kept in ["", "\u{0}", "Desk", "Desk\trubbish"] {
            let (back, is_whole) = Workspaces::decode(kept);
            assert!(!is_whole, "{kept:?}");
            assert_eq!(back.current, "Desk");
        }
    }
}
