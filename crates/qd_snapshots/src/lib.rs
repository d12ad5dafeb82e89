//! Holds nothing: the pictures are tests, in `tests/`.
//!
//! The package stands alone because `egui_kittest`'s `wgpu` feature would turn on wgpu in eframe for everything that is
//! built with it. `cargo xtask test` builds it by itself; every other command leaves it out.
