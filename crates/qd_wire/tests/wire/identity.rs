//! The signed identity: golden header, and every way to be refused.

use qd_types::{AccountId, Permission, Role, UtcMicros};
use qd_wire::identity::{IdentityClaims, IdentityError, sha256_hex, sign, verify};
use qd_wire::rest::to_json;

use crate::golden;
use crate::samples as s;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const QUERY: &str = "status=open&limit=50";
const PATH: &str = "/api/v1/orders";

fn claims() -> IdentityClaims {
    IdentityClaims {
        sub: s::user(),
        roles: vec![Role::Trader],
        permissions: vec![Permission::OrdersView, Permission::OrdersPlace],
        accounts: vec![AccountId::new("main").unwrap()],
        session: "s-81c2".to_owned(),
        request_id: "01JD4Q7ZREQ".to_owned(),
        method: "GET".to_owned(),
        path: PATH.to_owned(),
        query_sha256: sha256_hex(QUERY.as_bytes()),
        body_sha256: sha256_hex(b""),
        mfa_at: None,
        iat: s::moment(0),
        nonce: "n-0001".to_owned(),
    }
}

fn keys(key_id: &str) -> Option<Vec<u8>> {
    (key_id == "k1").then(|| KEY.to_vec())
}

fn check_at(header: &str, now: UtcMicros) -> Result<IdentityClaims, IdentityError> {
    verify(header, &keys, now, "GET", PATH, QUERY, b"")
}

fn check(header: &str) -> Result<IdentityClaims, IdentityError> {
    check_at(header, s::moment(20))
}

#[test]
fn the_claims_and_the_header_are_as_the_golden_files_say() {
    golden::assert_written("identity_claims.json", &to_json(&claims()));
    let header = sign("k1", KEY, &claims());
    golden::assert_written("identity_header.json", format!("{header:?}").as_bytes());
    assert_eq!(check(&header), Ok(claims()));
    assert_eq!(
        sha256_hex(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn another_implementation_signs_the_same() {
    // Made with Python's hmac and base64 over the claims `{"sub":"bob"}`: only the form and the signature are checked.
    let header = "v1.k1.eyJzdWIiOiJib2IifQ.vtrO0dQzJHB45ZzX93WVYX42mDT3LDxiAz3BTcSgVCQ";
    assert_eq!(check(header), Err(IdentityError::Malformed("claims")));
}

#[test]
fn no_other_request_fits() {
    let header = sign("k1", KEY, &claims());
    let now = s::moment(0);
    let other = |method: &str, path: &str, query: &str, body: &[u8]| {
        verify(&header, &keys, now, method, path, query, body).unwrap_err()
    };
    assert_eq!(
        other("POST", PATH, QUERY, b""),
        IdentityError::OtherRequest("method")
    );
    assert_eq!(
        other("GET", "/api/v1/positions", QUERY, b""),
        IdentityError::OtherRequest("path")
    );
    assert_eq!(
        other("GET", PATH, "status=all", b""),
        IdentityError::OtherRequest("query")
    );
    assert_eq!(
        other("GET", PATH, QUERY, b"{}"),
        IdentityError::OtherRequest("body")
    );
}

#[test]
fn the_window_is_a_minute_either_way() {
    let header = sign("k1", KEY, &claims());
    assert!(check_at(&header, s::moment(60_000)).is_ok());
    assert!(check_at(&header, s::moment(-60_000)).is_ok());
    assert_eq!(
        check_at(&header, s::moment(60_001)),
        Err(IdentityError::OutsideWindow { age_millis: 60_001 })
    );
    assert_eq!(
        check_at(&header, s::moment(-60_001)),
        Err(IdentityError::OutsideWindow {
            age_millis: -60_001
        })
    );
}

#[test]
fn no_other_key_and_no_changed_byte_is_accepted() {
    assert_eq!(
        check(&sign("k1", b"another key", &claims())),
        Err(IdentityError::BadSignature)
    );
    assert_eq!(
        check(&sign("k2", KEY, &claims())),
        Err(IdentityError::UnknownKey)
    );
    let header = sign("k1", KEY, &claims());
    for index in 0..header.len() {
        let mut bytes = header.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(
            check(&changed).is_err(),
            "byte {index} may be changed: {changed}"
        );
    }
    for (length, _) in header.char_indices() {
        let cut = header.get(..length).unwrap();
        assert!(check(cut).is_err(), "{length} bytes are enough");
    }
}

#[test]
fn what_is_no_identity_is_refused() {
    for header in [
        "",
        "v1",
        "v1.k1",
        "v1.k1.e30",
        "v2.k1.e30.e30",
        "v1.k1.e30.e30.e30",
        "....",
        "v1.k1.e30.*",
    ] {
        assert!(
            matches!(
                check(header),
                Err(IdentityError::Malformed(_) | IdentityError::BadSignature)
            ),
            "{header:?}"
        );
    }
    assert_eq!(
        check(&"x".repeat(9_000)),
        Err(IdentityError::Malformed("too long"))
    );
    let mut claims = claims();
    claims.nonce = String::new();
    assert_eq!(
        check(&sign("k1", KEY, &claims)),
        Err(IdentityError::Malformed("nonce"))
    );
}
