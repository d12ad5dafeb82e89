//! Query parameters, strictly: unknown names and unreadable values are refused with their names. Decodes no bodies.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use qd_types::{ParseError, Symbol};
use qd_wire::rest::{FieldError, Problem};

use super::problem::ApiError;

/// Most symbols in one request.
const MAX_SYMBOLS: usize = 200;

/// The parameters of a request that were not taken yet.
#[derive(Debug)]
pub(super) struct Params(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|err| ApiError::new(400, "bad_query", err.body_text()))?;
        let mut params = BTreeMap::new();
        for (name, value) in pairs.0 {
            if params.insert(name.clone(), value).is_some() {
                let name: String = name.chars().take(64).collect();
                return Err(refused(&name, "repeated", "is there twice".to_owned()));
            }
        }
        Ok(Self(params))
    }
}

fn refused(name: &str, code: &str, detail: String) -> ApiError {
    let field = FieldError::new(name, code, detail);
    let detail = format!("parameter {name}: {}", field.detail);
    ApiError(Box::new(
        Problem::new(400, "bad_query", detail).with_fields(vec![field]),
    ))
}

impl Params {
    /// A parameter as text; an empty one counts as absent.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// A parameter read by `parse`.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ApiError> {
        self.text(name)
            .map(|value| parse(&value).map_err(|err| refused(name, "invalid", err.to_string())))
            .transpose()
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        self.text(name)
            .map(|value| {
                let whole = |_| refused(name, "invalid", "must be a whole number".to_owned());
                value.parse().map_err(whole)
            })
            .transpose()
    }

    /// How many entries are wanted: `default` when not said, at least one, at most `most`.
    pub(super) fn limit(&mut self, default: usize, most: usize) -> Result<usize, ApiError> {
        let wanted = self.number("limit")?;
        Ok(wanted.map_or(default, |wanted| {
            usize::try_from(wanted).unwrap_or(most).clamp(1, most)
        }))
    }

    /// Symbols with commas between; absent means all.
    pub(super) fn symbols(&mut self) -> Result<Option<Vec<Symbol>>, ApiError> {
        let Some(list) = self.text("symbols") else {
            return Ok(None);
        };
        let symbols = list
            .split(',')
            .take(MAX_SYMBOLS + 1)
            .map(|text| {
                Symbol::new(text.trim())
                    .map_err(|err| refused("symbols", "invalid", err.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if symbols.len() > MAX_SYMBOLS {
            return Err(refused(
                "symbols",
                "too_many",
                format!("at most {MAX_SYMBOLS}"),
            ));
        }
        Ok(Some(symbols))
    }

    /// Refuses what was not asked for.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                Err(refused(
                    &name,
                    "unknown_parameter",
                    "is not known".to_owned(),
                ))
            }
        }
    }
}
