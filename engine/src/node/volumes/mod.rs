//! Volumes: the disks and shares of a node, made before its first start.
//!
//! A file that exists is used as it is, or brought into the format that QEMU is told; one that doesn't appears only when it is complete. Nothing
//! here knows how QEMU is told of a volume.

mod adopt;
mod copy;
mod meta_data;
mod seed;

use std::{
    fs, io,
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

use futures::future::try_join_all;

use super::{
    images::{Images, ReadyImage},
    part_file::PartFile,
    qemu_img::{PrepareEnv, QemuImgError},
};
use crate::{
    blocking,
    plan::{Node, QemuUser, Volume, VolumeSource},
    spec::model::DiskFormat,
};

/// Disks hold secrets.
const MODE: u32 = 0o600;

/// A volume that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("node `{node}`: cannot make {object} at {path}: {fault}")]
pub struct VolumeError {
    /// The node.
    pub node: String,
    /// What of it: ``volume `root` ``, `the UEFI variables`.
    pub object: String,
    /// Its file or directory.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub fault: VolumeFault,
}

/// Why a volume could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VolumeFault {
    /// Its directory or file could not be written.
    #[error("{0}{hint}", hint = hint(.0))]
    Write(#[from] io::Error),
    /// What it is made from could not be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `qemu-img` failed.
    #[error("{0}{hint}", hint = qemu_img_hint(.0))]
    QemuImg(#[from] QemuImgError),
    /// The plan named an image that was not prepared.
    #[error("there is no image `{0}`")]
    NoImage(String),
    /// The lab is going down.
    #[error("the lab is going down")]
    Cancelled,
}

const MAKE_ROOM: &str = ". Make room, or move it with --data-dir or a DeviceClass";

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => MAKE_ROOM,
        _ => "",
    }
}

/// `qemu-img` tells of the same faults in the words of strerror(3).
fn qemu_img_hint(error: &QemuImgError) -> &'static str {
    let words = ["No space left on device", "Disk quota exceeded"];
    match error {
        QemuImgError::Failed(message) if words.iter().any(|words| message.contains(words)) => MAKE_ROOM,
        _ => "",
    }
}

/// Makes what a node's volumes and firmware need and isn't there yet.
pub async fn prepare_volumes(node: &Node, images: &Images, env: &PrepareEnv) -> Result<(), VolumeError> {
    let failed = |object: String, path: &Path| {
        let (node, path) = (node.name.clone(), path.to_owned());
        move |fault| VolumeError {
            node,
            object,
            path,
            fault,
        }
    };
    let nvram = async {
        let Some(nvram) = &node.nvram else { return Ok(()) };
        let made = copy_if_missing(&nvram.template, &nvram.path, env).await;
        made.map_err(failed("the UEFI variables".into(), &nvram.path))
    };
    let volumes = try_join_all(node.volumes.iter().map(async |volume| {
        let made = make(volume, node.qemu.user.as_ref(), images, env).await;
        made.map_err(failed(format!("volume `{}`", volume.name), &volume.path))
    }));
    tokio::try_join!(nvram, volumes).map(drop)
}

async fn make(volume: &Volume, user: Option<&QemuUser>, images: &Images, env: &PrepareEnv) -> Result<(), VolumeFault> {
    let path = &volume.path;
    match &volume.source {
        VolumeSource::Directory { .. } => {
            let (path, user) = (path.clone(), user.cloned());
            Ok(blocking::run(move || make_directory(&path, user.as_ref())).await?)
        }
        _ if tokio::fs::try_exists(path).await? => adopt::adopt(volume, images, env).await,
        VolumeSource::Copy { image: name } => {
            let image = find(images, name)?;
            let part = begin(path).await?;
            if image.info.format == "qcow2" && image.info.backing.is_none() {
                return copy(image.file.clone(), part, env).await;
            }
            env.convert(&image.file, &image.info.format, part.path()).await?;
            commit(part).await
        }
        VolumeSource::Overlay { image: name } => {
            let image = find(images, name)?;
            let part = begin(path).await?;
            env.create_overlay(part.path(), &image.file, &image.info.format).await?;
            commit(part).await
        }
        VolumeSource::Blank { size, format } => {
            let format = match format {
                DiskFormat::Qcow2 => "qcow2",
                DiskFormat::Raw => "raw",
            };
            let part = begin(path).await?;
            env.create_disk(part.path(), format, size).await?;
            commit(part).await
        }
        VolumeSource::Seed(seed) => {
            let (part, seed) = (begin(path).await?, seed.clone());
            blocking::run(move || {
                seed.write(part.file())?;
                Ok(part.commit()?)
            })
            .await
        }
    }
}

async fn commit(part: PartFile) -> Result<(), VolumeFault> {
    blocking::run(move || Ok(part.commit()?)).await
}

fn find<'i>(images: &'i Images, name: &str) -> Result<&'i ReadyImage, VolumeFault> {
    images.get(name).ok_or_else(|| VolumeFault::NoImage(name.into()))
}

/// Makes a directory that isn't there; what the lab makes for QEMU, QEMU's user must be able to use.
fn make_directory(path: &Path, user: Option<&QemuUser>) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    user.map_or(Ok(()), |user| chown(path, Some(user.uid), Some(user.gid)))
}

async fn copy_if_missing(from: &Path, to: &Path, env: &PrepareEnv) -> Result<(), VolumeFault> {
    if tokio::fs::try_exists(to).await? {
        return Ok(());
    }
    copy(from.to_owned(), begin(to).await?, env).await
}

async fn begin(target: &Path) -> Result<PartFile, VolumeFault> {
    let target = target.to_owned();
    blocking::run(move || Ok(PartFile::create(&target, MODE)?)).await
}

/// Copies a file byte for byte and puts it into place.
async fn copy(from: PathBuf, part: PartFile, env: &PrepareEnv) -> Result<(), VolumeFault> {
    let Some(place) = env.place().await else {
        return Err(VolumeFault::Cancelled);
    };
    let cancel = env.cancel.clone();
    blocking::run(move || {
        let _place = place;
        copy::copy(&from, part.file(), &cancel)?;
        Ok(part.commit()?)
    })
    .await
}
