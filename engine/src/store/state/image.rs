//! Disk images.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A disk image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImageState {
    /// Its name.
    pub name: String,
    /// Where it is fetched from; `None`: it is a file of this host.
    pub url: Option<String>,
    /// The file of this host, or that in the cache.
    pub file: String,
    /// How far it is.
    pub phase: ImagePhase,
    /// Bytes that have been downloaded; 0 if there was nothing to download.
    pub done: u64,
    /// Bytes that the download has in all, if its server tells.
    pub total: Option<u64>,
    /// Why it can't be had, or could not the last time it was tried.
    pub error: Option<String>,
}

/// How far an image is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImagePhase {
    /// Not begun, or another lab is downloading it.
    #[default]
    Waiting,
    /// Being fetched.
    Downloading,
    /// Being compared with its sum.
    Checking,
    /// Being decompressed into the cache.
    Unpacking,
    /// Usable.
    Ready,
    /// It can't be had.
    Failed,
}
