//! Rows: positions, orders, fills, halts, breakers and alerts, written in full and read leniently.
//!
//! What another producer leaves out gets the value said here, in one place. Nothing here knows which stream a row came by.

use std::borrow::Cow;
use std::fmt;

use qd_types::{
    AccountId, Alert, AlertId, AlertSeverity, AlertState, Breaker, BreakerState, ClientOrderId,
    Fill, FillId, HaltScope, HaltState, HaltStatus, Money, Order, OrderStatus, OrderType,
    ParseError, Position, PositionKey, Price, Qty, Ratio, ScopedHalt, Side, StrategyId, Symbol,
    TimeInForce, UserId, UtcMicros, VenueOrderId,
};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::ser::{SerializeStruct as _, Serializer};

use super::{Codec, Ser};

/// The account of a row that names none.
const UNNAMED_ACCOUNT: &str = "default";

/// The strategy of a row that names none.
const UNNAMED_STRATEGY: &str = "manual";

/// The source of an order that names none.
const UNNAMED_SOURCE: &str = "unknown";

/// Text that stays borrowed from the message when it holds no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// The last account and strategy read: rows of a message mostly share them, so they share the allocation too.
#[derive(Default)]
pub(crate) struct Names {
    account: Option<AccountId>,
    strategy: Option<StrategyId>,
}

impl Names {
    /// The account of a row, or the one of rows that name none.
    pub(crate) fn account(&mut self, text: Option<&Text<'_>>) -> Result<AccountId, ParseError> {
        let text = text.map_or(UNNAMED_ACCOUNT, |text| text.0.as_ref());
        match &self.account {
            Some(last) if last.as_str() == text => Ok(last.clone()),
            _ => Ok(self.account.insert(AccountId::new(text)?).clone()),
        }
    }

    fn strategy(&mut self, text: Option<&Text<'_>>) -> Result<StrategyId, ParseError> {
        let text = text.map_or(UNNAMED_STRATEGY, |text| text.0.as_ref());
        match &self.strategy {
            Some(last) if last.as_str() == text => Ok(last.clone()),
            _ => Ok(self.strategy.insert(StrategyId::new(text)?).clone()),
        }
    }
}

/// A row of the positions grid as it comes by the wire.
#[derive(Deserialize)]
pub(crate) struct PositionWire<'a> {
    #[serde(borrow, default)]
    account: Option<Text<'a>>,
    #[serde(borrow, default)]
    strategy: Option<Text<'a>>,
    #[serde(with = "crate::codec")]
    symbol: Symbol,
    #[serde(with = "crate::codec")]
    qty: Qty,
    #[serde(default, with = "crate::codec")]
    avg_entry_price: Option<Price>,
    #[serde(default, with = "crate::codec")]
    current_price: Option<Price>,
    #[serde(default, with = "crate::codec")]
    price_at: Option<UtcMicros>,
    #[serde(default, with = "crate::codec")]
    unrealized_pl: Option<Money>,
    #[serde(default, with = "crate::codec")]
    unrealized_plpc: Option<Ratio>,
    #[serde(default, with = "crate::codec")]
    market_value: Option<Money>,
    #[serde(default, with = "crate::codec")]
    realized_pl_today: Option<Money>,
    #[serde(default, with = "crate::codec")]
    updated_at: Option<UtcMicros>,
}

impl PositionWire<'_> {
    /// The row; `made_at` stands in where it does not say when it changed. Figures left out are made by the house formula.
    pub(crate) fn into_position(
        self,
        names: &mut Names,
        made_at: UtcMicros,
    ) -> Result<Position, ParseError> {
        let mut position = Position {
            account: names.account(self.account.as_ref())?,
            strategy: names.strategy(self.strategy.as_ref())?,
            symbol: self.symbol,
            qty: self.qty,
            avg_entry_price: self.avg_entry_price.unwrap_or_default(),
            current_price: None,
            price_at: self.price_at,
            unrealized_pl: Money::ZERO,
            unrealized_plpc: None,
            market_value: Money::ZERO,
            realized_pl_today: self.realized_pl_today.unwrap_or_default(),
            updated_at: self.updated_at.or(self.price_at).unwrap_or(made_at),
        };
        if let Some(price) = self.current_price {
            let complete = self.unrealized_pl.is_some() && self.market_value.is_some();
            if complete {
                position.current_price = Some(price);
            } else {
                // Without the entry there is no profit to speak of; marking it against zero would invent one.
                let entry_known = self.avg_entry_price.is_some();
                position.mark(price, self.price_at.unwrap_or(made_at));
                if !entry_known {
                    position.unrealized_pl = Money::ZERO;
                    position.unrealized_plpc = None;
                }
                position.price_at = self.price_at;
            }
        }
        if let Some(unrealized_pl) = self.unrealized_pl {
            position.unrealized_pl = unrealized_pl;
        }
        if let Some(market_value) = self.market_value {
            position.market_value = market_value;
        }
        if self.unrealized_plpc.is_some() || self.unrealized_pl.is_some() {
            position.unrealized_plpc = self.unrealized_plpc;
        }
        Ok(position)
    }
}

impl Codec for Position {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Position", 12)?;
        row.serialize_field("account", &Ser(&self.account))?;
        row.serialize_field("strategy", &Ser(&self.strategy))?;
        row.serialize_field("symbol", &Ser(&self.symbol))?;
        row.serialize_field("qty", &Ser(&self.qty))?;
        row.serialize_field("avg_entry_price", &Ser(&self.avg_entry_price))?;
        row.serialize_field("current_price", &Ser(&self.current_price))?;
        row.serialize_field("price_at", &Ser(&self.price_at))?;
        row.serialize_field("unrealized_pl", &Ser(&self.unrealized_pl))?;
        row.serialize_field("unrealized_plpc", &Ser(&self.unrealized_plpc))?;
        row.serialize_field("market_value", &Ser(&self.market_value))?;
        row.serialize_field("realized_pl_today", &Ser(&self.realized_pl_today))?;
        row.serialize_field("updated_at", &Ser(&self.updated_at))?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PositionWire::deserialize(deserializer)?
            .into_position(&mut Names::default(), UtcMicros(0))
            .map_err(D::Error::custom)
    }
}

impl Codec for PositionKey {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("PositionKey", 3)?;
        row.serialize_field("account", &Ser(&self.account))?;
        row.serialize_field("strategy", &Ser(&self.strategy))?;
        row.serialize_field("symbol", &Ser(&self.symbol))?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct KeyWire<'a> {
            #[serde(borrow, default)]
            account: Option<Text<'a>>,
            #[serde(borrow, default)]
            strategy: Option<Text<'a>>,
            #[serde(with = "crate::codec")]
            symbol: Symbol,
        }

        let wire = KeyWire::deserialize(deserializer)?;
        let mut names = Names::default();
        Ok(Self {
            account: names
                .account(wire.account.as_ref())
                .map_err(D::Error::custom)?,
            strategy: names
                .strategy(wire.strategy.as_ref())
                .map_err(D::Error::custom)?,
            symbol: wire.symbol,
        })
    }
}

/// An order as it comes by the wire.
#[derive(Deserialize)]
pub(crate) struct OrderWire<'a> {
    #[serde(borrow, default)]
    account: Option<Text<'a>>,
    #[serde(borrow, default)]
    strategy: Option<Text<'a>>,
    #[serde(with = "crate::codec")]
    client_order_id: ClientOrderId,
    #[serde(default, with = "crate::codec")]
    venue_order_id: Option<VenueOrderId>,
    #[serde(with = "crate::codec")]
    symbol: Symbol,
    #[serde(with = "crate::codec")]
    side: Side,
    #[serde(with = "crate::codec")]
    qty: Qty,
    #[serde(default, with = "crate::codec")]
    filled_qty: Option<Qty>,
    #[serde(default, with = "crate::codec")]
    filled_avg_price: Option<Price>,
    #[serde(rename = "type", default, with = "crate::codec")]
    order_type: Option<OrderType>,
    #[serde(default, with = "crate::codec")]
    limit_price: Option<Price>,
    #[serde(default, with = "crate::codec")]
    stop_price: Option<Price>,
    #[serde(default, with = "crate::codec")]
    time_in_force: Option<TimeInForce>,
    #[serde(with = "crate::codec")]
    status: OrderStatus,
    #[serde(default, with = "crate::codec")]
    status_since: Option<UtcMicros>,
    #[serde(default)]
    reason_code: Option<String>,
    #[serde(default, with = "crate::codec")]
    created_at: Option<UtcMicros>,
    #[serde(default, with = "crate::codec")]
    updated_at: Option<UtcMicros>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default, with = "crate::codec")]
    parent_id: Option<ClientOrderId>,
}

impl OrderWire<'_> {
    /// The order; `made_at` stands in for instants left out, and the kind follows from the prices that are there.
    pub(crate) fn into_order(
        self,
        names: &mut Names,
        made_at: UtcMicros,
    ) -> Result<Order, ParseError> {
        let updated_at = self.updated_at.or(self.status_since).unwrap_or(made_at);
        let order_type = match (self.order_type, self.limit_price, self.stop_price) {
            (Some(order_type), _, _) => order_type,
            (None, None, None) => OrderType::Market,
            (None, Some(_), None) => OrderType::Limit,
            (None, None, Some(_)) => OrderType::Stop,
            (None, Some(_), Some(_)) => OrderType::StopLimit,
        };
        Ok(Order {
            account: names.account(self.account.as_ref())?,
            strategy: names.strategy(self.strategy.as_ref())?,
            client_order_id: self.client_order_id,
            venue_order_id: self.venue_order_id,
            symbol: self.symbol,
            side: self.side,
            qty: self.qty,
            filled_qty: self.filled_qty.unwrap_or_default(),
            filled_avg_price: self.filled_avg_price,
            order_type,
            limit_price: self.limit_price,
            stop_price: self.stop_price,
            time_in_force: self.time_in_force.unwrap_or(TimeInForce::Day),
            status: self.status,
            status_since: self.status_since.unwrap_or(updated_at),
            reason_code: self.reason_code,
            created_at: self.created_at.unwrap_or(updated_at),
            updated_at,
            source: self.source.unwrap_or_else(|| UNNAMED_SOURCE.to_owned()),
            parent_id: self.parent_id,
        })
    }
}

impl Codec for Order {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Order", 20)?;
        row.serialize_field("account", &Ser(&self.account))?;
        row.serialize_field("strategy", &Ser(&self.strategy))?;
        row.serialize_field("client_order_id", &Ser(&self.client_order_id))?;
        row.serialize_field("venue_order_id", &Ser(&self.venue_order_id))?;
        row.serialize_field("symbol", &Ser(&self.symbol))?;
        row.serialize_field("side", &Ser(&self.side))?;
        row.serialize_field("qty", &Ser(&self.qty))?;
        row.serialize_field("filled_qty", &Ser(&self.filled_qty))?;
        row.serialize_field("filled_avg_price", &Ser(&self.filled_avg_price))?;
        row.serialize_field("type", &Ser(&self.order_type))?;
        row.serialize_field("limit_price", &Ser(&self.limit_price))?;
        row.serialize_field("stop_price", &Ser(&self.stop_price))?;
        row.serialize_field("time_in_force", &Ser(&self.time_in_force))?;
        row.serialize_field("status", &Ser(&self.status))?;
        row.serialize_field("status_since", &Ser(&self.status_since))?;
        row.serialize_field("reason_code", &self.reason_code)?;
        row.serialize_field("created_at", &Ser(&self.created_at))?;
        row.serialize_field("updated_at", &Ser(&self.updated_at))?;
        row.serialize_field("source", &self.source)?;
        row.serialize_field("parent_id", &Ser(&self.parent_id))?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        OrderWire::deserialize(deserializer)?
            .into_order(&mut Names::default(), UtcMicros(0))
            .map_err(D::Error::custom)
    }
}

/// An execution as it comes by the wire.
#[derive(Deserialize)]
pub(crate) struct FillWire {
    #[serde(with = "crate::codec")]
    fill_id: FillId,
    #[serde(with = "crate::codec")]
    qty: Qty,
    #[serde(with = "crate::codec")]
    price: Price,
    #[serde(default, with = "crate::codec")]
    at: Option<UtcMicros>,
    #[serde(default, with = "crate::codec")]
    realized_pl: Option<Money>,
}

impl FillWire {
    /// The execution; `made_at` stands in where it does not say when it traded.
    pub(crate) fn into_fill(self, made_at: UtcMicros) -> Fill {
        Fill {
            fill_id: self.fill_id,
            qty: self.qty,
            price: self.price,
            at: self.at.unwrap_or(made_at),
            realized_pl: self.realized_pl.unwrap_or_default(),
        }
    }
}

impl Codec for Fill {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Fill", 5)?;
        row.serialize_field("fill_id", &Ser(&self.fill_id))?;
        row.serialize_field("qty", &Ser(&self.qty))?;
        row.serialize_field("price", &Ser(&self.price))?;
        row.serialize_field("at", &Ser(&self.at))?;
        row.serialize_field("realized_pl", &Ser(&self.realized_pl))?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FillWire::deserialize(deserializer).map(|wire| wire.into_fill(UtcMicros(0)))
    }
}

/// The halt machine's word as it comes by the wire.
#[derive(Deserialize)]
pub(crate) struct HaltWire<'a> {
    /// An unknown word is read as [`HaltState::Unknown`], never as leave to trade.
    #[serde(borrow)]
    pub(crate) state: Text<'a>,
    #[serde(default, with = "crate::codec")]
    pub(crate) scopes: Option<Vec<ScopedHalt>>,
    #[serde(default)]
    pub(crate) halt_epoch: Option<u64>,
    #[serde(borrow, default)]
    pub(crate) by: Option<Text<'a>>,
    #[serde(default, with = "crate::codec")]
    pub(crate) at: Option<UtcMicros>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

impl HaltWire<'_> {
    /// The status. A name that is no user id (another producer's) is left out: the state matters more than its author.
    pub(crate) fn into_halt(self) -> HaltStatus {
        HaltStatus {
            state: HaltState::parse(&self.state.0).unwrap_or(HaltState::Unknown),
            scopes: self.scopes.unwrap_or_default(),
            halt_epoch: self.halt_epoch.unwrap_or_default(),
            by: self.by.and_then(|by| UserId::new(&by.0).ok()),
            at: self.at,
            reason: self.reason,
        }
    }
}

impl Codec for ScopedHalt {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("ScopedHalt", 2)?;
        row.serialize_field("scope", &Ser(&self.scope))?;
        row.serialize_field("state", &Ser(&self.state))?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct ScopedHaltWire<'a> {
            #[serde(with = "crate::codec")]
            scope: HaltScope,
            #[serde(borrow)]
            state: Text<'a>,
        }

        let wire = ScopedHaltWire::deserialize(deserializer)?;
        Ok(Self {
            scope: wire.scope,
            state: HaltState::parse(&wire.state.0).unwrap_or(HaltState::Unknown),
        })
    }
}

impl Codec for HaltStatus {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("HaltStatus", 6)?;
        row.serialize_field("state", &Ser(&self.state))?;
        row.serialize_field("scopes", &Ser(&self.scopes))?;
        row.serialize_field("halt_epoch", &self.halt_epoch)?;
        row.serialize_field("by", &Ser(&self.by))?;
        row.serialize_field("at", &Ser(&self.at))?;
        row.serialize_field("reason", &self.reason)?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HaltWire::deserialize(deserializer).map(HaltWire::into_halt)
    }
}

/// A circuit breaker as it comes by the wire.
#[derive(Deserialize)]
pub(crate) struct BreakerWire<'a> {
    pub(crate) name: String,
    #[serde(with = "crate::codec")]
    pub(crate) state: BreakerState,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default, with = "crate::codec")]
    pub(crate) at: Option<UtcMicros>,
    #[serde(borrow, default)]
    pub(crate) by: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) trip_count_today: Option<u32>,
}

impl BreakerWire<'_> {
    /// The breaker. A name that is no user id (another producer's) is left out.
    pub(crate) fn into_breaker(self) -> Result<Breaker, ParseError> {
        if self.name.is_empty() || self.name.len() > 64 {
            return Err(ParseError::new("breaker name", &self.name, "1 to 64 bytes"));
        }
        Ok(Breaker {
            name: self.name,
            state: self.state,
            reason: self.reason,
            at: self.at,
            by: self.by.and_then(|by| UserId::new(&by.0).ok()),
            trip_count_today: self.trip_count_today.unwrap_or_default(),
        })
    }
}

impl Codec for Breaker {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Breaker", 6)?;
        row.serialize_field("name", &self.name)?;
        row.serialize_field("state", &Ser(&self.state))?;
        row.serialize_field("reason", &self.reason)?;
        row.serialize_field("at", &Ser(&self.at))?;
        row.serialize_field("by", &Ser(&self.by))?;
        row.serialize_field("trip_count_today", &self.trip_count_today)?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BreakerWire::deserialize(deserializer)?
            .into_breaker()
            .map_err(D::Error::custom)
    }
}

/// An alert as it comes by the wire.
#[derive(Deserialize)]
pub(crate) struct AlertWire<'a> {
    #[serde(with = "crate::codec")]
    pub(crate) alert_id: AlertId,
    pub(crate) rule: String,
    #[serde(default, with = "crate::codec")]
    pub(crate) severity: Option<AlertSeverity>,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) detail: Option<String>,
    #[serde(default, with = "crate::codec")]
    pub(crate) at: Option<UtcMicros>,
    #[serde(with = "crate::codec")]
    pub(crate) state: AlertState,
    #[serde(borrow, default)]
    pub(crate) by: Option<Text<'a>>,
}

impl AlertWire<'_> {
    /// The alert; one without a severity wants a look, and `made_at` stands in for an instant left out.
    pub(crate) fn into_alert(self, made_at: UtcMicros) -> Alert {
        Alert {
            alert_id: self.alert_id,
            rule: self.rule,
            severity: self.severity.unwrap_or(AlertSeverity::Warning),
            title: self.title,
            detail: self.detail.unwrap_or_default(),
            at: self.at.unwrap_or(made_at),
            state: self.state,
            by: self.by.and_then(|by| UserId::new(&by.0).ok()),
        }
    }
}

impl Codec for Alert {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Alert", 8)?;
        row.serialize_field("alert_id", &Ser(&self.alert_id))?;
        row.serialize_field("rule", &self.rule)?;
        row.serialize_field("severity", &Ser(&self.severity))?;
        row.serialize_field("title", &self.title)?;
        row.serialize_field("detail", &self.detail)?;
        row.serialize_field("at", &Ser(&self.at))?;
        row.serialize_field("state", &Ser(&self.state))?;
        row.serialize_field("by", &Ser(&self.by))?;
        row.end()
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AlertWire::deserialize(deserializer).map(|wire| wire.into_alert(UtcMicros(0)))
    }
}
