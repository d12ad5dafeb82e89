//! One channel of the world: its log in the store, what is on the wire, and the hub's core at the far end.

use std::collections::VecDeque;

use bytes::Bytes;
use qd_bus::{AppendOutcome, AppendRequest, HubAction, HubChannelCore, LogPage, StreamLog};
use qd_types::{Epoch, MessageKind, Seq, StreamClass, StreamName, StreamPos, UtcMicros};
use qd_wire::head::{Body, Head, read_head, write_message};
use serde_json::{Value, json};

pub fn body(value: &Value) -> Body {
    Body::from_bytes(value.to_string().as_bytes()).unwrap()
}

pub fn append(channel: &mut Channel, request: &AppendRequest) -> AppendOutcome {
    let outcome = channel.log.append(request);
    if outcome == AppendOutcome::Appended {
        channel.publish(&request.bytes);
    }
    outcome
}

pub struct Channel {
    pub stream: StreamName,
    pub log: StreamLog,
    pub backup: StreamLog,
    pub wire: VecDeque<Bytes>,
    pub core: HubChannelCore,
    pub subscribed: bool,
    pub reads: VecDeque<(u64, Option<StreamPos>)>,
    /// Answers on their way: messages may overtake them.
    pub pages: VecDeque<(u64, LogPage)>,
    pub num_usurpers: u64,
    pub retry_at: UtcMicros,
    pub routed: Vec<(Head, Bytes)>,
    pub num_unnumbered: usize,
}

impl Channel {
    pub fn new(stream: StreamName) -> Self {
        Self {
            log: StreamLog::new(stream.class()),
            backup: StreamLog::new(stream.class()),
            wire: VecDeque::new(),
            core: HubChannelCore::new(stream.clone()),
            subscribed: false,
            reads: VecDeque::new(),
            pages: VecDeque::new(),
            num_usurpers: 0,
            retry_at: UtcMicros(0),
            routed: Vec::new(),
            num_unnumbered: 0,
            stream,
        }
    }

    pub fn perform(&mut self, actions: Vec<HubAction>) {
        for action in actions {
            match action {
                HubAction::ReadLog { read_id, after } => self.reads.push_back((read_id, after)),
                HubAction::Route {
                    head: Some(head),
                    bytes,
                } => self.routed.push((head, bytes)),
                HubAction::Route { head: None, .. } => self.num_unnumbered += 1,
            }
        }
        assert!(self.core.counts().adds_up(), "{:?}", self.core.counts());
    }

    pub fn publish(&mut self, bytes: &Bytes) {
        if self.subscribed {
            self.wire.push_back(bytes.clone());
        }
    }

    pub fn deliver(&mut self) -> bool {
        let Some(bytes) = self.wire.pop_front() else {
            return false;
        };
        match read_head(&bytes) {
            Ok(head) => {
                let actions = self.core.on_message(head, bytes);
                self.perform(actions);
            }
            Err(_) => self.core.on_unreadable(),
        }
        true
    }

    pub fn disconnect(&mut self) {
        self.subscribed = false;
        self.wire.clear();
        self.reads.clear();
        self.pages.clear();
        self.core.on_disconnected();
        assert!(self.core.counts().adds_up());
    }

    pub fn acknowledge(&mut self) {
        if !self.subscribed {
            self.subscribed = true;
            let actions = self.core.on_subscribed();
            self.perform(actions);
        }
    }

    pub fn read(&mut self, fine: bool) -> bool {
        let Some((read_id, after)) = self.reads.pop_front() else {
            return false;
        };
        if fine {
            // Small pages, so that reads of several pages meet everything else.
            let page = self.log.read(after.as_ref(), 7, 1500);
            self.pages.push_back((read_id, page));
        } else {
            self.core.on_log_failed(read_id);
        }
        true
    }

    pub fn arrive(&mut self) -> bool {
        let Some((read_id, page)) = self.pages.pop_front() else {
            return false;
        };
        let actions = self.core.on_log_page(read_id, page);
        self.perform(actions);
        true
    }

    pub fn usurp(&mut self) {
        self.num_usurpers += 1;
        let kind = match self.stream.class() {
            StreamClass::State => MessageKind::Snapshot,
            StreamClass::Event => MessageKind::Event,
        };
        let head = Head {
            stream: self.stream.clone(),
            epoch: Epoch::new(&format!("usurper{}", self.num_usurpers)).unwrap(),
            seq: Seq(1),
            base_seq: None,
            kind,
            made_at: UtcMicros(1),
            published_at: UtcMicros(1),
        };
        let bytes = write_message(&head, &body(&json!({ "rows": {}, "n": 1 })));
        let request = AppendRequest {
            stream: self.stream.clone(),
            expected: None,
            head,
            bytes: Bytes::from(bytes),
            reset: true,
        };
        append(self, &request);
    }

    pub fn retry(&mut self, now: UtcMicros) {
        if now >= self.retry_at {
            self.retry_at = now.plus_millis(250);
            let actions = self.core.retry();
            self.perform(actions);
        }
    }

    pub fn check(&mut self) {
        let holds = self.log.position();
        let actions = self.core.on_store_position(holds.as_ref());
        self.perform(actions);
    }
}
