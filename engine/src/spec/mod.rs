//! Lab files: reading them, checking them, and telling of every mistake at once with its place.
//!
//! The way of the data: bytes → `source` (text with lines) → `parse` (a `tree` that keeps every place) → `gather` (with those
//! of included files) → `resolve` (variables replaced, what has a `count` written out) → `read` (typed resources of the
//! [`model`]) → `check` (what only shows when all resources are known) → [`Report`].
//! A mistake never stops the reading; it becomes a [`Diagnostic`].
//!
//! Nothing here knows of netlink, QEMU's command line or what exists on this host beyond the files a lab file names.

mod check;
mod context;
mod count;
mod destination;
mod diagnostic;
mod disk;
mod expression;
mod fields;
mod gather;
mod json;
mod load;
mod merge;
pub mod migrate;
pub mod model;
mod names;
mod order;
mod parse;
mod read;
mod render;
mod resolve;
pub mod sample;
mod scalar;
pub mod shape;
pub mod size;
mod source;
mod split;
mod startup;
mod suggest;
mod syntax;
mod tree;
mod variables;
mod write;

pub use destination::parse_port;
pub use diagnostic::{Code, Diagnostic, Related, Severity, Span};
pub use disk::{Disk, Files, Found};
pub use load::{MAX_FILE_BYTES, Report, load, load_announcing, load_from, load_from_given, load_given, print};
pub use suggest::did_you_mean;
pub use variables::Variables;
