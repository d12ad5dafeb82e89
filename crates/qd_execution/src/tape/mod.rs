//! Recorded markets: LEAN trade and quote files, several symbols merged by time.
//!
//! It reads files and says what they say, in order. It moves no clock and knows no orders; how fast a tape plays is the
//! replay's business. What is wrong with a file is told with file and row, and the rest plays on.

mod file;
mod row;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use qd_types::Symbol;

use self::file::Rows;
pub use self::file::TapeFile;
pub use self::row::{Level, Print, Resolution, Row, RowError, RowKind, parse};

/// How deep below the given folder tapes are looked for.
const MAX_DEPTH: usize = 6;
/// Problems that are kept of one day; the others are counted.
const MAX_PROBLEMS: usize = 200;

/// Something on a tape that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeProblem {
    /// Which file.
    pub file: Arc<str>,
    /// Which row of it, counted from one; absent when it is the file as a whole.
    pub row: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for TapeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}, row {row}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// Why there is nothing to play.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapeError {
    /// The folder cannot be read.
    #[error("{folder}: cannot be read: {reason}")]
    Folder {
        /// Which.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// The folder holds no tape.
    #[error(
        "{folder} holds no tapes: expected files such as second/spy/20131007_trade.zip in the LEAN format"
    )]
    Empty {
        /// Which.
        folder: String,
    },
    /// There are tapes, but not of what was asked for.
    #[error("no tape of {what}; there are {there}")]
    NotThere {
        /// What was asked for.
        what: String,
        /// What there is.
        there: String,
    },
}

/// Which of a folder's tapes to play; what is absent is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// `20131007`; absent: of the finest resolution below, the day with the most symbols, the latest of several.
    pub date: Option<u32>,
    /// Absent: seconds, else minutes, else ticks.
    pub resolution: Option<Resolution>,
    /// Empty: all of the day.
    pub symbols: BTreeSet<Symbol>,
}

/// The files of one day that play together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFiles {
    /// `20131007`.
    pub date: u32,
    /// How fine.
    pub resolution: Resolution,
    /// Sorted by symbol and kind.
    pub files: Vec<TapeFile>,
}

impl DayFiles {
    /// Every symbol of the day, sorted.
    pub fn symbols(&self) -> BTreeSet<Symbol> {
        self.files.iter().map(|file| file.symbol).collect()
    }
}

/// Every tape below a folder, sorted.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub fn find(folder: &Path) -> Result<Vec<TapeFile>, TapeError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((at, depth)) = folders.pop() {
        let entries = match std::fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(err) if depth == 0 => {
                return Err(TapeError::Folder {
                    folder: at.display().to_string(),
                    reason: err.to_string(),
                });
            }
            Err(err) => {
                tracing::warn!(folder = %at.display(), error = %err, "a folder below the tapes cannot be read");
                continue;
            }
        };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if let Some(file) = TapeFile::of_path(&path) {
                files.push(file);
            }
        }
    }
    if files.is_empty() {
        return Err(TapeError::Empty {
            folder: folder.display().to_string(),
        });
    }
    files.sort();
    Ok(files)
}

/// Chooses one day of `files`.
///
/// # Errors
/// Nothing there is what was asked for.
pub fn choose(files: &[TapeFile], selection: &Selection) -> Result<DayFiles, TapeError> {
    let mut days: BTreeMap<(u32, Resolution), Vec<TapeFile>> = BTreeMap::new();
    for file in files {
        days.entry((file.date, file.resolution))
            .or_default()
            .push(file.clone());
    }
    let rank = |resolution: Resolution| match resolution {
        Resolution::Second => 2,
        Resolution::Minute => 1,
        Resolution::Tick => 0,
    };
    let wanted =
        |file: &TapeFile| selection.symbols.is_empty() || selection.symbols.contains(&file.symbol);
    let chosen = days
        .iter()
        .filter(|((date, resolution), _)| {
            selection.date.is_none_or(|wanted| wanted == *date)
                && selection
                    .resolution
                    .is_none_or(|wanted| wanted == *resolution)
        })
        .map(|((date, resolution), files)| DayFiles {
            date: *date,
            resolution: *resolution,
            files: files.iter().filter(|file| wanted(file)).cloned().collect(),
        })
        // Without quotes nothing can be traded.
        .filter(|day| day.files.iter().any(|file| file.kind == RowKind::Quote))
        .filter(|day| selection.symbols.is_subset(&day.symbols()))
        .max_by_key(|day| (rank(day.resolution), day.symbols().len(), day.date));
    match chosen {
        Some(day) => Ok(day),
        None => Err(TapeError::NotThere {
            what: describe(selection),
            there: days
                .iter()
                .map(|((date, resolution), files)| {
                    let symbols: BTreeSet<String> =
                        files.iter().map(|file| file.symbol.to_string()).collect();
                    let symbols: Vec<String> = symbols.into_iter().collect();
                    format!("{date} {} {}", resolution.as_str(), symbols.join(" "))
                })
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// Chooses `num_days` days of `files` that follow each other.
///
/// As [`choose`], but from the first such day on. Every day has the same symbols: what is held must be tradable the next
/// day too. A day that lacks one is passed over.
///
/// # Errors
/// Nothing there is what was asked for, or there are not so many days of it.
pub fn choose_days(
    files: &[TapeFile],
    selection: &Selection,
    num_days: usize,
) -> Result<Vec<DayFiles>, TapeError> {
    if num_days <= 1 {
        return Ok(vec![choose(files, selection)?]);
    }
    // The latest day would have none behind it.
    let like = choose(files, selection)?;
    let symbols = like.symbols();
    let dates: BTreeSet<u32> = files
        .iter()
        .filter(|file| file.resolution == like.resolution && file.kind == RowKind::Quote)
        .filter(|file| symbols.contains(&file.symbol))
        .filter(|file| selection.date.is_none_or(|first| file.date >= first))
        .map(|file| file.date)
        .collect();
    let day = |date: u32| DayFiles {
        date,
        resolution: like.resolution,
        files: files
            .iter()
            .filter(|file| file.date == date && file.resolution == like.resolution)
            .filter(|file| symbols.contains(&file.symbol))
            .cloned()
            .collect(),
    };
    let quoted = |day: &DayFiles| -> BTreeSet<Symbol> {
        let quotes = day.files.iter().filter(|file| file.kind == RowKind::Quote);
        quotes.map(|file| file.symbol).collect()
    };
    let wanted = quoted(&like);
    let mut days: Vec<DayFiles> = dates
        .into_iter()
        .map(day)
        .filter(|day| wanted.is_subset(&quoted(day)))
        .collect();
    if days.len() < num_days {
        return Err(TapeError::NotThere {
            what: format!(
                "{num_days} days of {}",
                describe(&Selection {
                    symbols,
                    ..Selection::default()
                })
            ),
            there: days
                .iter()
                .map(|day| day.date.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    days.truncate(num_days);
    Ok(days)
}

fn describe(selection: &Selection) -> String {
    let mut parts: Vec<String> = selection.symbols.iter().map(ToString::to_string).collect();
    parts.extend(
        selection
            .resolution
            .map(|one| format!("by {}", one.as_str())),
    );
    parts.extend(selection.date.map(|date| format!("of {date}")));
    if parts.is_empty() {
        "quotes".to_owned()
    } else {
        parts.join(" ")
    }
}

/// One day, symbol by symbol, merged by time.
#[derive(Debug)]
pub struct Tape {
    rows: Vec<Rows>,
    /// Next row of each file: by instant, quotes first, then by symbol.
    next: BinaryHeap<Reverse<(u32, RowKind, usize)>>,
    waiting: Vec<Option<Row>>,
    problems: Vec<TapeProblem>,
    num_problems: u64,
    num_rows: u64,
    /// What is wrong with a row is told once, however often it is played.
    is_first_time: bool,
}

impl Tape {
    /// Opens the files of a day; one that cannot be opened is a problem, not the end.
    pub fn open(day: &DayFiles) -> Self {
        Self::opened(day, true)
    }

    /// Opens a day that was played before: what is wrong with it has been told and counted.
    pub fn open_again(day: &DayFiles) -> Self {
        Self::opened(day, false)
    }

    fn opened(day: &DayFiles, is_first_time: bool) -> Self {
        let mut tape = Self {
            rows: Vec::new(),
            next: BinaryHeap::new(),
            waiting: Vec::new(),
            problems: Vec::new(),
            num_problems: 0,
            num_rows: 0,
            is_first_time,
        };
        for file in &day.files {
            match Rows::open(file) {
                Ok(rows) => {
                    tape.rows.push(rows);
                    tape.waiting.push(None);
                    tape.refill(tape.rows.len() - 1);
                }
                Err(problem) if is_first_time => tape.tell(problem),
                Err(_told) => {}
            }
        }
        tape
    }

    /// The instant of the next row, in milliseconds since midnight of the exchange.
    pub fn next_at(&self) -> Option<u32> {
        self.next.peek().map(|Reverse((at, _, _))| *at)
    }

    /// The next row and whose it is.
    pub fn take(&mut self) -> Option<(Symbol, Row)> {
        let Reverse((_, _, index)) = self.next.pop()?;
        let row = self.waiting.get_mut(index)?.take()?;
        let symbol = self.rows.get(index)?.file.symbol;
        self.num_rows += 1;
        self.refill(index);
        Some((symbol, row))
    }

    /// Begins again with the first row.
    pub fn rewind(&mut self) {
        self.is_first_time = false;
        self.next.clear();
        for index in 0..self.rows.len() {
            if let Some(rows) = self.rows.get_mut(index) {
                rows.rewind();
            }
            self.refill(index);
        }
    }

    /// Rows played so far.
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// What could not be played so far, oldest first, at most the first 200.
    pub fn problems(&self) -> &[TapeProblem] {
        &self.problems
    }

    /// How much could not be played so far.
    pub fn num_problems(&self) -> u64 {
        self.num_problems
    }

    fn refill(&mut self, index: usize) {
        let Some(rows) = self.rows.get_mut(index) else {
            return;
        };
        let mut told = Vec::new();
        let row = rows.next(&mut |problem| told.push(problem));
        let kind = rows.file.kind;
        if self.is_first_time {
            for problem in told {
                self.tell(problem);
            }
        }
        if let (Some(row), Some(waiting)) = (row, self.waiting.get_mut(index)) {
            *waiting = Some(row);
            self.next.push(Reverse((row.known_at, kind, index)));
        }
    }

    fn tell(&mut self, problem: TapeProblem) {
        self.num_problems += 1;
        if self.problems.len() < MAX_PROBLEMS {
            tracing::warn!(%problem, "the tape cannot be played here");
            self.problems.push(problem);
        }
    }
}
