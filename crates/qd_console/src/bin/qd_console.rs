//! The console as a desktop program. Everything is in the library; in the browser this file is nothing.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    qd_console::native::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
