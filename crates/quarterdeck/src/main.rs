//! The server binary: demo, gateway, execution.

fn main() {}
