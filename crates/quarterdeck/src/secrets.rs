//! Keys: read from the files that the configuration names, or made for this run alone.

use std::path::Path;

use crate::failure::Failure;

/// Fewer bytes than this is no key.
const LEAST_BYTES: usize = 32;

/// The bytes of a key file, without the line end that an editor leaves.
pub(crate) fn read(setting: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = std::fs::read(path).map_err(|err| {
        Failure::Config(format!(
            "{setting} = {}: cannot be read: {err}",
            path.display()
        ))
    })?;
    while bytes.last().is_some_and(|byte| byte.is_ascii_whitespace()) {
        bytes.pop();
    }
    if bytes.len() < LEAST_BYTES {
        return Err(Failure::Config(format!(
            "{setting} = {}: holds {} bytes, a key needs at least {LEAST_BYTES}",
            path.display(),
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// A key from the system's chance, good until the process ends.
pub(crate) fn make() -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; LEAST_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|err| Failure::Start(format!("the system gives no random bytes: {err}")))?;
    Ok(bytes)
}
