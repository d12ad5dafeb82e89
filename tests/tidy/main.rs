//! Tests that hold the documents and the fences to the code.
