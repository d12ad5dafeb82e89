//! Whatever comes by the wire, the screen never lies about it: bytes through the reader, the translator and the reducer.
//!
//! Nothing here looks at pixels; the console's own test does, with the same oddities.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop here"
)]

mod properties;

use qd_feed::offline;
use qd_state::{Event, Session, Snapshot, Store, StoreConfig, Welcome};
use qd_types::{Clock as _, Environment, ManualClock, Money, Role, StreamName, UserId, UtcMicros};

const NOW: &str = "2026-11-23T15:38:16.000000Z";

fn now() -> UtcMicros {
    UtcMicros::parse_rfc3339(NOW).unwrap()
}

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

fn positions() -> StreamName {
    StreamName::Positions(alice())
}

fn orders() -> StreamName {
    StreamName::Orders(alice())
}

fn head(stream: &StreamName, kind: &str, seq: u64) -> String {
    let base = if kind == "delta" {
        format!(r#","base_seq":{}"#, seq - 1)
    } else {
        String::new()
    };
    format!(
        r#""v":1,"stream":"{stream}","epoch":"e","seq":{seq}{base},"kind":"{kind}","made_at":"{NOW}","published_at":"{NOW}""#
    )
}

/// A store that is signed in and connected.
struct Desk {
    store: Store,
    clock: ManualClock,
}

impl Desk {
    fn connected() -> Self {
        let mut desk = Self {
            store: Store::new(StoreConfig::default()),
            clock: ManualClock::new(now()),
        };
        desk.apply([Event::SessionWelcomed(Welcome {
            session: Session {
                user_id: alice(),
                name: "alice".to_owned(),
                roles: vec![Role::Trader],
                permissions: Role::Trader.permissions(),
                accounts: Vec::new(),
                idle_at: None,
                absolute_at: None,
            },
            environment: Environment::Paper,
            server_version: String::new(),
            node: "n1".to_owned(),
            server_time: now(),
            served: None,
        })]);
        desk
    }

    fn apply(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.store.apply(event, self.clock.now());
        }
    }

    fn hear(&mut self, stream: &StreamName, text: &str) {
        let events = offline::message(stream, text.as_bytes(), self.clock.now());
        self.apply(events);
    }

    fn picture(&mut self) -> Snapshot {
        self.store.snapshot_if_changed(self.clock.now());
        Snapshot::clone(self.store.last_snapshot())
    }
}

/// A row as text; `swap` puts other JSON in place of a field's, or takes the field away.
fn row(symbol: &str, swap: &[(&str, Option<&str>)]) -> String {
    let symbol = format!("\"{symbol}\"");
    let at = format!("\"{NOW}\"");
    fields(
        &[
            ("account", "\"main\""),
            ("strategy", "\"manual\""),
            ("symbol", &symbol),
            ("qty", "\"10\""),
            ("avg_entry_price", "\"100\""),
            ("current_price", "\"110\""),
            ("price_at", &at),
            ("unrealized_pl", "\"100\""),
            ("unrealized_plpc", "\"0.1\""),
            ("market_value", "\"1100\""),
            ("realized_pl_today", "\"0\""),
            ("updated_at", &at),
        ],
        swap,
    )
}

fn order(id: &str, swap: &[(&str, Option<&str>)]) -> String {
    let id = format!("\"{id}\"");
    let at = format!("\"{NOW}\"");
    fields(
        &[
            ("account", "\"main\""),
            ("client_order_id", &id),
            ("symbol", "\"AAPL\""),
            ("side", "\"buy\""),
            ("qty", "\"10\""),
            ("filled_qty", "\"0\""),
            ("type", "\"limit\""),
            ("limit_price", "\"100\""),
            ("status", "\"working\""),
            ("created_at", &at),
            ("updated_at", &at),
            ("reason_code", "null"),
            ("source", "\"test\""),
        ],
        swap,
    )
}

fn fields(whole: &[(&str, &str)], swap: &[(&str, Option<&str>)]) -> String {
    let mut out = Vec::new();
    for (name, value) in whole {
        match swap.iter().find(|(swapped, _)| swapped == name) {
            Some((_, Some(other))) => out.push(format!("\"{name}\":{other}")),
            Some((_, None)) => {}
            None => out.push(format!("\"{name}\":{value}")),
        }
    }
    format!("{{{}}}", out.join(","))
}

fn snapshot(seq: u64, rows: &[String], figures: &str) -> String {
    let head = head(&positions(), "snapshot", seq);
    format!("{{{head}{figures},\"positions\":[{}]}}", rows.join(","))
}

const FIGURES: &str = r#","total_unrealized_pl":"100","total_positions":1,"realized_pl_today":"-12.5","buying_power":"1000","margin_used":"10""#;

/// What must hold of every picture, however odd what made it.
#[track_caller]
fn assert_honest(picture: &Snapshot) {
    let table = &picture.positions;
    let totals = &table.totals;
    let sum = |of: fn(&qd_state::PositionFigures) -> Money| -> Money {
        table.rows.iter().map(|row| of(&row.figures)).sum()
    };
    assert_eq!(totals.unrealized_pl, sum(|figures| figures.unrealized_pl));
    assert_eq!(totals.net_value, sum(|figures| figures.market_value));
    assert_eq!(totals.gross_value, sum(|figures| figures.gross_value));
    let num_unreadable = table
        .rows
        .iter()
        .filter(|row| row.problem.is_some())
        .count();
    if num_unreadable > 0 || !table.unreadable.is_empty() {
        assert!(totals.incomplete.is_some(), "sums that lack rows say so");
        assert!(
            table.seal.text.contains("unreadable"),
            "{}",
            table.seal.text
        );
        assert!(
            picture.cards.unrealized.context.contains("incomplete"),
            "{}",
            picture.cards.unrealized.context
        );
    }
    for row in table.rows.iter() {
        let cells = [&row.qty, &row.current, &row.pl, &row.pl_percent, &row.value];
        if row.problem.is_some() {
            assert!(
                cells.iter().all(|cell| &*cell.text == "\u{2013}"),
                "{row:?}"
            );
            assert_eq!(row.figures, qd_state::PositionFigures::default());
        } else {
            assert_ne!(&*row.qty.text, "\u{2013}");
        }
        if row.figures.current_price.is_none() && row.figures.market_value.is_zero() {
            assert_eq!(&*row.value.text, "\u{2013}", "worth nobody knows what");
        }
    }
    for row in picture
        .orders
        .rows
        .iter()
        .filter(|row| row.problem.is_some())
    {
        assert_eq!(&*row.status.text, "unknown");
    }
    let texts = picture
        .notices
        .iter()
        .map(|notice| &*notice.text)
        .chain(picture.halt.reason.as_deref())
        .chain(table.unreadable.iter().map(|line| &**line))
        .chain(picture.orders.unreadable.iter().map(|line| &**line))
        .chain(picture.breakers.rows.iter().map(|row| &*row.name))
        .chain(picture.feed.last_unreadable.as_deref());
    for text in texts {
        assert!(text.chars().count() <= 700, "{} characters", text.len());
        assert!(
            !text.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{text:?}"
        );
    }
}

#[test]
fn a_figure_that_is_none_makes_a_dash_with_the_reason_and_incomplete_sums() {
    for odd in [
        "\"NaN\"",
        "1e400",
        "\"Infinity\"",
        "1e30",
        "true",
        "[]",
        "\"\"",
        "null",
    ] {
        let mut desk = Desk::connected();
        let rows = [row("AAPL", &[("qty", Some(odd))]), row("MSFT", &[])];
        desk.hear(&positions(), &snapshot(1, &rows, FIGURES));
        let picture = desk.picture();
        assert_honest(&picture);
        let [aapl, msft] = &*picture.positions.rows else {
            panic!("{odd}: two rows");
        };
        assert!(aapl.problem.is_some(), "{odd}");
        assert_eq!((&*aapl.qty.text, &*aapl.pl.text), ("\u{2013}", "\u{2013}"));
        assert_eq!(&*msft.pl.text, "+$100.00");
        assert_eq!(&*picture.positions.totals.pl.text, "+$100.00");
        assert_eq!(
            picture.positions.totals.incomplete.as_deref(),
            Some("1 row unreadable")
        );
        assert!(
            picture.positions.seal.state.is_verified(),
            "the message was heard: nothing is missing"
        );
        assert!(picture.positions.seal.text.ends_with("1 row unreadable"));

        // The row's next good word heals it, and the sums with it.
        let head = head(&positions(), "delta", 2);
        let delta = format!(
            "{{{head}{FIGURES},\"changed\":[{}],\"removed\":[]}}",
            row("AAPL", &[])
        );
        desk.hear(&positions(), &delta);
        let picture = desk.picture();
        assert_honest(&picture);
        assert_eq!(&*picture.positions.totals.pl.text, "+$200.00", "{odd}");
        assert_eq!(picture.positions.totals.incomplete, None);
        assert!(!picture.positions.seal.text.contains("unreadable"));
    }
}

#[test]
fn a_row_that_does_not_say_who_it_is_is_counted_and_a_change_of_it_is_a_hole() {
    let mut desk = Desk::connected();
    let rows = [
        row("AAPL", &[("symbol", Some("\"a a\""))]),
        row("MSFT", &[]),
    ];
    desk.hear(&positions(), &snapshot(1, &rows, FIGURES));
    let picture = desk.picture();
    assert_honest(&picture);
    assert_eq!(picture.positions.rows.len(), 1);
    assert_eq!(picture.positions.unreadable.len(), 1);
    let head = head(&positions(), "delta", 2);
    let nameless = row("AAPL", &[("symbol", None)]);
    let delta = format!("{{{head}{FIGURES},\"changed\":[{nameless}],\"removed\":[]}}");
    desk.hear(&positions(), &delta);
    let picture = desk.picture();
    assert!(!picture.positions.seal.state.is_verified());
    desk.hear(&positions(), &snapshot(3, &[row("MSFT", &[])], FIGURES));
    assert_eq!(desk.picture().positions.totals.incomplete, None);
}

#[test]
fn figures_of_the_account_that_are_none_are_dashes_and_never_zero() {
    let mut desk = Desk::connected();
    let figures = r#","total_unrealized_pl":1e400,"total_positions":-2,"realized_pl_today":"NaN","buying_power":true,"margin_used":"10""#;
    desk.hear(&positions(), &snapshot(1, &[row("AAPL", &[])], figures));
    let picture = desk.picture();
    assert_honest(&picture);
    let cards = &picture.cards;
    assert_eq!(
        cards.unrealized.value.as_deref(),
        Some("+$100.00"),
        "the rows tell"
    );
    for card in [&cards.realized, &cards.buying_power] {
        assert_eq!(card.value.as_deref(), Some("\u{2013}"));
        assert!(card.context.starts_with("unreadable"), "{}", card.context);
        assert!(card.points.is_empty(), "no point where there is no figure");
    }
    desk.hear(&positions(), &snapshot(2, &[row("AAPL", &[])], FIGURES));
    let cards = desk.picture().cards;
    assert_eq!(cards.realized.value.as_deref(), Some("\u{2212}$12.50"));
    assert_eq!(cards.buying_power.value.as_deref(), Some("$1,000.00"));
}

#[test]
fn an_order_of_an_unknown_status_keeps_its_row_with_the_badge_unknown_until_a_good_word() {
    let mut desk = Desk::connected();
    let answer = |orders: &[String]| {
        format!(
            r#"{{"orders":[{}],"as_of":"{NOW}","stream":{{"name":"{}","epoch":"e","seq":0}}}}"#,
            orders.join(","),
            self::orders()
        )
    };
    let held = [("status", Some("\"held_by_exchange\""))];
    let text = answer(&[order("o-1", &[]), order("o-2", &held), "7".to_owned()]);
    desk.apply([offline::orders(text.as_bytes())]);
    let say = |desk: &mut Desk, seq: u64, order: &str| {
        let head = head(&orders(), "event", seq);
        desk.hear(&orders(), &format!("{{{head},\"order\":{order}}}"));
        desk.picture()
    };
    let picture = desk.picture();
    assert_honest(&picture);
    let badges = |picture: &Snapshot| -> Vec<String> {
        let rows = picture.orders.rows.iter();
        rows.map(|row| format!("{} {}", row.client_order_id, row.status.text))
            .collect()
    };
    assert_eq!(badges(&picture), ["o-1 working", "o-2 unknown"]);
    assert!(picture.orders.seal.text.ends_with("2 orders unreadable"));
    assert!(
        picture.orders.unreadable[0].contains("held_by_exchange"),
        "{:?}",
        picture.orders.unreadable
    );

    // A number that is none, of an order that is known: what is known stays, and its state is unknown.
    let picture = say(
        &mut desk,
        1,
        &order("o-1", &[("filled_qty", Some("\"NaN\""))]),
    );
    assert_honest(&picture);
    assert_eq!(badges(&picture), ["o-1 unknown", "o-2 unknown"]);
    assert_eq!(&*picture.orders.rows[0].filled.text, "0/10");

    // The very word that was known before is news behind one that could not be read.
    let picture = say(&mut desk, 2, &order("o-1", &[]));
    assert_eq!(badges(&picture), ["o-1 working", "o-2 unknown"]);
    let picture = say(
        &mut desk,
        3,
        &order("o-2", &[("status", Some("\"cancelled\""))]),
    );
    assert_eq!(badges(&picture), ["o-1 working"]);
    assert!(
        picture.orders.seal.text.ends_with("1 order unreadable"),
        "the nameless one"
    );
}

#[test]
fn a_clock_an_hour_off_neither_freezes_a_price_nor_makes_it_look_fresh() {
    let at = |millis: i64| format!("\"{}\"", now().plus_millis(millis).to_rfc3339());
    for skew in [3_600_000, -3_600_000] {
        let mut desk = Desk::connected();
        let phase = qd_state::MarketClock {
            phase: qd_types::MarketPhase::Open,
            next_change_at: None,
            tape: None,
        };
        desk.apply([Event::PollLoaded(qd_state::PollAnswer::MarketClock(phase))]);
        let skewed = at(skew);
        let rows = [row("AAPL", &[("price_at", Some(&skewed))])];
        desk.hear(&positions(), &snapshot(1, &rows, FIGURES));
        desk.apply([Event::Ticked]);
        let picture = desk.picture();
        assert!(
            picture.positions.rows[0].price_is_stale,
            "skew {skew}: nobody knows its age"
        );
        // The poll's clock is right: its price counts, whatever the other clock said.
        let quote = format!(
            r#"{{"prices":[{{"symbol":"AAPL","price":"120","at":{},"source":"t"}}]}}"#,
            at(0)
        );
        desk.apply(offline::prices(quote.as_bytes()));
        desk.apply([Event::Ticked]);
        let picture = desk.picture();
        assert_honest(&picture);
        assert_eq!(
            &*picture.positions.rows[0].current.text, "120.00",
            "skew {skew}"
        );
        assert!(!picture.positions.rows[0].price_is_stale, "skew {skew}");
    }
}

#[test]
fn a_bad_price_among_good_ones_is_said_and_the_good_ones_count() {
    let mut desk = Desk::connected();
    let rows = [row("AAPL", &[]), row("MSFT", &[])];
    desk.hear(&positions(), &snapshot(1, &rows, FIGURES));
    let at = now().plus_millis(1).to_rfc3339();
    for bad in ["\"NaN\"", "-5", "0", "1e400"] {
        let text = format!(
            r#"{{"prices":[{{"symbol":"AAPL","price":"130","at":"{at}","source":"t"}},{{"symbol":"MSFT","price":{bad},"at":"{at}","source":"t"}}]}}"#
        );
        desk.apply(offline::prices(text.as_bytes()));
        let picture = desk.picture();
        assert_honest(&picture);
        assert_eq!(&*picture.positions.rows[0].current.text, "130.00");
        assert_eq!(
            &*picture.positions.rows[1].current.text, "110.00",
            "{bad}: the last good one"
        );
        let error = picture.positions.last_price_error.as_deref();
        assert!(
            error.is_some_and(|error| error.contains("MSFT")),
            "{error:?}"
        );
    }
}

#[test]
fn one_bad_part_of_the_first_answer_does_not_keep_the_console_out() {
    let session = format!(
        r#"{{"user_id":"alice","name":"{}","roles":["trader","oracle"],"permissions":[],"accounts":[],"csrf":"x","idle_at":"{NOW}","absolute_at":"{NOW}"}}"#,
        "\u{5d0}".repeat(10_000)
    );
    let rows = [row("AAPL", &[("qty", Some("\"NaN\""))]), row("MSFT", &[])].join(",");
    let text = format!(
        r#"{{"session":{session},"halt":7,"positions":{{"positions":[{rows}],"totals":{{"realized_pl_today":"1"}},"as_of":"{NOW}","stream":{{"name":"positions:alice","epoch":"e","seq":4}}}}}}"#
    );
    let mut desk = Desk::connected();
    let events = offline::bootstrap(text.as_bytes());
    assert!(!events.is_empty());
    desk.apply(events);
    let picture = desk.picture();
    assert_honest(&picture);
    assert_eq!(picture.positions.rows.len(), 2);
    assert!(picture.session.unwrap().name.chars().count() <= 80);
}
