//! Images: fetched and decompressed once, kept in the cache directory, shared by all volumes made from them.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::File,
    future::Future,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures::future::try_join_all;
use sha1::{Digest, Sha1};
use tokio::{io::BufReader, runtime::Handle, task::spawn_blocking};

use super::{
    download::download,
    part_file::PartFile,
    qemu_img::{DiskInfo, PrepareEnv, QemuImgError},
    unpack::unpack,
};
use crate::{
    plan::{Image, Plan},
    spec::model::Compression,
    store::Level,
};

/// The kind of the events told here.
const KIND: &str = "image";
/// Images in the cache are for everybody to read.
const MODE: u32 = 0o644;
/// How much of a compressed file is read at once, in bytes.
const READ_SIZE: usize = 256 * 1024;

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
    let mut by_file: BTreeMap<&Path, Vec<&Image>> = BTreeMap::new();
    for image in &plan.images {
        by_file.entry(&image.file).or_default().push(image);
    }
    let cache = plan.paths.cache_dir.join("image_cache");
    let ready = try_join_all(by_file.values().map(async |images| {
        let ready = prepare(images[0], &cache, &env).await?;
        Ok::<_, ImageError>(images.iter().map(move |image| (image.name.clone(), ready.clone())))
    }));
    let by_name = ready.await?.into_iter().flatten().collect();
    Ok(Images { by_name })
}

async fn prepare(image: &Image, cache: &Path, env: &PrepareEnv) -> Result<ReadyImage, ImageError> {
    let file = match (&image.url, image.compression) {
        (Some(url), _) => fetch(image, url, env).await?,
        (None, Some(compression)) => decompress(image, compression, cache, env).await?,
        (None, None) => image.file.clone(),
    };
    let info = env.disk_info(&file).await.map_err(|source| match source {
        QemuImgError::Cancelled => ImageError::Cancelled,
        source => ImageError::Probe {
            image: image.name.clone(),
            file: file.clone(),
            source,
        },
    })?;
    Ok(ReadyImage { file, info })
}

/// Fetches an image into the cache unless it is there.
async fn fetch(image: &Image, url: &str, env: &PrepareEnv) -> Result<PathBuf, ImageError> {
    let failed = |reason| ImageError::Download {
        image: image.name.clone(),
        url: url.into(),
        reason,
    };
    let target = image.file.clone();
    if tokio::fs::try_exists(&target)
        .await
        .map_err(|error| failed(error.to_string()))?
    {
        return Ok(target);
    }
    let tell = |message: &str| env.store.event(Level::Info, &image.id, KIND, message);
    tell(&format!("Downloading {url}."));
    let (from, to, compression) = (url.to_owned(), target.clone(), image.compression);
    let size = on_a_thread(env, async move {
        let part = PartFile::create(&to, MODE).map_err(|error| error.to_string())?;
        let source = download(&from).await?;
        let size = unpack(source, compression, part.file()).await;
        let size = size.map_err(|error| chain(&error))?;
        keep(part).map_err(|error| error.to_string())?;
        Ok(size)
    });
    let size = size.await.ok_or(ImageError::Cancelled)?.map_err(failed)?;
    tell(&format!("Downloaded {url}: {size} bytes."));
    Ok(target)
}

/// Decompresses a user's file into the cache unless that was done before.
async fn decompress(
    image: &Image,
    compression: Compression,
    cache: &Path,
    env: &PrepareEnv,
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
    let message = format!("Decompressing {path}.");
    env.store.event(Level::Info, &image.id, KIND, &message);
    let source = File::open(&image.file).map_err(unreadable)?;
    let to = target.clone();
    let done = on_a_thread(env, async move {
        let part = PartFile::create(&to, MODE)?;
        let source = BufReader::with_capacity(READ_SIZE, tokio::fs::File::from_std(source));
        unpack(source, Some(compression), part.file()).await?;
        keep(part)
    });
    done.await.ok_or(ImageError::Cancelled)?.map_err(failed)?;
    Ok(target)
}

/// Images are kept for ever, so they must survive a host that loses its power.
fn keep(part: PartFile) -> io::Result<()> {
    part.file().sync_data()?;
    part.commit()
}

/// Runs work that computes and writes files between its waiting on a thread where that holds nobody up. `None` if
/// cancelled.
async fn on_a_thread<T: Send + 'static>(env: &PrepareEnv, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let cancel = env.cancel.clone();
    let handle = Handle::current();
    spawn_blocking(move || handle.block_on(cancel.run_until_cancelled(work)))
        .await
        .ok()
        .flatten()
}

/// An error with all its causes: the innermost is often the only one that helps.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_message = cause.to_string();
        if !message.contains(&cause_message) {
            message = format!("{message}: {cause_message}");
        }
        source = cause.source();
    }
    message
}
