//! Everything a key can do, in one table. Key bar, help, palette, config and documentation are made from it.

mod boot;
mod demand;
mod reset;
mod scope;
mod table;
mod verb;
mod view;
mod what;

pub use boot::Boot;
pub use demand::Demand;
pub use reset::Reset;
pub use scope::Scope;
pub use table::{Entry, entries};
pub use verb::Verb;
pub use view::View;
pub use what::Action;
