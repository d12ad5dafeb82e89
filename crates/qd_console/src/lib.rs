//! The console's shell: window, canvas, navigation, settings; the same program native and in the browser.
