//! Images: fetched and decompressed once, kept in the cache directory, shared by all volumes made from them.

mod fetch;

use std::{
    collections::BTreeMap,
    fs::File,
    future::Future,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures::future::try_join_all;
use sha1::{Digest, Sha1};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    checksum::sha256,
    disguise::{self, Disguise},
    progress::Progress,
    qemu_img::{DiskInfo, PrepareEnv, QemuImgError},
    unpack::unpack_into,
};
use crate::{
    blocking,
    plan::{Image, Plan, image_cache},
    spec::model::Compression,
    store::{ImagePhase, Level},
};
use fetch::fetch;

/// Images in the cache are for everybody to read.
const MODE: u32 = 0o644;

/// What goes wrong with an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It could not be fetched or stored.
    #[error("cannot download image `{image}` from {url}: {reason}")]
    Download {
        /// The image.
        image: String,
        /// Where from.
        url: String,
        /// Why.
        reason: String,
    },
    /// It is not the one that was meant.
    #[error(
        "image `{image}`: the SHA-256 of {from} is {found}, not {expected}. Either the file was changed or damaged, or \
         `sha256` is that of another one (it is that of the file as it comes, compressed if it is)"
    )]
    Checksum {
        /// The image.
        image: String,
        /// Its URL or file.
        from: String,
        /// What the lab file says.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A compressed file could not be decompressed into the cache.
    #[error("cannot decompress {file} of image `{image}` to {target}: {source}")]
    Decompress {
        /// The image.
        image: String,
        /// The user's file.
        file: PathBuf,
        /// Where to.
        target: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its file is not there or can't be read.
    #[error("cannot read {file} of image `{image}`: {source}")]
    Read {
        /// The image.
        image: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no disk image.
    #[error("cannot use {file} as image `{image}`: {source}")]
    Probe {
        /// The image.
        image: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: QemuImgError,
    },
    /// It is something else than a disk.
    #[error("image `{image}` can't be {from}: {what}")]
    Disguised {
        /// The image.
        image: String,
        /// Its URL or file.
        from: String,
        /// What it is, and what to do.
        what: Disguise,
    },
    /// The lab is going down.
    #[error("the lab is going down")]
    Cancelled,
}

/// The images of a lab as files on this host.
#[derive(Clone, Debug, Default)]
pub struct Images {
    by_name: BTreeMap<String, ReadyImage>,
}

/// An image as a file that is complete and understood.
#[derive(Clone, Debug)]
pub(super) struct ReadyImage {
    pub file: PathBuf,
    pub info: DiskInfo,
}

impl Images {
    pub(super) fn get(&self, name: &str) -> Option<&ReadyImage> {
        self.by_name.get(name)
    }
}

/// Makes all images of a plan ready, each once and all at the same time.
pub async fn prepare_images(plan: &Plan, env: &PrepareEnv) -> Result<Images, ImageError> {
    // The first that fails ends the others.
    let env = env.child();
    let _cancel = env.cancel.clone().drop_guard();
    // Those that come from the same place, read the same way, are one.
    let mut sources: Vec<Vec<&Image>> = Vec::new();
    for image in &plan.images {
        let same = |other: &Image| {
            (&other.file, other.compression, &other.sha256) == (&image.file, image.compression, &image.sha256)
        };
        match sources.iter_mut().find(|images| same(images[0])) {
            Some(images) => images.push(image),
            None => sources.push(vec![image]),
        }
    }
    let cache = image_cache(&plan.paths.cache_dir);
    let ready = try_join_all(sources.iter().map(async |images| {
        let names = images.iter().map(|image| image.name.clone()).collect();
        let mut progress = Progress::new(env.store.clone(), &images[0].id, names);
        match prepare(images[0], &cache, &env, &mut progress).await {
            Ok(ready) => {
                progress.phase(ImagePhase::Ready);
                Ok(images.iter().map(move |image| (image.name.clone(), ready.clone())))
            }
            Err(error) => {
                progress.failed(&error.to_string());
                Err(error)
            }
        }
    }));
    let by_name = ready.await?.into_iter().flatten().collect();
    Ok(Images { by_name })
}

async fn prepare(
    image: &Image,
    cache: &Path,
    env: &PrepareEnv,
    progress: &mut Progress,
) -> Result<ReadyImage, ImageError> {
    let file = if let Some(url) = &image.url {
        fetch(image, url, env, progress).await?
    } else {
        if let Some(expected) = &image.sha256 {
            check_file(image, expected, env, progress).await?;
        }
        match image.compression {
            Some(compression) => decompress(image, compression, cache, env, progress).await?,
            None => image.file.clone(),
        }
    };
    let info = env.disk_info(&file).await.map_err(|source| match source {
        QemuImgError::Cancelled => ImageError::Cancelled,
        source => ImageError::Probe {
            image: image.name.clone(),
            file: file.clone(),
            source,
        },
    })?;
    // Nothing tells a raw disk from what is none.
    if info.format == "raw" {
        refuse_disguised(image, &file).await?;
    }
    Ok(ReadyImage { file, info })
}

/// Refuses what can't be a raw disk. What was fetched is not kept.
async fn refuse_disguised(image: &Image, file: &Path) -> Result<(), ImageError> {
    let path = file.to_owned();
    let found = blocking::run(move || disguise::look(&path)).await;
    let found = found.map_err(|source| ImageError::Read {
        image: image.name.clone(),
        file: file.to_owned(),
        source,
    })?;
    let Some(what) = found else { return Ok(()) };
    let from = match &image.url {
        Some(url) => {
            // One that stays is found again, and told of again.
            let _ = tokio::fs::remove_file(file).await;
            url.clone()
        }
        None => file.display().to_string(),
    };
    let image = image.name.clone();
    Err(ImageError::Disguised { image, from, what })
}

/// Compares a user's file with its sum.
async fn check_file(
    image: &Image,
    expected: &str,
    env: &PrepareEnv,
    progress: &mut Progress,
) -> Result<(), ImageError> {
    progress.phase(ImagePhase::Checking);
    let (file, cancel) = (image.file.clone(), env.cancel.clone());
    let sum = blocking::run(move || sha256(&file, &cancel)).await;
    let sum = sum.map_err(|source| ImageError::Read {
        image: image.name.clone(),
        file: image.file.clone(),
        source,
    });
    let found = sum?.ok_or(ImageError::Cancelled)?;
    if found == expected {
        return Ok(());
    }
    Err(ImageError::Checksum {
        image: image.name.clone(),
        from: image.file.display().to_string(),
        expected: expected.into(),
        found,
    })
}

/// Decompresses a user's file into the cache unless that was done before.
async fn decompress(
    image: &Image,
    compression: Compression,
    cache: &Path,
    env: &PrepareEnv,
    progress: &mut Progress,
) -> Result<PathBuf, ImageError> {
    let unreadable = |source| ImageError::Read {
        image: image.name.clone(),
        file: image.file.clone(),
        source,
    };
    let metadata = tokio::fs::metadata(&image.file).await.map_err(unreadable)?;
    // Another file, or the same one changed, gets another name.
    let (path, size) = (image.file.display(), metadata.len());
    let key = format!("{path}\0{size}\0{}.{}", metadata.mtime(), metadata.mtime_nsec());
    let target = cache.join(format!("file-{:x}", Bytes::copy_from_slice(&Sha1::digest(key))));
    let failed = |source| ImageError::Decompress {
        image: image.name.clone(),
        file: image.file.clone(),
        target: target.clone(),
        source,
    };
    if tokio::fs::try_exists(&target).await.map_err(failed)? {
        return Ok(target);
    }
    progress.phase(ImagePhase::Unpacking);
    progress.tell(Level::Info, &format!("Decompressing {path}."));
    let source = File::open(&image.file).map_err(unreadable)?;
    let done = on_a_thread(&env.cancel, unpack_into(source, compression, target.clone(), MODE));
    done.await.ok_or(ImageError::Cancelled)?.map_err(failed)?;
    Ok(target)
}

/// Runs work that computes and writes files between its waiting on a thread where that holds nobody up. `None` if
/// cancelled.
async fn on_a_thread<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let cancel = cancel.clone();
    let handle = Handle::current();
    blocking::run(move || handle.block_on(cancel.run_until_cancelled(work))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "a mistake of ours")]
    async fn a_panic_is_not_taken_for_a_lab_that_goes_down() {
        on_a_thread(&CancellationToken::new(), async { panic!("a mistake of ours") }).await;
    }
}
