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
        new(
            "tls",
            Mapping(&TLS),
            Means("`--bmc-tls`, else a certificate by the lab's authority"),
            "",
            "mapping of `certificate` and `key`, files of its own",
        ),
    ]],
    one_of: &[],
    needs: &[],
};

static TLS: Shape = Shape {
    name: "tls",
    about: "The certificate that a BMC shows",
    keys: &[&[
        new(
            "certificate",
            Text,
            Error,
            "bmc.pem",
            "file with the certificate, and behind it those that vouch for it, in PEM",
        ),
        new(
            "key",
            Text,
            Error,
            "bmc.key",
            "file with its private key, in PEM, which no password protects; may be the same file",
        ),
    ]],
    one_of: &[],
    needs: &[],
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
    needs: &[],
};
