//! What the user prefers on this machine, and the small text it is kept as. Where that text lies is the shell's to know.
//!
//! The text is ours and versioned, one `name value` to a line: it can be read, mended and deleted by a person. It is taken
//! whole or not at all; half a set of preferences would look like a fault of the console.

use std::fmt::Write as _;

use qd_types::{LocalZone, ZoneChoice};
use qd_ui::tokens::{MoneyPalette, Theme};
use thiserror::Error;

/// Written before everything else.
const HEAD: &str = "quarterdeck preferences ";
/// Of the text. A console reads its own version and refuses newer ones.
const VERSION: u32 = 1;
/// No honest text comes near this, in bytes.
const MAX_TEXT: usize = 4096;

/// How large everything is drawn, in steps of a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UiScale(u16);

impl UiScale {
    /// The steps, in percent, smallest first.
    pub const STEPS: [u16; 9] = [75, 85, 100, 110, 125, 140, 160, 180, 200];

    /// The step of so many percent; absent when it is none.
    pub fn of_percent(percent: u16) -> Option<Self> {
        Self::STEPS.contains(&percent).then_some(Self(percent))
    }

    /// 75 to 200.
    pub fn percent(self) -> u16 {
        self.0
    }

    /// What lengths are multiplied with.
    pub fn factor(self) -> f32 {
        f32::from(self.0) / 100.0
    }

    /// The next larger step; absent at the largest.
    pub fn larger(self) -> Option<Self> {
        let next = Self::STEPS.into_iter().find(|step| *step > self.0);
        next.map(Self)
    }

    /// The next smaller step; absent at the smallest.
    pub fn smaller(self) -> Option<Self> {
        let next = Self::STEPS.into_iter().rev().find(|step| *step < self.0);
        next.map(Self)
    }
}

impl Default for UiScale {
    fn default() -> Self {
        Self(100)
    }
}

/// In which zone times are wanted. What the local one is, the machine says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ZonePreference {
    /// The exchange's: New York.
    #[default]
    Exchange,
    /// This machine's.
    Local,
    /// UTC.
    Utc,
}

impl ZonePreference {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Exchange, Self::Local, Self::Utc];

    /// What it is called where it is chosen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Exchange => "New York",
            Self::Local => "Local",
            Self::Utc => "UTC",
        }
    }

    /// The zone to show: the exchange's while the local one is wanted and not known.
    pub fn zone(self, local: Option<LocalZone>) -> ZoneChoice {
        match self {
            Self::Exchange => ZoneChoice::Exchange,
            Self::Local => local.map_or(ZoneChoice::Exchange, ZoneChoice::Local),
            Self::Utc => ZoneChoice::Utc,
        }
    }
}

/// Whether fills and alerts are heard, where the console can make a sound at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sound {
    /// Silent.
    #[default]
    Off,
    /// A short tone each.
    On,
}

impl Sound {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Off, Self::On];

    /// What it is called where it is chosen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::On => "On",
        }
    }
}

/// What the machine in front of the user is and can, as far as the shell knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its own time zone; absent while it does not say.
    pub local_zone: Option<LocalZone>,
    /// Whether this build can make a sound here.
    pub has_sound: bool,
}

/// Everything that is kept on this machine for whoever sits before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Preferences {
    /// Dark or light.
    pub theme: Theme,
    /// Which colors stand for gain and loss.
    pub money: MoneyPalette,
    /// How large everything is.
    pub scale: UiScale,
    /// The zone of the times.
    pub zone: ZonePreference,
    /// Whether fills and alerts are heard.
    pub sound: Sound,
}

/// Why a saved text was not taken; the defaults hold then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PreferencesError {
    /// Written by a later console, which will read it again.
    #[error("they were saved by a newer console (version {version})")]
    Newer {
        /// The version it says.
        version: u32,
    },
    /// Not what any console writes.
    #[error("they are damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
}

fn damaged(what: impl Into<String>) -> PreferencesError {
    PreferencesError::Damaged { what: what.into() }
}

fn theme_word(theme: Theme) -> &'static str {
    match theme {
        Theme::Dark => "dark",
        Theme::Light => "light",
    }
}

fn money_word(money: MoneyPalette) -> &'static str {
    match money {
        MoneyPalette::GreenRed => "green_red",
        MoneyPalette::BlueOrange => "blue_orange",
        MoneyPalette::MintViolet => "mint_violet",
    }
}

fn sound_word(sound: Sound) -> &'static str {
    match sound {
        Sound::Off => "off",
        Sound::On => "on",
    }
}

fn zone_word(zone: ZonePreference) -> &'static str {
    match zone {
        ZonePreference::Exchange => "exchange",
        ZonePreference::Local => "local",
        ZonePreference::Utc => "utc",
    }
}

/// The one of `all` whose word is `value`.
fn of_word<T: Copy>(
    all: &[T],
    word: impl Fn(T) -> &'static str,
    name: &str,
    value: &str,
) -> Result<T, PreferencesError> {
    let found = all.iter().copied().find(|item| word(*item) == value);
    found.ok_or_else(|| damaged(format!("no {name} is called {:?}", shortened(value))))
}

/// Enough of it to be recognized, whatever it is.
fn shortened(value: &str) -> String {
    value.chars().take(24).collect()
}

impl Preferences {
    /// The text to keep.
    pub fn encode(&self) -> String {
        let mut text = format!("{HEAD}{VERSION}\n");
        for (name, value) in [
            ("theme", theme_word(self.theme)),
            ("palette", money_word(self.money)),
            ("zone", zone_word(self.zone)),
            ("sound", sound_word(self.sound)),
        ] {
            // Writing into a string cannot fail.
            writeln!(text, "{name} {value}").ok();
        }
        writeln!(text, "scale {}", self.scale.percent()).ok();
        text
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`PreferencesError`] for anything else; nothing of it is taken then.
    pub fn decode(text: &str) -> Result<Self, PreferencesError> {
        if text.len() > MAX_TEXT {
            return Err(damaged("the text is too long"));
        }
        let mut lines = text.lines();
        let head = lines.next().and_then(|line| line.strip_prefix(HEAD));
        let version = head.ok_or_else(|| damaged("the first line is not ours"))?;
        match version.parse() {
            Ok(VERSION) => {}
            Ok(version) if version > VERSION => return Err(PreferencesError::Newer { version }),
            _ => return Err(damaged("the version is no version")),
        }
        let (mut theme, mut money, mut scale) = (None, None, None);
        let (mut zone, mut sound) = (None, None);
        for line in lines {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let is_new = match name {
                "theme" => theme
                    .replace(of_word(&Theme::ALL, theme_word, name, value)?)
                    .is_none(),
                "palette" => money
                    .replace(of_word(&MoneyPalette::ALL, money_word, name, value)?)
                    .is_none(),
                "zone" => zone
                    .replace(of_word(&ZonePreference::ALL, zone_word, name, value)?)
                    .is_none(),
                "sound" => sound
                    .replace(of_word(&Sound::ALL, sound_word, name, value)?)
                    .is_none(),
                "scale" => {
                    let step = value.parse().ok().and_then(UiScale::of_percent);
                    let step =
                        step.ok_or_else(|| damaged(format!("no scale is {:?}", shortened(value))))?;
                    scale.replace(step).is_none()
                }
                _ => return Err(damaged(format!("nothing is called {:?}", shortened(name)))),
            };
            if !is_new {
                return Err(damaged(format!("{name} is there twice")));
            }
        }
        let (Some(theme), Some(money), Some(scale), Some(zone), Some(sound)) =
            (theme, money, scale, zone, sound)
        else {
            return Err(damaged("a line is missing"));
        };
        Ok(Self {
            theme,
            money,
            scale,
            zone,
            sound,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> Vec<Preferences> {
        let mut all = Vec::new();
        for theme in Theme::ALL {
            for money in MoneyPalette::ALL {
                for zone in ZonePreference::ALL {
                    for percent in UiScale::STEPS {
                        let scale = UiScale::of_percent(percent).unwrap();
                        all.extend(Sound::ALL.map(|sound| Preferences {
                            theme,
                            money,
                            scale,
                            zone,
                            sound,
                        }));
                    }
                }
            }
        }
        all
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = every();
        assert_eq!(all.len(), 2 * 3 * 3 * 9 * 2);
        for preferences in all {
            assert_eq!(Preferences::decode(&preferences.encode()), Ok(preferences));
        }
        assert_eq!(
            Preferences::default().encode(),
            "quarterdeck preferences 1\ntheme dark\npalette green_red\nzone exchange\nsound off\nscale 100\n"
        );
    }

    #[test]
    fn what_a_newer_console_wrote_is_left_to_it() {
        for text in [
            "quarterdeck preferences 2\n",
            "quarterdeck preferences 7\nwhatever\u{0}",
        ] {
            assert!(matches!(
                Preferences::decode(text),
                Err(PreferencesError::Newer { version: 2 | 7 })
            ));
        }
    }

    #[test]
    fn anything_else_is_damaged_and_says_how() {
        let good = Preferences::default().encode();
        let bad = [
            String::new(),
            "{\"theme\":\"dark\"}".to_owned(),
            "quarterdeck preferences 0\n".to_owned(),
            "quarterdeck preferences one\n".to_owned(),
            "quarterdeck preferences 1\n".to_owned(),
            good.replace("dark", "sepia"),
            good.replace("scale 100", "scale 101"),
            good.replace("scale 100", "scale 99999999999"),
            good.replace("scale 100", "scale -100"),
            good.replace("zone exchange", "zone"),
            good.replace("theme", "thème"),
            format!("{good}theme dark\n"),
            format!("{good}\n"),
            format!("{good}{}", "x".repeat(10_000)),
            good.replace("dark", &"\u{202e}".repeat(500)),
        ];
        for text in bad {
            let error = Preferences::decode(&text).unwrap_err();
            let PreferencesError::Damaged { what } = &error else {
                panic!("{text:?}: {error}");
            };
            assert!(!what.is_empty() && what.len() < 400, "{what}");
        }
    }

    #[test]
    fn the_scale_goes_step_by_step_from_end_to_end() {
        let mut scale = UiScale::of_percent(75).unwrap();
        let mut steps = vec![scale.percent()];
        while let Some(larger) = scale.larger() {
            assert_eq!(larger.smaller(), Some(scale));
            scale = larger;
            steps.push(scale.percent());
        }
        assert_eq!(steps, UiScale::STEPS);
        assert_eq!(UiScale::of_percent(75).unwrap().smaller(), None);
        assert_eq!(UiScale::of_percent(101), None);
        assert!(UiScale::STEPS.contains(&UiScale::default().percent()));
    }
}

#[cfg(test)]
mod property_tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever lies where preferences should be: no panic, and what is taken is written back as it was read.
        #[test]
        fn prop_any_text_is_refused_or_read(text in "\\PC*") {
            if let Ok(preferences) = Preferences::decode(&text) {
                prop_assert_eq!(Preferences::decode(&preferences.encode()), Ok(preferences));
            }
        }

        /// One character changed anywhere never gives a panic, and never half a set.
        #[test]
        fn prop_a_changed_character_is_noticed_or_harmless(at in 0_usize..90, with in any::<char>()) {
            let mut chars: Vec<char> = Preferences::default().encode().chars().collect();
            let at = at % chars.len();
            if let Some(slot) = chars.get_mut(at) {
                *slot = with;
            }
            let text: String = chars.into_iter().collect();
            match Preferences::decode(&text) {
                Ok(read) => {
                    let again = read.encode();
                    prop_assert_eq!(again.trim_end(), text.trim_end());
                }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
