//! The subscribing side of either store, as the hub sees it: messages in, subscribe and unsubscribe out.
//! It keeps nothing and repeats nothing: what a lost connection means is the hub's to know.

use std::sync::Arc;

use bytes::Bytes;

use crate::bus::{Bus, Store};
use crate::embedded::{Inbox, InboxItem};
use crate::error::BusError;
use crate::redis_subscriber::{RedisCommands, RedisSubscriber};

/// A subscribing connection.
pub(crate) enum Subscriber {
    Embedded(Arc<Inbox>),
    Redis(RedisSubscriber),
}

/// What comes out of one.
pub(crate) enum SubscriberItem {
    /// Channel and message.
    Message(String, Bytes),
    /// Messages were lost although the connection stands.
    Overflowed,
    /// It is over.
    Closed,
}

impl Subscriber {
    pub(crate) async fn open(bus: &Bus) -> Result<Self, BusError> {
        match &bus.inner.store {
            Store::Embedded(store) => Ok(Self::Embedded(store.open_inbox())),
            Store::Redis(store) => store.open_subscriber().await.map(Self::Redis),
        }
    }

    /// Whether silence may mean that it is dead.
    pub(crate) fn needs_pings(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// The next item. Cancel-safe.
    pub(crate) async fn next(&mut self) -> SubscriberItem {
        match self {
            Self::Embedded(inbox) => match inbox.next().await {
                InboxItem::Message(channel, bytes) => SubscriberItem::Message(channel, bytes),
                InboxItem::Overflowed => SubscriberItem::Overflowed,
            },
            Self::Redis(subscriber) => match subscriber.next().await {
                Some((channel, bytes)) => SubscriberItem::Message(channel, bytes),
                None => SubscriberItem::Closed,
            },
        }
    }

    /// A handle for commands, which run beside the messages.
    pub(crate) fn commands(&self) -> Commands {
        match self {
            Self::Embedded(inbox) => Commands::Embedded(Arc::clone(inbox)),
            Self::Redis(subscriber) => Commands::Redis(subscriber.commands()),
        }
    }
}

/// Commands on a subscribing connection; each returns when the server has acknowledged it.
pub(crate) enum Commands {
    Embedded(Arc<Inbox>),
    Redis(RedisCommands),
}

impl Commands {
    pub(crate) async fn subscribe(&mut self, channels: &[String]) -> Result<(), String> {
        match self {
            Self::Embedded(inbox) => {
                inbox.subscribe(channels.iter().cloned());
                Ok(())
            }
            Self::Redis(commands) => commands.subscribe(channels).await,
        }
    }

    pub(crate) async fn unsubscribe(&mut self, channels: &[String]) -> Result<(), String> {
        match self {
            Self::Embedded(inbox) => {
                inbox.unsubscribe(channels);
                Ok(())
            }
            Self::Redis(commands) => commands.unsubscribe(channels).await,
        }
    }

    pub(crate) async fn ping(&mut self) -> Result<(), String> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Redis(commands) => commands.ping().await,
        }
    }
}
