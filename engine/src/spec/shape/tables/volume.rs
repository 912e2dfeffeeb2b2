//! `volumes` of a node, by their kind.

use super::{key, new};
use crate::spec::shape::{
    Absent::{Error, Means},
    Key, Shape,
    Value::{Boolean, Text, Words},
};

/// The kinds of volumes.
pub const VOLUMES: &[(&str, &Shape)] = &[
    ("image", &IMAGE_VOLUME),
    ("raw", &RAW_VOLUME),
    ("localds", &SEED_VOLUME),
    ("hostPath", &SHARE_VOLUME),
];

/// What every volume has.
pub const OF_VOLUMES: &[Key] = &[
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
    needs: &[],
};

pub static IMAGE_VOLUME: Shape = Shape {
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
    needs: &[],
};

pub static RAW_VOLUME: Shape = Shape {
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
    needs: &[],
};

pub static SEED_VOLUME: Shape = Shape {
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
    needs: &[],
};

pub static SHARE_VOLUME: Shape = Shape {
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
    needs: &[],
};
