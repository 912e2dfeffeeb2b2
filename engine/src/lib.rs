//! The headless engine of placemat2: it reads lab files, plans what they ask for, makes it on this host, keeps its
//! state and serves it over an HTTP API.
//!
//! Data goes one way: [`spec`] (what the user wrote) → [`plan`] (what will exist, a pure function) → `lab` (makes it
//! true, the only part that touches the kernel) → `api` (the only way in for every front end).

pub mod node;
pub mod plan;
pub mod spec;
pub mod store;
