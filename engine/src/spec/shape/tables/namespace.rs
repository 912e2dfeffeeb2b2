//! `NetworkNamespace`, its interfaces and apps.

use super::{
    KIND,
    forward::FORWARD,
    key, new,
    startup::{APP_READY, DEPENDENCY},
};
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{FullList, List, Mapping, Name, OneOrMore, Text, TextMap, TextOr, Words},
};

pub static NAMESPACE: Shape = Shape {
    name: "NetworkNamespace",
    about: "A network namespace with its programs: a router, a switch, a service",
    keys: &[&[
        KIND,
        key(
            "name",
            Text,
            Error,
            "router",
            "name of a file, at most 200 bytes, without `/` and control characters; `ip netns exec` finds it",
        ),
        key(
            "interfaces",
            FullList(&Mapping(&NAMESPACE_INTERFACE)),
            Error,
            "",
            "list; they become `eth0`, `eth1`, … in this order",
        ),
        key(
            "init-scripts",
            List(&Name),
            Means("none"),
            "[setup.sh]",
            "list of executables, run one after another inside the namespace before the apps",
        ),
        key("apps", List(&Mapping(&APP)), Means("none"), "", "list of programs"),
        new(
            "depends-on",
            List(&TextOr(&DEPENDENCY)),
            Means("nothing"),
            "[node/boot]",
            "list of what init scripts and apps wait for, [below](#order-and-readiness)",
        ),
        new(
            "forwards",
            List(&Mapping(&FORWARD)),
            Means("none"),
            "",
            "list of ports of the host that lead into the namespace",
        ),
    ]],
    one_of: &[],
    needs: &[],
};

pub static NAMESPACE_INTERFACE: Shape = Shape {
    name: "interface of a NetworkNamespace",
    about: "An attachment to a network",
    keys: &[&[
        key("network", Text, Error, "r0", "name of a Network"),
        key(
            "addresses",
            List(&Name),
            Means("none"),
            "[10.0.0.2/24]",
            "list of addresses with prefix lengths",
        ),
    ]],
    one_of: &[],
    needs: &[],
};

pub static APP: Shape = Shape {
    name: "app",
    about: "A program that runs inside of a namespace until the lab goes down",
    keys: &[&[
        key(
            "name",
            Text,
            Error,
            "bird",
            "as a namespace's, unique within it; names the log",
        ),
        key(
            "command",
            FullList(&Text),
            Error,
            "[bird, -f]",
            "list: the program, by path or looked up in PATH, and arguments",
        ),
        key(
            "args",
            List(&Text),
            Means("none"),
            "[-c, bird.conf]",
            "list of more arguments, put behind `command`",
        ),
        new(
            "restart",
            Words(&["never", "on-failure", "always"]),
            Means("`never`"),
            "always",
            "`never`, `on-failure` (exit code other than 0, or a signal) or `always`, with a growing wait",
        ),
        new(
            "env",
            TextMap,
            Means("none"),
            "{A: b}",
            "mapping of variables to add to the environment",
        ),
        new(
            "workdir",
            Text,
            Means("that of the first lab file"),
            "/srv",
            "working directory",
        ),
        new(
            "ready",
            OneOrMore(&APP_READY),
            Means("once it was started"),
            "",
            "mapping that says when it counts as ready, or a list of such, [below](#order-and-readiness)",
        ),
        new(
            "depends-on",
            List(&TextOr(&DEPENDENCY)),
            Means("nothing but its namespace"),
            "[node/boot]",
            "list of what it waits for",
        ),
    ]],
    one_of: &[],
    needs: &[],
};
