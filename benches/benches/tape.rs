//! How fast recorded ticks become rows in order: one file alone, and four symbols merged by time.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use qd_execution::tape::{DayFiles, Selection, Tape, choose, find};

const ROWS: u64 = 250_000;
const SYMBOLS: [&str; 4] = ["aig", "bac", "ibm", "spy"];

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A day of quote ticks by side, as the exchanges send them.
fn ticks(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut text = String::new();
    for row in 0..ROWS {
        let at = 34_200_000 + row * 23_400_000 / ROWS;
        let price = 1_680_000 + row % 97 * 100;
        let size = row % 9 * 100 + 100;
        if row % 2 == 0 {
            writeln!(text, "{at},{price},{size},0,0,P,0,0").unwrap();
        } else {
            writeln!(text, "{at},0,0,{},{size},Q,0,0", price + 10_000).unwrap();
        }
    }
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    zip.start_file("rows.csv", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap();
}

fn play(mut tape: Tape) -> u64 {
    while let Some(row) = tape.take() {
        black_box(row);
    }
    assert_eq!(tape.num_problems(), 0, "{:?}", tape.problems());
    tape.num_rows()
}

fn tick_rows(criterion: &mut Criterion) {
    let folder = Folder(std::env::temp_dir().join(format!("qd-bench-{}", std::process::id())));
    for symbol in SYMBOLS {
        ticks(
            &folder
                .0
                .join("tick")
                .join(symbol)
                .join("20131007_quote.zip"),
        );
    }
    let four = choose(&find(&folder.0).unwrap(), &Selection::default()).unwrap();
    let one = DayFiles {
        files: four.files.iter().take(1).cloned().collect(),
        ..four.clone()
    };
    let mut group = criterion.benchmark_group("tick rows");
    group.sample_size(20);
    for (name, day) in [("one file", one), ("four files merged", four)] {
        let num_rows = ROWS * day.files.len() as u64;
        group.throughput(Throughput::Elements(num_rows));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Tape::open(&day),
                |tape| assert_eq!(play(tape), num_rows),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("{name}, unpacking too"), |bencher| {
            bencher.iter(|| assert_eq!(play(Tape::open(&day)), num_rows));
        });
    }
    group.finish();
}

criterion_group!(benches, tick_rows);
criterion_main!(benches);
