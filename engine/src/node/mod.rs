//! Virtual machines: their images and volumes, their QEMU process and their power.
//!
//! What a machine looks like was decided by the plan: nothing here makes up a QEMU argument. Nothing here knows of
//! networks beyond the taps it is handed, or of who asks for a node's power.

mod actor;
mod boots;
mod checksum;
mod claim;
mod disguise;
mod download;
mod error;
mod fetch;
mod handle;
mod images;
mod lines;
mod listener;
mod lock;
mod machine;
mod medium;
mod nvram;
mod output;
mod owner;
mod part_file;
mod partial;
mod port;
mod power;
mod progress;
mod qemu_img;
mod qmp;
mod restore;
mod screenshot;
mod share;
mod shutdown;
mod telling;
#[cfg(test)]
mod testing;
mod tpm;
mod unpack;
mod volumes;

pub use boots::{BootFrom, BootGoal};
pub use claim::{ClaimError, Claims, claim_files, directories, leftover_suffixes};
pub use download::Patience;
pub use error::NodeError;
pub use fetch::fetch_medium;
pub use handle::{NodeEnv, NodeHandle};
pub use images::{ImageError, Images, prepare_images};
pub use medium::Medium;
pub use power::{Action, Grace, PowerState, UnknownAction};
pub use qemu_img::{PrepareEnv, QemuImgError};
pub use qmp::QmpError;
pub use volumes::{VolumeError, VolumeFault, prepare_volumes};
