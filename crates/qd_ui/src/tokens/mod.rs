//! Design tokens: the names by which widgets ask for a color, a size or a font.
//!
//! Values live in `palette`; this module gives them their meaning and puts them into egui.
//! It draws nothing.

mod contrast;
mod fonts;
mod palette;
mod style;

use egui::Color32;
use qd_types::Tone;

pub use contrast::contrast_ratio;
pub use fonts::{MONO_SEMIBOLD, SEMIBOLD, TypeScale, install_fonts};
pub use style::{apply, apply_style};

use palette::{BadgePair, MoneyColors, Palette};

/// Distances, in points. Nothing on screen uses another one without a reason.
pub mod space {
    /// Between parts of one thing.
    pub const XS: f32 = 4.0;
    /// Between things that belong together.
    pub const S: f32 = 8.0;
    /// Between panels, and inside them.
    pub const M: f32 = 12.0;
    /// Around groups.
    pub const L: f32 = 16.0;
    /// Around pages and dialogs.
    pub const XL: f32 = 24.0;
}

/// Corner radii, in points.
pub mod radius {
    /// Buttons, fields, badges.
    pub const CONTROL: u8 = 4;
    /// Cards and panels.
    pub const PANEL: u8 = 7;
    /// Chips: more than half of any chip's height.
    pub const CHIP: u8 = 15;
}

/// Fixed heights of the console's frame, in points.
pub mod size {
    /// The header with environment, clock, halt state, connection, user, kill switch.
    pub const HEADER_HEIGHT: f32 = 48.0;
    /// The footer with the counters.
    pub const FOOTER_HEIGHT: f32 = 26.0;
    /// The navigation at the left.
    pub const NAV_WIDTH: f32 = 184.0;
    /// A metric card.
    pub const CARD_HEIGHT: f32 = 96.0;
    /// The title row of a panel.
    pub const PANEL_HEADER_HEIGHT: f32 = 39.0;
    /// The smallest thing that a finger or a hurried mouse must hit.
    pub const TOUCH_TARGET: f32 = 24.0;
}

/// Dark or light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// The default of a trading desk.
    #[default]
    Dark,
    /// For bright rooms and print.
    Light,
}

/// Which pair of colors stands for gain and loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vision {
    /// Green and red.
    #[default]
    Standard,
    /// Blue and orange, safe for readers who confuse red and green.
    RedGreenSafe,
    /// Teal and rose, safe for readers who confuse blue and yellow.
    BlueYellowSafe,
}

/// Background, words and border of a badge or a banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadgeColors {
    /// Background.
    pub fill: Color32,
    /// Words on it, at least 4.5:1.
    pub text: Color32,
    /// A border where one is drawn.
    pub line: Color32,
}

/// Every color, font and derived shade of the console, for one theme.
#[derive(Clone, Debug)]
pub struct DesignTokens {
    /// Which theme these are.
    pub theme: Theme,
    /// Which pair of money colors these use.
    pub vision: Vision,
    /// Fonts by role.
    pub fonts: TypeScale,

    /// `surface.base`: the window.
    pub surface_base: Color32,
    /// `surface.raised`: panels and cards.
    pub surface_raised: Color32,
    /// `surface.overlay`: dialogs, menus, toasts.
    pub surface_overlay: Color32,
    /// `line.subtle`: separators and panel borders.
    pub line_subtle: Color32,
    /// `line.strong`: control borders.
    pub line_strong: Color32,
    /// `text.primary`: body.
    pub text_primary: Color32,
    /// `text.secondary`: labels.
    pub text_secondary: Color32,
    /// `text.faint`: marks, disabled controls and skeletons. Below 4.5:1, so words that must be read use [`Self::text_hint`].
    pub text_faint: Color32,
    /// `accent`: selection, focus ring, primary button.
    pub accent: Color32,
    /// `gain`: money made.
    pub gain: Color32,
    /// `loss`: money lost.
    pub loss: Color32,
    /// `warn`.
    pub warn: Color32,
    /// `danger`.
    pub danger: Color32,
    /// `info`.
    pub info: Color32,
    /// `stale`: a value past its age.
    pub stale: Color32,

    /// Navigation and footer: between base and raised.
    pub surface_bar: Color32,
    /// Symbols, titles, the selected page.
    pub text_strong: Color32,
    /// Hints and captions: as faint as 4.5:1 allows on every surface.
    pub text_hint: Color32,
    /// Words on a primary button.
    pub text_on_accent: Color32,
    /// Background of a primary button: the accent, deep enough for white words.
    pub primary_fill: Color32,
    /// Background of the selected page in the navigation.
    pub nav_selected: Color32,
    /// Background of the row under the pointer.
    pub row_hover: Color32,
    /// Background of a selected row.
    pub row_selected: Color32,
    /// Line between two rows: softer than `line.subtle`, a table has many.
    pub line_row: Color32,
    /// Border of an empty check box: 3:1 is not reached by `line.strong`.
    pub line_control: Color32,
    /// Border of a dangerous button.
    pub danger_line: Color32,
    /// What a dialog lays over the page.
    pub scrim: Color32,
    /// Cell background just after a rise.
    pub flash_gain: Color32,
    /// Cell background just after a fall.
    pub flash_loss: Color32,

    badge_faint: BadgePair,
    badge_neutral: BadgePair,
    badge_accent: BadgePair,
    badge_info: BadgePair,
    badge_warn: BadgePair,
    badge_danger: BadgePair,
    badge_gain: BadgePair,
    badge_loss: BadgePair,
}

impl DesignTokens {
    /// The tokens of a theme and a vision. Cheap, but meant to be built once and kept.
    pub fn new(theme: Theme, vision: Vision) -> Self {
        let palette: &Palette = match theme {
            Theme::Dark => &palette::DARK,
            Theme::Light => &palette::LIGHT,
        };
        let money: &MoneyColors = match (theme, vision) {
            (_, Vision::Standard) => &palette.money,
            (Theme::Dark, Vision::RedGreenSafe) => &palette::DARK_MONEY_RED_GREEN,
            (Theme::Dark, Vision::BlueYellowSafe) => &palette::DARK_MONEY_BLUE_YELLOW,
            (Theme::Light, Vision::RedGreenSafe) => &palette::LIGHT_MONEY_RED_GREEN,
            (Theme::Light, Vision::BlueYellowSafe) => &palette::LIGHT_MONEY_BLUE_YELLOW,
        };
        Self {
            theme,
            vision,
            fonts: TypeScale::default(),
            surface_base: palette.surface_base,
            surface_raised: palette.surface_raised,
            surface_overlay: palette.surface_overlay,
            line_subtle: palette.line_subtle,
            line_strong: palette.line_strong,
            text_primary: palette.text_primary,
            text_secondary: palette.text_secondary,
            text_faint: palette.text_faint,
            accent: palette.accent,
            gain: money.gain,
            loss: money.loss,
            warn: palette.warn,
            danger: palette.danger,
            info: palette.info,
            stale: palette.stale,
            surface_bar: palette.surface_bar,
            text_strong: palette.text_strong,
            text_hint: palette.text_hint,
            text_on_accent: palette.text_on_accent,
            primary_fill: palette.primary_fill,
            nav_selected: palette.nav_selected,
            row_hover: palette.row_hover,
            row_selected: palette.row_selected,
            line_row: palette.line_row,
            line_control: palette.line_control,
            danger_line: palette.danger_line,
            scrim: palette.scrim,
            flash_gain: money.flash_gain,
            flash_loss: money.flash_loss,
            badge_faint: palette.badge_faint,
            badge_neutral: palette.badge_neutral,
            badge_accent: palette.badge_accent,
            badge_info: palette.badge_info,
            badge_warn: palette.badge_warn,
            badge_danger: palette.badge_danger,
            badge_gain: money.badge_gain,
            badge_loss: money.badge_loss,
        }
    }

    /// The dark theme with green and red.
    pub fn dark() -> Self {
        Self::new(Theme::Dark, Vision::Standard)
    }

    /// The light theme with green and red.
    pub fn light() -> Self {
        Self::new(Theme::Light, Vision::Standard)
    }

    /// The color of words and marks of a tone, on any surface.
    pub fn tone(&self, tone: Tone) -> Color32 {
        match tone {
            Tone::Neutral => self.text_primary,
            Tone::Faint => self.text_hint,
            Tone::Info => self.info,
            Tone::Accent => self.badge_accent.text,
            Tone::Warn => self.warn,
            Tone::Danger => self.danger,
            Tone::Gain => self.gain,
            Tone::Loss => self.loss,
        }
    }

    /// The colors of a badge, a chip or a banner of a tone.
    pub fn badge(&self, tone: Tone) -> BadgeColors {
        let pair = match tone {
            Tone::Neutral => self.badge_neutral,
            Tone::Faint => self.badge_faint,
            Tone::Info => self.badge_info,
            Tone::Accent => self.badge_accent,
            Tone::Warn => self.badge_warn,
            Tone::Danger => self.badge_danger,
            Tone::Gain => self.badge_gain,
            Tone::Loss => self.badge_loss,
        };
        BadgeColors {
            fill: pair.fill,
            text: pair.text,
            line: mix(pair.fill, pair.text, 0.35),
        }
    }
}

/// The color between two, `t` from 0 (`from`) to 1 (`to`).
pub fn mix(from: Color32, to: Color32, t: f32) -> Color32 {
    from.lerp_to_gamma(to, t.clamp(0.0, 1.0))
}

/// The color at a part of its opacity, 0 to 1.
pub fn fade(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 8] = [
        Tone::Neutral,
        Tone::Faint,
        Tone::Info,
        Tone::Accent,
        Tone::Warn,
        Tone::Danger,
        Tone::Gain,
        Tone::Loss,
    ];

    fn every_token_set() -> Vec<DesignTokens> {
        let mut sets = Vec::new();
        for theme in [Theme::Dark, Theme::Light] {
            for vision in [
                Vision::Standard,
                Vision::RedGreenSafe,
                Vision::BlueYellowSafe,
            ] {
                sets.push(DesignTokens::new(theme, vision));
            }
        }
        sets
    }

    fn hex(color: Color32) -> String {
        format!("#{:02x}{:02x}{:02x}", color.r(), color.g(), color.b())
    }

    #[test]
    fn the_dark_theme_is_the_table_of_the_design() {
        let tokens = DesignTokens::dark();
        let table = [
            (tokens.surface_base, "#0f1319"),
            (tokens.surface_raised, "#151b24"),
            (tokens.surface_overlay, "#1b2330"),
            (tokens.line_subtle, "#222b38"),
            (tokens.line_strong, "#334052"),
            (tokens.text_primary, "#d6dde8"),
            (tokens.text_secondary, "#8b98aa"),
            (tokens.text_faint, "#5d6a7c"),
            (tokens.accent, "#4c83e6"),
            (tokens.gain, "#3fb68b"),
            (tokens.loss, "#ef6a6a"),
            (tokens.warn, "#ffc56b"),
            (tokens.danger, "#ff9c9c"),
            (tokens.info, "#9fc3ff"),
            (tokens.stale, "#c9a24a"),
        ];
        for (color, expected) in table {
            assert_eq!(hex(color), expected);
        }
    }

    #[test]
    fn words_reach_four_and_a_half_on_every_surface() {
        for tokens in every_token_set() {
            let words = [
                ("primary", tokens.text_primary),
                ("secondary", tokens.text_secondary),
                ("hint", tokens.text_hint),
                ("strong", tokens.text_strong),
                ("stale", tokens.stale),
            ];
            let tones = TONES.map(|tone| ("tone", tokens.tone(tone)));
            let surfaces = [
                tokens.surface_base,
                tokens.surface_raised,
                tokens.surface_overlay,
                tokens.surface_bar,
            ];
            for (name, color) in words.into_iter().chain(tones) {
                for surface in surfaces {
                    let ratio = contrast_ratio(color, surface);
                    assert!(
                        ratio >= 4.5,
                        "{name} {} on {} in {:?}/{:?}: {ratio:.2}",
                        hex(color),
                        hex(surface),
                        tokens.theme,
                        tokens.vision
                    );
                }
            }
        }
    }

    #[test]
    fn badges_and_controls_are_readable() {
        for tokens in every_token_set() {
            for tone in TONES {
                let badge = tokens.badge(tone);
                let ratio = contrast_ratio(badge.text, badge.fill);
                assert!(
                    ratio >= 4.5,
                    "{tone:?} badge in {:?}: {ratio:.2}",
                    tokens.theme
                );
            }
            assert!(
                contrast_ratio(tokens.text_on_accent, tokens.primary_fill) >= 4.5,
                "primary button in {:?}",
                tokens.theme
            );
            assert!(
                contrast_ratio(tokens.accent, tokens.surface_overlay) >= 3.0,
                "focus ring in {:?}",
                tokens.theme
            );
            for flash in [
                tokens.flash_gain,
                tokens.flash_loss,
                tokens.row_hover,
                tokens.row_selected,
                tokens.nav_selected,
            ] {
                assert!(
                    contrast_ratio(tokens.text_primary, flash) >= 4.5,
                    "words on {} in {:?}",
                    hex(flash),
                    tokens.theme
                );
            }
        }
    }

    #[test]
    fn the_page_around_the_console_has_the_same_colors() {
        let css = include_str!("../../../../assets/web/style.css");
        let root = css
            .split_once(":root")
            .and_then(|(_, rest)| rest.split_once('}'))
            .expect("a :root block")
            .0;
        let tokens = DesignTokens::dark();
        let known = [
            tokens.surface_base,
            tokens.surface_raised,
            tokens.surface_overlay,
            tokens.surface_bar,
            tokens.line_subtle,
            tokens.line_strong,
            tokens.text_primary,
            tokens.text_secondary,
            tokens.text_hint,
            tokens.text_faint,
            tokens.accent,
            tokens.gain,
            tokens.loss,
            tokens.warn,
            tokens.danger,
            tokens.info,
        ]
        .map(hex);
        let used: Vec<&str> = root
            .split(|c: char| c != '#' && !c.is_ascii_hexdigit())
            .filter(|word| word.len() == 7 && word.starts_with('#'))
            .collect();
        assert!(!used.is_empty());
        for color in used {
            assert!(
                known.contains(&color.to_lowercase()),
                "{color} is no token of the dark theme"
            );
        }
    }

    #[test]
    fn color_blind_safe_sets_change_only_money() {
        let standard = DesignTokens::dark();
        let safe = DesignTokens::new(Theme::Dark, Vision::RedGreenSafe);
        assert_ne!(standard.gain, safe.gain);
        assert_ne!(standard.loss, safe.loss);
        assert_eq!(standard.warn, safe.warn);
        assert_eq!(standard.accent, safe.accent);
    }
}
