//! Chance for ids and for spreading people out: nothing here is a secret that lasts.

/// 16 random bytes in hexadecimal, for request ids and nonces.
pub(crate) fn random_token() -> String {
    use std::fmt::Write as _;
    let mut bytes = [0u8; 16];
    // Without randomness the token repeats: the execution side then refuses the nonce, which is the safe side.
    if let Err(err) = getrandom::fill(&mut bytes) {
        tracing::error!(error = %err, "the system gives no random bytes");
    }
    bytes
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            write!(text, "{byte:02x}").ok();
            text
        })
}

/// When a closed socket should come back, spread over half a second to ten, so that not all come at once.
pub(crate) fn spread_retry_millis() -> u64 {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).ok();
    500 + u64::from(u16::from_be_bytes(bytes)) % 9_501
}
