//! All shapes, by what they are of.

mod bmc;
mod forward;
mod image;
mod lab;
mod namespace;
mod network;
mod node;
mod startup;
mod volume;

use super::{
    Absent::{self, Error},
    Key, Shape,
    Value::{self, Text},
};
pub use volume::{VOLUME, VOLUMES};
use {
    image::IMAGE,
    lab::LAB,
    namespace::NAMESPACE,
    network::NETWORK,
    node::{DEVICE_CLASS, NODE},
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
const fn key(name: &'static str, value: Value, absent: Absent, example: &'static str, about: &'static str) -> Key {
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
const fn new(name: &'static str, value: Value, absent: Absent, example: &'static str, about: &'static str) -> Key {
    Key {
        new: true,
        ..key(name, value, absent, example, about)
    }
}

/// Of every document; the kinds themselves are in [`KINDS`].
const KIND: Key = key("kind", Text, Error, "Node", "what the document describes");
