//! Images, and the volumes of nodes.

use std::path::PathBuf;

use serde::Serialize;

use crate::spec::model::{Cache, Compression, DiskFormat};

/// An image that must be there before the volumes that use it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Image {
    /// `image/NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What to fetch, unless `file` is the user's own file.
    pub url: Option<String>,
    /// The source on disk: the user's file, or the cache's file (decompressed) for a URL.
    pub file: PathBuf,
    /// How the source is compressed: the user's file when it is read, a download before it is stored.
    pub compression: Option<Compression>,
    /// SHA-256 of the source before it is decompressed, in lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A disk or share of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// How its file is made if it does not exist.
    pub source: VolumeSource,
    /// The file or directory QEMU gets.
    pub path: PathBuf,
    /// QEMU's cache mode.
    pub cache: Cache,
}

impl Volume {
    /// Whether it is the node's own disk: a directory of the host may be anybody's.
    pub fn is_disk(&self) -> bool {
        !matches!(self.source, VolumeSource::Directory { .. })
    }
}

/// How a volume's file comes to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum VolumeSource {
    /// A full copy of an image, always as qcow2.
    Copy {
        /// Name of the image.
        image: String,
    },
    /// A qcow2 overlay on an image.
    Overlay {
        /// Name of the image.
        image: String,
    },
    /// A NoCloud seed.
    Seed(Seed),
    /// An empty disk.
    Blank {
        /// As `qemu-img create` takes it.
        size: String,
        /// File format.
        format: DiskFormat,
    },
    /// A directory of the host; made if missing.
    Directory {
        /// Whether the guest may write.
        writable: bool,
        /// What serves it over virtio-fs; `None`: QEMU itself, over 9p.
        #[serde(skip_serializing_if = "Option::is_none")]
        virtiofs: Option<Virtiofs>,
    },
}

/// What a NoCloud seed is made from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seed {
    /// The user-data file.
    pub user_data: PathBuf,
    /// The network-config file.
    pub network_config: Option<PathBuf>,
    /// The user's meta-data file, to which what is missing in it is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<PathBuf>,
    /// The `instance-id` of the meta-data.
    pub instance_id: String,
    /// The `local-hostname` of the meta-data.
    pub hostname: String,
}

/// The server of a directory that is shared over virtio-fs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Virtiofs {
    /// `virtiofsd`, absolute.
    pub program: PathBuf,
    /// Its socket, in the lab directory, until QEMU is connected.
    pub socket: PathBuf,
    /// Descriptor of the connection to it in QEMU.
    pub fd: i32,
}
