//! The command line, made from the table of settings: a flag that is not in the table does not exist.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::keys::{KEYS, Kind};

/// What the person asked for.
pub(crate) struct Invocation {
    /// `demo`, `gateway` or `execution`.
    pub(crate) command: String,
    /// The configuration file, when one was named.
    pub(crate) config_file: Option<PathBuf>,
    /// Only check and print the configuration.
    pub(crate) is_check: bool,
    /// Flags by key path.
    pub(crate) flags: BTreeMap<&'static str, String>,
    /// `demo --port`: a short way to say `--listen 127.0.0.1:PORT`.
    pub(crate) port: Option<u16>,
}

/// The whole command line with its help.
pub(crate) fn command() -> Command {
    let mut root = Command::new("quarterdeck")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The servers of the Quarterdeck trading console")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(
            "Every setting can stand in the file, in the environment or in a flag; flags win.\n\
             docs/configuration.md lists them all.",
        );
    for (name, about) in [
        (
            "demo",
            "Everything in one process: simulated market, paper venue, execution, gateway",
        ),
        (
            "gateway",
            "The auth gateway: sign-in, sockets, proxy, the console's files",
        ),
        (
            "execution",
            "The execution gateway: orders, positions, halts, paper venue",
        ),
    ] {
        let mut sub = Command::new(name)
            .about(about)
            .arg(
                Arg::new("config")
                    .long("config")
                    .env("QD_CONFIG_FILE")
                    .value_name("FILE")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("TOML file with sections such as [gateway]"),
            )
            .arg(
                Arg::new("check-config")
                    .long("check-config")
                    .action(ArgAction::SetTrue)
                    .help("print the effective configuration with where each value comes from, and stop"),
            );
        if name == "demo" {
            sub = sub.arg(
                Arg::new("port")
                    .long("port")
                    .value_parser(clap::value_parser!(u16))
                    .conflicts_with("gateway.listen")
                    .help("short for --listen 127.0.0.1:PORT; 0 picks a free one"),
            );
        }
        for key in KEYS.iter().filter(|key| key.commands.contains(&name)) {
            let default = key
                .default
                .map(|text| format!(" [default: {text}]"))
                .unwrap_or_default();
            let mut arg = Arg::new(key.path)
                .long(key.flag)
                .value_name("VALUE")
                .help(format!(
                    "{} [{}, ${}]{default}",
                    key.help, key.path, key.env
                ));
            if let Kind::LoopbackPort(alone) = key.kind {
                arg = arg
                    .value_name("PORT")
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value(alone);
            }
            sub = sub.arg(arg);
        }
        root = root.subcommand(sub);
    }
    root
}

/// Reads the command line.
///
/// # Errors
/// Clap's own, which also carries `--help` and `--version`.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let (name, sub): (&str, &ArgMatches) = matches.subcommand().unwrap_or(("demo", &matches));
    let flags = KEYS
        .iter()
        .filter(|key| key.commands.contains(&name))
        .filter_map(|key| {
            sub.get_one::<String>(key.path)
                .map(|text| (key.path, text.clone()))
        })
        .collect();
    Ok(Invocation {
        command: name.to_owned(),
        config_file: sub.get_one::<PathBuf>("config").cloned(),
        is_check: sub.get_flag("check-config"),
        flags,
        port: (name == "demo")
            .then(|| sub.get_one::<u16>("port").copied())
            .flatten(),
    })
}

/// The configuration reference, as `docs/configuration.md` holds it.
#[cfg(test)]
pub(crate) fn reference() -> String {
    use std::fmt::Write as _;

    let mut page = String::from(
        "# Configuration\n\n\
         Generated from `crates/quarterdeck/src/config/keys.rs`; `QD_BLESS=1 cargo test -p quarterdeck` writes it anew.\n\n\
         A setting can stand in a TOML file (`--config FILE` or `$QD_CONFIG_FILE`), in the environment, or in a flag; flags win over the environment, the environment over the file.\n\
         All mistakes are reported at once, each with its place; the exit code is then 64.\n\
         `quarterdeck demo --check-config` prints what is in force and where it comes from.\n\n\
         | setting | flag | environment | default | meaning | for |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for key in KEYS {
        writeln!(
            page,
            "| `{}` | `--{}` | `{}` | {} | {} | {} |",
            key.path,
            key.flag,
            key.env,
            key.default
                .map_or_else(|| "–".to_owned(), |text| format!("`{text}`")),
            key.help,
            key.commands.join(", "),
        )
        .ok();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<Invocation, clap::Error> {
        parse(words.split(' ').map(Into::into))
    }

    #[test]
    fn flags_land_under_their_key_and_unknown_ones_are_refused() {
        let invocation =
            parse_words("quarterdeck demo --redis redis://h:1 --seed 7 --port 0").unwrap();
        assert_eq!(invocation.command, "demo");
        assert_eq!(
            invocation.flags.get("bus.redis_url").map(String::as_str),
            Some("redis://h:1")
        );
        assert_eq!(
            invocation.flags.get("execution.seed").map(String::as_str),
            Some("7")
        );
        assert_eq!(invocation.port, Some(0));
        assert_eq!(invocation.flags.get("profile.port"), None);
        for (words, port) in [
            ("quarterdeck execution --profile --seed 7", "8586"),
            ("quarterdeck execution --profile=9000 --seed 7", "9000"),
        ] {
            let flags = parse_words(words).unwrap().flags;
            assert_eq!(flags.get("profile.port").map(String::as_str), Some(port));
        }
        assert!(parse_words("quarterdeck demo --colour red").is_err());
        assert!(parse_words("quarterdeck execution --app-dir x").is_err());
        assert!(parse_words("quarterdeck demo --port 1 --listen 127.0.0.1:2").is_err());
    }

    #[test]
    fn the_configuration_page_is_true() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = reference();
        if std::env::var_os("QD_BLESS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            page,
            "QD_BLESS=1 writes it anew"
        );
    }
}
