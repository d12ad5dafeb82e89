//! Frames in both directions: golden, read back, and payloads passed through untouched.

use qd_types::{AccountId, Environment, MessageKind, Permission, Role, StreamName};
use qd_wire::frame::{
    ClientFrame, ClientInfo, ClientStats, HopStats, ServedApp, ServerFrame, ServerInfo,
    SessionInfo, SocketLimits, Welcome, batch_frame, beat_frame, bye_frame, clock_frame,
    degraded_frame, gone_frame, msg_frame, snapshot_frame, unnumbered_frame, welcome_frame,
};
use qd_wire::message::{breakers_body, halt_body, order_body, positions_snapshot_body};
use qd_wire::{RawJson, WireError, write_message};

use crate::golden;
use crate::samples as s;

fn positions() -> StreamName {
    StreamName::Positions(s::user())
}

pub(crate) fn session() -> SessionInfo {
    SessionInfo {
        user_id: s::user(),
        name: "Alice \"Al\" Ames".to_owned(),
        roles: vec![Role::Trader],
        permissions: vec![Permission::PositionsView, Permission::OrdersPlace],
        accounts: vec![AccountId::new("main").unwrap()],
        idle_at: s::moment(900_000),
        absolute_at: s::moment(43_200_000),
        csrf: "c3JmLXRva2Vu".to_owned(),
    }
}

pub(crate) fn server() -> ServerInfo {
    ServerInfo {
        version: "0.1.0".to_owned(),
        node: "gw-1".to_owned(),
        time: s::moment(0),
        app: Some(ServedApp {
            build: "5b1c33f0".to_owned(),
            auto_reload: false,
        }),
    }
}

fn raw(bytes: &[u8]) -> RawJson {
    RawJson::from_bytes(bytes).unwrap()
}

#[track_caller]
fn check(name: &str, text: &str, frame: &ServerFrame) {
    golden::assert_written(name, text.as_bytes());
    assert_eq!(ServerFrame::decode(text).as_ref(), Ok(frame), "{name}");
}

#[test]
fn welcome() {
    let welcome = Welcome {
        session: session(),
        environment: Environment::Paper,
        server: server(),
        limits: SocketLimits::default(),
    };
    let text = welcome_frame(&welcome);
    check(
        "frame_welcome.json",
        &text,
        &ServerFrame::Welcome(Box::new(welcome)),
    );
}

#[test]
fn a_newer_server_may_have_words_and_roles_that_we_do_not_know() {
    let text = golden::read("frame_welcome.json")
        .replacen(r#""orders.place""#, r#""orders.place", "moon.fly""#, 1)
        .replacen(r#""trader""#, r#""pilot", "trader""#, 1);
    let Ok(ServerFrame::Welcome(welcome)) = ServerFrame::decode(&text) else {
        panic!("a welcome");
    };
    assert_eq!(welcome.session, session());
}

#[test]
fn snapshot() {
    let head = s::head(positions(), MessageKind::Snapshot, 18_402);
    let message = write_message(&head, &positions_snapshot_body(&s::totals(), &[]));
    let frame = |skipped| ServerFrame::Snapshot {
        stream: positions(),
        epoch: s::epoch(),
        seq: head.seq,
        skipped,
        routed_at: s::moment(207),
        d: raw(&message),
    };
    let text = snapshot_frame(&head, Some(31), s::moment(207), &message);
    check("frame_snapshot.json", &text, &frame(Some(31)));
    let text = snapshot_frame(&head, Some(0), s::moment(207), &message);
    assert!(!text.contains("skipped"), "nothing skipped is not said");
    assert_eq!(ServerFrame::decode(&text), Ok(frame(None)));
}

#[test]
fn batch() {
    let messages: Vec<Vec<u8>> = [5, 6]
        .into_iter()
        .map(|seq| {
            let head = s::head(StreamName::CircuitBreakers, MessageKind::Snapshot, seq);
            write_message(&head, &breakers_body(&s::breakers()))
        })
        .collect();
    let text = batch_frame(&StreamName::CircuitBreakers, s::moment(207), &messages);
    let frame = |messages: &[Vec<u8>]| ServerFrame::Batch {
        stream: StreamName::CircuitBreakers,
        routed_at: s::moment(207),
        msgs: messages.iter().map(|bytes| raw(bytes)).collect(),
    };
    check("frame_batch.json", &text, &frame(&messages));
    for message in &messages {
        assert!(
            text.contains(std::str::from_utf8(message).unwrap()),
            "passed through as it is"
        );
    }
    let empty = batch_frame::<Vec<u8>>(&StreamName::CircuitBreakers, s::moment(207), &[]);
    assert_eq!(ServerFrame::decode(&empty), Ok(frame(&[])));
}

#[test]
fn one_message_with_and_without_a_number() {
    let stream = StreamName::Orders(s::user());
    let head = s::head(stream.clone(), MessageKind::Event, 9_117);
    let message = write_message(&head, &order_body(&s::order(), Some(&s::fill())));
    check(
        "frame_msg.json",
        &msg_frame(&stream, s::moment(207), &message),
        &ServerFrame::Msg {
            stream: Some(stream),
            unnumbered: false,
            routed_at: s::moment(207),
            d: raw(&message),
        },
    );
    let foreign = br#"{ "state":"ENGAGED" }"#;
    let text = unnumbered_frame(&StreamName::KillSwitch, s::moment(207), foreign);
    assert!(text.ends_with(r#""d":{ "state":"ENGAGED" }}"#), "{text}");
    check(
        "frame_msg_unnumbered.json",
        &unnumbered_frame(
            &StreamName::KillSwitch,
            s::moment(207),
            br#"{"state":"ENGAGED"}"#,
        ),
        &ServerFrame::Msg {
            stream: Some(StreamName::KillSwitch),
            unnumbered: true,
            routed_at: s::moment(207),
            d: raw(br#"{"state":"ENGAGED"}"#),
        },
    );
    // As the specification has it, without the stream beside the message.
    let head = s::head(StreamName::KillSwitch, MessageKind::Snapshot, 3);
    let message = String::from_utf8(write_message(&head, &halt_body(&s::halt()))).unwrap();
    let text = format!(r#"{{"t":"msg","routed_at":"2026-11-20T14:38:16Z","d":{message}}}"#);
    assert!(matches!(
        ServerFrame::decode(&text),
        Ok(ServerFrame::Msg {
            stream: None,
            unnumbered: false,
            ..
        })
    ));
}

#[test]
fn control_frames() {
    check(
        "frame_gone.json",
        &gone_frame(&StreamName::Orders(s::user()), &s::pos(8_117)),
        &ServerFrame::Gone {
            stream: StreamName::Orders(s::user()),
            pos: s::pos(8_117),
        },
    );
    let places = vec![
        (positions(), s::pos(18_402)),
        (StreamName::KillSwitch, s::pos(3)),
    ];
    check(
        "frame_beat.json",
        &beat_frame(&places, s::moment(5_000)),
        &ServerFrame::Beat {
            streams: places,
            at: s::moment(5_000),
        },
    );
    assert!(matches!(
        ServerFrame::decode(&beat_frame(&[], s::moment(0))),
        Ok(ServerFrame::Beat { streams, .. }) if streams.is_empty()
    ));
    check(
        "frame_clock.json",
        &clock_frame(s::moment(0), s::moment(2), s::moment(3)),
        &ServerFrame::Clock {
            t0: s::moment(0),
            t1: s::moment(2),
            t2: s::moment(3),
        },
    );
    check(
        "frame_degraded.json",
        &degraded_frame("bus", Some(s::moment(0))),
        &ServerFrame::Degraded {
            what: "bus".to_owned(),
            since: Some(s::moment(0)),
        },
    );
    check(
        "frame_bye.json",
        &bye_frame("restarting", Some(1_500)),
        &ServerFrame::Bye {
            reason: "restarting".to_owned(),
            retry_after_ms: Some(1_500),
        },
    );
}

#[test]
fn frames_of_the_console() {
    let frames = [
        (
            "client_hello.json",
            ClientFrame::Hello {
                resume: vec![(positions(), s::pos(18_402))],
                want: vec![
                    positions(),
                    StreamName::Orders(s::user()),
                    StreamName::KillSwitch,
                ],
                client: ClientInfo {
                    kind: "web".to_owned(),
                    version: "0.1.0".to_owned(),
                },
            },
        ),
        (
            "client_resync.json",
            ClientFrame::Resync {
                stream: StreamName::Orders(s::user()),
                pos: s::pos(9_117),
            },
        ),
        ("client_visible.json", ClientFrame::Visible { on: false }),
        ("client_active.json", ClientFrame::Active),
        ("client_clock.json", ClientFrame::Clock { t0: s::moment(0) }),
        (
            "client_stats.json",
            ClientFrame::Stats(ClientStats {
                hops: vec![HopStats {
                    stream: positions(),
                    hop: "published_to_painted".to_owned(),
                    p50_ms: 3.1,
                    p99_ms: 9.8,
                    error_ms: 0.5,
                }],
                dropped: 0,
                skipped: 2,
                gaps: 1,
                resyncs: 1,
                frame_ms_p99: 1.9,
            }),
        ),
    ];
    for (name, frame) in frames {
        let text = frame.encode();
        golden::assert_written(name, text.as_bytes());
        assert_eq!(ClientFrame::decode(&text), Ok(frame), "{name}");
    }
}

#[test]
fn a_statistic_without_samples_is_sent_as_zero() {
    let stats = ClientStats {
        frame_ms_p99: f64::NAN,
        ..Default::default()
    };
    let text = ClientFrame::Stats(stats).encode();
    assert_eq!(
        ClientFrame::decode(&text),
        Ok(ClientFrame::Stats(ClientStats::default())),
        "{text}"
    );
}

#[test]
fn a_gateway_believes_no_frame() {
    for (text, what) in [
        ("", "nothing"),
        ("[]", "no object"),
        (r#"["active"]"#, "a list of fields"),
        ("{}", "no kind"),
        (r#"{"t":"resync"}"#, "no stream"),
        (
            r#"{"t":"resync","stream":"positions:*","epoch":"e","seq":1}"#,
            "a glob",
        ),
        (
            r#"{"t":"resync","stream":"positions:a","epoch":"e","seq":-1}"#,
            "a negative number",
        ),
        (
            r#"{"t":"resync","stream":"positions:a","epoch":"e","seq":1.5}"#,
            "a fraction",
        ),
        (
            r#"{"t":"resync","stream":"positions:a","epoch":"e/1","seq":1}"#,
            "an odd epoch",
        ),
        (r#"{"t":"hello"}"#, "no client"),
        (r#"{"t":"visible","on":1}"#, "no truth value"),
        (r#"{"t":"clock","t0":5}"#, "no instant"),
        (r#"{"t":"stats","dropped":-1}"#, "a negative count"),
        (r#"{"t":"active","t":"active"}"#, "a field twice"),
    ] {
        assert!(
            matches!(ClientFrame::decode(text), Err(WireError::Malformed { .. })),
            "{what}: {text}"
        );
    }
    assert!(matches!(
        ClientFrame::decode(r#"{"t":"fly"}"#),
        Err(WireError::UnknownFrame { kind }) if kind == "fly"
    ));
    let large = format!(r#"{{"t":"active","pad":"{}"}}"#, "x".repeat(64 * 1024));
    assert!(matches!(
        ClientFrame::decode(&large),
        Err(WireError::TooLarge { .. })
    ));
    let deep = "[".repeat(50_000);
    assert!(ClientFrame::decode(&format!(r#"{{"t":"active","pad":{deep}"#)).is_err());
}

#[test]
fn a_console_counts_frames_it_cannot_read() {
    assert!(matches!(
        ServerFrame::decode(r#"{"t":"teleport","to":1}"#),
        Err(WireError::UnknownFrame { .. })
    ));
    for text in [
        r#"{"t":"snapshot","stream":"positions:a","epoch":"e","seq":1,"routed_at":"2026-11-20T14:38:16Z"}"#,
        r#"{"t":"batch","stream":"positions:a","routed_at":"2026-11-20T14:38:16Z","msgs":{}}"#,
        r#"{"t":"beat","at":"2026-11-20T14:38:16Z","streams":[{"stream":"x"}]}"#,
        r#"{"t":"welcome"}"#,
        r#"{"t":"clock","t0":"2026-11-20T14:38:16Z"}"#,
    ] {
        assert!(
            matches!(ServerFrame::decode(text), Err(WireError::Malformed { .. })),
            "{text}"
        );
    }
}
