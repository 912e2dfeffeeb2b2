//! An image by its URL: downloaded by one lab for all that want it, checked, and stored decompressed.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use reqwest::header::HeaderMap;
use tokio::sync::oneshot;

use super::{ImageError, MODE, on_a_thread};
use crate::{
    blocking,
    causes::with_causes,
    node::{
        checksum::sha256,
        download::{Target as _, download},
        partial::Partial,
        progress::Progress,
        qemu_img::PrepareEnv,
        unpack::unpack_into,
    },
    plan::Image,
    store::{ImagePhase, Level},
};

/// Fetches an image into the cache unless it is there.
pub(super) async fn fetch(
    image: &Image,
    url: &str,
    env: &PrepareEnv,
    progress: &mut Progress,
) -> Result<PathBuf, ImageError> {
    let failed = |error: io::Error| failed(image, url, error.to_string());
    let target = image.file.clone();
    let there = async || {
        let there = tokio::fs::try_exists(&target).await;
        there.map_err(failed)
    };
    if there().await? {
        return Ok(target);
    }
    let partial = own(&target, url, env, progress).await?;
    let partial = partial.map_err(failed)?;
    // Whoever had it before may have completed it.
    if there().await? {
        return Ok(target);
    }
    match partial.len().unwrap_or_default() {
        0 => progress.tell(Level::Info, &format!("Downloading {url}.")),
        bytes => progress.tell(
            Level::Info,
            &format!("Downloading {url}: going on after the {bytes} bytes that are there."),
        ),
    }
    let work = Fetching {
        image: image.clone(),
        url: url.into(),
        partial,
        env: env.clone(),
        progress: progress.clone(),
    };
    let size = on_a_thread(&env.cancel, work.run())
        .await
        .ok_or(ImageError::Cancelled)??;
    progress.tell(Level::Info, &format!("Downloaded {url}: {size} bytes."));
    Ok(target)
}

/// Gets hold of the beginning of a download, waiting while another lab has it.
async fn own(
    target: &Path,
    url: &str,
    env: &PrepareEnv,
    progress: &mut Progress,
) -> Result<io::Result<Partial>, ImageError> {
    let path = target.to_owned();
    match blocking::run(move || Partial::open(&path, MODE)).await.transpose() {
        Some(partial) => return Ok(partial),
        None => progress.tell(
            Level::Info,
            &format!("Waiting for {url}, which another lab is downloading."),
        ),
    }
    // Nothing ends the waiting for a lock but the lock. A thread of the runtime would keep the engine from ending.
    let (sender, receiver) = oneshot::channel();
    let path = target.to_owned();
    let wait = move || {
        let waited = Partial::wait(&path, MODE);
        // Whoever asked may be gone.
        drop(sender.send(waited));
    };
    if let Err(error) = std::thread::Builder::new().name("image-lock".into()).spawn(wait) {
        return Ok(Err(error));
    }
    let Some(waited) = env.cancel.run_until_cancelled(receiver).await else {
        return Err(ImageError::Cancelled);
    };
    let gone = || io::Error::other("the wait for it ended early");
    Ok(waited
        .unwrap_or_else(|_| Err(gone()))
        .and_then(|partial| partial.ok_or_else(gone)))
}

/// A download under way, from the first request to the file in the cache.
struct Fetching {
    image: Image,
    url: String,
    partial: Partial,
    env: PrepareEnv,
    progress: Progress,
}

impl Fetching {
    /// Returns how many bytes the whole has as it is served. Blocks as it writes.
    async fn run(mut self) -> Result<u64, ImageError> {
        let mut continued = self.partial.validator().is_some() && self.partial.len().is_ok_and(|length| length > 0);
        loop {
            self.progress.phase(ImagePhase::Downloading);
            let (headers, patience) = (HeaderMap::new(), &self.env.patience);
            let done = download(&self.url, headers, &self.partial, patience, &mut self.progress).await;
            let size = done.map_err(|reason| self.failed(reason))?;
            let Some(expected) = &self.image.sha256 else {
                return self.keep(size).await;
            };
            self.progress.phase(ImagePhase::Checking);
            let sum = sha256(self.partial.path(), &self.env.cancel).map_err(|error| self.failed(error.to_string()))?;
            let found = sum.ok_or(ImageError::Cancelled)?;
            if found == *expected {
                return self.keep(size).await;
            }
            let error = ImageError::Checksum {
                image: self.image.name.clone(),
                from: self.url.clone(),
                expected: expected.clone(),
                found,
            };
            if !continued {
                self.partial.discard();
                return Err(error);
            }
            // The beginning is from an earlier run: it may be at fault, whatever the server says of it.
            continued = false;
            let url = &self.url;
            let message =
                format!("What an earlier run left of {url} does not fit what was added: downloading it anew.");
            self.progress.tell(Level::Warn, &message);
            let restarted = self.partial.restart(None);
            restarted.map_err(|error| self.failed(error.to_string()))?;
        }
    }

    /// Puts what was fetched into the cache, decompressed.
    async fn keep(self, size: u64) -> Result<u64, ImageError> {
        let target = self.image.file.clone();
        let failed = |error: io::Error| failed(&self.image, &self.url, with_causes(&error));
        let Some(compression) = self.image.compression else {
            self.partial.commit(&target).map_err(failed)?;
            return Ok(size);
        };
        self.progress.phase(ImagePhase::Unpacking);
        let unpacked = async {
            let source = File::open(self.partial.path())?;
            unpack_into(source, compression, target, MODE).await
        };
        let unpacked = unpacked.await.map_err(failed);
        // If it can't be decompressed, another attempt needs other bytes.
        self.partial.discard();
        unpacked.map(|()| size)
    }

    fn failed(&self, reason: String) -> ImageError {
        failed(&self.image, &self.url, reason)
    }
}

fn failed(image: &Image, url: &str, reason: String) -> ImageError {
    ImageError::Download {
        image: image.name.clone(),
        url: url.into(),
        reason,
    }
}
