//! A gateway that does what a test says: HTTP answers by path, and sockets that the test drives frame by frame.
//!
//! It keeps no rules of its own; the real gateway is tested elsewhere. One connection per request, loopback only.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use qd_feed::{Feed, FeedConfig, FeedHandle, FeedSource, GatewaySource, Rt, SignIn};
use qd_state::{Snapshot, SnapshotCell, Store, StoreConfig};
use qd_types::{
    AccountId, Environment, Epoch, ExactBootstrap as _, MessageKind, Seq, StreamName, StreamPos,
    UserId, UtcMicros,
};
use qd_wire::frame::{ClientFrame, ServerInfo, SessionInfo, SocketLimits, Welcome};
use qd_wire::{Body, Head};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
