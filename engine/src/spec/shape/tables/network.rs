//! `Network`.

use super::{KIND, key};
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{Boolean, Text, Words},
};

pub static NETWORK: Shape = Shape {
    name: "Network",
    about: "One L2 segment",
    keys: &[&[
        KIND,
        key(
            "name",
            Text,
            Error,
            "r0",
            "name of an interface: at most 15 bytes, no white space, `/`, `:` or `%`; not `.`, `..`, `lo`, `all`, `default`",
        ),
        key(
            "type",
            Words(&["internal", "external", "bmc"]),
            Error,
            "external",
            "`internal`, `external` or `bmc`",
        ),
        key(
            "address",
            Text,
            Means("error for `external` and `bmc`"),
            "10.0.0.1/24",
            "address and prefix length of the host's interface, IPv4 or IPv6",
        ),
        key(
            "use-nat",
            Boolean,
            Means("false"),
            "true",
            "whether what leaves through the host is masqueraded; `external` only",
        ),
    ]],
    one_of: &[],
    needs: &[],
};
