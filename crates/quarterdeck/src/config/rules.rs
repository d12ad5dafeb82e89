//! Rules between settings: what one of them alone cannot show. Checked with everything else, before anything starts.
//!
//! It opens key files to see that they hold a key; it binds nothing and connects to nothing.

use std::net::SocketAddr;
use std::path::Path;

use super::load::{ConfigError, Place, Settings};
use crate::secrets;

/// Everything that `command` could not be started with.
pub(super) fn broken(command: &str, settings: &Settings) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let is_gateway = command != "execution";
    let is_alone = command != "demo";
    if is_alone {
        need(
            settings,
            "bus.redis_url",
            "gateway and execution in two processes can only hear each other over Redis (--redis redis://host:port)",
            &mut errors,
        );
        need(
            settings,
            "identity.key_file",
            "gateway and execution need the same file of at least 32 random bytes (--identity-key-file)",
            &mut errors,
        );
    }
    key_file(settings, "identity.key_file", &mut errors);
    if is_gateway {
        key_file(settings, "gateway.cookie_key_file", &mut errors);
        both(
            settings,
            "gateway.tls_certificate_file",
            "gateway.tls_key_file",
            &mut errors,
        );
        both(
            settings,
            "gateway.tls_key_file",
            "gateway.tls_certificate_file",
            &mut errors,
        );
        loopback(settings, &mut errors);
        origins(settings, &mut errors);
    }
    errors
}

fn need(settings: &Settings, path: &'static str, why: &str, errors: &mut Vec<ConfigError>) {
    if settings.get(path).is_none() {
        errors.push(ConfigError {
            place: Place::Nowhere,
            message: format!("{path} is missing: {why}"),
        });
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

fn both(settings: &Settings, one: &str, other: &str, errors: &mut Vec<ConfigError>) {
    if let Some(setting) = settings.get(one)
        && settings.get(other).is_none()
    {
        errors.push(ConfigError {
            place: setting.place.clone(),
            message: format!("{one} is set, {other} is not: TLS needs both"),
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
