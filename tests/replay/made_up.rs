//! A made-up day in the LEAN format: four symbols, seconds, from a quarter past nine to four, always the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const SYMBOLS: [(&str, i64); 4] = [
    ("aig", 490_000),
    ("bac", 139_000),
    ("ibm", 1_820_000),
    ("spy", 1_680_000),
];
/// Seconds since midnight.
const FROM: i64 = 9 * 3_600 + 15 * 60;
const TO: i64 = 16 * 3_600;

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("qd-tapes-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Writes the quotes and trades of 7 October 2013 below `folder`.
pub(crate) fn day(folder: &Path) {
    day_of(folder, 20_131_007);
}

/// Writes the quotes and trades of a day below `folder`.
pub(crate) fn day_of(folder: &Path, date: u64) {
    // A linear congruential walk: the day must be the same on every machine.
    let mut state = date;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % below).unwrap()
    };
    for (symbol, first) in SYMBOLS {
        let (mut mid, mut quotes, mut trades) = (first, String::new(), String::new());
        for second in FROM..TO {
            // In hundredths of a dollar around the first price, pulled back to it.
            mid += (draw(21) - 10) * 100 + (first - mid) / 2_000;
            mid -= mid % 100;
            // A walk of pennies would end below zero on some days.
            mid = mid.max(first / 200 * 100);
            let (bid, ask) = (mid - 100 - draw(3) * 100, mid + 100 + draw(3) * 100);
            let at = second * 1_000;
            if draw(4) > 0 {
                let sizes = (draw(9) * 100 + 100, draw(9) * 100 + 100);
                writeln!(
                    quotes,
                    "{at},{bid},{bid},{bid},{bid},{},{ask},{ask},{ask},{ask},{}",
                    sizes.0, sizes.1
                )
                .unwrap();
            }
            if draw(3) == 0 {
                let size = draw(900) + 1;
                writeln!(trades, "{at},{mid},{mid},{mid},{mid},{size}").unwrap();
            }
        }
        let files = folder.join("second").join(symbol);
        write(&files.join(format!("{date}_quote.zip")), &quotes);
        write(&files.join(format!("{date}_trade.zip")), &trades);
    }
}

/// Writes one file of the tape.
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("rows.csv", options).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap();
}
