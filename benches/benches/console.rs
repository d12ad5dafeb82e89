//! The console's hot paths: decode, reduce and publish a 100-row message, load a snapshot, draw a frame.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use egui::{Pos2, RawInput, Rect};
use qd_pages::{CommandSender, DeskState, PageCtx, desk_ui};
use qd_state::{SnapshotCell, Urgency};
use qd_tests::desk::{SampleDesk, numbered_position};
use qd_types::{
    ClientOrderId, Epoch, MessageKind, Money, Role, Seq, StreamName, UserId, UtcMicros,
};
use qd_ui::testing::{self, DESK, NOW_MS};
use qd_ui::{DesignTokens, UiCtx};
use qd_wire::message::{PositionTotals, decode, positions_delta_body};
use qd_wire::{Head, write_message};

fn start() -> UtcMicros {
    UtcMicros::from_millis(NOW_MS)
}

fn decode_100_rows(criterion: &mut Criterion) {
    let stream = StreamName::Positions(UserId::new("alice").unwrap());
    let head = Head {
        stream: stream.clone(),
        epoch: Epoch::new("e1").unwrap(),
        seq: Seq(2),
        base_seq: Some(Seq(1)),
        kind: MessageKind::Delta,
        made_at: start(),
        published_at: start(),
    };
    let totals = PositionTotals {
        unrealized_pl: Money::ZERO,
        num_positions: 100,
        realized_pl_today: Money::ZERO,
        buying_power: None,
        margin_used: None,
    };
    let rows: Vec<_> = (0..100).map(|i| numbered_position(i, 0, start())).collect();
    let bytes = write_message(&head, &positions_delta_body(&totals, &rows, &[]));
    criterion.bench_function("decode a 100-row message", |bencher| {
        bencher.iter(|| decode(&stream, black_box(&bytes)).unwrap());
    });
}

fn reduce_and_publish_100_rows(criterion: &mut Criterion) {
    let desk = RefCell::new(SampleDesk::large(100, start()));
    let cell = SnapshotCell::new();
    let mut step = 0;
    criterion.bench_function("reduce and publish a 100-row message", |bencher| {
        bencher.iter_batched(
            || {
                step += 1;
                desk.borrow_mut().moved_event(step % 97)
            },
            |event| {
                let mut desk = desk.borrow_mut();
                desk.apply(event);
                cell.publish(desk.snapshot(), Urgency::Now);
            },
            // One message at a time: its number follows from the one before.
            BatchSize::PerIteration,
        );
    });
    criterion.bench_function("load a snapshot", |bencher| {
        bencher.iter(|| black_box(cell.load()));
    });
}

fn draw_a_frame(criterion: &mut Criterion) {
    let tokens = DesignTokens::dark();
    for (name, rows) in [("dashboard, 16 rows", 16), ("dashboard, 100 rows", 100)] {
        let mut desk = if rows == 16 {
            SampleDesk::live(Role::Trader, start())
        } else {
            SampleDesk::large(rows, start())
        };
        let ctx = egui::Context::default();
        testing::setup(tokens.clone())(&ctx);
        let commands = CommandSender::new(|| ClientOrderId::new("bench").unwrap());
        let mut state = DeskState::default();
        let mut frame = |snapshot: &Arc<qd_state::Snapshot>, tessellate: bool| {
            let input = RawInput {
                screen_rect: Some(Rect::from_min_size(Pos2::ZERO, DESK)),
                ..RawInput::default()
            };
            let mut output = ctx.run_ui(input, |ui| {
                let cx = PageCtx {
                    ui: UiCtx::new(&tokens, NOW_MS),
                    snapshot,
                    commands: &commands,
                };
                desk_ui(ui, &cx, &mut state);
            });
            if tessellate {
                black_box(
                    ctx.tessellate(std::mem::take(&mut output.shapes), output.pixels_per_point),
                );
            }
            output.drop_without_applying_deltas();
        };
        // The first frames lay out what later ones only look up.
        let first = desk.snapshot();
        for _ in 0..3 {
            frame(&first, true);
        }
        let mut step = 0;
        criterion.bench_function(&format!("{name}: frame after a message"), |bencher| {
            bencher.iter_batched(
                || {
                    step += 1;
                    desk.publish_moved(step % 97);
                    desk.snapshot()
                },
                |snapshot| frame(&snapshot, true),
                BatchSize::PerIteration,
            );
        });
        let still = desk.snapshot();
        criterion.bench_function(&format!("{name}: frame without tessellation"), |bencher| {
            bencher.iter(|| frame(&still, false));
        });
    }
}

criterion_group!(
    benches,
    decode_100_rows,
    reduce_and_publish_100_rows,
    draw_a_frame
);
criterion_main!(benches);
