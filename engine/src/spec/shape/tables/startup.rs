//! What tells that something is ready, and what has to be there before something is started: `ready` and `depends-on`.

use super::new;
use crate::spec::shape::{
    Absent::{self, Error, Means},
    Key, Shape,
    Value::{Boolean, FullList, Text, Words},
};

pub static NODE_READY: Shape = Shape {
    name: "ready of a Node",
    about: "What tells that a node does what it is for",
    keys: &[
        &[new(
            "console",
            Text,
            ANOTHER,
            "'login: $'",
            "a regular expression (of Rust's crate regex) that a line of the serial console matches, since the node was switched on or reset; the \
             last line counts also while it has no end, as prompts have none",
        )],
        PROBES,
        &[new(
            "netns",
            Text,
            Means("the one from which the node is reached best"),
            "operation",
            "name of the namespace that `tcp`, `http` and `exec` look from; `exec` must have it",
        )],
        TIMES,
    ],
    one_of: &["console", "tcp", "http", "exec"],
    needs: &[("exec", "netns")],
};

pub static APP_READY: Shape = Shape {
    name: "ready of an app",
    about: "What tells that an app does what it is for",
    keys: &[PROBES, TIMES],
    one_of: &["tcp", "http", "exec"],
    needs: &[],
};

/// Of a key of which one must be given.
pub const ANOTHER: Absent = Means("another of these is given");

/// What is looked at from a namespace.
pub const PROBES: &[Key] = &[
    new(
        "tcp",
        Text,
        ANOTHER,
        "22",
        "a port, or `HOST:PORT`, that takes a connection",
    ),
    new(
        "http",
        Text,
        ANOTHER,
        "http://10.0.0.1:8080/health",
        "a URL, `http` or `https`, that is answered with a status from 200 to 399; redirections are not followed",
    ),
    new(
        "exec",
        FullList(&Text),
        ANOTHER,
        "[ping, -c1, 10.0.0.1]",
        "list: a program and arguments, tried until it ends with exit code 0",
    ),
    new(
        "insecure",
        Boolean,
        Means("false: it is one for the URL's host that this host trusts"),
        "true",
        "whether an `https` server may have any certificate",
    ),
];

/// How long and how often it is looked.
pub const TIMES: &[Key] = &[
    new(
        "timeout",
        Text,
        Means("300"),
        "60",
        "how long it may take from the start: seconds, or such as `90s`, `5m`",
    ),
    new(
        "interval",
        Text,
        Means("1"),
        "0.5",
        "how long to wait from one attempt to the next: seconds, or such as `500ms`",
    ),
];

pub static DEPENDENCY: Shape = Shape {
    name: "entry of depends-on",
    about: "Something that must have come so far before another thing is started",
    keys: &[&[
        new(
            "object",
            Text,
            Error,
            "node/boot",
            "its id: `node/NAME`, `namespace/NAME` or `app/NAMESPACE/NAME`",
        ),
        new(
            "until",
            Words(&["ready", "started"]),
            Means("`ready`"),
            "started",
            "`ready`, or `started`: a node is on, a namespace usable (its init scripts are done), an app's process there",
        ),
    ]],
    one_of: &[],
    needs: &[],
};
