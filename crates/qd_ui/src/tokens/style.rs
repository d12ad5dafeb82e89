//! Puts the tokens into egui's own style, so that stock widgets (fields, menus, scroll bars) look like ours.
//!
//! It holds no color of its own.

use std::collections::BTreeMap;

use egui::style::{HandleShape, ScrollStyle, WidgetVisuals, Widgets};
use egui::{Context, CornerRadius, FontId, Margin, Stroke, TextStyle, Vec2, Visuals};

use super::{DesignTokens, Theme, fade, install_fonts, mix, radius, space};

/// Fonts, both themes and behavior; once, when the context is made.
pub fn apply(ctx: &Context, tokens: &DesignTokens) {
    install_fonts(ctx);
    apply_style(ctx, tokens);
}

/// Both themes and behavior without the fonts: when the user changes theme or palette.
pub fn apply_style(ctx: &Context, tokens: &DesignTokens) {
    let dark = DesignTokens::new(Theme::Dark, tokens.money);
    let light = DesignTokens::new(Theme::Light, tokens.money);
    for (theme, tokens) in [(egui::Theme::Dark, &dark), (egui::Theme::Light, &light)] {
        let mut visuals = visuals(tokens);
        // Whether the cursor blinks is not the theme's to say: under test it does not.
        visuals.text_cursor.blink = ctx.style_of(theme).visuals.text_cursor.blink;
        ctx.set_visuals_of(theme, visuals);
    }
    ctx.set_theme(match tokens.theme {
        Theme::Dark => egui::ThemePreference::Dark,
        Theme::Light => egui::ThemePreference::Light,
    });

    let fonts = &tokens.fonts;
    let text_styles: BTreeMap<TextStyle, FontId> = [
        (TextStyle::Body, fonts.body.clone()),
        (TextStyle::Button, fonts.body.clone()),
        (TextStyle::Small, fonts.label.clone()),
        (TextStyle::Monospace, fonts.number.clone()),
        (TextStyle::Heading, fonts.title.clone()),
    ]
    .into();
    ctx.all_styles_mut(|style| {
        style.text_styles.clone_from(&text_styles);
        // A selectable label takes the click that belongs to the row under it.
        style.interaction.selectable_labels = false;
        style.interaction.multi_widget_text_select = false;
        let spacing = &mut style.spacing;
        spacing.item_spacing = Vec2::new(space::S, space::XS);
        spacing.button_padding = Vec2::new(10.0, space::XS);
        spacing.interact_size = Vec2::new(28.0, super::size::TOUCH_TARGET);
        spacing.window_margin = Margin::same(16);
        spacing.menu_margin = Margin::same(6);
        spacing.icon_width = 14.0;
        spacing.icon_width_inner = 8.0;
        spacing.scroll = ScrollStyle {
            bar_width: 8.0,
            floating_width: 4.0,
            bar_inner_margin: 2.0,
            ..ScrollStyle::floating()
        };
        spacing.scroll.fade.strength = 0.0;
    });
    // Ctrl-Q beside Ctrl-W and Ctrl-A must not end a desk with orders in the market.
    ctx.options_mut(|options| {
        options.quit_shortcuts.clear();
        // The scale is a preference, with keys of its own.
        options.zoom_with_keyboard = false;
    });
}

fn visuals(tokens: &DesignTokens) -> Visuals {
    let mut visuals = match tokens.theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    let control = CornerRadius::same(radius::CONTROL);
    let panel = CornerRadius::same(radius::PANEL);
    let state = |fill, line, text| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        fg_stroke: Stroke::new(1.0, text),
        corner_radius: control,
        expansion: 0.0,
    };
    let hover_fill = mix(tokens.surface_overlay, tokens.text_primary, 0.06);
    visuals.widgets = Widgets {
        noninteractive: state(
            tokens.surface_raised,
            tokens.line_subtle,
            tokens.text_primary,
        ),
        inactive: state(
            tokens.surface_overlay,
            tokens.line_strong,
            tokens.text_primary,
        ),
        hovered: state(hover_fill, tokens.line_control, tokens.text_strong),
        active: state(
            mix(tokens.surface_overlay, tokens.accent, 0.18),
            tokens.accent,
            tokens.text_strong,
        ),
        open: state(hover_fill, tokens.line_control, tokens.text_strong),
    };
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(tokens.text_secondary);
    visuals.selection.bg_fill = mix(tokens.surface_raised, tokens.accent, 0.45);
    visuals.selection.stroke = Stroke::new(1.0, tokens.text_strong);
    visuals.hyperlink_color = tokens.info;
    visuals.faint_bg_color = tokens.row_hover;
    visuals.extreme_bg_color = tokens.surface_base;
    visuals.text_edit_bg_color = Some(tokens.surface_base);
    visuals.code_bg_color = tokens.surface_base;
    visuals.warn_fg_color = tokens.warn;
    visuals.error_fg_color = tokens.danger;
    visuals.window_corner_radius = panel;
    visuals.menu_corner_radius = control;
    visuals.window_fill = tokens.surface_overlay;
    visuals.window_stroke = Stroke::new(1.0, tokens.line_strong);
    visuals.panel_fill = tokens.surface_base;
    visuals.window_shadow.color = fade(tokens.scrim, 0.8);
    visuals.popup_shadow.color = fade(tokens.scrim, 0.8);
    visuals.text_cursor.stroke = Stroke::new(1.5, tokens.accent);
    visuals.striped = false;
    visuals.handle_shape = HandleShape::Circle;
    visuals
}
