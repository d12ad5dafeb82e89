//! The accessibility tree, kept from egui's own updates: for the page's mirror and for browser tests. It changes nothing
//! on screen.
//!
//! egui sends the whole tree first and may send parts later, so the nodes are kept and the parts applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui;
use egui::accesskit::{Node, NodeId, Toggled, TreeUpdate};
use parking_lot::Mutex;
use serde::Serialize;

/// One node, in the order of reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessNode {
    /// AccessKit's id, as text: it needs all 64 bits.
    pub node_id: String,
    /// Its role, as AccessKit calls it: `Button`, `Label`.
    pub role: String,
    /// What it is called.
    pub label: Option<String>,
    /// What it holds.
    pub value: Option<String>,
    /// Left, top, right, bottom, in points of the canvas; absent for what has no place.
    pub bounds: Option<[f64; 4]>,
    /// It cannot be used now.
    pub is_disabled: bool,
    /// It has the keyboard.
    pub is_focused: bool,
    /// On or off, for what can be either.
    pub is_toggled: Option<bool>,
    /// How deep in the tree it is.
    pub depth: usize,
}

/// The tree as it is now.
#[derive(Debug, Default)]
pub struct AccessTree {
    nodes: BTreeMap<NodeId, Node>,
    root: Option<NodeId>,
    focus: Option<NodeId>,
    /// Frames whose output was seen.
    num_frames: u64,
    /// Updates that changed something.
    num_updates: u64,
}

impl AccessTree {
    /// Takes up a whole tree or a part of one.
    pub fn update(&mut self, update: &TreeUpdate) {
        let mut has_changed = self.focus != Some(update.focus);
        for (node_id, node) in &update.nodes {
            let before = self.nodes.insert(*node_id, node.clone());
            has_changed |= before.as_ref() != Some(node);
        }
        if let Some(tree) = &update.tree {
            self.root = Some(tree.root);
        }
        self.focus = Some(update.focus);
        self.forget_unreachable();
        self.num_updates += u64::from(has_changed);
    }

    /// Every node that can be reached from the root, parents before children.
    pub fn in_order(&self) -> Vec<AccessNode> {
        let mut all = Vec::with_capacity(self.nodes.len());
        let mut stack: Vec<(NodeId, usize)> = self.root.iter().map(|root| (*root, 0)).collect();
        while let Some((node_id, depth)) = stack.pop() {
            let Some(node) = self.nodes.get(&node_id) else {
                continue;
            };
            stack.extend(
                node.children()
                    .iter()
                    .rev()
                    .map(|child| (*child, depth + 1)),
            );
            all.push(AccessNode {
                node_id: node_id.0.to_string(),
                role: format!("{:?}", node.role()),
                label: node.label().map(str::to_owned),
                value: node.value().map(str::to_owned),
                bounds: node
                    .bounds()
                    .map(|rect| [rect.x0, rect.y0, rect.x1, rect.y1]),
                is_disabled: node.is_disabled(),
                is_focused: self.focus == Some(node_id),
                is_toggled: node.toggled().map(|toggled| toggled == Toggled::True),
                depth,
            });
        }
        all
    }

    /// Frames whose output was seen.
    pub fn num_frames(&self) -> u64 {
        self.num_frames
    }

    /// The node that has the keyboard, as text; absent before the first update.
    pub fn focused(&self) -> Option<String> {
        self.focus.map(|node_id| node_id.0.to_string())
    }

    /// Counts the updates that changed something: who has seen as many has seen this tree.
    pub fn num_updates(&self) -> u64 {
        self.num_updates
    }

    fn forget_unreachable(&mut self) {
        let mut reachable = BTreeMap::new();
        let mut stack: Vec<NodeId> = self.root.into_iter().collect();
        while let Some(node_id) = stack.pop() {
            if let Some(node) = self.nodes.remove(&node_id) {
                stack.extend(node.children());
                reachable.insert(node_id, node);
            }
        }
        self.nodes = reachable;
    }
}

/// Keeps the tree up to date. Turning it on costs frame time: only for those who read it.
#[derive(Debug, Default)]
pub struct TreePlugin(Arc<Mutex<AccessTree>>);

impl TreePlugin {
    /// A plugin that writes into `tree`.
    pub fn new(tree: Arc<Mutex<AccessTree>>) -> Self {
        Self(tree)
    }
}

impl egui::Plugin for TreePlugin {
    fn debug_name(&self) -> &'static str {
        "qd_console::access_tree"
    }

    fn setup(&mut self, ctx: &egui::Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, _ctx: &egui::Context, output: &mut egui::FullOutput) {
        let mut tree = self.0.lock();
        tree.num_frames += 1;
        if let Some(update) = &output.platform_output.accesskit_update {
            tree.update(update);
        }
    }
}

#[cfg(test)]
mod tests {
    use egui::accesskit::{Role, TreeId, TreeInfo};

    use super::*;

    fn node(role: Role, label: &str, children: &[u64]) -> Node {
        let mut node = Node::new(role);
        node.set_label(label);
        node.set_children(children.iter().map(|id| NodeId(*id)).collect::<Vec<_>>());
        node
    }

    fn update(nodes: Vec<(u64, Node)>, root: Option<u64>) -> TreeUpdate {
        TreeUpdate {
            nodes: nodes
                .into_iter()
                .map(|(id, node)| (NodeId(id), node))
                .collect(),
            tree: root.map(|root| TreeInfo::new(NodeId(root))),
            tree_id: TreeId::ROOT,
            focus: NodeId(1),
        }
    }

    fn labels(tree: &AccessTree) -> Vec<String> {
        tree.in_order()
            .into_iter()
            .filter_map(|node| node.label)
            .collect()
    }

    #[test]
    fn parts_are_applied_to_the_whole_and_what_nobody_holds_is_forgotten() {
        let mut tree = AccessTree::default();
        tree.update(&update(
            vec![
                (1, node(Role::Window, "window", &[2, 3])),
                (2, node(Role::Button, "Close", &[])),
                (3, node(Role::Label, "old", &[])),
            ],
            Some(1),
        ));
        assert_eq!(labels(&tree), ["window", "Close", "old"]);
        tree.update(&update(vec![(3, node(Role::Label, "new", &[]))], None));
        assert_eq!(labels(&tree), ["window", "Close", "new"]);
        tree.update(&update(vec![(1, node(Role::Window, "window", &[3]))], None));
        assert_eq!(labels(&tree), ["window", "new"]);
        assert_eq!(tree.nodes.len(), 2);
        assert_eq!(tree.num_updates(), 3);
        tree.update(&update(vec![(1, node(Role::Window, "window", &[3]))], None));
        assert_eq!(tree.num_updates(), 3, "nothing new");
    }
}
