//! Lab files of placemat version 1 as lab files of today, as far as that goes, with a remark for each thing that somebody has to
//! look at.
//!
//! A document that means the same is left as it is written, comments and all. Others are written anew: a Pod becomes a
//! NetworkNamespace ([`pod`]), a Node's volumes other volumes ([`node`]); a DataFolder goes, as it is a directory of the host now.

mod edit;
mod folder;
mod migration;
mod node;
mod pod;

use std::{collections::BTreeMap, io, path::PathBuf};

use super::{
    diagnostic::{Code, Collector, Finding},
    load::{MAX_FILE_BYTES, Report},
    source::{Sources, decode, start_of},
};
use migration::Migration;

/// What became of lab files of version 1.
#[derive(Debug)]
pub struct Migrated {
    /// The lab file.
    pub yaml: String,
    /// What has to be looked at; without a spec.
    pub report: Report,
}

/// Turns files of version 1 into one of today.
pub fn migrate(files: &[PathBuf]) -> Migrated {
    let read = |path: &PathBuf| {
        (
            path.clone(),
            super::disk::Files::read(&super::Disk, path, MAX_FILE_BYTES),
        )
    };
    migrate_from(files.iter().map(read).collect())
}

/// Turns files of version 1 that were read already into one of today.
pub fn migrate_from(inputs: Vec<(PathBuf, io::Result<Vec<u8>>)>) -> Migrated {
    let mut sources = Sources::default();
    let mut collector = Collector::default();
    for (path, content) in inputs {
        let file = sources.next_index();
        let (text, finding) = match content {
            Ok(bytes) => decode(bytes, MAX_FILE_BYTES, file),
            Err(error) => {
                let message = format!("The file can't be read: {error}.");
                (
                    String::new(),
                    Some(Finding::error(Code::Unreadable, start_of(file), message)),
                )
            }
        };
        sources.add(&path, text);
        if let Some(finding) = finding {
            collector.add(finding, &sources);
        }
    }
    let mut migration = Migration {
        sources: &sources,
        collector: &mut collector,
        folders: BTreeMap::new(),
        remarks: Vec::new(),
    };
    let documents = migration.documents();
    for (_, document) in &documents {
        migration.note_folder(document);
    }
    let mut yaml = String::new();
    for (written, document) in &documents {
        let (remarks, made) = migration.document(document);
        if made.as_deref() == Some("") && remarks.is_empty() {
            continue;
        }
        if !yaml.is_empty() {
            yaml.push_str("---\n");
        }
        for remark in &remarks {
            yaml.extend(["# ", remark, "\n"]);
        }
        yaml.push_str(made.as_deref().unwrap_or(written));
    }
    let diagnostics = collector.finish(&sources);
    Migrated {
        yaml,
        report: Report::of(diagnostics, sources),
    }
}
