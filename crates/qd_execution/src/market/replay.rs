//! A tape as a market: plays its rows at a speed, onto the board, in the tape's own time.
//!
//! Two times meet here. The tape's says what trades when, whether the session is open, and what the header shows. The
//! desk's clock dates quotes, orders and fills: how old a price is must not depend on how fast a tape runs.

use std::collections::BTreeMap;

use qd_types::{Price, Qty, Symbol, UtcMicros};

use super::Quote;
use super::board::Board;
use crate::tape::{DayFiles, Level, Print, Tape};

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
    /// The day begins again; positions stay.
    Loop,
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
    /// Played to its end, and stays there.
    pub is_over: bool,
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

/// A day of recorded quotes and trades.
#[derive(Debug)]
pub struct Replay {
    day: DayFiles,
    tape: Tape,
    midnight: UtcMicros,
    speed: u32,
    end: ReplayEnd,
    books: BTreeMap<Symbol, Book>,
    /// At `anchored_at` the tape stood at `anchor`, microseconds since midnight.
    anchor: i64,
    anchored_at: UtcMicros,
    is_over: bool,
}

impl Replay {
    /// A tape that is ready to play, `speed` times faster than life (1 to [`MAX_SPEED`]).
    pub fn new(day: DayFiles, speed: u32, end: ReplayEnd) -> Self {
        let midnight = UtcMicros::exchange_midnight(day.date).unwrap_or_default();
        Self {
            tape: Tape::open(&day),
            midnight,
            day,
            speed: speed.clamp(1, MAX_SPEED),
            end,
            books: BTreeMap::new(),
            anchor: micros(OPEN_MILLIS),
            anchored_at: UtcMicros::default(),
            is_over: false,
        }
    }

    /// What is played.
    pub fn day(&self) -> &DayFiles {
        &self.day
    }

    /// The files with what is wrong with them.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Where it stands at `now`.
    pub fn status(&self, now: UtcMicros) -> ReplayStatus {
        ReplayStatus {
            date: self.day.date,
            at: self.time(now),
            speed: self.speed,
            is_over: self.is_over,
            num_rows: self.tape.num_rows(),
            num_problems: self.tape.num_problems(),
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
        self.play_until(micros(OPEN_MILLIS), board, now);
    }

    /// Plays everything that is due at `now`.
    pub(super) fn advance(&mut self, board: &mut Board, now: UtcMicros) {
        let place = self.place(now);
        self.play_until(place.min(micros(CLOSE_MILLIS)), board, now);
        if self.is_over || place < micros(CLOSE_MILLIS + TAIL_MILLIS) {
            return;
        }
        match self.end {
            ReplayEnd::Stop => {
                self.anchor = place;
                self.anchored_at = now;
                self.is_over = true;
            }
            ReplayEnd::Loop => {
                // Nothing of the day's end may be known in its morning.
                self.books.clear();
                board.clear();
                self.tape.rewind();
                self.begin(board, now);
            }
        }
    }

    /// Microseconds since the tape's midnight.
    fn place(&self, now: UtcMicros) -> i64 {
        if self.is_over {
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

fn micros(millis: u32) -> i64 {
    i64::from(millis) * 1_000
}
