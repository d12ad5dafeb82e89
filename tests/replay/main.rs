//! A real day, 7 October 2013, traded from open to close in virtual time, and its books checked by a second bookkeeper.
//!
//! The recorded tapes are not part of the repository: `QD_REPLAY_DATA` names their folder, by default `../shared/data/lean`
//! beside the checkout. Where they are not, the day is a made-up one in the same format, and the test says so.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a broken fixture fails loudly, and a skipped test says so"
)]

mod days;
mod made_up;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use qd_execution::config::ExecutionConfig;
use qd_execution::desk::Desk;
use qd_execution::ledger::{Author, CloseRequest, OrderRequest, PriceSeen};
use qd_execution::tape::{Selection, choose, find};
use qd_execution::{Replay, ReplayEnd};
use qd_types::{
    AccountId, ClientOrderId, OrderType, PositionKey, Price, Qty, Side, StrategyId, Symbol,
    TimeInForce, UserId, UtcMicros,
};

/// The desk moves in quarters of a second; the market and the strategies every whole one, as the tape has it.
const STEP_MILLIS: u32 = 250;
/// From 09:30 to a little behind 16:00.
const NUM_STEPS: i64 = (6 * 3_600 + 1_900) * 1_000 / STEP_MILLIS as i64;
const OPEN_MILLIS: i64 = (9 * 60 + 30) * 60_000;

/// The recorded tapes, when this machine has them.
fn recorded() -> Option<PathBuf> {
    let folder = std::env::var_os("QD_REPLAY_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/lean"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "no recorded tapes at {}, only the made-up day is played; QD_REPLAY_DATA may name a folder in the LEAN format",
        folder.display()
    );
    None
}

fn replay(folder: &Path) -> Replay {
    let selection = Selection {
        date: Some(20_131_007),
        symbols: ["SPY", "IBM", "BAC", "AIG"]
            .iter()
            .map(|symbol| Symbol::new(symbol).unwrap())
            .collect(),
        ..Selection::default()
    };
    let day = choose(&find(folder).unwrap(), &selection).unwrap();
    assert_eq!(day.resolution.as_str(), "second");
    Replay::new(vec![day], 1, ReplayEnd::Stop).unwrap()
}

/// A desk at the open of the day, on a clock that is the tape's own.
fn desk(folder: &Path) -> (Desk, UtcMicros) {
    let replay = replay(folder);
    let open = UtcMicros::exchange_midnight(replay.day().date)
        .unwrap()
        .plus_millis(OPEN_MILLIS);
    let config = ExecutionConfig {
        step_millis: STEP_MILLIS,
        steps_per_tick: 4,
        ..ExecutionConfig::replay(7, replay.symbols()).unwrap()
    };
    (Desk::replaying(&config, replay, open), open)
}

fn account() -> AccountId {
    AccountId::new("PAPER-1").unwrap()
}

/// A hand that goes long, adds, takes off a part, flips short, covers a part, flips back and closes, over and over.
fn play_by_hand(desk: &mut Desk, step: i64, now: UtcMicros) {
    const EVERY: i64 = 400;
    if step % EVERY != EVERY / 2 {
        return;
    }
    let turn = step / EVERY;
    let symbols = ["SPY", "IBM", "BAC", "AIG"];
    let symbol = Symbol::new(symbols[usize::try_from(turn % 4).unwrap()]).unwrap();
    let author = Author::Hand(UserId::new("alice").unwrap());
    let client_order_id = ClientOrderId::new(&format!("hand-{turn}")).unwrap();
    let (side, shares) = match turn / 4 % 7 {
        0 => (Side::Buy, 60),
        1 => (Side::Buy, 25),
        2 => (Side::Sell, 40),
        3 => (Side::Sell, 110),
        4 => (Side::Buy, 30),
        5 => (Side::Buy, 75),
        _ => {
            let request = CloseRequest {
                symbol,
                account: None,
                strategy: Some(StrategyId::new("manual").unwrap()),
                client_order_id,
                qty: None,
                reason: "the round is over".to_owned(),
            };
            desk.close(&request, &[account()], &author, now);
            return;
        }
    };
    let price = desk.market().quote(symbol).unwrap().price;
    let request = OrderRequest {
        account: account(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id,
        symbol,
        side,
        qty: Qty::from_units(shares, 0),
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        reason: "the round goes on".to_owned(),
        halt_epoch_seen: None,
        price_seen: Some(PriceSeen {
            value: price,
            at: now,
        }),
    };
    desk.place(request, &author, now);
}

/// How many fills opened a short, went through flat, and closed only a part.
#[derive(Debug, Default)]
struct Kinds {
    shorts: usize,
    flips: usize,
    partial_closes: usize,
}

#[test]
fn a_made_up_days_books_equal_those_of_a_second_bookkeeper_and_three_mistakes_are_seen() {
    let folder = made_up::Folder::new("books");
    made_up::day(folder.path());
    check_books(folder.path());
}

#[test]
fn a_recorded_days_books_equal_those_of_a_second_bookkeeper_and_three_mistakes_are_seen() {
    if let Some(folder) = recorded() {
        check_books(&folder);
    }
}

fn check_books(folder: &Path) {
    let (mut desk, open) = desk(folder);
    let mut last_at = open;
    let mut num_fills = (0, 0);
    for step in 0..NUM_STEPS {
        let now = open.plus_millis(step * i64::from(STEP_MILLIS));
        desk.step(now);
        check_fills(&mut desk, step % 4 == 0, &mut num_fills);
        play_by_hand(&mut desk, step, now);
        let at = desk.market().time(now);
        assert!(at >= last_at, "time went back");
        last_at = at;
    }
    assert!(num_fills.0 > 100 && num_fills.1 > 10, "{num_fills:?}");
    let status = desk.market().replay().unwrap().status(last_at);
    assert!(status.is_over, "{status:?}");
    assert_eq!(
        status.num_problems,
        0,
        "{:?}",
        desk.market().replay().unwrap().tape().problems()
    );

    let fills = desk.ledger().fills();
    let mut kinds = Kinds::default();
    let mut held: BTreeMap<PositionKey, Qty> = BTreeMap::new();
    for entry in fills {
        let before = held.get(&entry.position).copied().unwrap_or_default();
        let after = before + entry.side.signed(entry.fill.qty);
        kinds.shorts += usize::from(before.is_zero() && after.is_negative());
        kinds.flips += usize::from(
            !before.is_zero() && !after.is_zero() && before.is_negative() != after.is_negative(),
        );
        kinds.partial_closes += usize::from(
            !after.is_zero()
                && before.is_negative() == after.is_negative()
                && after.abs() < before.abs(),
        );
        held.insert(entry.position.clone(), after);
    }
    assert!(fills.len() >= 200, "{} fills", fills.len());
    assert!(
        kinds.shorts > 0 && kinds.flips > 0 && kinds.partial_closes > 0,
        "{kinds:?}"
    );

    let ours = our_books(&desk, &held);
    let files = Files::write(&desk, &held, folder);
    assert_eq!(
        differences(&ours, &files.recompute(0)),
        Vec::<String>::new()
    );
    for mutant in 1..=3 {
        let wrong = differences(&ours, &files.recompute(mutant));
        assert!(!wrong.is_empty(), "mistake {mutant} was not seen");
    }
}

/// Every fill of the step is at the tape's quote, or at the order's own limit because the tape came to it in this tick;
/// counts both kinds.
fn check_fills(desk: &mut Desk, is_tick: bool, num_fills: &mut (u32, u32)) {
    for change in desk.take_changes().orders {
        let (order, Some(fill)) = (change.order, change.fill) else {
            continue;
        };
        let market = desk.market();
        let quote = market.quote(order.symbol).unwrap();
        let (touch, shown) = match order.side {
            Side::Buy => (quote.ask, quote.ask_size),
            Side::Sell => (quote.bid, quote.bid_size),
        };
        let is_no_worse = |price: Price, than: Price| match order.side {
            Side::Buy => price <= than,
            Side::Sell => price >= than,
        };
        if fill.price == touch && fill.qty <= shown {
            assert!(
                order
                    .limit_price
                    .is_none_or(|limit| is_no_worse(touch, limit)),
                "{order:?}"
            );
            num_fills.0 += 1;
            continue;
        }
        assert_eq!(
            Some(fill.price),
            order.limit_price,
            "{order:?} traded beside {quote:?}"
        );
        let has_traded = market
            .traded()
            .any(|one| one.symbol == order.symbol && is_no_worse(one.price, fill.price));
        let has_come = market.requoted().contains(&order.symbol) && is_no_worse(touch, fill.price);
        assert!(
            is_tick && (has_traded || has_come),
            "{order:?} filled and nobody came: {quote:?}"
        );
        num_fills.1 += 1;
    }
}

/// Row → shares, realized and unrealized, in hundred-millionths of a dollar; and the day's fees.
type Books = BTreeMap<String, Vec<i128>>;

fn name(key: &PositionKey) -> String {
    format!("{}/{}/{}", key.account, key.strategy, key.symbol)
}

fn hundred_millionths(text: &str) -> i128 {
    let digits = text.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction: String = format!("{fraction:0<8}").chars().take(8).collect();
    let value = whole.parse::<i128>().unwrap() * 100_000_000 + fraction.parse::<i128>().unwrap();
    if text.starts_with('-') { -value } else { value }
}

fn our_books(desk: &Desk, held: &BTreeMap<PositionKey, Qty>) -> Books {
    let book = desk.ledger().book(&account()).unwrap();
    let mut realized: BTreeMap<&PositionKey, qd_types::Money> = BTreeMap::new();
    for entry in desk.ledger().fills() {
        *realized.entry(&entry.position).or_default() += entry.fill.realized_pl;
    }
    let mut books: Books = held
        .keys()
        .map(|key| {
            let (shares, unrealized) = book.position(key).map_or_else(
                || ("0".to_owned(), "0".to_owned()),
                |row| (row.qty.to_canonical(), row.unrealized_pl.to_canonical()),
            );
            (
                name(key),
                vec![
                    shares.parse().unwrap(),
                    hundred_millionths(&realized[key].to_canonical()),
                    hundred_millionths(&unrealized),
                ],
            )
        })
        .collect();
    books.insert(
        "fees".to_owned(),
        vec![hundred_millionths(&book.day.fees.to_canonical())],
    );
    books
}

/// Rows that differ by a hundredth of a cent or more.
fn differences(ours: &Books, theirs: &Books) -> Vec<String> {
    let mut differences = Vec::new();
    for (row, values) in ours {
        let there = theirs.get(row).cloned().unwrap_or_default();
        let is_same = there.len() == values.len()
            && values
                .iter()
                .zip(&there)
                .all(|(one, other)| (one - other).abs() < 10_000);
        if !is_same {
            differences.push(format!("{row}: ours {values:?}, theirs {there:?}"));
        }
    }
    differences
}

/// The fill log and the marks, as the second bookkeeper reads them.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn write(desk: &Desk, held: &BTreeMap<PositionKey, Qty>, tapes: &Path) -> Self {
        let tapes = tapes.file_name().unwrap().to_string_lossy().into_owned();
        let folder = std::env::temp_dir().join(format!("qd-replay-{tapes}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let units = |price: Price| hundred_millionths(&price.to_canonical()) / 10_000;
        let mut fills = String::new();
        for entry in desk.ledger().fills() {
            writeln!(
                fills,
                "{},{},{},{},{}",
                name(&entry.position),
                entry.side.as_str(),
                entry.fill.qty.to_canonical(),
                units(entry.fill.price),
                hundred_millionths(&entry.fee.to_canonical()) / 10_000
            )
            .unwrap();
        }
        let mut marks = String::new();
        for key in held.keys() {
            let price = desk.market().quote(key.symbol).unwrap().price;
            writeln!(marks, "{},{}", name(key), units(price)).unwrap();
        }
        std::fs::write(folder.join("fills.csv"), fills).unwrap();
        std::fs::write(folder.join("marks.csv"), marks).unwrap();
        Self { folder }
    }

    fn recompute(&self, mutant: u8) -> Books {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/recompute.mjs");
        // Set-up may have fetched a newer one than the machine's.
        let node = std::env::var_os("QD_NODE").unwrap_or_else(|| "node".into());
        let output = Command::new(node)
            .arg(script)
            .arg(self.folder.join("fills.csv"))
            .arg(self.folder.join("marks.csv"))
            .arg(mutant.to_string())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let mut parts = line.split(',');
                let row = parts.next().unwrap().to_owned();
                (row, parts.map(|part| part.parse().unwrap()).collect())
            })
            .collect()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

#[test]
fn a_day_that_begins_again_knows_nothing_of_its_end() {
    let folder = made_up::Folder::new("loop");
    made_up::day(folder.path());
    let mut replay = replay(folder.path());
    replay = Replay::new(vec![replay.day().clone()], 3_600, ReplayEnd::Loop).unwrap();
    let symbols = replay.symbols();
    let start = UtcMicros(1_763_821_096_204_000);
    let config = ExecutionConfig {
        step_millis: 50,
        steps_per_tick: 1,
        ..ExecutionConfig::replay(7, symbols.clone()).unwrap()
    };
    let mut desk = Desk::replaying(&config, replay, start);
    let quotes = |desk: &Desk| -> Vec<_> {
        let quotes = desk.market().quotes();
        quotes
            .map(|quote| (quote.symbol, quote.bid, quote.ask))
            .collect()
    };
    let morning = quotes(&desk);
    let mut last = desk.market().time(start);
    let mut num_days = 1;
    for step in 1..=200 {
        let now = start.plus_millis(step * 50);
        desk.step(now);
        let at = desk.market().time(now);
        if at < last {
            num_days += 1;
            assert_eq!(quotes(&desk), morning, "the morning of day {num_days}");
            let line = desk
                .market()
                .series(*symbols.first().unwrap(), 100)
                .unwrap();
            assert!(line.len() <= 2, "yesterday's line: {line:?}");
        }
        last = at;
    }
    assert!(num_days >= 2, "the day never began again");
}

#[test]
fn what_cannot_be_played_is_told_with_file_and_row_and_the_rest_plays_on() {
    let folder = made_up::Folder::new("broken");
    made_up::day(folder.path());
    let second = folder.path().join("second");
    std::fs::write(second.join("bac/20131007_quote.zip"), b"no zip at all").unwrap();
    made_up::write(
        &second.join("ibm/20131007_trade.zip"),
        "34200000,1,1,1,1820000,100\nrubbish\n34202000,1,1,1,1820100,100\n34201000,1,1,1,1820200,100\n",
    );
    let day = replay(folder.path()).day().clone();
    let mut tape = qd_execution::tape::Tape::open(&day);
    let mut symbols = std::collections::BTreeSet::new();
    while let Some((symbol, _)) = tape.take() {
        symbols.insert(symbol.to_string());
    }
    assert!(
        symbols.contains("IBM") && symbols.contains("SPY"),
        "{symbols:?}"
    );
    let told: Vec<String> = tape.problems().iter().map(ToString::to_string).collect();
    let tells = |words: &str| told.iter().any(|problem| problem.contains(words));
    assert!(tells("bac/20131007_quote.zip: "), "{told:#?}");
    assert!(
        tells("ibm/20131007_trade.zip, row 2: column 1 is no whole number"),
        "{told:#?}"
    );
    assert!(
        tells("ibm/20131007_trade.zip, row 4: is older than the row before"),
        "{told:#?}"
    );
    assert_eq!(tape.num_problems(), 3, "{told:#?}");
}

#[test]
fn a_symbol_that_no_tape_has_is_named_with_what_there_is() {
    let folder = made_up::Folder::new("missing");
    made_up::day(folder.path());
    let selection = Selection {
        symbols: [Symbol::new("ZZZ").unwrap()].into(),
        ..Selection::default()
    };
    let err = choose(&find(folder.path()).unwrap(), &selection).unwrap_err();
    assert_eq!(
        err.to_string(),
        "no tape of ZZZ; there are 20131007 second AIG BAC IBM SPY"
    );
    let empty = made_up::Folder::new("empty");
    assert!(
        find(empty.path())
            .unwrap_err()
            .to_string()
            .contains("holds no tapes")
    );
}
