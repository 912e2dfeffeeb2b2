//! Lists rendered to JSON once per change of the store, however many clients ask.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use crate::store::{State, Store};

/// The JSON of one part of the state, as of one version of the store.
#[derive(Default)]
pub struct Rendered(Mutex<Option<(u64, Bytes)>>);

impl Rendered {
    /// Returns the JSON of what `part` picks, rendering it only if the store has changed since the last call.
    ///
    /// The version is read before the state: bytes are never older than the version they are kept under.
    pub fn get<T, F>(&self, store: &Store, part: F) -> Result<Bytes, serde_json::Error>
    where
        T: Serialize,
        F: FnOnce(&State) -> T,
    {
        let version = store.version();
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((rendered_at, bytes)) = slot.as_ref()
            && *rendered_at == version
        {
            return Ok(bytes.clone());
        }
        let part = store.read(part);
        let bytes = Bytes::from(serde_json::to_vec(&part)?);
        *slot = Some((version, bytes.clone()));
        Ok(bytes)
    }
}
