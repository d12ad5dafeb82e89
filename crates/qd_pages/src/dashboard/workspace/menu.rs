//! The menu of workspaces: open one, keep the one on screen under a name, forget one.

use egui::Ui;
use qd_ui::button::Button;
use qd_ui::field::text_field;
use qd_ui::menu::menu_ui;
use qd_ui::text;
use qd_ui::tokens::space;

use super::Workspaces;
use crate::PageCtx;

const MENU_WIDTH: f32 = 250.0;

impl Workspaces {
    /// The button with the name of the workspace on screen, and its menu.
    pub(crate) fn menu_ui(&mut self, ui: &mut Ui, cx: &PageCtx<'_>) {
        let words = format!("{} \u{25be}", self.current);
        let name = format!("Workspace: {}", self.current);
        let opener = Button::quiet(&words).name(&name).ui(ui, &cx.ui);
        menu_ui(&opener, "Workspaces", MENU_WIDTH, |ui| {
            self.menu_body_ui(ui, cx);
        });
    }

    fn menu_body_ui(&mut self, ui: &mut Ui, cx: &PageCtx<'_>) {
        let tokens = cx.ui.tokens;
        ui.set_width(MENU_WIDTH);
        ui.spacing_mut().item_spacing.y = space::XS;
        text::label(ui, "Workspaces", &tokens.fonts.strong, tokens.text_strong);
        let names: Vec<String> = self.names().map(str::to_owned).collect();
        for name in names {
            ui.horizontal(|ui| {
                let is_open = name == self.current;
                let mark = if is_open { "\u{2713} " } else { "   " };
                let label = format!("Open workspace {name}");
                if Button::quiet(&format!("{mark}{name}"))
                    .name(&label)
                    .ui(ui, &cx.ui)
                    .clicked()
                {
                    self.open(&name);
                    ui.close();
                }
                let label = format!("Forget workspace {name}");
                let is_own = !Self::is_built_in(&name);
                if is_own
                    && Button::quiet("Forget")
                        .name(&label)
                        .ui(ui, &cx.ui)
                        .clicked()
                {
                    self.forget(&name);
                }
            });
        }
        ui.add_space(space::S);
        ui.horizontal(|ui| {
            let width = MENU_WIDTH - 76.0;
            let mut name = std::mem::take(&mut self.new_name);
            text_field(
                ui,
                &cx.ui,
                &mut name,
                "Name…",
                "Name of the workspace",
                width,
            );
            let reason = name.trim().is_empty().then_some("Give it a name.");
            let save = Button::new("Save").name("Save workspace");
            if save.disabled_because(reason).ui(ui, &cx.ui).clicked() && self.save_as(&name) {
                name.clear();
                ui.close();
            }
            self.new_name = name;
        });
        let line = "Drag a table by its title, or an edge between two.";
        text::label(ui, line, &tokens.fonts.label, tokens.text_hint);
    }
}
