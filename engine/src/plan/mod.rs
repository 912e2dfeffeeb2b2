//! From a spec and facts about this host to everything that will exist: a pure function.
//!
//! Nothing here opens a file, asks the kernel or needs root; the same input gives the same plan.

mod model;

pub use model::{
    App, End, Image, Link, Mac, Mtu, MtuSource, Namespace, Network, NetworkKind, Nic, Node, Nvram, Paths, Plan, Qemu,
    Shape, Tpm, Volume, VolumeSource,
};
