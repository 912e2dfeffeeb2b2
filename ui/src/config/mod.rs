//! The user's config: what the console is to be like, as far as it differs from the defaults.

mod keys;
mod mistake;
mod options;
mod place;
mod read;
mod role;
mod surroundings;

pub use keys::Keys;
pub use mistake::Mistake;
pub use options::{Config, StartView};
pub use role::Role;
pub use surroundings::Surroundings;
