//! Commands: strict bodies whose mistakes are all reported at once, field by field.
//!
//! What cannot be read at all, or holds an unknown field, is 400; a field that is missing or wrong is 422. Rails, halts
//! and permissions are execution's and are not looked at here.

use std::collections::BTreeMap;
use std::fmt;

use qd_types::{
    AccountId, ClientOrderId, Decimal, OrderType, Price, Qty, Side, StrategyId, Symbol, TapeAction,
    TimeInForce, UtcMicros,
};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use super::problem::{FieldError, Problem};
use crate::codec::{decimal_from_json, text_from_json, when};
use crate::error::sample;

/// Larger command bodies are refused unread.
pub(super) const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// Longer reasons are refused, in characters.
const MAX_REASON_CHARS: usize = 512;

/// Why a command's body was refused; nothing was done and nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// Not one JSON object with known fields, each once: 400.
    #[error("the body cannot be read: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
        /// Fields that are not known.
        fields: Vec<FieldError>,
    },
    /// Fields that are missing or wrong: 422.
    #[error("{} field(s) are missing or wrong", .0.len())]
    Fields(Vec<FieldError>),
}

impl CommandError {
    /// The error body.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Malformed { detail, fields } => {
                Problem::new(400, "malformed_body", detail.clone()).with_fields(fields.clone())
            }
            Self::Fields(fields) => Problem::new(
                422,
                "invalid_fields",
                fields
                    .iter()
                    .map(|field| format!("{}: {}", field.name, field.detail))
                    .collect::<Vec<_>>()
                    .join("; "),
            )
            .with_fields(fields.clone()),
        }
    }
}

/// The price that the order's author saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PriceSeen {
    /// The price.
    #[serde(with = "crate::codec")]
    pub value: Price,
    /// When it was made.
    #[serde(with = "crate::codec")]
    pub at: UtcMicros,
}

/// `POST /api/v1/orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceOrder {
    /// Whose money.
    #[serde(with = "crate::codec")]
    pub account: AccountId,
    /// Whose idea; absent means by hand.
    #[serde(with = "crate::codec")]
    pub strategy: Option<StrategyId>,
    /// Fixed when the ticket was opened for confirmation; also the idempotency key.
    #[serde(with = "crate::codec")]
    pub client_order_id: ClientOrderId,
    /// What to trade.
    #[serde(with = "crate::codec")]
    pub symbol: Symbol,
    /// Which way.
    #[serde(with = "crate::codec")]
    pub side: Side,
    /// Shares, above zero.
    #[serde(with = "crate::codec")]
    pub qty: Qty,
    /// Kind of order.
    #[serde(rename = "type", with = "crate::codec")]
    pub order_type: OrderType,
    /// Worst price accepted: there for limit and stop-limit orders and for no other.
    #[serde(with = "crate::codec")]
    pub limit_price: Option<Price>,
    /// Trigger: there for stop and stop-limit orders and for no other.
    #[serde(with = "crate::codec")]
    pub stop_price: Option<Price>,
    /// How long it stays.
    #[serde(with = "crate::codec")]
    pub time_in_force: TimeInForce,
    /// Why, for the audit.
    pub reason: String,
    /// The halt epoch that its author saw.
    pub halt_epoch_seen: u64,
    /// The price that its author saw; absent when there was none.
    pub price_seen: Option<PriceSeen>,
}

impl PlaceOrder {
    /// Reads the body.
    ///
    /// # Errors
    /// [`CommandError`] with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, CommandError> {
        let mut fields = Fields::read(body)?;
        let account = fields.required("account", text(AccountId::new));
        let strategy = fields.optional("strategy", text(StrategyId::new));
        let client_order_id = fields.required("client_order_id", text(ClientOrderId::new));
        let symbol = fields.required("symbol", text(Symbol::new));
        let side = fields.required("side", word("buy or sell", Side::parse));
        let qty = fields.required("qty", positive("quantity", Qty::new));
        let order_type = fields.required(
            "type",
            word("market, limit, stop or stop_limit", OrderType::parse),
        );
        let limit_price = fields.optional("limit_price", positive("price", Price::new));
        let stop_price = fields.optional("stop_price", positive("price", Price::new));
        let time_in_force = fields.required(
            "time_in_force",
            word("day, gtc, ioc or fok", TimeInForce::parse),
        );
        let reason = fields.required("reason", reason);
        let halt_epoch_seen = fields.required("halt_epoch_seen", whole_number);
        let price_seen = fields.price_seen();
        if let Some(order_type) = order_type {
            let wants_limit = matches!(order_type, OrderType::Limit | OrderType::StopLimit);
            let wants_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit);
            fields.agree("limit_price", order_type, wants_limit);
            fields.agree("stop_price", order_type, wants_stop);
        }
        fields.finish((|| {
            Some(Self {
                account: account?,
                strategy,
                client_order_id: client_order_id?,
                symbol: symbol?,
                side: side?,
                qty: qty?,
                order_type: order_type?,
                limit_price,
                stop_price,
                time_in_force: time_in_force?,
                reason: reason?,
                halt_epoch_seen: halt_epoch_seen?,
                price_seen,
            })
        })())
    }
}

/// `POST /api/v1/orders/{client_order_id}/cancel`; an empty body is a cancel without a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CancelOrder {
    /// The order's account; absent when the id is unique among the caller's accounts.
    #[serde(with = "crate::codec")]
    pub account: Option<AccountId>,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl CancelOrder {
    /// Reads the body.
    ///
    /// # Errors
    /// [`CommandError`] with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, CommandError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let mut fields = Fields::read(body)?;
        let account = fields.optional("account", text(AccountId::new));
        let reason = fields.optional("reason", reason);
        fields.finish(Some(Self { account, reason }))
    }
}

/// `PATCH /api/v1/orders/{client_order_id}`: an open order's new terms; what is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModifyOrder {
    /// The order's account; absent when the id is unique among the caller's accounts.
    #[serde(with = "crate::codec")]
    pub account: Option<AccountId>,
    /// Fixed when the dialog was opened for confirmation: 1 to 48 of `[A-Za-z0-9_-]`.
    pub idempotency_key: String,
    /// All the shares asked for, those that are filled included; above zero.
    #[serde(with = "crate::codec")]
    pub qty: Option<Qty>,
    /// Worst price accepted, for orders that have one.
    #[serde(with = "crate::codec")]
    pub limit_price: Option<Price>,
    /// Trigger, for orders that have one.
    #[serde(with = "crate::codec")]
    pub stop_price: Option<Price>,
}

impl ModifyOrder {
    /// Reads the body.
    ///
    /// # Errors
    /// [`CommandError`] with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, CommandError> {
        let mut fields = Fields::read(body)?;
        let account = fields.optional("account", text(AccountId::new));
        // Ids of decisions have one alphabet, whatever they decide.
        let key = fields.required("idempotency_key", text(ClientOrderId::new));
        let qty = fields.optional("qty", positive("quantity", Qty::new));
        let limit_price = fields.optional("limit_price", positive("price", Price::new));
        let stop_price = fields.optional("stop_price", positive("price", Price::new));
        let changes = ["qty", "limit_price", "stop_price"];
        if !changes.iter().any(|name| fields.taken.contains(name)) {
            let detail = "a change needs a quantity or a price";
            fields.wrong("qty", "missing", detail);
        }
        fields.finish((|| {
            Some(Self {
                account,
                idempotency_key: key?.as_str().to_owned(),
                qty,
                limit_price,
                stop_price,
            })
        })())
    }
}

/// `POST /api/v1/positions/{symbol}/close`; only ever lowers risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosePosition {
    /// Whose position; absent when only one of the caller's accounts holds the symbol.
    #[serde(with = "crate::codec")]
    pub account: Option<AccountId>,
    /// Whose idea; absent when only one strategy of the account holds the symbol.
    #[serde(with = "crate::codec")]
    pub strategy: Option<StrategyId>,
    /// Fixed when the dialog was opened for confirmation; also the idempotency key.
    #[serde(with = "crate::codec")]
    pub client_order_id: ClientOrderId,
    /// Shares, above zero; absent closes all of it.
    #[serde(with = "crate::codec")]
    pub qty: Option<Qty>,
    /// Why, for the audit.
    pub reason: String,
}

impl ClosePosition {
    /// Reads the body.
    ///
    /// # Errors
    /// [`CommandError`] with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, CommandError> {
        let mut fields = Fields::read(body)?;
        let account = fields.optional("account", text(AccountId::new));
        let strategy = fields.optional("strategy", text(StrategyId::new));
        let client_order_id = fields.required("client_order_id", text(ClientOrderId::new));
        let qty = fields.optional("qty", positive("quantity", Qty::new));
        let reason = fields.required("reason", reason);
        fields.finish((|| {
            Some(Self {
                account,
                strategy,
                client_order_id: client_order_id?,
                qty,
                reason: reason?,
            })
        })())
    }
}

/// `POST /api/v1/market/tape`: what a tape that plays as the market is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControlTape {
    /// `pause`, `resume`, `step` or `speed`.
    pub action: &'static str,
    /// With `speed`: how many times faster than life; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
}

impl ControlTape {
    /// The body that says `action`.
    pub fn new(action: TapeAction) -> Self {
        let (action, speed) = match action {
            TapeAction::Pause => ("pause", None),
            TapeAction::Resume => ("resume", None),
            TapeAction::Step => ("step", None),
            TapeAction::SetSpeed(speed) => ("speed", Some(speed)),
        };
        Self { action, speed }
    }

    /// Reads the body.
    ///
    /// # Errors
    /// [`CommandError`] with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<TapeAction, CommandError> {
        let mut fields = Fields::read(body)?;
        let action = fields.required("action", json_text);
        let speed = fields.optional("speed", |raw| {
            raw.parse::<u32>()
                .map_err(|_not_whole| ("invalid", "must be a whole number".to_owned()))
        });
        let action = match (action.as_deref(), speed) {
            (Some("pause"), None) => Some(TapeAction::Pause),
            (Some("resume"), None) => Some(TapeAction::Resume),
            (Some("step"), None) => Some(TapeAction::Step),
            (Some("speed"), Some(speed)) => Some(TapeAction::SetSpeed(speed)),
            (Some("speed"), None) => {
                fields.wrong("speed", "missing", "is needed for this action");
                None
            }
            (Some("pause" | "resume" | "step"), Some(_)) => {
                fields.wrong("speed", "not_allowed", "only goes with the action speed");
                None
            }
            (Some(_), _) => {
                fields.wrong("action", "invalid", "must be pause, resume, step or speed");
                None
            }
            (None, _) => None,
        };
        fields.finish(action)
    }
}

/// Why one field is wrong: code and detail.
pub(super) type Wrong = (&'static str, String);

pub(super) fn json_text(raw: &str) -> Result<String, Wrong> {
    text_from_json(raw)
        .map(|text| text.into_owned())
        .ok_or_else(|| ("invalid", "must be text".to_owned()))
}

pub(super) fn text<T>(
    parse: fn(&str) -> Result<T, qd_types::ParseError>,
) -> impl Fn(&str) -> Result<T, Wrong> {
    move |raw| parse(&json_text(raw)?).map_err(|err| ("invalid", format!("must be {}", err.reason)))
}

fn word<T>(words: &'static str, parse: fn(&str) -> Option<T>) -> impl Fn(&str) -> Result<T, Wrong> {
    move |raw| parse(&json_text(raw)?).ok_or_else(|| ("invalid", format!("must be {words}")))
}

fn positive<T>(what: &'static str, wrap: fn(Decimal) -> T) -> impl Fn(&str) -> Result<T, Wrong> {
    // As for messages: a trillion is more than anybody trades, and products stay within a decimal.
    let limit = Decimal::from(1_000_000_000_000_i64);
    move |raw| {
        let value = decimal_from_json(what, raw, limit).map_err(|err| {
            (
                "invalid",
                format!("must be a decimal as text: {}", err.reason),
            )
        })?;
        if value.is_sign_negative() || value.is_zero() {
            return Err(("out_of_range", "must be above zero".to_owned()));
        }
        Ok(wrap(value))
    }
}

fn whole_number(raw: &str) -> Result<u64, Wrong> {
    raw.parse()
        .map_err(|_not_whole| ("invalid", "must be a whole number".to_owned()))
}

fn instant(raw: &str) -> Result<UtcMicros, Wrong> {
    when::parse(&json_text(raw)?)
        .map_err(|_unreadable| ("invalid", "must be an RFC 3339 instant".to_owned()))
}

pub(super) fn reason(raw: &str) -> Result<String, Wrong> {
    let text = json_text(raw)?;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON_CHARS {
        let detail = format!("must have 1 to {MAX_REASON_CHARS} characters");
        return Err(("out_of_range", detail));
    }
    Ok(text.to_owned())
}

/// The fields of a body that were not taken yet, and what was wrong with those that were.
pub(super) struct Fields<'a> {
    prefix: &'static str,
    left: BTreeMap<String, &'a RawValue>,
    taken: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, CommandError> {
        if body.len() > MAX_COMMAND_BYTES {
            return Err(CommandError::Malformed {
                detail: format!("more than {MAX_COMMAND_BYTES} bytes"),
                fields: Vec::new(),
            });
        }
        let object: Object<'a> =
            serde_json::from_slice(body).map_err(|err| CommandError::Malformed {
                detail: sample(&err.to_string()),
                fields: Vec::new(),
            })?;
        Ok(Self {
            prefix: "",
            left: object.0,
            taken: Vec::new(),
            errors: Vec::new(),
        })
    }

    fn wrong(&mut self, name: &str, code: &str, detail: impl Into<String>) {
        let name = format!("{}{name}", self.prefix);
        self.errors.push(FieldError::new(name, code, detail));
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let raw = self.left.remove(name)?;
        if raw.get() == "null" {
            return None;
        }
        self.taken.push(name);
        match parse(raw.get()) {
            Ok(value) => Some(value),
            Err((code, detail)) => {
                self.wrong(name, code, detail);
                None
            }
        }
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.optional(name, parse);
        if !self.taken.contains(&name) {
            self.wrong(name, "missing", "is missing");
        }
        value
    }

    /// `price_seen{value, at}`, which is null when its author saw no price.
    fn price_seen(&mut self) -> Option<PriceSeen> {
        let raw = self.left.remove("price_seen")?;
        if raw.get() == "null" {
            return None;
        }
        let Ok(object) = serde_json::from_str::<Object<'_>>(raw.get()) else {
            self.wrong("price_seen", "invalid", "must be {value, at}");
            return None;
        };
        let mut inner = Fields {
            prefix: "price_seen.",
            left: object.0,
            taken: Vec::new(),
            errors: Vec::new(),
        };
        let value = inner.required("value", positive("price", Price::new));
        let at = inner.required("at", instant);
        for name in inner.left.keys() {
            let name = format!("price_seen.{}", sample(name));
            inner
                .errors
                .push(FieldError::new(name, "unknown_field", "is not known"));
        }
        self.errors.append(&mut inner.errors);
        Some(PriceSeen {
            value: value?,
            at: at?,
        })
    }

    /// A price that the order's kind asks for must be there, any other must not.
    fn agree(&mut self, name: &'static str, order_type: OrderType, wanted: bool) {
        let there = self.taken.contains(&name);
        if wanted && !there {
            self.wrong(
                name,
                "missing",
                format!("a {} order needs one", order_type.label()),
            );
        } else if there && !wanted {
            self.wrong(
                name,
                "not_allowed",
                format!("a {} order has none", order_type.label()),
            );
        }
    }

    /// The command, when nothing was wrong and nothing is left.
    pub(super) fn finish<T>(self, command: Option<T>) -> Result<T, CommandError> {
        let (unknown, wrong): (Vec<_>, Vec<_>) = self
            .errors
            .into_iter()
            .partition(|error| error.code == "unknown_field");
        let left = self
            .left
            .keys()
            .map(|name| FieldError::new(sample(name), "unknown_field", "is not known"));
        let unknown: Vec<FieldError> = left.chain(unknown).collect();
        if let Some(first) = unknown.first() {
            return Err(CommandError::Malformed {
                detail: format!("unknown field {:?}", first.name),
                fields: unknown,
            });
        }
        match command {
            Some(command) if wrong.is_empty() => Ok(command),
            _ => Err(CommandError::Fields(wrong)),
        }
    }
}

/// An object's fields, each name once, values as text.
struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if fields.contains_key(&name) {
                        return Err(serde::de::Error::custom(format_args!(
                            "field {:?} twice",
                            sample(&name)
                        )));
                    }
                    fields.insert(name, value);
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}
