//! All shapes.

mod namespace;
mod node;
mod volume;

use namespace::{NAMESPACE, NETWORK};
use node::NODE;
use volume::{DEVICE_CLASS, IMAGE};
pub use volume::{VOLUME, VOLUMES};

use super::{
    Absent::{self, Error, Means},
    Key, Shape,
    Value::{self, List, Name, Text, TextMap},
};

/// The kinds of documents.
pub const KINDS: &[(&str, &Shape)] = &[
    ("Network", &NETWORK),
    ("NetworkNamespace", &NAMESPACE),
    ("NetworkStack", &NAMESPACE),
    ("Image", &IMAGE),
    ("DeviceClass", &DEVICE_CLASS),
    ("Node", &NODE),
    ("Lab", &LAB),
];

/// A key that placemat version 2 had, too.
pub(super) const fn key(
    name: &'static str,
    value: Value,
    absent: Absent,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        value,
        about,
        absent,
        example,
        new: false,
    }
}

/// A key that placemat version 2 did not have.
pub(super) const fn new(
    name: &'static str,
    value: Value,
    absent: Absent,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        new: true,
        ..key(name, value, absent, example, about)
    }
}

/// Of every document; the kinds themselves are in [`KINDS`].
pub(super) const KIND: Key = key("kind", Text, Error, "Node", "what the document describes");

static LAB: Shape = Shape {
    name: "Lab",
    about: "What is said of the lab as a whole, in any number of files",
    keys: &[&[
        KIND,
        new(
            "include",
            List(&Name),
            Means("none"),
            "[common.yml]",
            "list of lab files to read as well, relative to the file that says so",
        ),
        new(
            "variables",
            TextMap,
            Means("none"),
            "{RACKS: 2}",
            "mapping of names (a letter or `_`, then letters, digits and `_`) to defaults",
        ),
    ]],
    one_of: &[],
};
