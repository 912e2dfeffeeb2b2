//! All shapes.

use super::{
    Absent::{Error, Means},
    Key, Shape,
    Value::{Boolean, FullList, Kinds, List, Mapping, Name, Number, Text, TextMap, TextOr, Words},
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
const fn key(
    name: &'static str,
    value: super::Value,
    absent: super::Absent,
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
const fn new(
    name: &'static str,
    value: super::Value,
    absent: super::Absent,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        new: true,
        ..key(name, value, absent, example, about)
    }
}

/// Of every document; the kinds themselves are in [`KINDS`].
const KIND: Key = key("kind", Text, Error, "Node", "what the document describes");

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

static NETWORK: Shape = Shape {
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

static NAMESPACE: Shape = Shape {
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
        new(
            "ready",
            Mapping(&APP_READY),
            Means("once it was started"),
            "",
            "mapping that says when it counts as ready, [below](#order-and-readiness)",
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
};

static NODE_READY: Shape = Shape {
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
};

static APP_READY: Shape = Shape {
    name: "ready of an app",
    about: "What tells that an app does what it is for",
    keys: &[PROBES, TIMES],
    one_of: &["tcp", "http", "exec"],
};

/// Of a key of which one must be given.
const ANOTHER: super::Absent = Means("another of these is given");

/// What is looked at from a namespace.
const PROBES: &[Key] = &[
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
        "a URL, `http` only, that is answered with a status from 200 to 399; redirections are not followed",
    ),
    new(
        "exec",
        FullList(&Text),
        ANOTHER,
        "[ping, -c1, 10.0.0.1]",
        "list: a program and arguments, tried until it ends with exit code 0",
    ),
];

/// How long and how often it is looked.
const TIMES: &[Key] = &[
    new(
        "timeout",
        Text,
        Means("300"),
        "60",
        "how long it may take from the start, in seconds",
    ),
    new(
        "interval",
        Text,
        Means("1"),
        "0.5",
        "how long to wait from one attempt to the next, in seconds",
    ),
];

static DEPENDENCY: Shape = Shape {
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

static IMAGE: Shape = Shape {
    name: "Image",
    about: "A disk that volumes are made from",
    keys: &[&[
        KIND,
        key("name", Text, Error, "os", "its name"),
        key(
            "url",
            Text,
            Means("one of `url` and `file`,"),
            "https://example.com/os.img",
            "`http://` or `https://`; fetched once into the cache directory",
        ),
        key(
            "file",
            Text,
            Means("and not both, must be given"),
            "os.img",
            "a local file",
        ),
        key(
            "compression",
            Words(&["gzip", "bzip2", "xz", "zstd"]),
            Means("not compressed"),
            "gzip",
            "`gzip`, `bzip2`, `xz` or `zstd`",
        ),
        new(
            "sha256",
            Text,
            Means("not checked"),
            "abababababababababababababababababababababababababababababababab",
            "SHA-256 of the file as it is fetched or found, before it is decompressed: 64 hex digits",
        ),
    ]],
    one_of: &["url", "file"],
};

static DEVICE_CLASS: Shape = Shape {
    name: "DeviceClass",
    about: "A directory for volumes, on another disk for example",
    keys: &[&[
        KIND,
        key("name", Text, Error, "ssd", "its name"),
        key("path", Text, Error, "/mnt/ssd", "absolute directory"),
    ]],
    one_of: &[],
};

static NODE: Shape = Shape {
    name: "Node",
    about: "A virtual machine",
    keys: &[&[
        KIND,
        key(
            "name",
            Text,
            Error,
            "boot-0",
            "as a namespace's; names console, volumes, log",
        ),
        key(
            "interfaces",
            List(&TextOr(&NIC)),
            Means("none"),
            "[r0]",
            "list of the NICs in the order the guest sees them: names of Networks, or mappings of `network` and `mac`",
        ),
        key(
            "volumes",
            List(&Kinds(VOLUMES)),
            Means("none"),
            "",
            "list of disks and shares, below",
        ),
        key(
            "cpu",
            Number(1, u32::MAX),
            Means("one of `cpu` and `smp`,"),
            "2",
            "number of CPUs, at least 1",
        ),
        key(
            "smp",
            Mapping(&SMP),
            Means("and not both, must be given"),
            "",
            "mapping of `cpus`, `cores`, `threads`, `dies`, `sockets`, `maxcpus`, each at least 1",
        ),
        key(
            "memory",
            Text,
            Means("QEMU's default, 128M"),
            "2G",
            "a size such as `2G`; a bare number counts MiB",
        ),
        key(
            "numa",
            Mapping(&NUMA),
            Means("none"),
            "",
            "mapping with `nodes`: number of NUMA nodes, at most 128; CPUs that can't be split evenly are a warning",
        ),
        key(
            "network-device-queue",
            Number(0, 256),
            Means("1"),
            "2",
            "queues of each NIC, at most 256",
        ),
        key(
            "ignition",
            Text,
            Means("none"),
            "worker.ign",
            "file handed to the guest as fw_cfg `opt/com.coreos/config`",
        ),
        key(
            "smbios",
            Mapping(&SMBIOS),
            Means("serial: SHA-1 of the name in hex"),
            "",
            "mapping of `manufacturer`, `product`, `serial`",
        ),
        key("uefi", Boolean, Means("false"), "true", "UEFI instead of BIOS"),
        key("tpm", Boolean, Means("false"), "true", "a TPM 2.0 (needs swtpm)"),
        new(
            "bmc",
            Mapping(&BMC),
            Means("the guest may announce one"),
            "",
            "mapping of `address`, in a network of type `bmc`, `users`, a list of `name`, `password` and `role` (`Administrator`, `Operator` or `ReadOnly`), and `tls`, a `certificate` and its `key`; it brings a CD drive along, for virtual media; see [BMCs](bmc.md)",
        ),
        new(
            "machine",
            Words(&["pc", "q35"]),
            Means("`pc`"),
            "q35",
            "`pc` (PCI) or `q35` (PCI Express)",
        ),
        new(
            "power",
            Words(&["on", "off"]),
            Means("`on`"),
            "off",
            "`on` or `off`: whether it is powered on with the lab",
        ),
        new(
            "extra-args",
            List(&Text),
            Means("none"),
            "[-device, virtio-balloon-pci]",
            "list of arguments for QEMU, put as they are behind all others",
        ),
        new(
            "ready",
            Mapping(&NODE_READY),
            Means("once it is on"),
            "",
            "mapping that says when it counts as ready, [below](#order-and-readiness)",
        ),
        new(
            "depends-on",
            List(&TextOr(&DEPENDENCY)),
            Means("nothing"),
            "[namespace/core]",
            "list of what its power-on waits for",
        ),
    ]],
    one_of: &["cpu", "smp"],
};

static NIC: Shape = Shape {
    name: "interface of a Node",
    about: "A NIC",
    keys: &[&[
        new("network", Text, Error, "r0", "name of a Network"),
        new(
            "mac",
            Text,
            Means("made from the node's name and its place"),
            "52:54:00:12:34:56",
            "six bytes in hexadecimal, unicast and given once in a lab",
        ),
    ]],
    one_of: &[],
};

static SMP: Shape = Shape {
    name: "smp",
    about: "Processors, as QEMU's `-smp`; what is left out is not passed on",
    keys: &[&[
        key(
            "cpus",
            Number(1, u32::MAX),
            Means("the product of the others"),
            "4",
            "CPUs present at start",
        ),
        key(
            "cores",
            Number(1, u32::MAX),
            Means("QEMU's choice"),
            "2",
            "cores in a die",
        ),
        key(
            "threads",
            Number(1, u32::MAX),
            Means("QEMU's choice"),
            "1",
            "threads in a core",
        ),
        key(
            "dies",
            Number(1, u32::MAX),
            Means("QEMU's choice"),
            "1",
            "dies in a socket",
        ),
        key("sockets", Number(1, u32::MAX), Means("QEMU's choice"), "2", "sockets"),
        key(
            "maxcpus",
            Number(1, u32::MAX),
            Means("`cpus`"),
            "4",
            "CPUs with those that can be plugged in",
        ),
    ]],
    one_of: &[],
};

static NUMA: Shape = Shape {
    name: "numa",
    about: "NUMA nodes, over which CPUs and memory are split evenly",
    keys: &[&[key("nodes", Number(0, 128), Means("none"), "2", "number of NUMA nodes")]],
    one_of: &[],
};

static SMBIOS: Shape = Shape {
    name: "smbios",
    about: "What the firmware tells of the hardware",
    keys: &[&[
        key("manufacturer", Text, Means("QEMU's"), "ACME", "manufacturer"),
        key("product", Text, Means("QEMU's"), "Server", "product name"),
        key(
            "serial",
            Text,
            Means("SHA-1 of the node's name in hex"),
            "12345678",
            "serial number",
        ),
    ]],
    one_of: &[],
};

static BMC: Shape = Shape {
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
};

static USER: Shape = Shape {
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

/// The kinds of volumes.
pub const VOLUMES: &[(&str, &Shape)] = &[
    ("image", &IMAGE_VOLUME),
    ("raw", &RAW_VOLUME),
    ("localds", &SEED_VOLUME),
    ("hostPath", &SHARE_VOLUME),
];

/// What every volume has.
const OF_VOLUMES: &[Key] = &[
    key("kind", Text, Error, "raw", "`image`, `raw`, `localds` or `hostPath`"),
    key("name", Text, Error, "root", "as a namespace's, unique within the node"),
    key(
        "cache",
        Words(&["none", "writeback", "writethrough", "directsync", "unsafe"]),
        Means("`none`"),
        "unsafe",
        "`none`, `writeback`, `writethrough`, `directsync` or `unsafe`",
    ),
    key(
        "device-class",
        Text,
        Means("the data directory"),
        "ssd",
        "name of a DeviceClass that holds its file",
    ),
];

/// A volume of any kind, for its table.
pub static VOLUME: Shape = Shape {
    name: "volume",
    about: "A disk or share",
    keys: &[OF_VOLUMES],
    one_of: &[],
};

static IMAGE_VOLUME: Shape = Shape {
    name: "volume of kind image",
    about: "A disk made from an image",
    keys: &[
        OF_VOLUMES,
        &[
            key("image", Text, Error, "os", "name of an Image"),
            key(
                "copy-on-write",
                Boolean,
                Means("false"),
                "true",
                "an overlay on the image instead of a copy",
            ),
        ],
    ],
    one_of: &[],
};

static RAW_VOLUME: Shape = Shape {
    name: "volume of kind raw",
    about: "An empty disk",
    keys: &[
        OF_VOLUMES,
        &[
            key("size", Text, Error, "10G", "such as `10G`; a bare number counts bytes"),
            key(
                "format",
                Words(&["qcow2", "raw"]),
                Means("`qcow2`"),
                "raw",
                "`qcow2` or `raw`",
            ),
        ],
    ],
    one_of: &[],
};

static SEED_VOLUME: Shape = Shape {
    name: "volume of kind localds",
    about: "A cloud-init NoCloud seed",
    keys: &[
        OF_VOLUMES,
        &[
            key(
                "user-data",
                Text,
                Error,
                "user-data.yml",
                "file of a cloud-init NoCloud seed",
            ),
            key("network-config", Text, Means("none"), "network-config.yml", "another"),
            new(
                "meta-data",
                Text,
                Means("those two"),
                "meta-data.yml",
                "another, a YAML map; `instance-id` and `local-hostname` (both the node's name) are added where they are missing",
            ),
        ],
    ],
    one_of: &[],
};

static SHARE_VOLUME: Shape = Shape {
    name: "volume of kind hostPath",
    about: "A directory of the host",
    keys: &[
        OF_VOLUMES,
        &[
            key(
                "path",
                Text,
                Error,
                "/srv/share",
                "absolute directory of the host, made if missing, shared with the volume's name (31 bytes at most) as its tag",
            ),
            key(
                "writable",
                Boolean,
                Means("false"),
                "true",
                "whether the guest may write",
            ),
            new(
                "driver",
                Words(&["9p", "virtiofs"]),
                Means("`9p`"),
                "virtiofs",
                "`9p`, or `virtiofs` where virtiofsd is installed (Debian 12: in qemu-system-common); that is faster, but a read-only one hides what is mounted below `path`",
            ),
        ],
    ],
    one_of: &[],
};
