//! The settings of the console, in a panel under the header: theme, colors, size, zone. Each takes effect at once.

use egui::Ui;
use qd_ui::button::Button;
use qd_ui::choice::{ChoiceOption, choice_ui};
use qd_ui::text;
use qd_ui::tokens::{MoneyPalette, Theme, space};

use super::{Machine, Preferences, Sound, UiScale, ZonePreference};
use crate::PageCtx;

/// Said where the machine's zone is not known.
pub(crate) const NO_LOCAL_ZONE: &str = "This machine does not say in which time zone it stands.";

/// Said where no sound can be made.
pub(crate) const NO_SOUND: &str = "This build makes no sound on this machine.";

/// Draws the settings' content; changes `preferences` by what is clicked.
pub(crate) fn settings_ui(
    ui: &mut Ui,
    cx: &PageCtx<'_>,
    preferences: &mut Preferences,
    machine: Machine,
) {
    let (tokens, fonts) = (cx.ui.tokens, &cx.ui.tokens.fonts);
    let local_zone = machine.local_zone;
    text::label(ui, "Settings", &fonts.title, tokens.text_strong);

    caption(ui, cx, "Theme");
    let themes = Theme::ALL.map(|theme| ChoiceOption::new(theme, theme.label()));
    if let Some(theme) = choice_ui(ui, &cx.ui, "Theme", &themes, preferences.theme) {
        preferences.theme = theme;
    }

    caption(ui, cx, "Gain and loss");
    let palettes = MoneyPalette::ALL.map(|money| ChoiceOption::new(money, money.label()));
    if let Some(money) = choice_ui(ui, &cx.ui, "Gain and loss", &palettes, preferences.money) {
        preferences.money = money;
    }

    caption(ui, cx, "Size");
    scale_ui(ui, cx, &mut preferences.scale);

    caption(ui, cx, "Times");
    let local_words = local_zone.map(|zone| format!("Local ({})", zone.offset_text(cx.now())));
    let zones = ZonePreference::ALL.map(|zone| match (zone, &local_words) {
        (ZonePreference::Local, Some(words)) => ChoiceOption::new(zone, words),
        (ZonePreference::Local, None) => ChoiceOption {
            disabled_because: Some(NO_LOCAL_ZONE),
            ..ChoiceOption::new(zone, zone.label())
        },
        (ZonePreference::Exchange | ZonePreference::Utc, _) => {
            ChoiceOption::new(zone, zone.label())
        }
    });
    if let Some(zone) = choice_ui(ui, &cx.ui, "Times", &zones, preferences.zone) {
        preferences.zone = zone;
    }
    if preferences.zone == ZonePreference::Local && local_zone.is_none() {
        let words = format!("{NO_LOCAL_ZONE} Times are New York's.");
        text::label(ui, &words, &fonts.label, tokens.warn);
    }

    caption(ui, cx, "Sound for fills and alerts");
    let sounds = Sound::ALL.map(|sound| ChoiceOption {
        disabled_because: (sound == Sound::On && !machine.has_sound).then_some(NO_SOUND),
        ..ChoiceOption::new(sound, sound.label())
    });
    if let Some(sound) = choice_ui(ui, &cx.ui, "Sound", &sounds, preferences.sound) {
        preferences.sound = sound;
    }

    ui.add_space(space::S);
    let is_default = *preferences == Preferences::default();
    let all = Button::quiet("All as delivered")
        .name("All settings as delivered")
        .disabled_because(is_default.then_some("Nothing has been changed."));
    if all.ui(ui, &cx.ui).clicked() {
        *preferences = Preferences::default();
    }
    text::label(ui, "Kept on this machine.", &fonts.label, tokens.text_hint);
}

fn caption(ui: &mut Ui, cx: &PageCtx<'_>, words: &str) {
    ui.add_space(space::S);
    let tokens = cx.ui.tokens;
    text::label(ui, words, &tokens.fonts.label, tokens.text_secondary);
}

fn scale_ui(ui: &mut Ui, cx: &PageCtx<'_>, scale: &mut UiScale) {
    let mut wanted = *scale;
    ui.horizontal(|ui| {
        let no_smaller = scale.smaller().is_none().then_some("The smallest size.");
        let smaller = Button::new("\u{2212}")
            .name("Smaller")
            .disabled_because(no_smaller);
        if smaller.ui(ui, &cx.ui).clicked() {
            wanted = scale.smaller().unwrap_or(wanted);
        }
        let words = format!("{} %", scale.percent());
        let fonts = &cx.ui.tokens.fonts;
        text::label(ui, &words, &fonts.number, cx.ui.tokens.text_primary);
        let no_larger = scale.larger().is_none().then_some("The largest size.");
        let larger = Button::new("+").name("Larger").disabled_because(no_larger);
        if larger.ui(ui, &cx.ui).clicked() {
            wanted = scale.larger().unwrap_or(wanted);
        }
        let is_default = *scale == UiScale::default();
        let reset = Button::quiet("100 %")
            .name("Size 100 %")
            .disabled_because(is_default.then_some("The present size."));
        if reset.ui(ui, &cx.ui).clicked() {
            wanted = UiScale::default();
        }
    });
    *scale = wanted;
}
