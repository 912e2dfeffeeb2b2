//! `forwards` of a namespace.

use super::new;
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{Number, Text, Words},
};

pub static FORWARD: Shape = Shape {
    name: "forward",
    about: "A port of the host that leads into a namespace",
    keys: &[&[
        new(
            "port",
            Number(1, 65535),
            Error,
            "8080",
            "port of the host, 1 to 65535, unique among the forwards of its protocol",
        ),
        new(
            "to",
            Text,
            Error,
            "10.0.0.2:80",
            "host and port as the namespace sees them, as in `10.0.0.2:80` or `[fd00::1]:80`",
        ),
        new(
            "protocol",
            Words(&["tcp", "udp"]),
            Means("`tcp`"),
            "udp",
            "`tcp` or `udp`",
        ),
        new(
            "address",
            Text,
            Means("all of them"),
            "127.0.0.1",
            "address of the host to listen on",
        ),
    ]],
    one_of: &[],
    needs: &[],
};
