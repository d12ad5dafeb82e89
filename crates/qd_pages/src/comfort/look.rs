//! From preferences to tokens and egui's own style: once when they change, never per frame.

use egui::Context;
use qd_ui::DesignTokens;

use super::Preferences;

/// The tokens in force and what they were made from.
#[derive(Clone, Debug)]
pub struct Look {
    tokens: DesignTokens,
    of: Preferences,
}

impl Look {
    /// Fonts, style and scale by `preferences`; once, when the context is made.
    pub fn new(ctx: &Context, preferences: Preferences) -> Self {
        let tokens = DesignTokens::new(preferences.theme, preferences.money);
        qd_ui::tokens::apply(ctx, &tokens);
        ctx.set_zoom_factor(preferences.scale.factor());
        Self {
            tokens,
            of: preferences,
        }
    }

    /// What widgets are drawn with.
    pub fn tokens(&self) -> &DesignTokens {
        &self.tokens
    }

    /// Takes over what changed. Before anything of a frame is drawn, so that none shows two themes.
    pub fn follow(&mut self, ctx: &Context, preferences: Preferences) {
        if preferences == self.of {
            return;
        }
        if (preferences.theme, preferences.money) != (self.of.theme, self.of.money) {
            self.tokens = DesignTokens::new(preferences.theme, preferences.money);
            qd_ui::tokens::apply_style(ctx, &self.tokens);
        }
        if preferences.scale != self.of.scale {
            ctx.set_zoom_factor(preferences.scale.factor());
        }
        self.of = preferences;
        ctx.request_repaint();
    }
}
