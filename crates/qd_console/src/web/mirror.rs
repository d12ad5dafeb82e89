//! What the page's mirror for screen readers asks and tells: the tree when it changed, and what was done to a node of it.
//!
//! It draws nothing and decides nothing: what a reader does arrives as the same events that a pointer would make.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use eframe::egui;
use egui::accesskit::{Action, ActionRequest, NodeId, TreeId};
use parking_lot::Mutex;

use crate::access_tree::{AccessTree, TreePlugin};

/// The tree of the page and what came back from it.
#[derive(Default)]
pub(super) struct Mirror {
    tree: Arc<Mutex<AccessTree>>,
    ctx: RefCell<Option<egui::Context>>,
    is_started: Cell<bool>,
    /// Of the tree that the page has.
    told: Cell<u64>,
}

impl Mirror {
    pub(super) fn tree(&self) -> &Arc<Mutex<AccessTree>> {
        &self.tree
    }

    /// The program is there; the tree is kept from now on if it was asked for before.
    pub(super) fn attach(&self, ctx: &egui::Context) {
        self.ctx.replace(Some(ctx.clone()));
        if self.is_started.get() {
            self.keep(ctx);
        }
    }

    /// Keeps the tree from now on. Asking twice is asking once.
    pub(super) fn start(&self) {
        if !self.is_started.replace(true)
            && let Some(ctx) = &*self.ctx.borrow()
        {
            self.keep(ctx);
        }
    }

    fn keep(&self, ctx: &egui::Context) {
        ctx.add_plugin(TreePlugin::new(Arc::clone(&self.tree)));
        request_frame(ctx);
    }

    /// Something was done: the frame that shows it is drawn now.
    pub(super) fn wake(&self) {
        if let Some(ctx) = &*self.ctx.borrow() {
            request_frame(ctx);
        }
    }

    /// The tree as JSON, when it is another than the one that was told last.
    pub(super) fn changed_tree(&self) -> Option<String> {
        let tree = self.tree.lock();
        if self.told.replace(tree.num_updates()) == tree.num_updates() {
            return None;
        }
        super::report::tree(&tree)
    }

    /// What was done to a node, as events for the next frames, in order; nothing for a node or an action that is not known.
    pub(super) fn events_of(
        node_id: &str,
        action: &str,
        value: Option<String>,
    ) -> Vec<egui::Event> {
        let Ok(node_id) = node_id.parse().map(NodeId) else {
            return Vec::new();
        };
        let request = |action| {
            egui::Event::AccessKitActionRequest(ActionRequest {
                action,
                target_tree: TreeId::ROOT,
                target_node: node_id,
                data: None,
            })
        };
        match action {
            "click" => vec![request(Action::Click)],
            "focus" => vec![request(Action::Focus)],
            // As a person would, over what is there; the page has seen to it that the field has the keyboard.
            "type" => {
                let key = |key, modifiers| egui::Event::Key {
                    key,
                    physical_key: None,
                    pressed: true,
                    repeat: false,
                    modifiers,
                };
                let mut events = vec![
                    key(egui::Key::A, egui::Modifiers::COMMAND),
                    key(egui::Key::Delete, egui::Modifiers::NONE),
                ];
                let text = value.unwrap_or_default();
                if !text.is_empty() {
                    events.push(egui::Event::Text(text));
                }
                events
            }
            _ => Vec::new(),
        }
    }
}

fn request_frame(ctx: &egui::Context) {
    ctx.request_repaint();
    super::frames::wake();
}
