//! From the files given to all documents of a lab: those of files that they include, with all variables replaced and all that
//! has a `count` written out.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    context::Context,
    diagnostic::{Code, Collector, Finding, quote, quote_path},
    disk::Files,
    fields::Text,
    load::MAX_FILE_BYTES,
    parse,
    read::lab::{self, Lab},
    resolve::Resolver,
    source::{Sources, decode, start_of},
    tree::{Mark, Node},
    variables::{Declaration, Scope, Variables},
};

/// How many files may be included, and how much they may hold together.
const MAX_INCLUDED: usize = 256;
const MAX_INCLUDED_BYTES: usize = 64 << 20;

/// All documents of a lab.
pub struct Gathered {
    /// One resource each.
    pub documents: Vec<Rc<Node>>,
    /// Whether there was any document, of whatever use.
    pub any: bool,
    /// Whether some resource may have been missed.
    pub incomplete: bool,
}

/// What is needed to read a lab's files.
pub struct Gathering<'g> {
    /// The files; those that are included are added.
    pub sources: &'g mut Sources,
    /// What is wrong.
    pub collector: &'g mut Collector,
    /// Variables from outside.
    pub given: &'g Variables,
    /// The disk.
    pub files: &'g dyn Files,
    /// Where the lab's relative paths start.
    pub base_dir: &'g Path,
}

/// How far a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Ahead,
    Open,
    Done,
}

/// A file with how far it is.
struct Visited {
    file: u32,
    visit: Visit,
}

/// What is gathered so far.
struct Walk<'w, 'g> {
    gathering: &'w mut Gathering<'g>,
    visited: HashMap<PathBuf, Visited>,
    included: usize,
    included_bytes: usize,
    nodes_left: usize,
    documents: Vec<Rc<Node>>,
    declared: BTreeMap<String, Declaration>,
    /// Variables that paths of included files are made of.
    used: BTreeSet<String>,
    any: bool,
    incomplete: bool,
}

/// Reads these files, which are among the sources, and all that they include.
pub fn gather(mut gathering: Gathering<'_>, files: &[u32]) -> Gathered {
    let mut walk = Walk {
        visited: HashMap::new(),
        included: 0,
        included_bytes: 0,
        nodes_left: parse::MAX_NODES,
        documents: Vec::new(),
        declared: BTreeMap::new(),
        used: BTreeSet::new(),
        any: false,
        incomplete: false,
        gathering: &mut gathering,
    };
    let paths: Vec<PathBuf> = files.iter().map(|file| walk.identity_of(*file)).collect();
    for (path, &file) in paths.iter().zip(files) {
        let visit = Visit::Ahead;
        walk.visited.entry(path.clone()).or_insert(Visited { file, visit });
    }
    for path in &paths {
        walk.visit(path, 0);
    }
    walk.resolve()
}

impl Walk<'_, '_> {
    fn report(&mut self, finding: Finding) {
        self.gathering.collector.add(finding, self.gathering.sources);
    }

    /// Returns the one path of a file among the sources.
    fn identity_of(&self, file: u32) -> PathBuf {
        let path = self.gathering.sources.path(file).unwrap_or(Path::new(""));
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.gathering.files.identity(&absolute)
    }

    /// Reads a file's documents and those of the files that it includes; each file once.
    fn visit(&mut self, path: &Path, depth: usize) {
        let Some(visited) = self
            .visited
            .get_mut(path)
            .filter(|visited| visited.visit == Visit::Ahead)
        else {
            return;
        };
        visited.visit = Visit::Open;
        let file = visited.file;
        let text = self.gathering.sources.text(file);
        let (documents, findings) = parse::documents(text, file, &mut self.nodes_left);
        self.incomplete |= !findings.is_empty();
        for finding in findings {
            self.report(finding);
        }
        self.any |= !documents.is_empty();
        for document in documents {
            if lab::is_lab(&document) {
                self.lab(&document, file, depth);
            } else {
                self.documents.push(document);
            }
        }
        if let Some(visited) = self.visited.get_mut(path) {
            visited.visit = Visit::Done;
        }
    }

    /// Does what a document says of the lab.
    fn lab(&mut self, document: &Node, file: u32, depth: usize) {
        let mut cx = Context::new(self.gathering.sources, self.gathering.base_dir, self.gathering.files);
        std::mem::swap(&mut cx.collector, self.gathering.collector);
        let lab = lab::read(&mut cx, document);
        std::mem::swap(&mut cx.collector, self.gathering.collector);
        let Some(Lab { include, variables }) = lab else {
            self.incomplete = true;
            return;
        };
        for (name, value) in variables {
            self.declare(name, value, depth);
        }
        let path = self.gathering.sources.path(file).unwrap_or(Path::new(""));
        let directory = path.parent().unwrap_or(path).to_owned();
        for included in include {
            if self.include(included, &directory, depth + 1).is_none() {
                self.incomplete = true;
            }
        }
    }

    /// Notes a variable. The declaration that is nearest to the files given counts.
    fn declare(&mut self, name: Text<'_>, value: Option<String>, depth: usize) {
        let mark = name.mark;
        let declaration = Declaration { value, mark, depth };
        match self.declared.get(name.text) {
            Some(first) if first.depth == depth => {
                let message = format!("There is another variable {}.", quote(name.text));
                let finding = Finding::error(Code::DuplicateName, mark, message);
                let finding = finding.related(first.mark, "The name is first given here.");
                self.report(finding.hint("A file that includes both may declare it; its value goes before theirs."));
            }
            Some(first) if first.depth < depth => {}
            _ => {
                self.declared.insert(name.text.to_owned(), declaration);
            }
        }
    }

    /// Reads a file that is included; `None` if it can't be.
    fn include(&mut self, included: Text<'_>, directory: &Path, depth: usize) -> Option<()> {
        // Variables that lab files declare are known only when all files are.
        let scope = Scope::new(self.gathering.given, BTreeMap::new());
        let mut resolver = Resolver::new(scope, self.gathering.sources, &mut self.nodes_left);
        let written = resolver.text(included.text, included.mark);
        let (findings, scope) = resolver.finish();
        self.used.extend(scope.into_used());
        for finding in findings {
            self.report(finding);
        }
        let path = directory.join(written?);
        let identity = self.gathering.files.identity(&path);
        let known = self.visited.get(&identity);
        if known.is_some_and(|known| known.visit == Visit::Open) {
            let message = format!("The file {} includes itself by this.", quote_path(&path));
            self.report(Finding::error(Code::IncludeCycle, included.mark, message).hint("Leave this `include` out."));
            return None;
        }
        if known.is_none() {
            let file = self.take_in(&path, included.mark)?;
            let visit = Visit::Ahead;
            self.visited.insert(identity.clone(), Visited { file, visit });
        }
        self.visit(&identity, depth);
        Some(())
    }

    /// Adds a file to the sources; `None` if it can't be read.
    fn take_in(&mut self, path: &Path, mark: Mark) -> Option<u32> {
        let shown = quote_path(path);
        self.included += 1;
        let left = MAX_INCLUDED_BYTES.saturating_sub(self.included_bytes);
        if self.included > MAX_INCLUDED || left == 0 {
            let limit = MAX_INCLUDED_BYTES >> 20;
            let message = format!("More than {MAX_INCLUDED} files, or {limit} MiB of them, are included.");
            self.report(Finding::error(Code::Limit, mark, message));
            return None;
        }
        let bytes = match self.gathering.files.read(path, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("The file {shown} can't be included: {error}.");
                self.report(
                    Finding::error(Code::Unreadable, mark, message)
                        .hint("A relative path starts at the directory of the file that includes it."),
                );
                return None;
            }
        };
        self.included_bytes += bytes.len();
        let (text, finding) = decode(bytes, MAX_FILE_BYTES, self.gathering.sources.next_index());
        let file = self.gathering.sources.add(path, text);
        if let Some(finding) = finding {
            self.report(finding.related(mark, "The file is included here."));
            return None;
        }
        Some(file)
    }

    /// Replaces variables and writes out what has a `count`.
    fn resolve(mut self) -> Gathered {
        let scope = Scope::new(self.gathering.given, std::mem::take(&mut self.declared));
        let mut resolver = Resolver::new(scope, self.gathering.sources, &mut self.nodes_left);
        let mut documents = Vec::with_capacity(self.documents.len());
        let mut incomplete = self.incomplete;
        for document in &self.documents {
            match resolver.document(document) {
                Some(made) => documents.extend(made),
                None => incomplete = true,
            }
        }
        let (findings, scope) = resolver.finish();
        for finding in findings {
            self.gathering.collector.add(finding, self.gathering.sources);
        }
        if !incomplete {
            for (name, hint) in scope.unused(&self.used) {
                let message = format!("The variable {} is set and used nowhere.", quote(name));
                let finding = Finding::warning(Code::Variable, start_of(0), message).maybe_hint(hint);
                self.gathering.collector.add(finding, self.gathering.sources);
            }
        }
        Gathered {
            documents,
            any: self.any,
            incomplete,
        }
    }
}
