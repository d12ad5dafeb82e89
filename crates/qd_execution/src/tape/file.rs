//! One zip of one symbol, one day and one kind: its rows in order, and what is wrong with it, by row.
//!
//! A file is read as a whole: a day is a few megabytes, and a broken zip is known before anything of it plays.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qd_types::{Symbol, UtcMicros};

use super::TapeProblem;
use super::row::{Resolution, Row, RowKind, parse};

/// Most bytes of one unpacked file: a zip that grows beyond is no tape.
const MAX_BYTES: u64 = 1 << 30;

/// Which file, as its path tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TapeFile {
    /// `20131007`.
    pub date: u32,
    /// Of what.
    pub symbol: Symbol,
    /// How fine.
    pub resolution: Resolution,
    /// Trades or quotes.
    pub kind: RowKind,
    /// Where it lies.
    pub path: PathBuf,
}

impl TapeFile {
    /// Reads `…/{resolution}/{symbol}/{date}_{kind}.zip`; `None` for any other file.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".zip")?;
        let (date, kind) = name.split_once('_')?;
        let kind = [RowKind::Quote, RowKind::Trade]
            .into_iter()
            .find(|one| one.as_str() == kind)?;
        let date = date.parse::<u32>().ok().filter(|_| date.len() == 8)?;
        UtcMicros::exchange_midnight(date)?;
        let folder = path.parent()?;
        let symbol = folder.file_name()?.to_str()?.to_ascii_uppercase();
        let resolution = Resolution::parse(folder.parent()?.file_name()?.to_str()?)?;
        Some(Self {
            date,
            symbol: Symbol::new(&symbol).ok()?,
            resolution,
            kind,
            path: path.to_path_buf(),
        })
    }
}

/// The rows of a file that are still to come.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) file: TapeFile,
    name: Arc<str>,
    bytes: Vec<u8>,
    offset: usize,
    /// The row last read, counted from one as editors do.
    number: u64,
    last_known_at: u32,
}

impl Rows {
    /// Unpacks a file.
    ///
    /// # Errors
    /// The zip cannot be read, or holds no file, or too large a one.
    pub(super) fn open(file: &TapeFile) -> Result<Self, TapeProblem> {
        let name: Arc<str> = Arc::from(file.path.display().to_string());
        let problem = |reason: String| TapeProblem {
            file: Arc::clone(&name),
            row: None,
            reason,
        };
        let zipped = std::fs::File::open(&file.path).map_err(|err| problem(err.to_string()))?;
        let mut archive = zip::ZipArchive::new(std::io::BufReader::new(zipped))
            .map_err(|err| problem(err.to_string()))?;
        if archive.len() != 1 {
            return Err(problem(format!(
                "holds {} files, expected one",
                archive.len()
            )));
        }
        let entry = archive
            .by_index(0)
            .map_err(|err| problem(err.to_string()))?;
        let mut bytes = Vec::new();
        entry
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|err| problem(err.to_string()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(problem(format!("unpacks to more than {MAX_BYTES} bytes")));
        }
        Ok(Self::of_bytes(file.clone(), name, bytes))
    }

    fn of_bytes(file: TapeFile, name: Arc<str>, bytes: Vec<u8>) -> Self {
        Self {
            file,
            name,
            bytes,
            offset: 0,
            number: 0,
            last_known_at: 0,
        }
    }

    /// Begins again with the first row.
    pub(super) fn rewind(&mut self) {
        self.offset = 0;
        self.number = 0;
        self.last_known_at = 0;
    }

    /// The next row that can be played; each that cannot is told and passed over.
    pub(super) fn next(&mut self, problems: &mut impl FnMut(TapeProblem)) -> Option<Row> {
        loop {
            let rest = self
                .bytes
                .get(self.offset..)
                .filter(|rest| !rest.is_empty())?;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
            let parsed = parse(self.file.resolution, self.file.kind, line);
            self.offset += line.len() + 1;
            self.number += 1;
            let reason = match parsed {
                Ok(Some(row)) if row.known_at >= self.last_known_at => {
                    self.last_known_at = row.known_at;
                    return Some(row);
                }
                Ok(Some(_)) => "is older than the row before".to_owned(),
                // The tape itself calls it suspicious: it is no mistake of the file.
                Ok(None) => continue,
                Err(err) => err.to_string(),
            };
            problems(TapeProblem {
                file: Arc::clone(&self.name),
                row: Some(self.number),
                reason,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> TapeFile {
        TapeFile::of_path(Path::new("lean/equity/usa/second/spy/20131007_trade.zip")).unwrap()
    }

    #[test]
    fn a_path_tells_what_a_file_holds() {
        let file = file();
        assert_eq!(
            (file.date, file.symbol.as_str(), file.resolution, file.kind),
            (20_131_007, "SPY", Resolution::Second, RowKind::Trade)
        );
        for other in [
            "lean/equity/usa/second/spy/20131007_trade.csv",
            "lean/equity/usa/second/spy/20131007_openinterest.zip",
            "lean/equity/usa/hour/spy/20131007_trade.zip",
            "second/spy/2013_trade.zip",
            "second/spy/99999999_trade.zip",
            "spy.zip",
        ] {
            assert_eq!(TapeFile::of_path(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn broken_rows_are_told_by_number_and_the_rest_plays_on() {
        let text = "1000,1,1,1,10000,5\nrubbish\n3000,1,1,1,10100,5\r\n2000,1,1,1,10200,5\n\n4000,1,1,1,10300,5";
        let mut rows = Rows::of_bytes(file(), Arc::from("spy"), text.as_bytes().to_vec());
        let mut problems = Vec::new();
        let mut known = Vec::new();
        while let Some(row) = rows.next(&mut |problem| problems.push(problem.to_string())) {
            known.push(row.known_at);
        }
        assert_eq!(known, [2_000, 4_000, 5_000]);
        assert_eq!(
            problems,
            [
                "spy, row 2: column 1 is no whole number",
                "spy, row 4: is older than the row before",
                "spy, row 5: column 1 is no whole number",
            ]
        );
    }
}
