//! Sources, pollers, ingest loop and command port of the console, native and in the browser.
