//! The one place where a color is made: every value of both themes and of the color-blind-safe variants.
//!
//! It decides nothing about use; names and meaning are those of [`super::DesignTokens`].
#![expect(
    clippy::disallowed_methods,
    reason = "colors are chosen once, and this is the place"
)]

use egui::Color32;

/// A color from its `0xRRGGBB` notation, at compile time.
const fn rgb(hex: u32) -> Color32 {
    let [_, r, g, b] = hex.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

/// Background and words of one badge tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadgePair {
    pub(super) fill: Color32,
    pub(super) text: Color32,
}

const fn pair(fill: u32, text: u32) -> BadgePair {
    BadgePair {
        fill: rgb(fill),
        text: rgb(text),
    }
}

/// What a theme fixes. The first block is the table of the design, the rest is read off the picture beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) surface_base: Color32,
    pub(super) surface_raised: Color32,
    pub(super) surface_overlay: Color32,
    pub(super) line_subtle: Color32,
    pub(super) line_strong: Color32,
    pub(super) text_primary: Color32,
    pub(super) text_secondary: Color32,
    pub(super) text_faint: Color32,
    pub(super) accent: Color32,
    pub(super) money: MoneyColors,
    pub(super) warn: Color32,
    pub(super) danger: Color32,
    pub(super) info: Color32,
    pub(super) stale: Color32,

    pub(super) surface_bar: Color32,
    pub(super) text_strong: Color32,
    pub(super) text_hint: Color32,
    pub(super) text_on_accent: Color32,
    pub(super) primary_fill: Color32,
    pub(super) nav_selected: Color32,
    pub(super) row_hover: Color32,
    pub(super) row_selected: Color32,
    pub(super) line_row: Color32,
    pub(super) line_control: Color32,
    pub(super) danger_line: Color32,
    pub(super) scrim: Color32,
    pub(super) badge_faint: BadgePair,
    pub(super) badge_neutral: BadgePair,
    pub(super) badge_accent: BadgePair,
    pub(super) badge_info: BadgePair,
    pub(super) badge_warn: BadgePair,
    pub(super) badge_danger: BadgePair,
}

/// The pair that a color-blind-safe palette replaces: money made and money lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct MoneyColors {
    pub(super) gain: Color32,
    pub(super) loss: Color32,
    pub(super) flash_gain: Color32,
    pub(super) flash_loss: Color32,
    pub(super) badge_gain: BadgePair,
    pub(super) badge_loss: BadgePair,
}

pub(super) const DARK: Palette = Palette {
    surface_base: rgb(0x0f1319),
    surface_raised: rgb(0x151b24),
    surface_overlay: rgb(0x1b2330),
    line_subtle: rgb(0x222b38),
    line_strong: rgb(0x334052),
    text_primary: rgb(0xd6dde8),
    text_secondary: rgb(0x8b98aa),
    text_faint: rgb(0x5d6a7c),
    accent: rgb(0x4c83e6),
    money: DARK_MONEY,
    warn: rgb(0xffc56b),
    danger: rgb(0xff9c9c),
    info: rgb(0x9fc3ff),
    stale: rgb(0xc9a24a),

    surface_bar: rgb(0x12171f),
    text_strong: rgb(0xf4f6fa),
    text_hint: rgb(0x828e9f),
    text_on_accent: rgb(0xffffff),
    primary_fill: rgb(0x3363bf),
    nav_selected: rgb(0x1e2a3b),
    row_hover: rgb(0x19212c),
    row_selected: rgb(0x182536),
    line_row: rgb(0x1a212c),
    line_control: rgb(0x5f6f88),
    danger_line: rgb(0xa03a3f),
    scrim: Color32::from_black_alpha(140),
    badge_faint: pair(0x202833, 0x9aa6b6),
    badge_neutral: pair(0x222b38, 0xd6dde8),
    badge_accent: pair(0x26364d, 0xa9c6f5),
    badge_info: pair(0x1e3b44, 0x9fd4e6),
    badge_warn: pair(0x4a3414, 0xffc56b),
    badge_danger: pair(0x3a1619, 0xff9c9c),
};

const DARK_MONEY: MoneyColors = MoneyColors {
    gain: rgb(0x3fb68b),
    loss: rgb(0xef6a6a),
    flash_gain: rgb(0x1d4a3a),
    flash_loss: rgb(0x4b2326),
    badge_gain: pair(0x173a2c, 0x7fd3b0),
    badge_loss: pair(0x3f1d20, 0xf49b9b),
};

/// Blue and orange: apart for readers who confuse red and green.
pub(super) const DARK_BLUE_ORANGE: MoneyColors = MoneyColors {
    gain: rgb(0x58b4f0),
    loss: rgb(0xf0913f),
    flash_gain: rgb(0x17405e),
    flash_loss: rgb(0x553214),
    badge_gain: pair(0x163a54, 0x8fcdf7),
    badge_loss: pair(0x4a2c12, 0xf8b477),
};

/// Mint and violet: apart for every kind of color blindness, and calmer than the one above.
pub(super) const DARK_MINT_VIOLET: MoneyColors = MoneyColors {
    gain: rgb(0x4fdca0),
    loss: rgb(0xb088f0),
    flash_gain: rgb(0x1c5236),
    flash_loss: rgb(0x432a66),
    badge_gain: pair(0x153f2a, 0x7fe0b0),
    badge_loss: pair(0x372355, 0xcfb2fb),
};

pub(super) const LIGHT: Palette = Palette {
    surface_base: rgb(0xeef1f5),
    surface_raised: rgb(0xfafbfd),
    surface_overlay: rgb(0xffffff),
    line_subtle: rgb(0xdce2ea),
    line_strong: rgb(0xb9c4d1),
    text_primary: rgb(0x1c2430),
    text_secondary: rgb(0x4d5a6b),
    text_faint: rgb(0x8b98a8),
    accent: rgb(0x2f66cc),
    money: LIGHT_MONEY,
    warn: rgb(0x805000),
    danger: rgb(0xa8222a),
    info: rgb(0x1d54ad),
    stale: rgb(0x7d5c0c),

    surface_bar: rgb(0xf5f7fa),
    text_strong: rgb(0x0b1017),
    text_hint: rgb(0x5c6878),
    text_on_accent: rgb(0xffffff),
    primary_fill: rgb(0x2a5dbd),
    nav_selected: rgb(0xdde7f7),
    row_hover: rgb(0xf1f4f8),
    row_selected: rgb(0xe3ecfa),
    line_row: rgb(0xe9edf2),
    line_control: rgb(0x7a8798),
    danger_line: rgb(0xd4777c),
    scrim: Color32::from_black_alpha(90),
    badge_faint: pair(0xe8ecf1, 0x4f5b6a),
    badge_neutral: pair(0xe2e7ee, 0x1c2430),
    badge_accent: pair(0xdbe7fb, 0x1f4fa5),
    badge_info: pair(0xd9eef4, 0x14566b),
    badge_warn: pair(0xfcecc9, 0x734800),
    badge_danger: pair(0xfbe0e1, 0x9b1d25),
};

const LIGHT_MONEY: MoneyColors = MoneyColors {
    gain: rgb(0x0b704e),
    loss: rgb(0xb92f34),
    flash_gain: rgb(0xc5ead9),
    flash_loss: rgb(0xf9d3d3),
    badge_gain: pair(0xd6f0e4, 0x0c5f43),
    badge_loss: pair(0xfbe0e1, 0xa1282d),
};

pub(super) const LIGHT_BLUE_ORANGE: MoneyColors = MoneyColors {
    gain: rgb(0x0f62a0),
    loss: rgb(0x9c4a00),
    flash_gain: rgb(0xcbe3f7),
    flash_loss: rgb(0xfbdfc3),
    badge_gain: pair(0xd8eafa, 0x0d5288),
    badge_loss: pair(0xfce6d0, 0x853f00),
};

pub(super) const LIGHT_MINT_VIOLET: MoneyColors = MoneyColors {
    gain: rgb(0x0c6a3c),
    loss: rgb(0x8b35c9),
    flash_gain: rgb(0xb9efc6),
    flash_loss: rgb(0xe4d2fb),
    badge_gain: pair(0xcdf2d6, 0x0b5a33),
    badge_loss: pair(0xeddffc, 0x752bab),
};
