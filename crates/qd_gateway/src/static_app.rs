//! The console's program in the browser: read into memory at start, served in the form the browser likes best.
//!
//! It builds nothing and watches nothing: a new bundle needs a restart. The index wants a session; the hashed files are no secret.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use qd_auth::CookieError;
use qd_wire::identity::sha256_hex;

use crate::auth_routes::{SIGN_IN_PATH, html, see_other};
use crate::current_session::cookie_of;
use crate::problem::ApiError;
use crate::sessions::Lookup;
use crate::sign_in_page::notice_html;
use crate::state::AppState;

/// One file in all its forms.
#[derive(Clone, Debug)]
struct Asset {
    media_type: &'static str,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    etag: String,
    /// The name changes with the content, so a browser never needs to ask again.
    is_hashed: bool,
}

/// The program, by path; empty when there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct StaticApp {
    index: Option<Asset>,
    files: BTreeMap<String, Asset>,
    /// What the index will ask for first, in its order.
    first_load: Vec<String>,
}

impl StaticApp {
    /// Reads `dir/index.html` and everything in `dir/app`. What is missing is said when somebody asks for it.
    pub(crate) fn load(dir: &Path) -> Self {
        let mut app = Self {
            index: read_asset(&dir.join("index.html")),
            files: BTreeMap::new(),
            first_load: Vec::new(),
        };
        if app.index.is_none() {
            tracing::warn!(app_dir = %dir.display(), "there is no index.html: the console will not be served");
        }
        app.add_folder(&dir.join("app"), "/app", 0);
        app.first_load = app.named_by_index();
        app
    }

    /// Paths of the files that the index names, in its order: what a page before it can have the browser fetch ahead.
    ///
    /// Hashed ones only: any other is asked for again anyway. Empty when there is no program.
    pub(crate) fn first_load(&self) -> &[String] {
        &self.first_load
    }

    /// The page itself is the list, so the two cannot disagree about a bundle.
    fn named_by_index(&self) -> Vec<String> {
        let Some(page) = self
            .index
            .as_ref()
            .and_then(|index| std::str::from_utf8(&index.plain).ok())
        else {
            return Vec::new();
        };
        let hashed = self.files.iter().filter(|(_, asset)| asset.is_hashed);
        let mut named: Vec<_> = hashed
            .filter_map(|(path, _)| Some((page.find(&format!("\"{path}\""))?, path)))
            .collect();
        named.sort();
        named.into_iter().map(|(_, path)| path.clone()).collect()
    }

    /// The build that is served, by the index that names its files; absent when there is none.
    pub(crate) fn build(&self) -> Option<&str> {
        self.index.as_ref().map(|index| index.etag.as_str())
    }

    fn add_folder(&mut self, dir: &Path, prefix: &str, depth: u8) {
        let Ok(entries) = fs::read_dir(dir) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            let path = entry.path();
            if path.is_dir() && depth < 4 {
                self.add_folder(&path, &format!("{prefix}/{name}"), depth + 1);
            } else if !has_extension(name, "br")
                && !has_extension(name, "gz")
                && let Some(asset) = read_asset(&path)
            {
                self.files.insert(format!("{prefix}/{name}"), asset);
            }
        }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn read_asset(path: &Path) -> Option<Asset> {
    let plain = fs::read(path).ok()?;
    let beside = |extension: &str| {
        let mut name = path.file_name()?.to_owned();
        name.push(".");
        name.push(extension);
        fs::read(path.with_file_name(name)).ok().map(Bytes::from)
    };
    let name = path.file_name()?.to_str()?;
    let mut digest = sha256_hex(&plain);
    digest.truncate(32);
    Some(Asset {
        media_type: media_type(name),
        brotli: beside("br"),
        gzip: beside("gz"),
        etag: digest,
        is_hashed: is_hashed(name),
        plain: plain.into(),
    })
}

/// Whether a part of the name is a hash: eight or more hexadecimal digits, some of them digits.
fn is_hashed(name: &str) -> bool {
    name.split(['-', '.', '_']).any(|part| {
        part.len() >= 8
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
    Plain,
}

impl Encoding {
    /// The word in both headers; absent for no encoding at all.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
        }
    }
}

/// The first of `offered`, best first, that the browser takes; plain when it takes none.
fn choose(accepted: &str, offered: &[Encoding]) -> Encoding {
    let takes = |wanted: &str| {
        let mut by_name = None;
        let mut by_star = None;
        for part in accepted.split(',') {
            let mut fields = part.split(';').map(str::trim);
            let name = fields.next().unwrap_or_default();
            let refused = fields
                .filter_map(|field| field.strip_prefix("q="))
                .any(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
            if name.eq_ignore_ascii_case(wanted) {
                by_name = Some(!refused);
            } else if name == "*" {
                by_star = Some(!refused);
            }
        }
        by_name.or(by_star).unwrap_or(false)
    };
    let mut offered = offered.iter().copied();
    offered
        .find(|encoding| encoding.name().is_none_or(&takes))
        .unwrap_or(Encoding::Plain)
}

fn serve(asset: &Asset, headers: &HeaderMap) -> Response {
    let text = |name: header::HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let mut offered = Vec::with_capacity(2);
    if asset.brotli.is_some() {
        offered.push(Encoding::Brotli);
    }
    if asset.gzip.is_some() {
        offered.push(Encoding::Gzip);
    }
    let encoding = choose(text(header::ACCEPT_ENCODING), &offered);
    let body = match encoding {
        Encoding::Brotli => asset.brotli.as_ref(),
        Encoding::Gzip => asset.gzip.as_ref(),
        Encoding::Plain => None,
    }
    .unwrap_or(&asset.plain);
    // Each form is its own representation, so each has its own tag.
    let suffix = encoding.name().unwrap_or("plain");
    let etag = format!("\"{}-{suffix}\"", asset.etag);
    let is_known = text(header::IF_NONE_MATCH)
        .split(',')
        .any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(body.clone()))
    };
    let out = response.headers_mut();
    let cache = if asset.is_hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    if !is_known {
        out.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.media_type),
        );
        if let Some(encoding) = encoding.name() {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}

/// `GET /`: the program's page, for somebody who is signed in.
pub(crate) async fn index(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session_id = match cookie_of(&headers, &state) {
        Ok(session_id) => session_id,
        Err(CookieError::Absent | CookieError::Malformed | CookieError::BadSignature) => {
            return Ok(see_other(SIGN_IN_PATH));
        }
    };
    match state.sessions.look_up(&session_id).await {
        Ok(Lookup::Live(_)) => {}
        Ok(Lookup::Ended(_) | Lookup::Absent) => return Ok(see_other(SIGN_IN_PATH)),
        Err(err) => {
            tracing::warn!(error = %err, "the index met a bus that is away");
            let mut response = html(
                StatusCode::SERVICE_UNAVAILABLE,
                notice_html(
                    "One moment",
                    "The session store does not answer. You are still signed in; reload this page in a moment.",
                ),
            );
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            return Ok(response);
        }
    }
    Ok(state.app.index.as_ref().map_or_else(
        || {
            html(
                StatusCode::SERVICE_UNAVAILABLE,
                notice_html(
                    "The console is not built",
                    "This gateway runs, but it has no web bundle to serve: run `cargo xtask web`, or point app_dir at a folder with index.html and app/.",
                ),
            )
        },
        |index| serve(index, &headers),
    ))
}

/// Everything that no route takes: a file of the program, or nothing.
pub(crate) async fn file(
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // The map holds what was read at start and nothing else, so no path leads anywhere else.
    let asset = state
        .app
        .files
        .get(uri.path())
        .ok_or_else(ApiError::not_found)?;
    if method == Method::GET || method == Method::HEAD {
        Ok(serve(asset, &headers))
    } else {
        Err(ApiError::method_not_allowed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_before_gzip_before_plain_and_refusals_are_heard() {
        let both = |accepted| choose(accepted, &[Encoding::Brotli, Encoding::Gzip]);
        assert_eq!(both("gzip, deflate, br"), Encoding::Brotli);
        assert_eq!(both("gzip, br;q=0"), Encoding::Gzip);
        assert_eq!(both("br;q=0.0, gzip;q=0"), Encoding::Plain);
        assert_eq!(both(""), Encoding::Plain);
        assert_eq!(both("*"), Encoding::Brotli);
        assert_eq!(both("*;q=0"), Encoding::Plain);
        assert_eq!(both("br;q=0, *"), Encoding::Gzip);
        assert_eq!(choose("br, gzip", &[Encoding::Gzip]), Encoding::Gzip);
        assert_eq!(choose("br, gzip", &[]), Encoding::Plain);
    }

    #[test]
    fn hashes_are_seen_and_words_are_not() {
        for name in [
            "qd_console-0a1b2c3d.js",
            "qd_console_bg-9f8e7d6c5b4a.wasm",
            "style.12345678.css",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in [
            "index.html",
            "qd_console.js",
            "deadbeef.js",
            "feedface-decade.js",
            "v1.js",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
