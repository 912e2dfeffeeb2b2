//! `bmc` of a node.

use super::new;
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{List, Mapping, Text, Words},
};

pub static BMC: Shape = Shape {
    name: "bmc",
    about: "The management controller of a node",
    keys: &[&[
        new(
            "address",
            Text,
            Error,
            "10.0.0.11",
            "its address, in a network of type `bmc`",
        ),
        new(
            "users",
            List(&Mapping(&USER)),
            Means("those of `--bmc-users`"),
            "",
            "list of those who may sign in",
        ),
    ]],
    one_of: &[],
};

pub static USER: Shape = Shape {
    name: "user",
    about: "Somebody who may sign in to a BMC",
    keys: &[&[
        new("name", Text, Error, "admin", "user name"),
        new("password", Text, Error, "secret", "password"),
        new(
            "role",
            Words(&["Administrator", "Operator", "ReadOnly"]),
            Means("`Administrator`"),
            "Operator",
            "`Administrator`, `Operator` or `ReadOnly`",
        ),
    ]],
    one_of: &[],
};
