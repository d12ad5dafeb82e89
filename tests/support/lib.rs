//! Fixtures shared by the test binaries: servers started on free ports, clocks, bounded waits.
