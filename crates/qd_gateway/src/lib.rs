//! The auth gateway: sessions, socket fan-out, proxy, static app.
