//! The panels that open under the header's signs. They take the keyboard to their sign and give it back there.

use egui::{Context, Frame, Id, Popup, PopupCloseBehavior, Response, SetOpenCommand, Ui};
use qd_ui::menu::tall_ui;
use qd_ui::tokens::space;

/// Around the content, in points.
const PADDING: f32 = space::M;

/// Which panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HeaderPanel {
    /// Theme, colors, size, zone.
    Settings,
    /// What was said in passing.
    Notes,
}

/// Whether a click on the thing that a panel hangs from opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Opens {
    /// It does, and closes it.
    ByClick,
    /// It does something else: the panel is opened by a key or from a menu.
    Elsewhere,
}

impl HeaderPanel {
    fn name(self) -> &'static str {
        match self {
            Self::Settings => "Settings",
            Self::Notes => "Notes",
        }
    }

    fn width(self) -> f32 {
        match self {
            Self::Settings => 330.0,
            Self::Notes => 380.0,
        }
    }

    fn popup_id(self) -> Id {
        Id::unique(("qd_header_panel", self))
    }

    /// Opens it, or closes it when it is open. Every other panel and menu closes.
    pub(crate) fn toggle(self, ctx: &Context) {
        Popup::toggle_id(ctx, self.popup_id());
        ctx.request_repaint();
    }

    /// Draws it under `opener` while it is open.
    pub(crate) fn ui(self, opener: &Response, opens: Opens, add: impl FnOnce(&mut Ui)) {
        let (ctx, popup_id) = (&opener.ctx, self.popup_id());
        let was_open = ctx.read_response(popup_id).is_some();
        let window = ctx.content_rect();
        let width = self.width().min(window.width() - 48.0);
        let is_asked = opens == Opens::ByClick && opener.clicked();
        Popup::from_response(opener)
            .id(popup_id)
            .open_memory(is_asked.then_some(SetOpenCommand::Toggle))
            .width(width)
            .gap(space::XS)
            .frame(Frame::popup(&ctx.global_style()).inner_margin(PADDING))
            .accessible_name(self.name())
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| {
                ui.set_width(width);
                tall_ui(ui, add);
            });
        let is_open = Popup::is_id_open(ctx, popup_id);
        let nobody = ctx.memory(|memory| memory.focused().is_none());
        if (is_open && !was_open) || (was_open && !is_open && nobody) {
            opener.request_focus();
        }
    }
}
