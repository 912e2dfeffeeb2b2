//! The engine's command.

fn main() {}
