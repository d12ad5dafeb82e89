//! Design tokens: the names by which widgets ask for a color, a size or a font.
//!
//! Values live in `palette`; this module gives them their meaning and puts them into egui.
//! It draws nothing.

#[cfg(test)]
mod color_vision;
mod contrast;
mod fonts;
mod palette;
mod style;
#[cfg(test)]
mod tests;

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

impl Theme {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Dark, Self::Light];

    /// What it is called where it is chosen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }
}

/// Which pair of colors stands for gain and loss. The sign and the arrow say the same without color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MoneyPalette {
    /// Green and red, as everywhere. Readers who confuse the two have the sign and the arrow.
    #[default]
    GreenRed,
    /// Blue and orange: far apart for readers who confuse red and green.
    BlueOrange,
    /// Mint and violet: far apart for them too, and for readers who confuse blue and yellow.
    MintViolet,
}

impl MoneyPalette {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::GreenRed, Self::BlueOrange, Self::MintViolet];

    /// What it is called where it is chosen.
    pub fn label(self) -> &'static str {
        match self {
            Self::GreenRed => "Green and red",
            Self::BlueOrange => "Blue and orange",
            Self::MintViolet => "Mint and violet",
        }
    }
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
    /// Which pair of colors stands for gain and loss in these.
    pub money: MoneyPalette,
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
    /// Border of an empty check box, which is all there is of it: 3:1 on every surface, which `line.strong` does not reach.
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
    /// The tokens of a theme and a pair of money colors. Cheap, but meant to be built once and kept.
    pub fn new(theme: Theme, money: MoneyPalette) -> Self {
        let palette: &Palette = match theme {
            Theme::Dark => &palette::DARK,
            Theme::Light => &palette::LIGHT,
        };
        let pair: &MoneyColors = match (theme, money) {
            (_, MoneyPalette::GreenRed) => &palette.money,
            (Theme::Dark, MoneyPalette::BlueOrange) => &palette::DARK_BLUE_ORANGE,
            (Theme::Dark, MoneyPalette::MintViolet) => &palette::DARK_MINT_VIOLET,
            (Theme::Light, MoneyPalette::BlueOrange) => &palette::LIGHT_BLUE_ORANGE,
            (Theme::Light, MoneyPalette::MintViolet) => &palette::LIGHT_MINT_VIOLET,
        };
        Self {
            theme,
            money,
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
            gain: pair.gain,
            loss: pair.loss,
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
            flash_gain: pair.flash_gain,
            flash_loss: pair.flash_loss,
            badge_faint: palette.badge_faint,
            badge_neutral: palette.badge_neutral,
            badge_accent: palette.badge_accent,
            badge_info: palette.badge_info,
            badge_warn: palette.badge_warn,
            badge_danger: palette.badge_danger,
            badge_gain: pair.badge_gain,
            badge_loss: pair.badge_loss,
        }
    }

    /// The dark theme with green and red.
    pub fn dark() -> Self {
        Self::new(Theme::Dark, MoneyPalette::GreenRed)
    }

    /// The light theme with green and red.
    pub fn light() -> Self {
        Self::new(Theme::Light, MoneyPalette::GreenRed)
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
