//! Reads settings from file, environment and flags, and reports every mistake at once with its place.
//!
//! Flags win over the environment, the environment over the file, the file over the default.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};

/// Where a setting was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the command line.
    Flag(&'static str),
    /// In the environment.
    Env(&'static str),
    /// In the file, at a line.
    File(PathBuf, usize),
    /// Nowhere: the default of the table.
    Default,
    /// Nowhere, and there is no default.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Env(name) => write!(f, "${name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
            Self::Nowhere => f.write_str("not set"),
        }
    }
}

/// One thing that is wrong with the configuration: what, where, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// Where it stands.
    pub(crate) place: Place,
    /// What is wrong and what would be right, in one line.
    pub(crate) message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A setting as text, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The text, of the key's kind.
    pub(crate) text: String,
    /// Where it was found.
    pub(crate) place: Place,
}

/// Every setting of a command that has a value, checked for its kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// The setting of `path`, absent when it has neither value nor default.
    pub(crate) fn get(&self, path: &str) -> Option<&Setting> {
        self.0.get(path)
    }

    /// The text of `path`.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.get(path).map(|setting| setting.text.as_str())
    }

    /// Every setting in the table's order, secrets masked, for `--check-config` and the start-up log.
    pub(crate) fn printable(&self) -> Vec<(&'static str, String, String)> {
        KEYS.iter()
            .filter_map(|key| {
                let setting = self.0.get(key.path)?;
                let text = if key.is_secret {
                    masked(&setting.text)
                } else {
                    setting.text.clone()
                };
                Some((key.path, text, setting.place.to_string()))
            })
            .collect()
    }
}

/// A URL without the password in it.
pub(crate) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".to_owned();
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}

/// The three places a setting can come from, already read.
pub(crate) struct Sources<'a> {
    /// The file's path and text.
    pub(crate) file: Option<(PathBuf, String)>,
    /// The environment.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// Flags by key path.
    pub(crate) flags: BTreeMap<&'static str, String>,
}

/// Reads what `command` needs.
///
/// # Errors
/// Every mistake of every place, never only the first.
pub(crate) fn load(command: &str, sources: &Sources<'_>) -> Result<Settings, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let from_file = sources
        .file
        .as_ref()
        .map(|(path, text)| read_file(path, text, &mut errors))
        .unwrap_or_default();
    let mut settings = Settings::default();
    let mut rejected = BTreeSet::new();
    for key in KEYS.iter().filter(|key| key.commands.contains(&command)) {
        let setting = sources
            .flags
            .get(key.path)
            .map(|text| Setting {
                text: text.clone(),
                place: Place::Flag(key.flag),
            })
            .or_else(|| {
                (sources.env)(key.env).map(|text| Setting {
                    text,
                    place: Place::Env(key.env),
                })
            })
            .or_else(|| from_file.get(key.path).cloned())
            .or_else(|| {
                key.default.map(|text| Setting {
                    text: text.to_owned(),
                    place: Place::Default,
                })
            });
        let Some(setting) = setting else { continue };
        match check(key, &setting.text) {
            Ok(()) => {
                settings.0.insert(key.path, setting);
            }
            Err(message) => {
                rejected.insert(key.path);
                let shown = if key.is_secret {
                    masked(&setting.text)
                } else {
                    setting.text
                };
                errors.push(ConfigError {
                    place: setting.place,
                    message: format!("{} = {shown:?}: {message}", key.path),
                });
            }
        }
    }
    errors.extend(super::rules::broken(command, &settings, &rejected));
    if errors.is_empty() {
        Ok(settings)
    } else {
        Err(errors)
    }
}

/// Whether `text` is of the key's kind, and the way out when not.
fn check(key: &Key, text: &str) -> Result<(), String> {
    match key.kind {
        Kind::IpPort => text
            .parse::<SocketAddr>()
            .map(|_| ())
            .map_err(|_err| "expected ip:port such as 127.0.0.1:8080".to_owned()),
        Kind::Number => text
            .parse::<u64>()
            .map(|_| ())
            .map_err(|err| format!("expected a whole number: {err}")),
        Kind::Between(least, most) => text
            .parse::<u64>()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .map(|_| ())
            .ok_or_else(|| format!("expected a whole number from {least} to {most}")),
        Kind::LoopbackPort(_) => text
            .parse::<NonZeroU16>()
            .map(|_| ())
            .map_err(|_err| "expected a port from 1 to 65535".to_owned()),
        Kind::File => std::fs::File::open(text)
            .map(|_| ())
            .map_err(|err| format!("cannot be read: {err}")),
        Kind::Folder => match std::fs::metadata(text) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err("is a file, expected a folder".to_owned()),
            Err(err) => Err(format!("cannot be read: {err}")),
        },
        Kind::RedisUrl => has_scheme_and_host(text, &["redis", "rediss"])
            .then_some(())
            .ok_or_else(|| "expected redis://host:port".to_owned()),
        Kind::HttpUrl => (has_scheme_and_host(text, &["http"])
            && !text
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .contains(['/', '?', '#']))
        .then_some(())
        .ok_or_else(|| "expected http://host:port".to_owned()),
        Kind::OneOf(words) => words
            .contains(&text)
            .then_some(())
            .ok_or_else(|| format!("expected {}", words.join(" or "))),
        Kind::LogFilter => tracing_subscriber::EnvFilter::try_new(text)
            .map(|_| ())
            .map_err(|err| format!("expected a filter such as info,qd_bus=debug: {err}")),
        Kind::Text => (!text.trim().is_empty())
            .then_some(())
            .ok_or_else(|| "must not be empty".to_owned()),
    }
}

fn has_scheme_and_host(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        schemes.contains(&scheme) && !rest.trim_matches('/').is_empty()
    })
}

/// Key path → setting; everything unknown or of the wrong type becomes an error with its line.
fn read_file(
    path: &std::path::Path,
    text: &str,
    errors: &mut Vec<ConfigError>,
) -> BTreeMap<&'static str, Setting> {
    let mut settings = BTreeMap::new();
    let place = |offset: usize| {
        let line = text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
            + 1;
        Place::File(path.to_path_buf(), line)
    };
    let (table, syntax_errors) = DeTable::parse_recoverable(text);
    for err in syntax_errors {
        let offset = err.span().map_or(0, |span| span.start);
        errors.push(ConfigError {
            place: place(offset),
            message: err.message().to_owned(),
        });
    }
    for (section, value) in table.get_ref() {
        let Some(entries) = value.get_ref().as_table() else {
            errors.push(ConfigError {
                place: place(section.span().start),
                message: format!(
                    "{} stands outside a section such as [gateway]",
                    section.get_ref()
                ),
            });
            continue;
        };
        for (name, value) in entries {
            let full = format!("{}.{}", section.get_ref(), name.get_ref());
            let Some(key) = super::keys::key(&full) else {
                errors.push(ConfigError {
                    place: place(name.span().start),
                    message: unknown_key(&full),
                });
                continue;
            };
            match scalar(key, value.get_ref()) {
                Ok(text) => {
                    settings.insert(
                        key.path,
                        Setting {
                            text,
                            place: place(name.span().start),
                        },
                    );
                }
                Err(message) => errors.push(ConfigError {
                    place: place(value.span().start),
                    message,
                }),
            }
        }
    }
    // The parser hands out keys by name; a reader goes through the file by line.
    errors.sort_by_key(|err| match &err.place {
        Place::File(_, line) => *line,
        Place::Flag(_) | Place::Env(_) | Place::Default | Place::Nowhere => usize::MAX,
    });
    settings
}

/// The text of a file's value when its type fits the key.
fn scalar(key: &Key, value: &DeValue<'_>) -> Result<String, String> {
    match (key.kind, value) {
        (Kind::Number | Kind::Between(..) | Kind::LoopbackPort(_), DeValue::Integer(number)) => {
            Ok(number.as_str().to_owned())
        }
        (Kind::Number | Kind::Between(..) | Kind::LoopbackPort(_), _) => Err(format!(
            "{} expects a whole number, found {}",
            key.path,
            value.type_str()
        )),
        (_, DeValue::String(text)) => Ok(text.to_string()),
        _ => Err(format!(
            "{} expects a text in quotes, found {}",
            key.path,
            value.type_str()
        )),
    }
}

/// Names the key that was probably meant.
fn unknown_key(full: &str) -> String {
    let nearest = KEYS
        .iter()
        .map(|key| (distance(full, key.path), key.path))
        .min()
        .filter(|(distance, _)| *distance <= 4);
    match nearest {
        Some((_, path)) => format!("unknown key {full}; did you mean {path}?"),
        None => format!("unknown key {full}; `quarterdeck help` lists the known ones"),
    }
}

/// Edit distance, for "did you mean".
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut previous = i;
        let mut next = vec![i + 1];
        for (to, above) in right.iter().zip(row.iter().skip(1)) {
            let left_cell = next.last().copied().unwrap_or_default();
            next.push(
                (previous + usize::from(from != *to))
                    .min(above + 1)
                    .min(left_cell + 1),
            );
            previous = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_from(
        file: &str,
        env: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<Settings, Vec<String>> {
        let env: BTreeMap<String, String> = env
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let sources = Sources {
            file: Some((PathBuf::from("qd.toml"), file.to_owned())),
            env: &|name| env.get(name).cloned(),
            flags: flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
        };
        load("demo", &sources).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn flags_win_over_environment_over_file_over_default() {
        let file = "[execution]\nseed = 1\n";
        let seed = |env: &[(&str, &str)], flags: &[(&'static str, &str)]| {
            load_from(file, env, flags)
                .unwrap()
                .get("execution.seed")
                .cloned()
                .unwrap()
        };
        assert_eq!(seed(&[], &[]).text, "1");
        assert_eq!(seed(&[], &[]).place.to_string(), "qd.toml:2");
        assert_eq!(seed(&[("QD_EXECUTION_SEED", "2")], &[]).text, "2");
        assert_eq!(
            seed(&[("QD_EXECUTION_SEED", "2")], &[("execution.seed", "3")]).text,
            "3"
        );
        assert_eq!(
            load_from("", &[], &[]).unwrap().text("execution.seed"),
            Some("42")
        );
    }

    #[test]
    fn all_mistakes_are_reported_at_once_with_their_places() {
        let errors = load_from(
            "[gateway]\nlisten = 8080\nlisen = \"127.0.0.1:1\"\n\n[execution]\nseed = \"many\"\n",
            &[("QD_LOG_FORMAT", "xml"), ("QD_PROFILE_PORT", "0.0.0.0:1")],
            &[("gateway.admin_listen", "nowhere")],
        )
        .unwrap_err();
        assert_eq!(
            errors,
            [
                "qd.toml:2: gateway.listen expects a text in quotes, found integer",
                "qd.toml:3: unknown key gateway.lisen; did you mean gateway.listen?",
                "qd.toml:6: execution.seed expects a whole number, found string",
                "--admin-listen: gateway.admin_listen = \"nowhere\": expected ip:port such as 127.0.0.1:8080",
                "$QD_LOG_FORMAT: log.format = \"xml\": expected text or json",
                "$QD_PROFILE_PORT: profile.port = \"0.0.0.0:1\": expected a port from 1 to 65535",
            ]
        );
    }

    #[test]
    fn a_broken_file_names_its_line() {
        let errors = load_from("[gateway\nlisten = \"127.0.0.1:1\"\n", &[], &[]).unwrap_err();
        assert!(
            errors.iter().any(|error| error.starts_with("qd.toml:1: ")),
            "{errors:?}"
        );
    }

    #[test]
    fn rules_between_settings_are_told_with_everything_else() {
        let errors = load_from(
            "[gateway]\ntls_certificate_file = \"Cargo.toml\"\nlisten = \"0.0.0.0:8080\"\n",
            &[
                ("QD_LOG_FILTER", "info,="),
                ("QD_GATEWAY_COOKIE_KEY_FILE", "src/config/mod.rs"),
            ],
            &[
                ("gateway.public_origins", "https://desk.example, nonsense"),
                ("gateway.sign_in", "oidc"),
            ],
        )
        .unwrap_err();
        let told = |start: &str| {
            assert!(
                errors.iter().any(|error| error.starts_with(start)),
                "{start} is not among {errors:#?}"
            );
        };
        told("qd.toml:2: gateway.tls_certificate_file is set, gateway.tls_key_file is not");
        told("qd.toml:3: gateway.listen = \"0.0.0.0:8080\": the dev sign-in");
        told("$QD_LOG_FILTER: log.filter = \"info,=\": expected a filter");
        told("--public-origins: gateway.public_origins holds \"nonsense\"");
        told("--sign-in: gateway.sign_in = \"oidc\": expected dev");
        assert_eq!(errors.len(), 5, "{errors:#?}");

        let sources = Sources {
            file: None,
            env: &|_| None,
            flags: BTreeMap::from([("gateway.execution_url", "http://h/path".to_owned())]),
        };
        let errors: Vec<String> = load("gateway", &sources)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            errors
                .iter()
                .any(|error| error.starts_with("not set: bus.redis_url is missing"))
        );
        assert!(
            errors
                .iter()
                .any(|error| error.starts_with("not set: identity.key_file is missing"))
        );
        assert!(
            errors
                .iter()
                .any(|error| error.starts_with("--execution-url: "))
        );
    }

    #[test]
    fn passwords_are_never_printed() {
        let settings = load_from(
            "",
            &[("QD_BUS_REDIS_URL", "redis://me:canary@127.0.0.1:6379")],
            &[],
        )
        .unwrap();
        let printed = format!("{:?}", settings.printable());
        assert!(!printed.contains("canary") && printed.contains("redis://***@127.0.0.1:6379"));
        let errors = load_from("", &[("QD_BUS_REDIS_URL", "http://me:canary@x")], &[]).unwrap_err();
        assert!(!errors.join("").contains("canary"), "{errors:?}");
    }
}
