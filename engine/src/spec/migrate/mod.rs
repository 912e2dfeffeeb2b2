//! Lab files of placemat version 1 as lab files of today, as far as that goes, with a remark for each thing that somebody has to
//! look at.
//!
//! A document that means the same is left as it is written, comments and all. Others are written anew: a Pod becomes a
//! NetworkNamespace ([`pod`]), a Node's volumes other volumes ([`node`]); a DataFolder goes, as it is a directory of the host now.

mod edit;
mod node;
mod pod;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    diagnostic::{Code, Collector, Finding, quote, quote_path},
    load::{MAX_FILE_BYTES, Report},
    parse,
    source::{Sources, decode, start_of},
    split::Chunks,
    tree::{Mark, Node},
    write,
};
use edit::{entry, items, text};

/// What became of lab files of version 1.
#[derive(Debug)]
pub struct Migrated {
    /// The lab file.
    pub yaml: String,
    /// What has to be looked at; without a spec.
    pub report: Report,
}

/// A directory that guests were shown as a disk.
struct Folder {
    /// The directory of the host that takes its place.
    path: PathBuf,
    /// What has to be put there first: names, and where they come from.
    files: Vec<(String, String)>,
}

/// What documents become, and what is remarked of them.
struct Migration<'m> {
    sources: &'m Sources,
    collector: &'m mut Collector,
    folders: BTreeMap<String, Folder>,
    /// Remarks on the document at hand.
    remarks: Vec<String>,
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

impl Migration<'_> {
    /// Returns all documents, each with the text it is written in.
    fn documents(&mut self) -> Vec<(String, Rc<Node>)> {
        let mut documents = Vec::new();
        let mut budget = parse::MAX_NODES;
        let sources = self.sources;
        for file in 0..sources.next_index() {
            for chunk in Chunks::new(sources.text(file)) {
                let (trees, failure) = parse::document(&chunk, file, &mut budget);
                if let Some(failure) = failure {
                    self.collector.add(failure.finding, sources);
                }
                let written = chunk.text.trim_start_matches("---").trim_matches('\n');
                let alone = trees.len() == 1;
                documents.extend(trees.into_iter().map(|tree| {
                    // Documents divided by `...` can't be told apart in the text.
                    let written = if alone {
                        format!("{written}\n")
                    } else {
                        write::documents(&[Rc::clone(&tree)])
                    };
                    (written, tree)
                }));
            }
        }
        documents
    }

    /// Says what somebody has to look at: in the new file, and with its place in the old one.
    fn remark(&mut self, mark: Mark, remark: &str) {
        self.remarks.push(remark.to_owned());
        self.collector
            .add(Finding::warning(Code::Removed, mark, remark), self.sources);
    }

    /// Returns the absolute path of what a file names.
    fn absolute(&self, path: &str, mark: Mark) -> PathBuf {
        let file = self.sources.path(mark.file).unwrap_or(Path::new(""));
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let joined = file.parent().unwrap_or(&file).join(path);
        joined
            .components()
            .filter(|part| *part != std::path::Component::CurDir)
            .collect()
    }

    /// Notes a DataFolder, for the volumes that name it.
    fn note_folder(&mut self, document: &Node) {
        if text(document, "kind") != Some("DataFolder") {
            return;
        }
        let Some(name) = text(document, "name") else { return };
        let path = match text(document, "dir") {
            Some(dir) => self.absolute(dir, document.mark),
            None => self.absolute(name, document.mark),
        };
        let files = items(document, "files");
        let files = files.iter().map(|file| {
            let source = text(file, "url").or_else(|| text(file, "file")).unwrap_or_default();
            (text(file, "name").unwrap_or_default().to_owned(), source.to_owned())
        });
        let folder = Folder {
            path,
            files: files.collect(),
        };
        self.folders.insert(name.to_owned(), folder);
    }

    /// Returns the remarks on a document, and what it becomes: `None` if it stays as it is, nothing at all if it goes.
    fn document(&mut self, document: &Node) -> (Vec<String>, Option<String>) {
        let made = match text(document, "kind") {
            Some("Pod") => Some(pod::migrate(self, document)),
            Some("Node") => node::migrate(self, document),
            Some("DataFolder") => {
                self.folder(document);
                return (std::mem::take(&mut self.remarks), Some(String::new()));
            }
            _ => None,
        };
        let made = made.map(|made| write::documents(&[made]));
        (std::mem::take(&mut self.remarks), made)
    }

    /// Says what is to be done for a DataFolder.
    fn folder(&mut self, document: &Node) {
        let name = text(document, "name").unwrap_or_default();
        let mark = entry(document, "name").map_or(document.mark, |name| name.mark);
        let Some(folder) = self.folders.get(name) else { return };
        let files: Vec<String> = folder
            .files
            .iter()
            .map(|(name, source)| format!("{} from {}", quote(name), quote(source)))
            .collect();
        if files.is_empty() {
            self.remark(
                mark,
                &format!(
                    "DataFolder {} is gone: volumes of kind `hostPath` share {} itself.",
                    quote(name),
                    quote_path(&folder.path)
                ),
            );
        } else {
            let files = files.join(", ");
            self.remark(
                mark,
                &format!(
                    "DataFolder {} is gone: make the directory {} and put there {files}.",
                    quote(name),
                    quote_path(&folder.path)
                ),
            );
        }
    }
}
