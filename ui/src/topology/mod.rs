//! The lab as a picture: what is drawn as a box, in which tier and order, and where the lines between boxes run.
//!
//! All of it is a pure function of the graph that the API tells and of which racks are folded, so the same lab has the same
//! picture each time. States and rates are no part of it: they change what a box says, never where it is.

mod canvas;
mod export;
mod graph;
mod mesh;
mod order;
mod place;
mod rack;
mod route;
mod walk;

pub use canvas::{Canvas, Mark, Picture};
pub use export::{dot, mermaid, svg, text};
pub use graph::{End, Graph, Kind, Net, Vertex};
pub use rack::{Rack, racks};
pub use route::{Layout, Piece, Placed};
pub use walk::{Direction, Step, path, walk};

#[cfg(test)]
pub(crate) mod testing;
