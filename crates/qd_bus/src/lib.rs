//! Numbered streams, publish and subscribe, key-value with expiry: embedded or Redis behind one type.
