//! DataFolders: directories that guests were shown as a disk, and which share a directory of the host now.

use std::path::PathBuf;

use super::{
    super::{
        diagnostic::{quote, quote_path},
        tree::Node,
    },
    edit::{entry, items, text},
    migration::Migration,
};

/// A directory that guests were shown as a disk.
pub struct Folder {
    /// The directory of the host that takes its place.
    pub path: PathBuf,
    /// What has to be put there first: names, and where they come from.
    pub files: Vec<(String, String)>,
}

impl Migration<'_> {
    /// Notes a DataFolder, for the volumes that name it.
    pub fn note_folder(&mut self, document: &Node) {
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

    /// Says what is to be done for a DataFolder.
    pub fn folder(&mut self, document: &Node) {
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
