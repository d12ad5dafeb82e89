//! A tape as a market: plays its rows at a speed, onto the board, in the tape's own time.
//!
//! Two times meet here. The tape's says what trades when, whether the session is open, and what the header shows. The
//! desk's clock dates quotes, orders and fills: how old a price is must not depend on how fast a tape runs.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;

use qd_types::{Price, Qty, Symbol, UtcMicros};

use super::Quote;
use super::board::Board;
use crate::tape::{DayFiles, Level, Print, Resolution, Tape};

/// The regular session begins at 09:30 and ends at 16:00; rows before it set the first quotes, those behind it are not
/// played.
const OPEN_MILLIS: u32 = (9 * 60 + 30) * 60_000;
const CLOSE_MILLIS: u32 = 16 * 60 * 60_000;
/// After the close the tape's time goes on for so long before it stops or begins anew.
const TAIL_MILLIS: u32 = 60_000;
/// Most times faster than life.
pub const MAX_SPEED: u32 = 3_600;

/// What comes after the close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplayEnd {
    /// The market stays closed.
    #[default]
    Stop,
    /// The first day begins again; positions stay.
    Loop,
}

/// Why a replay did not do as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefusal {
    /// A step wants a tape that stands still.
    #[error("the tape plays; pause it before a step")]
    Playing,
    /// Nothing is left to play.
    #[error("the tape has been played to its end")]
    Over,
    /// Slower than life or faster than the desk keeps up.
    #[error("a tape plays 1 to {MAX_SPEED} times as fast as life")]
    Speed,
}

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayStatus {
    /// `20131007`.
    pub date: u32,
    /// The tape's time.
    pub at: UtcMicros,
    /// Times faster than life.
    pub speed: u32,
    /// Stopped by hand; nothing trades until it goes on.
    pub is_paused: bool,
    /// Played to its end, and stays there.
    pub is_over: bool,
    /// Which of the days is played, counted from one.
    pub day: u32,
    /// How many days are played one after the other.
    pub num_days: u32,
    /// Rows played so far, those before the open included.
    pub num_rows: u64,
    /// Rows and files that could not be played.
    pub num_problems: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Book {
    bid: Option<Level>,
    ask: Option<Level>,
    last: Option<Price>,
    quoted_at: UtcMicros,
}

/// One or more days of recorded quotes and trades, played one after the other.
///
/// The next day's files are read on a thread of their own while a day plays; what is played does not depend on when they
/// were ready.
#[derive(Debug)]
pub struct Replay {
    /// At least one.
    days: Vec<DayFiles>,
    /// Which of them plays.
    index: usize,
    /// That one.
    day: DayFiles,
    /// Days begun so far, repeated ones counted again.
    num_begun: u32,
    tape: Tape,
    next_tape: Option<JoinHandle<Tape>>,
    /// Of the days before this one.
    rows_before: u64,
    problems_before: u64,
    midnight: UtcMicros,
    speed: u32,
    end: ReplayEnd,
    books: BTreeMap<Symbol, Book>,
    /// At `anchored_at` the tape stood at `anchor`, microseconds since midnight.
    anchor: i64,
    anchored_at: UtcMicros,
    /// Up to here everything has been played: what the board shows is the tape at this place.
    played: i64,
    is_paused: bool,
    /// One instant is to be played although the tape is paused.
    is_step_due: bool,
    /// The last advance could have brought something: not paused, or one step of it.
    is_moving: bool,
    /// The close has been played.
    has_closed: bool,
    is_over: bool,
}

impl Replay {
    /// Tapes that are ready to play, `speed` times faster than life (1 to [`MAX_SPEED`]); `None` without a day.
    pub fn new(days: Vec<DayFiles>, speed: u32, end: ReplayEnd) -> Option<Self> {
        let day = days.first()?.clone();
        let midnight = UtcMicros::exchange_midnight(day.date).unwrap_or_default();
        let mut replay = Self {
            index: 0,
            num_begun: 1,
            tape: Tape::open(&day),
            day,
            next_tape: None,
            rows_before: 0,
            problems_before: 0,
            midnight,
            days,
            speed: speed.clamp(1, MAX_SPEED),
            end,
            books: BTreeMap::new(),
            anchor: micros(OPEN_MILLIS),
            anchored_at: UtcMicros::default(),
            played: micros(OPEN_MILLIS),
            is_paused: false,
            is_step_due: false,
            is_moving: true,
            has_closed: false,
            is_over: false,
        };
        replay.read_ahead();
        Some(replay)
    }

    /// The day that plays.
    pub fn day(&self) -> &DayFiles {
        &self.day
    }

    /// What can be traded: the first day's symbols.
    pub fn symbols(&self) -> BTreeSet<Symbol> {
        self.days.first().map(DayFiles::symbols).unwrap_or_default()
    }

    /// The day's files with what is wrong with them.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Milliseconds between two rows of a file, as fast as the tape plays now; zero for ticks.
    pub fn row_period_millis(&self) -> i64 {
        let period: i64 = match self.day.resolution {
            Resolution::Tick => 0,
            Resolution::Second => 1_000,
            Resolution::Minute => 60_000,
        };
        period / i64::from(self.speed.max(1))
    }

    /// Counts the days begun: a day that is played again is another one to the books.
    pub fn num_begun(&self) -> u32 {
        self.num_begun
    }

    /// Whether the last advance could have brought something: a paused tape trades nothing.
    pub fn is_moving(&self) -> bool {
        self.is_moving
    }

    /// Stops the tape at what has been played of it. Stopping it twice is stopping it.
    ///
    /// That is up to a tick of the market before `now`: the time that is shown is that of the prices that are shown,
    /// and the next step is the instant behind them.
    ///
    /// # Errors
    /// It is over.
    pub fn pause(&mut self, now: UtcMicros) -> Result<(), ReplayRefusal> {
        if self.is_over {
            return Err(ReplayRefusal::Over);
        }
        if !self.is_paused {
            self.anchor = self.played;
            self.anchored_at = now;
            self.is_paused = true;
            // At once, not with the next tick: nothing fills behind the answer.
            self.is_moving = false;
        }
        Ok(())
    }

    /// Lets the tape go on from where it stands.
    ///
    /// # Errors
    /// It is over.
    pub fn resume(&mut self, now: UtcMicros) -> Result<(), ReplayRefusal> {
        if self.is_over {
            return Err(ReplayRefusal::Over);
        }
        if self.is_paused {
            self.anchored_at = now;
            self.is_paused = false;
            self.is_step_due = false;
        }
        Ok(())
    }

    /// Plays the next instant that has rows, and stands still again.
    ///
    /// Trading goes on for one tick of the market; two steps within one tick are one.
    ///
    /// # Errors
    /// It plays, or is over.
    pub fn step(&mut self) -> Result<(), ReplayRefusal> {
        if self.is_over {
            return Err(ReplayRefusal::Over);
        }
        if !self.is_paused {
            return Err(ReplayRefusal::Playing);
        }
        let close = micros(CLOSE_MILLIS);
        let next = self.tape.next_at().map_or(close, micros).min(close);
        // Behind the last row there is only the close, and then the end.
        self.anchor = if self.anchor < close {
            next.max(self.anchor)
        } else {
            micros(CLOSE_MILLIS + TAIL_MILLIS)
        };
        self.is_step_due = true;
        Ok(())
    }

    /// Plays on at another speed.
    ///
    /// # Errors
    /// Out of range.
    pub fn set_speed(&mut self, speed: u32, now: UtcMicros) -> Result<(), ReplayRefusal> {
        if !(1..=MAX_SPEED).contains(&speed) {
            return Err(ReplayRefusal::Speed);
        }
        self.anchor = self.place(now);
        self.anchored_at = now;
        self.speed = speed;
        Ok(())
    }

    /// Where it stands at `now`.
    pub fn status(&self, now: UtcMicros) -> ReplayStatus {
        ReplayStatus {
            date: self.day.date,
            at: self.time(now),
            speed: self.speed,
            is_paused: self.is_paused,
            is_over: self.is_over,
            day: u32::try_from(self.index + 1).unwrap_or(u32::MAX),
            num_days: u32::try_from(self.days.len()).unwrap_or(u32::MAX),
            num_rows: self.rows_before + self.tape.num_rows(),
            num_problems: self.problems_before + self.tape.num_problems(),
        }
    }

    /// The tape's time at `now`.
    pub fn time(&self, now: UtcMicros) -> UtcMicros {
        self.midnight.plus_micros(self.place(now))
    }

    /// The tape's time at which it stops, or begins again.
    pub fn until(&self) -> UtcMicros {
        self.midnight
            .plus_micros(micros(CLOSE_MILLIS + TAIL_MILLIS))
    }

    /// Puts the quotes of before the open onto the board and starts the tape's time there.
    pub(super) fn begin(&mut self, board: &mut Board, now: UtcMicros) {
        self.anchor = micros(OPEN_MILLIS);
        self.anchored_at = now;
        self.played = self.anchor;
        self.play_until(self.anchor, board, now);
    }

    /// Plays everything that is due at `now`.
    pub(super) fn advance(&mut self, board: &mut Board, now: UtcMicros) {
        self.is_moving = !self.is_paused || std::mem::take(&mut self.is_step_due);
        let place = self.place(now);
        self.played = place;
        self.play_until(place.min(micros(CLOSE_MILLIS)), board, now);
        // The close gets a tick of its own, however fast the tape: its prices are marked and traded on.
        let is_closed_already =
            std::mem::replace(&mut self.has_closed, place >= micros(CLOSE_MILLIS));
        if self.is_over || place < micros(CLOSE_MILLIS + TAIL_MILLIS) || !is_closed_already {
            return;
        }
        self.has_closed = false;
        let is_last = self.index + 1 >= self.days.len();
        if is_last && self.end == ReplayEnd::Stop {
            self.anchor = place;
            self.anchored_at = now;
            self.is_paused = false;
            self.is_over = true;
            return;
        }
        self.turn_day();
        // Nothing of a day's end may be known in the next one's morning.
        self.books.clear();
        board.clear();
        self.begin(board, now);
    }

    /// The next day's tape is in, or the first one's again.
    fn turn_day(&mut self) {
        self.num_begun = self.num_begun.saturating_add(1);
        if self.days.len() == 1 {
            self.tape.rewind();
            return;
        }
        self.index = (self.index + 1) % self.days.len();
        if let Some(day) = self.days.get(self.index) {
            self.day.clone_from(day);
        }
        let read = self.next_tape.take().and_then(|read| read.join().ok());
        // A thread that could not be had costs a moment and no day.
        let tape = read.unwrap_or_else(|| open(&self.day, self.is_repeated(self.num_begun)));
        let before = std::mem::replace(&mut self.tape, tape);
        self.rows_before += before.num_rows();
        self.problems_before += before.num_problems();
        self.midnight = UtcMicros::exchange_midnight(self.day.date).unwrap_or_default();
        self.read_ahead();
    }

    /// Whether the `num`th day begun has been played before.
    fn is_repeated(&self, num: u32) -> bool {
        num as usize > self.days.len()
    }

    fn read_ahead(&mut self) {
        let next = (self.index + 1) % self.days.len().max(1);
        let is_needed = self.days.len() > 1 && (next > 0 || self.end == ReplayEnd::Loop);
        let Some(day) = self.days.get(next).filter(|_| is_needed).cloned() else {
            return;
        };
        let is_repeated = self.is_repeated(self.num_begun.saturating_add(1));
        self.next_tape = std::thread::Builder::new()
            .name("tape".to_owned())
            .spawn(move || open(&day, is_repeated))
            .ok();
    }

    /// Microseconds since the tape's midnight.
    fn place(&self, now: UtcMicros) -> i64 {
        if self.is_over || self.is_paused {
            return self.anchor;
        }
        let passed = now.micros_since(self.anchored_at).max(0);
        self.anchor
            .saturating_add(passed.saturating_mul(i64::from(self.speed)))
            .min(micros(CLOSE_MILLIS + TAIL_MILLIS))
    }

    fn play_until(&mut self, place: i64, board: &mut Board, now: UtcMicros) {
        while let Some(at) = self.tape.next_at()
            && micros(at) <= place
        {
            let Some((symbol, row)) = self.tape.take() else {
                return;
            };
            let book = self.books.entry(symbol).or_default();
            let is_quote = !matches!(row.print, Print::Trade(_));
            if is_quote {
                book.quoted_at = now;
            }
            match row.print {
                Print::Trade(level) => {
                    book.last = Some(level.price);
                    board.note_traded(symbol, level.price, level.size);
                }
                Print::Quote { bid, ask } => {
                    book.bid = bid;
                    book.ask = ask;
                }
                Print::Side { bid, ask } => {
                    book.bid = bid.or(book.bid);
                    book.ask = ask.or(book.ask);
                    // Two sides that were told one after the other may cross for a moment: the older one is gone.
                    if let (Some(bid_now), Some(ask_now)) = (book.bid, book.ask)
                        && bid_now.price > ask_now.price
                    {
                        if bid.is_some() {
                            book.ask = None;
                        } else {
                            book.bid = None;
                        }
                    }
                }
            }
            match book.quote(symbol, now) {
                Some(quote) if is_quote => board.put(quote),
                Some(quote) => board.put_trade(quote),
                None => {}
            }
        }
    }
}

impl Book {
    /// The quote that the board shows; none before anything has a price.
    fn quote(&self, symbol: Symbol, now: UtcMicros) -> Option<Quote> {
        let price = self
            .last
            .or_else(|| self.bid.map(|level| level.price))
            .or_else(|| self.ask.map(|level| level.price))?;
        // An empty side has no shares, so nothing can be traded at the price that stands in for it.
        let empty = Level {
            price,
            size: Qty::ZERO,
        };
        let (bid, ask) = (self.bid.unwrap_or(empty), self.ask.unwrap_or(empty));
        Some(Quote {
            symbol,
            price,
            bid: bid.price,
            ask: ask.price,
            bid_size: bid.size,
            ask_size: ask.size,
            at: now,
            quoted_at: self.quoted_at,
            is_halted: false,
        })
    }
}

/// What is wrong with a day is told the first time that it is played.
fn open(day: &DayFiles, is_repeated: bool) -> Tape {
    if is_repeated {
        Tape::open_again(day)
    } else {
        Tape::open(day)
    }
}

fn micros(millis: u32) -> i64 {
    i64::from(millis) * 1_000
}
