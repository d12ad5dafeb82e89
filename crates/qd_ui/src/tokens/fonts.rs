//! The console's own fonts and the sizes they are used at.
//!
//! Nothing falls back to egui's fonts: what is not in these files is drawn as a shape.

use std::sync::Arc;

use egui::{Context, FontData, FontDefinitions, FontFamily, FontId};

/// Name of the semibold sans family.
pub const SEMIBOLD: &str = "semibold";
/// Name of the semibold mono family.
pub const MONO_SEMIBOLD: &str = "mono-semibold";

const SANS_REGULAR: &[u8] = include_bytes!("../../../../assets/fonts/IBMPlexSans-Regular.ttf");
const SANS_SEMIBOLD: &[u8] = include_bytes!("../../../../assets/fonts/IBMPlexSans-SemiBold.ttf");
const MONO_REGULAR: &[u8] = include_bytes!("../../../../assets/fonts/IBMPlexMono-Regular.ttf");
const MONO_SEMIBOLD_TTF: &[u8] =
    include_bytes!("../../../../assets/fonts/IBMPlexMono-SemiBold.ttf");

/// Fonts by role. Few on purpose: every size fills its own part of the font atlas.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeScale {
    /// 13, sans.
    pub body: FontId,
    /// 13, semibold sans: symbols, titles, buttons that matter.
    pub strong: FontId,
    /// 11.5, sans: labels, chips, captions.
    pub label: FontId,
    /// 11.5, semibold sans.
    pub label_strong: FontId,
    /// 12, mono: every number in a table.
    pub number: FontId,
    /// 11.5, mono: numbers in the footer and beside labels.
    pub number_small: FontId,
    /// 23, semibold mono: the value of a card.
    pub card_value: FontId,
    /// 18 and 15, semibold mono: for a value that its card has no room for; a number of money is never cut.
    pub card_value_smaller: [FontId; 2],
    /// 16, semibold sans: the name of the product, titles of dialogs.
    pub title: FontId,
}

impl Default for TypeScale {
    fn default() -> Self {
        let semibold = FontFamily::Name(SEMIBOLD.into());
        let mono_semibold = FontFamily::Name(MONO_SEMIBOLD.into());
        Self {
            body: FontId::proportional(13.0),
            strong: FontId::new(13.0, semibold.clone()),
            label: FontId::proportional(11.5),
            label_strong: FontId::new(11.5, semibold.clone()),
            number: FontId::monospace(12.0),
            number_small: FontId::monospace(11.5),
            card_value: FontId::new(23.0, mono_semibold.clone()),
            card_value_smaller: [
                FontId::new(18.0, mono_semibold.clone()),
                FontId::new(15.0, mono_semibold),
            ],
            title: FontId::new(16.0, semibold),
        }
    }
}

/// Puts the four fonts into egui. Once, before the first frame: it throws the font atlas away.
pub fn install_fonts(ctx: &Context) {
    let mut fonts = FontDefinitions::empty();
    let files = [
        ("sans", SANS_REGULAR),
        (SEMIBOLD, SANS_SEMIBOLD),
        ("mono", MONO_REGULAR),
        (MONO_SEMIBOLD, MONO_SEMIBOLD_TTF),
    ];
    for (name, bytes) in files {
        fonts
            .font_data
            .insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let families = [
        (FontFamily::Proportional, ["sans", "mono"]),
        (FontFamily::Monospace, ["mono", "sans"]),
        (FontFamily::Name(SEMIBOLD.into()), [SEMIBOLD, "sans"]),
        (
            FontFamily::Name(MONO_SEMIBOLD.into()),
            [MONO_SEMIBOLD, "mono"],
        ),
    ];
    for (family, names) in families {
        fonts
            .families
            .insert(family, names.map(str::to_owned).to_vec());
    }
    ctx.set_fonts(fonts);
}
