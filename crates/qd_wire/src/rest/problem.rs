//! The one error body, `application/problem+json` (RFC 9457).

use qd_types::{Decimal, Order};
use serde::{Deserialize, Serialize};

use super::{from_json, to_json};

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Its name, with dots into objects: `price_seen.value`.
    pub name: String,
    /// Stable `snake_case`: `missing`, `invalid`, `out_of_range`, `unknown_field`, `not_allowed`.
    pub code: String,
    /// The rule that it breaks, for people.
    pub detail: String,
}

impl FieldError {
    /// A field that breaks a rule.
    pub fn new(name: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}

/// The limit that refused, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitBreach {
    /// The rule's stable name.
    pub rule: String,
    /// What it would have been.
    #[serde(with = "crate::codec")]
    pub value: Decimal,
    /// What is allowed.
    #[serde(with = "crate::codec")]
    pub limit: Decimal,
    /// In what.
    pub unit: String,
}

/// Why a request was not done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// A URI for the kind; `about:blank` says that `code` is all there is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do, for people.
    pub detail: String,
    /// Stable `snake_case`, what programs look at.
    pub code: String,
    /// The request's id in both servers' logs; absent from another backend.
    pub request_id: Option<String>,
    /// When it is worth another try, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Fields that are wrong, empty when none is to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// The limit that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitBreach>,
    /// The order, when one was recorded (`blocked_*`) or was already there with another body.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::codec")]
    pub order: Option<Order>,
}

impl Problem {
    /// A problem with `status`, stable `code` and a sentence for people.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title(status).to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
            ..Self::default()
        }
    }

    /// With the request's id.
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// With the time after which it is worth another try.
    pub fn with_retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }

    /// With the fields that are wrong.
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    /// With the limit that refused.
    pub fn with_limit(mut self, limit: LimitBreach) -> Self {
        self.limit = Some(limit);
        self
    }

    /// With the order it is about.
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// The body.
    pub fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Reads an error body of `status`; any other body (a proxy's page) becomes a problem without a cause.
    pub fn from_answer(status: u16, body: &[u8]) -> Self {
        match from_json::<Self>(body) {
            Ok(mut problem) if !problem.code.is_empty() => {
                problem.status = status;
                problem
            }
            _ => Self::new(
                status,
                "unreadable_answer",
                format!("the server answered {status} without an error body"),
            ),
        }
    }
}

/// The reason phrase of a status.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
