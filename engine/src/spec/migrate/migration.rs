//! A migration at work: document after document, with what is remarked of each.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    super::{
        diagnostic::{Code, Collector, Finding},
        parse,
        source::Sources,
        split::Chunks,
        tree::{Mark, Node},
        write,
    },
    edit::text,
    folder::Folder,
    node, pod,
};

/// What documents become, and what is remarked of them.
pub struct Migration<'m> {
    pub sources: &'m Sources,
    pub collector: &'m mut Collector,
    pub folders: BTreeMap<String, Folder>,
    /// Remarks on the document at hand.
    pub remarks: Vec<String>,
}

impl Migration<'_> {
    /// Returns all documents, each with the text it is written in.
    pub fn documents(&mut self) -> Vec<(String, Rc<Node>)> {
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
    pub fn remark(&mut self, mark: Mark, remark: &str) {
        self.remarks.push(remark.to_owned());
        self.collector
            .add(Finding::warning(Code::Removed, mark, remark), self.sources);
    }

    /// Returns the absolute path of what a file names.
    pub fn absolute(&self, path: &str, mark: Mark) -> PathBuf {
        let file = self.sources.path(mark.file).unwrap_or(Path::new(""));
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let joined = file.parent().unwrap_or(&file).join(path);
        joined
            .components()
            .filter(|part| *part != std::path::Component::CurDir)
            .collect()
    }

    /// Returns the remarks on a document, and what it becomes: `None` if it stays as it is, nothing at all if it goes.
    pub fn document(&mut self, document: &Node) -> (Vec<String>, Option<String>) {
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
}
