//! A connection that ends: closes, ended sessions, refusals, a refresh by hand, a hundred visits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qd_feed::{FeedCommand, Rt};
use qd_state::{CommandPhase, ConnectionState};
use qd_types::{Clock as _, ManualClock, MessageKind, ZoneChoice};
use qd_wire::frame::ClientFrame;

use crate::support::{
    FakeGateway, Watched, now, pos, position, positions_stream, snapshot_body, within,
};
use crate::{cancel, is_verified_to};

// covers: RT-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comes_back_when_told_resumes_and_sends_nothing_in_between() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    socket
        .publish(
            1,
            MessageKind::Snapshot,
            &snapshot_body(&[position("AAPL", 10)]),
        )
        .await;
    socket.beat(1).await;
    console
        .until("number 1", |snapshot| is_verified_to(snapshot, 1))
        .await;
    socket
        .send(qd_wire::frame::bye_frame("restarting", Some(1500)))
        .await;
    let closed_at = tokio::time::Instant::now();
    socket.close(1012, "restarting").await;
    let down = console
        .until("the lost connection", |snapshot| {
            snapshot.connection.state == ConnectionState::Reconnecting
        })
        .await;
    assert_eq!(down.connection.last_close_code, Some(1012));
    console.feed.send(cancel(1)).unwrap();
    let refused = console
        .until("the refusal", |snapshot| !snapshot.commands.is_empty())
        .await;
    let CommandPhase::Failed { code, .. } = &refused.commands[0].phase else {
        panic!("{:?}", refused.commands)
    };
    assert_eq!(&**code, "disconnected");

    let (mut socket, hello) = gateway.greeted().await;
    let waited = closed_at.elapsed();
    assert!(
        waited.as_millis() >= 1450,
        "came back after {waited:?}, asked for 1.5 s"
    );
    let ClientFrame::Hello { resume, .. } = hello else {
        unreachable!()
    };
    assert!(resume.contains(&(positions_stream(), pos(1))), "{resume:?}");
    socket.beat(1).await;
    console
        .until("the seal", |snapshot| is_verified_to(snapshot, 1))
        .await;
    assert!(
        gateway
            .asked()
            .iter()
            .all(|asked| !asked.path.contains("/cancel")),
        "nothing was kept for later"
    );
}

/// The client's clock goes on by two seconds, less than what passes for a sleep, and the feed has noticed.
async fn two_seconds(console: &Watched, clock: &ManualClock) {
    clock.advance_millis(2_000);
    let zone = match console.cell.load().zone {
        ZoneChoice::Utc => ZoneChoice::default(),
        _ => ZoneChoice::Utc,
    };
    console.feed.send(FeedCommand::ShowIn(zone)).unwrap();
    console
        .until("the feed's turn", |snapshot| snapshot.zone == zone)
        .await;
}

// covers: RT-6, RT-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_answers_pings_and_says_nothing_is_not_live() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let clock = Arc::new(ManualClock::new(now()));
    let rt = Rt::with_clock(tokio::runtime::Handle::current(), Arc::clone(&clock) as _);
    let console = Watched::start_on(&gateway.url, rt);
    let (mut socket, hello) = gateway.greeted().await;
    let ClientFrame::Hello { want, .. } = hello else {
        unreachable!()
    };
    let rows = [position("AAPL", 10)];
    socket
        .publish(1, MessageKind::Snapshot, &snapshot_body(&rows))
        .await;

    // A beat says what the server knows, and when: with it, any time may pass.
    let places: Vec<_> = want
        .into_iter()
        .map(|stream| {
            let is_positions = stream == positions_stream();
            (stream, pos(u64::from(is_positions)))
        })
        .collect();
    let mut pings = 0..;
    for _ in 0..8 {
        socket
            .send(qd_wire::frame::beat_frame(&places, clock.now()))
            .await;
        socket.ping(pings.next().unwrap()).await;
        two_seconds(&console, &clock).await;
    }
    let proven = console.cell.load();
    assert_eq!(proven.connection.state, ConnectionState::Live);

    // Pings alone say only that a socket is open.
    for _ in 0..4 {
        socket.ping(pings.next().unwrap()).await;
        two_seconds(&console, &clock).await;
    }
    let after_ten = console.cell.load();
    assert_eq!(
        after_ten.connection.newest_stamp_at,
        proven.connection.newest_stamp_at
    );
    assert_eq!(after_ten.connection.state, ConnectionState::Live);
    socket.ping(pings.next().unwrap()).await;
    clock.advance_millis(3_000);
    let after_thirteen = console
        .until("the silence", |snapshot| {
            snapshot.connection.state != ConnectionState::Live
        })
        .await;
    assert_eq!(
        after_thirteen.connection.state,
        ConnectionState::Reconnecting
    );
    assert!(!after_thirteen.positions.seal.state.is_verified());
    // And another socket is asked for.
    gateway.greeted().await;
}

// covers: RT-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_session_empties_the_screen_and_signs_in_again() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    socket
        .publish(
            1,
            MessageKind::Snapshot,
            &snapshot_body(&[position("AAPL", 10)]),
        )
        .await;
    socket.beat(1).await;
    console
        .until("number 1", |snapshot| is_verified_to(snapshot, 1))
        .await;
    socket.close(4401, "session ended").await;
    let ended = console
        .until("the end", |snapshot| {
            snapshot.connection.state == ConnectionState::Ended
        })
        .await;
    assert!(
        ended.session.is_none() && ended.positions.rows.is_empty(),
        "nothing of the session stays"
    );
    gateway.greeted().await;
    gateway.asked_times("POST", "/auth/login", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_not_hammered_and_retry_now_asks_again() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (socket, _) = gateway.greeted().await;
    socket.close(4403, "no role").await;
    let refused = console
        .until("the refusal", |snapshot| {
            snapshot.connection.last_close_code == Some(4403)
        })
        .await;
    assert_eq!(refused.connection.retry_at, None);
    assert!(
        refused.session.is_some(),
        "the session is not what was refused"
    );
    console.feed.send(FeedCommand::RetryNow).unwrap();
    gateway.greeted().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_opens_a_new_connection_that_goes_on_where_the_old_one_was() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    socket
        .publish(
            1,
            MessageKind::Snapshot,
            &snapshot_body(&[position("AAPL", 10)]),
        )
        .await;
    socket.beat(1).await;
    console
        .until("number 1", |snapshot| is_verified_to(snapshot, 1))
        .await;
    // The socket lives and says nothing more: only another one can prove anything.
    console.feed.send(FeedCommand::Reconnect).unwrap();
    let (mut socket, hello) = gateway.greeted().await;
    let ClientFrame::Hello { resume, .. } = hello else {
        unreachable!()
    };
    assert!(resume.contains(&(positions_stream(), pos(1))), "{resume:?}");
    socket.beat(1).await;
    console
        .until("the seal", |snapshot| is_verified_to(snapshot, 1))
        .await;
}

// covers: RT-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_visits_leave_nothing_behind() {
    let mut gateway = FakeGateway::start(|_| None).await;
    for visit in 0..100 {
        let console = Watched::start(&gateway.url);
        let (mut socket, _) = gateway.greeted().await;
        if visit % 3 == 0 {
            socket
                .publish(
                    1,
                    MessageKind::Snapshot,
                    &snapshot_body(&[position("AAPL", 10)]),
                )
                .await;
            socket.beat(1).await;
            console
                .until("number 1", |snapshot| is_verified_to(snapshot, 1))
                .await;
        }
        let (rt, meter) = (console.feed.rt().clone(), Arc::clone(console.feed.meter()));
        let left_at = tokio::time::Instant::now();
        drop(console);
        assert_eq!(socket.ended().await, Some(1000), "it says goodbye");
        let gone = async {
            while rt.tasks().alive() > 0 {
                tokio::task::yield_now().await;
            }
        };
        within("the tasks to end", gone).await;
        let took = left_at.elapsed();
        assert!(
            took.as_millis() < 1000,
            "visit {visit}: leaving took {took:?}"
        );
        assert_eq!(
            meter.sockets_opened(),
            meter.sockets_closed(),
            "visit {visit}"
        );
        assert!(rt.tasks().started() >= 2, "ingest and socket were tasks");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_that_fails_stays_signed_in_and_says_so() {
    let num_asked = AtomicU64::new(0);
    let mut gateway = FakeGateway::start(move |asked| {
        let is_first =
            asked.path == "/auth/logout" && num_asked.fetch_add(1, Ordering::SeqCst) == 0;
        is_first.then(|| (503, Vec::new()))
    })
    .await;
    let console = Watched::start(&gateway.url);
    let (_socket, _) = gateway.greeted().await;
    console
        .until("a live socket", |snapshot| snapshot.session.is_some())
        .await;
    console.feed.send(FeedCommand::SignOut).unwrap();
    let failed = console
        .until("the notice", |snapshot| !snapshot.notices.is_empty())
        .await;
    assert_eq!(failed.notices[0].tone, qd_types::Tone::Danger);
    assert!(failed.session.is_some(), "still signed in");
    assert_ne!(failed.connection.state, ConnectionState::Ended);
    console.feed.send(FeedCommand::SignOut).unwrap();
    console
        .until("the end", |snapshot| {
            snapshot.session.is_none() && snapshot.connection.state == ConnectionState::Ended
        })
        .await;
}
