//! The only tool a newcomer needs: set-up, web bundle, demo, the test gate.

fn main() {}
