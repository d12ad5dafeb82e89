//! Rules between settings: what one of them alone cannot show. Checked with everything else, before anything starts.
//!
//! It opens key files to see that they hold a key; it binds nothing and connects to nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use super::load::{ConfigError, Place, Settings};
use crate::secrets;

/// Everything that `command` could not be started with.
///
/// What is in `rejected` was set and refused already: it is not missing as well.
pub(super) fn broken(
    command: &str,
    settings: &Settings,
    rejected: &BTreeSet<&'static str>,
) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let is_gateway = command != "execution";
    let is_alone = command != "demo";
    let is_missing = |path: &str| settings.get(path).is_none() && !rejected.contains(path);
    if is_alone && is_missing("bus.redis_url") {
        errors.push(missing(
            "bus.redis_url",
            "gateway and execution in two processes can only hear each other over Redis (--redis redis://host:port)",
        ));
    }
    if is_alone && is_missing("identity.key_file") {
        errors.push(missing(
            "identity.key_file",
            "gateway and execution need the same file of at least 32 random bytes (--identity-key-file)",
        ));
    }
    key_file(settings, "identity.key_file", &mut errors);
    if is_gateway {
        key_file(settings, "gateway.cookie_key_file", &mut errors);
        let (certificate, key) = ("gateway.tls_certificate_file", "gateway.tls_key_file");
        for (one, other) in [(certificate, key), (key, certificate)] {
            if let Some(setting) = settings.get(one).filter(|_| is_missing(other)) {
                errors.push(ConfigError {
                    place: setting.place.clone(),
                    message: format!("{one} is set, {other} is not: TLS needs both"),
                });
            }
        }
        loopback(settings, &mut errors);
        origins(settings, &mut errors);
    }
    errors
}

fn missing(path: &str, why: &str) -> ConfigError {
    ConfigError {
        place: Place::Nowhere,
        message: format!("{path} is missing: {why}"),
    }
}

fn key_file(settings: &Settings, path: &'static str, errors: &mut Vec<ConfigError>) {
    let Some(setting) = settings.get(path) else {
        return;
    };
    if let Err(reason) = secrets::read(Path::new(&setting.text)) {
        errors.push(ConfigError {
            place: setting.place.clone(),
            message: format!("{path} = {:?}: {reason}", setting.text),
        });
    }
}

/// The dev sign-in is the only one so far: users without passwords, for this machine alone.
fn loopback(settings: &Settings, errors: &mut Vec<ConfigError>) {
    let Some(setting) = settings.get("gateway.listen") else {
        return;
    };
    let is_elsewhere = setting
        .text
        .parse::<SocketAddr>()
        .is_ok_and(|address| !address.ip().is_loopback());
    if is_elsewhere {
        errors.push(ConfigError {
            place: setting.place.clone(),
            message: format!(
                "gateway.listen = {:?}: the dev sign-in has users without passwords and serves loopback addresses only: listen on 127.0.0.1 or [::1]",
                setting.text
            ),
        });
    }
}

fn origins(settings: &Settings, errors: &mut Vec<ConfigError>) {
    let Some(setting) = settings.get("gateway.public_origins") else {
        return;
    };
    for origin in split_list(&setting.text) {
        if !qd_gateway::is_origin(origin) {
            errors.push(ConfigError {
                place: setting.place.clone(),
                message: format!(
                    "gateway.public_origins holds {origin:?}, which is no origin: write scheme and host, such as https://desk.example"
                ),
            });
        }
    }
}

/// The parts of a list that is separated by commas.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}
