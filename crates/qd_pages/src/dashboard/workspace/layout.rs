//! How the tables share the dashboard's room, as a small text that a person can read: `h(650:v(640:positions 360:orders) 350:activity)`.
//!
//! `h` puts side by side, `v` one above the other, with shares of a thousand; `t` puts one behind the other as tabs,
//! with `*` at the one in front. Whatever is not such a text, or does not have every table once, is damaged and no layout.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use egui_tiles::{Container, Linear, LinearDir, Tabs, Tile, TileId, Tiles, Tree};

/// One of the tables that share the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Pane {
    Positions,
    Orders,
    Activity,
}

impl Pane {
    pub(super) const ALL: [Self; 3] = [Self::Positions, Self::Orders, Self::Activity];

    fn word(self) -> &'static str {
        match self {
            Self::Positions => "positions",
            Self::Orders => "orders",
            Self::Activity => "activity",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Positions => "Positions",
            Self::Orders => "Open orders",
            Self::Activity => "Activity",
        }
    }
}

/// A share is written in thousandths.
const WHOLE: f32 = 1_000.0;
/// Deeper than this nobody nests three tables.
const MAX_DEPTH: usize = 8;

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Pane(Pane),
    Split(LinearDir, Vec<(u16, Self)>),
    Tabs(Vec<(bool, Self)>),
}

/// The tree that a text stands for; absent when it is damaged.
pub(super) fn read(id: egui::Id, text: &str) -> Option<Tree<Pane>> {
    let mut rest = text.trim();
    let node = Node::read(&mut rest, 0)?;
    let mut panes = Vec::new();
    node.collect(&mut panes);
    let is_whole = rest.is_empty()
        && panes.len() == Pane::ALL.len()
        && panes.iter().copied().collect::<BTreeSet<_>>().len() == panes.len();
    if !is_whole {
        return None;
    }
    let mut tiles = Tiles::default();
    let root = node.plant(&mut tiles);
    Some(Tree::new(id, root, tiles))
}

/// The text of a tree.
pub(super) fn write(tree: &Tree<Pane>) -> String {
    let mut text = String::new();
    if let Some(node) = tree.root().and_then(|root| Node::of(&tree.tiles, root, 0)) {
        node.write(&mut text);
    }
    text
}

impl Node {
    fn of(tiles: &Tiles<Pane>, tile_id: TileId, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        let child = |id: &TileId| Self::of(tiles, *id, depth + 1);
        Some(match tiles.get(tile_id)? {
            Tile::Pane(pane) => Self::Pane(*pane),
            Tile::Container(Container::Linear(linear)) => {
                let sum: f32 = linear.children.iter().map(|id| linear.shares[*id]).sum();
                let share = |id: &TileId| thousandths(linear.shares[*id] / sum.max(f32::EPSILON));
                let children = linear.children.iter();
                let children = children.filter_map(|id| Some((share(id), child(id)?)));
                Self::Split(linear.dir, children.collect())
            }
            Tile::Container(Container::Tabs(tabs)) => {
                let children = tabs.children.iter();
                let children =
                    children.filter_map(|id| Some((tabs.active == Some(*id), child(id)?)));
                Self::Tabs(children.collect())
            }
            // Nobody can make one by dragging; it is kept as rows.
            Tile::Container(Container::Grid(grid)) => {
                let children = grid.children().filter_map(|id| Some((500, child(id)?)));
                Self::Split(LinearDir::Vertical, children.collect())
            }
        })
    }

    fn collect(&self, panes: &mut Vec<Pane>) {
        match self {
            Self::Pane(pane) => panes.push(*pane),
            Self::Split(_, children) => children.iter().for_each(|(_, node)| node.collect(panes)),
            Self::Tabs(children) => children.iter().for_each(|(_, node)| node.collect(panes)),
        }
    }

    fn plant(self, tiles: &mut Tiles<Pane>) -> TileId {
        match self {
            Self::Pane(pane) => tiles.insert_pane(pane),
            Self::Split(dir, children) => {
                let planted: Vec<(u16, TileId)> = children
                    .into_iter()
                    .map(|(share, node)| (share, node.plant(tiles)))
                    .collect();
                let mut linear = Linear::new(dir, planted.iter().map(|(_, id)| *id).collect());
                // About one each, as a table that is dragged in comes with.
                let one = WHOLE / planted.len() as f32;
                for (share, id) in planted {
                    linear.shares.set_share(id, f32::from(share) / one);
                }
                tiles.insert_container(linear)
            }
            Self::Tabs(children) => {
                let planted: Vec<(bool, TileId)> = children
                    .into_iter()
                    .map(|(is_front, node)| (is_front, node.plant(tiles)))
                    .collect();
                let mut tabs = Tabs::new(planted.iter().map(|(_, id)| *id).collect());
                if let Some((_, front)) = planted.iter().find(|(is_front, _)| *is_front) {
                    tabs.set_active(*front);
                }
                tiles.insert_container(tabs)
            }
        }
    }

    fn write(&self, text: &mut String) {
        let list = |text: &mut String, letter: char, children: Vec<(String, &Self)>| {
            text.push(letter);
            text.push('(');
            for (i, (mark, node)) in children.into_iter().enumerate() {
                let space = if i > 0 { " " } else { "" };
                write!(text, "{space}{mark}").ok();
                node.write(text);
            }
            text.push(')');
        };
        match self {
            Self::Pane(pane) => text.push_str(pane.word()),
            Self::Split(dir, children) => {
                let letter = match dir {
                    LinearDir::Horizontal => 'h',
                    LinearDir::Vertical => 'v',
                };
                let children = children.iter();
                let children = children.map(|(share, node)| (format!("{share}:"), node));
                list(text, letter, children.collect());
            }
            Self::Tabs(children) => {
                let mark = |is_front: bool| if is_front { "*" } else { "" }.to_owned();
                let children = children.iter();
                let children = children.map(|(is_front, node)| (mark(*is_front), node));
                list(text, 't', children.collect());
            }
        }
    }

    fn read(rest: &mut &str, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        for pane in Pane::ALL {
            if let Some(after) = rest.strip_prefix(pane.word()) {
                *rest = after;
                return Some(Self::Pane(pane));
            }
        }
        let letter = rest.chars().next()?;
        *rest = rest.get(letter.len_utf8()..)?.strip_prefix('(')?;
        let mut splits = Vec::new();
        let mut tabs = Vec::new();
        loop {
            if letter == 't' {
                let front = rest.strip_prefix('*');
                *rest = front.unwrap_or(rest);
                tabs.push((front.is_some(), Self::read(rest, depth + 1)?));
            } else {
                let (share, after) = rest.split_once(':')?;
                let share = share
                    .parse()
                    .ok()
                    .filter(|share| (1..=1_000).contains(share))?;
                *rest = after;
                splits.push((share, Self::read(rest, depth + 1)?));
            }
            if let Some(after) = rest.strip_prefix(')') {
                *rest = after;
                break;
            }
            *rest = rest.strip_prefix(' ')?;
        }
        match letter {
            'h' => Some(Self::Split(LinearDir::Horizontal, splits)),
            'v' => Some(Self::Split(LinearDir::Vertical, splits)),
            't' => Some(Self::Tabs(tabs)),
            _ => None,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 1 and 1,000"
)]
fn thousandths(share: f32) -> u16 {
    (share * WHOLE).round().clamp(1.0, WHOLE) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again(text: &str) -> Option<String> {
        read(egui::Id::unique("test"), text).map(|tree| write(&tree))
    }

    #[test]
    fn a_layout_comes_back_as_it_was_written() {
        for text in [
            "h(650:v(640:positions 360:orders) 350:activity)",
            "t(positions *orders activity)",
            "v(500:t(*positions activity) 500:orders)",
            "h(333:positions 333:orders 333:activity)",
        ] {
            assert_eq!(again(text).as_deref(), Some(text));
        }
        // Shares of another sum are shares all the same.
        assert_eq!(
            again("h(200:positions 100:orders 100:activity)").as_deref(),
            Some("h(500:positions 250:orders 250:activity)")
        );
    }

    #[test]
    fn what_is_damaged_is_no_layout() {
        for text in [
            "",
            "positions",
            "h(500:positions 500:orders)",
            "h(500:positions 250:orders 250:orders)",
            "h(500:positions 250:orders 250:activity",
            "h(500:positions 250:orders 250:activity) more",
            "h(0:positions 500:orders 500:activity)",
            "h(NaN:positions 500:orders 500:activity)",
            "x(1:positions 1:orders 1:activity)",
            "é(",
            "t(positions orders activity chart)",
        ] {
            assert_eq!(again(text), None, "{text}");
        }
        let deep = format!("{}positions{}", "v(1:".repeat(5_000), ")".repeat(5_000));
        assert_eq!(again(&deep), None);
    }

    proptest! {
        #[test]
        fn prop_any_text_is_a_layout_or_none_and_never_a_panic(text in "[hvt(): *0-9positnsrdeacvy]{0,60}") {
            if let Some(written) = again(&text) {
                let read_again = again(&written);
                prop_assert_eq!(read_again, Some(written));
            }
        }
    }
}
