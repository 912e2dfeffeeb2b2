//! What is in a node's CD drive: a file without a name of its own, handed to QEMU by its descriptor.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
};

use serde_json::json;

use super::qmp::{Qmp, QmpError};
use crate::plan::{CD_ID, MEDIUM_NODE};

/// A medium for a CD drive. Cheap to clone; the file goes with the last clone.
#[derive(Clone, Debug)]
pub struct Medium {
    file: Arc<File>,
    name: String,
}

impl Medium {
    /// A medium that is read from a file.
    pub fn new(name: impl Into<String>, file: File) -> Self {
        Self {
            file: Arc::new(file),
            name: name.into(),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A descriptor by which it can be read and no more, as QEMU wants it for a medium that is not written.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        Ok(File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?.into())
    }
}

/// Puts a medium into the empty drive of a running machine.
pub(super) async fn insert(qmp: &Qmp, medium: OwnedFd) -> Result<(), QmpError> {
    let node = |path: String| {
        let file = json!({"driver": "file", "filename": path});
        json!({"driver": "raw", "node-name": MEDIUM_NODE, "read-only": true, "file": file})
    };
    qmp.execute_on(medium, "blockdev-add", node).await?;
    let inserted = async {
        open_tray(qmp).await?;
        let medium = json!({"id": CD_ID, "node-name": MEDIUM_NODE});
        qmp.execute("blockdev-insert-medium", Some(medium)).await?;
        close_tray(qmp).await
    };
    let inserted = inserted.await;
    if inserted.is_err() {
        // So that another one can be tried.
        drop(eject(qmp).await);
    }
    inserted
}

/// Takes the medium out of the drive of a running machine, whether or not its guest has locked it.
pub(super) async fn eject(qmp: &Qmp) -> Result<(), QmpError> {
    open_tray(qmp).await?;
    qmp.execute("blockdev-remove-medium", Some(json!({"id": CD_ID})))
        .await?;
    qmp.execute("blockdev-del", Some(json!({"node-name": MEDIUM_NODE})))
        .await?;
    close_tray(qmp).await
}

async fn open_tray(qmp: &Qmp) -> Result<(), QmpError> {
    let tray = json!({"id": CD_ID, "force": true});
    qmp.execute("blockdev-open-tray", Some(tray)).await.map(drop)
}

async fn close_tray(qmp: &Qmp) -> Result<(), QmpError> {
    qmp.execute("blockdev-close-tray", Some(json!({"id": CD_ID})))
        .await
        .map(drop)
}

/// Tells the firmware of a running machine in which order to try devices, of all that could have a place in it. It asks at
/// its next reset.
pub(super) async fn set_order(qmp: &Qmp, all: &[String], order: &[String]) -> Result<(), QmpError> {
    // No two may have the same place at any moment.
    for id in all {
        set_place(qmp, id, -1).await?;
    }
    for (place, id) in (1..).zip(order) {
        set_place(qmp, id, place).await?;
    }
    Ok(())
}

async fn set_place(qmp: &Qmp, id: &str, place: i32) -> Result<(), QmpError> {
    let path = format!("/machine/peripheral/{id}");
    let property = json!({"path": path, "property": "bootindex", "value": place});
    qmp.execute("qom-set", Some(property)).await.map(drop)
}
