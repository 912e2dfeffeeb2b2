//! The headless engine of placemat2: it reads lab files, plans what they ask for, makes it on this host, keeps its
//! state and serves it over an HTTP API.
//!
//! Data goes one way: [`spec`] (what the user wrote) → [`plan`] (what will exist, a pure function) → [`lab`] (makes it
//! true, by the parts that touch the kernel) → [`store`] (what became of it) → [`api`] (the only way in for every front end).

mod accept;
mod address;
pub mod api;
pub mod app;
mod blocking;
pub mod bmc;
pub mod causes;
pub mod client;
pub mod console;
pub mod doctor;
pub mod duration;
pub mod fabric;
pub mod forward;
pub mod harmless;
pub mod host;
mod http;
pub mod keeper;
pub mod lab;
pub mod memory;
pub mod node;
mod notify;
pub mod plan;
mod presence;
mod probe;
mod pty;
pub mod shell;
mod shortage;
pub mod spec;
pub mod store;
