//! Volumes that placemat v2 made in another format than the one that QEMU is told here.
//!
//! v2 told QEMU none. QEMU then finds it out, and lets no guest make a raw disk look like one of another format. From the first
//! start here on, an image's copy is qcow2, whose first bytes no guest writes. A disk that is meant to be raw is never taken
//! for qcow2, whatever a guest has written to it.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{VolumeFault, begin, find};
use crate::{
    blocking,
    node::{images::Images, qemu_img::PrepareEnv},
    plan::{Volume, VolumeSource},
};

/// How a qcow2 file begins (QEMU's docs/interop/qcow2.txt).
const QCOW2: [u8; 4] = *b"QFI\xfb";

/// Brings the file of a volume into the format it is to have. Nobody has it open.
pub(super) async fn adopt(volume: &Volume, images: &Images, env: &PrepareEnv) -> Result<(), VolumeFault> {
    match &volume.source {
        // A copy of the image byte for byte.
        VolumeSource::Copy { image: name } if !is_qcow2(&volume.path).await? => {
            let format = match find(images, name)?.info.format.as_str() {
                // The image was another one then.
                "qcow2" => "raw",
                format => format,
            };
            let part = begin(&volume.path).await?;
            env.convert(&volume.path, format, part.path()).await?;
            blocking::run(move || {
                // The only copy of what the guest has written.
                part.file().sync_data()?;
                Ok(part.replace()?)
            })
            .await
        }
        // With a network configuration, cloud-localds made a qcow2 file. The lab file says what is in it.
        VolumeSource::Seed(seed) if is_qcow2(&volume.path).await? => {
            let part = begin(&volume.path).await?;
            let seed = seed.clone();
            blocking::run(move || {
                seed.write(part.file())?;
                Ok(part.replace()?)
            })
            .await
        }
        _ => Ok(()),
    }
}

async fn is_qcow2(path: &Path) -> io::Result<bool> {
    let path = path.to_owned();
    blocking::run(move || {
        let mut magic = vec![];
        File::open(path)?.take(QCOW2.len() as u64).read_to_end(&mut magic)?;
        Ok(magic == QCOW2)
    })
    .await
}
