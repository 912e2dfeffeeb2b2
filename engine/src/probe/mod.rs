//! Looking whether something does what it is for: at its console, at a port, at a web server, by a program.
//!
//! One attempt each, or, for a console, what comes. When to look, how often and from where is decided in `lab`, which is
//! also who knows of nodes and apps.

mod console;
mod exec;
mod http;
mod tls;

pub use console::Watch;
pub use exec::exec;
pub use http::get;
pub use tls::over_tls;
