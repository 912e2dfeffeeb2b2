//! Networks, and namespaces with what is in them.

use super::{KIND, key, new};
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{Boolean, FullList, List, Mapping, Name, Number, Text, TextMap, Words},
};

pub(super) static NETWORK: Shape = Shape {
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
};

pub(super) static NAMESPACE: Shape = Shape {
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
            "forwards",
            List(&Mapping(&FORWARD)),
            Means("none"),
            "",
            "list of ports of the host that lead into the namespace",
        ),
    ]],
    one_of: &[],
};

static NAMESPACE_INTERFACE: Shape = Shape {
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
};

static APP: Shape = Shape {
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
    ]],
    one_of: &[],
};

static FORWARD: Shape = Shape {
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
};
