//! The tokens held to the design: contrast of what is read and seen, and gain apart from loss for every eye.

use super::color_vision::{Eye, distance_for};
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

/// Two colors that are told apart by their names: at least this far, by CIEDE2000, for every eye a palette is made for.
const WORDS_APART: f64 = 20.0;
/// The same for backgrounds, which only repeat what the words on them say.
const FILLS_APART: f64 = 12.0;

fn every_token_set() -> Vec<DesignTokens> {
    let themes = Theme::ALL.into_iter();
    themes
        .flat_map(|theme| MoneyPalette::ALL.map(|money| DesignTokens::new(theme, money)))
        .collect()
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

fn surfaces(tokens: &DesignTokens) -> [Color32; 4] {
    [
        tokens.surface_base,
        tokens.surface_raised,
        tokens.surface_overlay,
        tokens.surface_bar,
    ]
}

/// Fails with every pair that is too close at once: a palette is tuned as a whole.
fn hold(least: f32, pairs: impl IntoIterator<Item = (String, Color32, Color32)>) {
    let mut too_close = Vec::new();
    for (name, color, ground) in pairs {
        let ratio = contrast_ratio(color, ground);
        if ratio < least {
            too_close.push(format!(
                "{name}: {} on {} is {ratio:.2}:1",
                hex(color),
                hex(ground)
            ));
        }
    }
    assert!(
        too_close.is_empty(),
        "below {least}:1\n{}",
        too_close.join("\n")
    );
}

fn in_set(tokens: &DesignTokens, name: &str) -> String {
    format!("{name} in {:?}/{:?}", tokens.theme, tokens.money)
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
        // A row is raised, under the pointer or selected, and has numbers of every tone.
        let grounds = surfaces(&tokens)
            .into_iter()
            .chain([tokens.row_hover, tokens.row_selected]);
        for ground in grounds {
            hold(
                4.5,
                words
                    .into_iter()
                    .chain(tones)
                    .map(|(name, color)| (in_set(&tokens, name), color, ground)),
            );
        }
    }
}

#[test]
fn words_on_what_is_filled_reach_four_and_a_half() {
    for tokens in every_token_set() {
        let mut pairs = Vec::new();
        for tone in TONES {
            let badge = tokens.badge(tone);
            pairs.push((format!("{tone:?} badge"), badge.text, badge.fill));
            // A banner's second line is plain text on the badge's ground.
            pairs.push((
                format!("words of a {tone:?} banner"),
                tokens.text_primary,
                badge.fill,
            ));
        }
        pairs.push((
            "primary button".to_owned(),
            tokens.text_on_accent,
            tokens.primary_fill,
        ));
        for (name, ground) in [
            ("a rise", tokens.flash_gain),
            ("a fall", tokens.flash_loss),
            ("the page that is open", tokens.nav_selected),
        ] {
            pairs.push((format!("words on {name}"), tokens.text_primary, ground));
            pairs.push((format!("a title on {name}"), tokens.text_strong, ground));
        }
        hold(
            4.5,
            pairs
                .into_iter()
                .map(|(name, color, ground)| (in_set(&tokens, &name), color, ground)),
        );
    }
}

#[test]
fn marks_reach_three_on_every_surface() {
    for tokens in every_token_set() {
        for ground in surfaces(&tokens) {
            let mut marks = vec![
                ("focus ring", tokens.accent, ground),
                ("empty check box", tokens.line_control, ground),
                ("arrow of a rise", tokens.gain, ground),
                ("arrow of a fall", tokens.loss, ground),
            ];
            marks.push(("check mark", tokens.text_on_accent, tokens.accent));
            // The value is repainted for 600 ms on these; its own color stays.
            marks.push(("a gain as it rises", tokens.gain, tokens.flash_gain));
            marks.push(("a loss as it falls", tokens.loss, tokens.flash_loss));
            let marks = marks
                .into_iter()
                .map(|(name, color, ground)| (in_set(&tokens, name), color, ground));
            hold(3.0, marks);
        }
    }
}

/// What stands for gain, what stands for loss, and how far apart they must be.
fn money_pairs(tokens: &DesignTokens) -> [(&'static str, Color32, Color32, f64); 4] {
    let (gain, loss) = (tokens.badge(Tone::Gain), tokens.badge(Tone::Loss));
    [
        ("numbers", tokens.gain, tokens.loss, WORDS_APART),
        ("words of badges", gain.text, loss.text, WORDS_APART),
        ("badges", gain.fill, loss.fill, FILLS_APART),
        ("flashes", tokens.flash_gain, tokens.flash_loss, FILLS_APART),
    ]
}

fn too_alike(tokens: &DesignTokens, eyes: &[Eye]) -> Vec<String> {
    let mut found = Vec::new();
    for eye in eyes {
        for (name, gain, loss, least) in money_pairs(tokens) {
            let distance = distance_for(*eye, gain, loss);
            if distance < least {
                found.push(format!(
                    "{}, {eye:?}: {distance:.1} of {least}",
                    in_set(tokens, name)
                ));
            }
        }
    }
    found
}

#[test]
fn gain_and_loss_stay_apart_for_eyes_that_see_fewer_colors() {
    for tokens in every_token_set() {
        let eyes: &[Eye] = match tokens.money {
            MoneyPalette::GreenRed => continue,
            MoneyPalette::BlueOrange => &[Eye::Protanopia, Eye::Deuteranopia],
            MoneyPalette::MintViolet => &Eye::ALL,
        };
        let found = too_alike(&tokens, eyes);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn green_and_red_would_not_have_passed() {
    for theme in Theme::ALL {
        let tokens = DesignTokens::new(theme, MoneyPalette::GreenRed);
        let found = too_alike(&tokens, &[Eye::Protanopia, Eye::Deuteranopia]);
        // All four pairs, for both eyes: that is what the other two palettes are for.
        assert_eq!(found.len(), 8, "{}", found.join("\n"));
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
    let safe = DesignTokens::new(Theme::Dark, MoneyPalette::BlueOrange);
    assert_ne!(standard.gain, safe.gain);
    assert_ne!(standard.loss, safe.loss);
    assert_eq!(standard.warn, safe.warn);
    assert_eq!(standard.accent, safe.accent);
}
