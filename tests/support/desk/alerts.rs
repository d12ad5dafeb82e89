//! The alerts of the sample desk.

use qd_state::{Event, RestAnswer, StreamPayload};
use qd_types::{
    Alert, AlertId, AlertSeverity, AlertState, MessageKind, Role, StreamName, UtcMicros,
};

use super::{SampleDesk, message, pos, user, welcome};

impl SampleDesk {
    /// An alert fires, or has changed.
    pub fn publish_alert(&mut self, alert: Alert) {
        self.alert_seq += 1;
        let event = message(
            StreamName::Alerts(user()),
            MessageKind::Event,
            self.alert_seq,
            StreamPayload::AlertChanged(Box::new(alert)),
            self.now,
        );
        self.apply(event);
    }

    /// A number of the alerts is left out, as when a message is lost.
    pub fn lose_alerts(&mut self, alert: Alert) {
        self.alert_seq += 1;
        self.publish_alert(alert);
    }

    /// The log is read again: these are its last entries.
    pub fn resend_alerts(&mut self, alerts: impl IntoIterator<Item = Alert>) {
        let alerts: Vec<Alert> = alerts.into_iter().collect();
        self.alert_seq -= alerts.len() as u64;
        for alert in alerts {
            self.publish_alert(alert);
        }
        self.beat();
    }

    /// A console that has just begun: up, with these alerts in the first answer, and proven.
    pub fn come_live_with(&mut self, role: Role, alerts: Vec<Alert>) {
        self.apply(Event::SocketOpened);
        self.apply(Event::SessionWelcomed(welcome(role, self.now)));
        self.apply(Event::RestLoaded(RestAnswer::Alerts {
            pos: Some(pos(self.alert_seq)),
            alerts,
        }));
        self.beat();
    }
}

/// An alert of the margin limit.
pub fn alert(alert_id: &str, severity: AlertSeverity, state: AlertState, at: UtcMicros) -> Alert {
    Alert {
        alert_id: AlertId::new(alert_id).unwrap(),
        rule: "limit_margin".to_owned(),
        severity,
        title: "PAPER-1 uses 80 % of its margin or more".to_owned(),
        detail: "240000 of 298000 usd".to_owned(),
        at,
        state,
        by: None,
    }
}
