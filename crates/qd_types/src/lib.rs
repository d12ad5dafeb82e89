//! The vocabulary every other crate speaks: exact decimals, ids, states, formulas, formatting.
