//! Keys: read from the files that the configuration names, or made for this run alone.

use std::path::Path;

use crate::failure::Failure;

/// Fewer bytes than this is no key.
const LEAST_BYTES: usize = 32;

/// The bytes of a key file, without the one line end that an editor leaves: random bytes may well be white space.
///
/// # Errors
/// What is wrong with the file, without its bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = std::fs::read(path).map_err(|err| format!("cannot be read: {err}"))?;
    for line_end in [&b"\n"[..], b"\r"] {
        if bytes.len() > LEAST_BYTES && bytes.ends_with(line_end) {
            bytes.pop();
        }
    }
    if bytes.len() < LEAST_BYTES {
        return Err(format!(
            "holds {} bytes, a key needs at least {LEAST_BYTES}",
            bytes.len()
        ));
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
