//! One module per page: snapshot in, pixels and commands out.
