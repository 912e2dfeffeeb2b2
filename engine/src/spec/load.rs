//! The way in: lab files to a spec and a report.

use std::{collections::HashSet, io, path::PathBuf};

use super::{
    check,
    context::Context,
    diagnostic::{Code, Collector, Diagnostic, Finding, Severity},
    disk::{Disk, Files},
    gather::{Gathered, Gathering, gather},
    json,
    model::Spec,
    read::{self, Resources},
    render,
    source::{Sources, decode, start_of},
    variables::Variables,
    write,
};

/// How large a lab file may be; one of 400 nodes has some 200 KiB.
pub const MAX_FILE_BYTES: usize = 16 << 20;

/// What came of reading lab files.
#[derive(Debug)]
pub struct Report {
    /// What the user wrote; only if there is no error.
    pub spec: Option<Spec>,
    /// What is wrong or doubtful, sorted by file (in the order given) and position.
    pub diagnostics: Vec<Diagnostic>,
    sources: Sources,
}

/// Reads and checks lab files, the first of which says where relative paths start; no variable is given.
pub fn load(files: &[PathBuf]) -> Report {
    load_given(files, &Variables::default())
}

/// As [`load`], with variables.
pub fn load_given(files: &[PathBuf], given: &Variables) -> Report {
    load_inputs(read_files(files), given, &Disk, None)
}

/// As [`load_given`], and calls `nodes_ahead` before anything is checked if the files look as if they had nodes: what only those
/// need can be begun then.
pub fn load_announcing(files: &[PathBuf], given: &Variables, nodes_ahead: impl FnOnce()) -> Report {
    let inputs = read_files(files);
    let usual = b"kind: Node\n";
    let seen = |bytes: &Vec<u8>| bytes.windows(usual.len()).any(|window| window == usual);
    if inputs.iter().any(|(_, bytes)| bytes.as_ref().is_ok_and(seen)) {
        nodes_ahead();
    }
    load_inputs(inputs, given, &Disk, None)
}

/// As [`load_given`], and returns all resources as YAML: with variables replaced, included files, and what has a `count` written out.
pub fn print(files: &[PathBuf], given: &Variables) -> (Report, String) {
    let mut printed = String::new();
    let report = load_inputs(read_files(files), given, &Disk, Some(&mut printed));
    (report, printed)
}

/// Reads and checks lab files that are in memory already; no variable is given.
pub fn load_from(inputs: Vec<(PathBuf, Vec<u8>)>, files: &dyn Files) -> Report {
    load_from_given(inputs, &Variables::default(), files)
}

/// As [`load_from`], with variables.
pub fn load_from_given(inputs: Vec<(PathBuf, Vec<u8>)>, given: &Variables, files: &dyn Files) -> Report {
    let inputs = inputs.into_iter().map(|(path, bytes)| (path, Ok(bytes))).collect();
    load_inputs(inputs, given, files, None)
}

fn load_inputs(
    inputs: Vec<(PathBuf, io::Result<Vec<u8>>)>,
    given: &Variables,
    files: &dyn Files,
    print: Option<&mut String>,
) -> Report {
    let first = inputs.first().map(|(path, _)| path.clone()).unwrap_or_default();
    let absolute = std::path::absolute(&first).unwrap_or_else(|_| first.clone());
    let base_dir = absolute.parent().unwrap_or(&absolute).to_owned();
    let mut sources = Sources::default();
    let (readable, early) = take_in(inputs, &mut sources);
    // Names may be defined in what could not be read.
    let mut incomplete = !early.is_empty();
    let mut collector = Collector::default();
    for finding in early {
        collector.add(finding, &sources);
    }
    let gathering = Gathering {
        sources: &mut sources,
        collector: &mut collector,
        given,
        files,
        base_dir: &base_dir,
    };
    let gathered = gather(gathering, &readable);
    incomplete |= gathered.incomplete;

    let mut cx = Context::new(&sources, &base_dir, files);
    cx.collector = collector;
    cx.incomplete = incomplete;
    let resources = read_all(&mut cx, &gathered);
    check::all(&mut cx);
    if let Some(print) = print {
        *print = write::documents(&gathered.documents);
    }

    let spec = (!cx.collector.has_errors()).then(|| Spec {
        base_dir: base_dir.clone(),
        default_name: first
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
        networks: resources.networks,
        namespaces: resources.namespaces,
        images: resources.images,
        device_classes: resources.device_classes,
        nodes: resources.nodes,
    });
    let diagnostics = cx.collector.finish(&sources);
    Report {
        spec,
        diagnostics,
        sources,
    }
}

/// Turns inputs into sources; returns those that are text, and what is wrong with the others.
fn take_in(inputs: Vec<(PathBuf, io::Result<Vec<u8>>)>, sources: &mut Sources) -> (Vec<u32>, Vec<Finding>) {
    let mut readable = Vec::new();
    let mut findings = Vec::new();
    if inputs.is_empty() {
        findings.push(Finding::error(Code::Unreadable, start_of(0), "No lab file is given."));
    }
    let mut seen = HashSet::new();
    for (path, content) in inputs {
        let repeated = !seen.insert(path.clone());
        let (text, finding) = match content {
            _ if repeated => {
                let file = sources.add(&path, String::new());
                let message = format!("The file {} is given twice.", path.display());
                findings.push(Finding::error(Code::Unreadable, start_of(file), message).hint("Name it once."));
                continue;
            }
            Ok(bytes) => decode(bytes, MAX_FILE_BYTES, sources.next_index()),
            Err(error) => {
                let message = format!("The lab file can't be read: {error}.");
                let finding = Finding::error(Code::Unreadable, start_of(sources.next_index()), message);
                let finding = match error.kind() {
                    io::ErrorKind::IsADirectory => finding.hint("Name the files in the directory one by one."),
                    io::ErrorKind::NotFound => finding.hint("Check the path."),
                    _ => finding,
                };
                (String::new(), Some(finding))
            }
        };
        let file = sources.add(&path, text);
        match finding {
            Some(finding) => findings.push(finding),
            None => readable.push(file),
        }
    }
    (readable, findings)
}

/// Reads the resources.
fn read_all(cx: &mut Context<'_>, gathered: &Gathered) -> Resources {
    let mut resources = Resources::default();
    for document in &gathered.documents {
        read::document(cx, document, &mut resources);
    }
    if !gathered.any && !cx.collector.has_errors() {
        cx.report(
            Finding::warning(Code::EmptyLab, start_of(0), "The lab has no resource at all.")
                .hint("A lab file holds documents such as `kind: Network`, with `---` between them."),
        );
    }
    resources
}

fn read_files(files: &[PathBuf]) -> Vec<(PathBuf, io::Result<Vec<u8>>)> {
    let read = |path: &PathBuf| (path.clone(), Disk.read(path, MAX_FILE_BYTES));
    files.iter().map(read).collect()
}

impl Report {
    /// Makes one that is about something else than a lab.
    pub(super) fn of(diagnostics: Vec<Diagnostic>, sources: Sources) -> Self {
        Self {
            spec: None,
            diagnostics,
            sources,
        }
    }

    /// Whether the lab must not be built; with `strict`, a warning is reason enough.
    pub fn has_errors(&self, strict: bool) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| strict || diagnostic.severity == Severity::Error)
    }

    /// Turns warnings into errors, as `--strict` asks.
    pub fn deny_warnings(&mut self) {
        for diagnostic in &mut self.diagnostics {
            diagnostic.severity = Severity::Error;
        }
    }

    /// Returns the diagnostics for people, each with an excerpt; empty if there are none.
    pub fn render_text(&self, color: bool) -> String {
        render::to_text(&self.diagnostics, &self.sources, color)
    }

    /// Returns the diagnostics for editors and other programs: an array of objects with `severity` (`error`, `warning`), `code`,
    /// `file`, `line`, `column`, `end_line`, `end_column` (from 1, in characters, the end exclusive), `message`, `hint` (or null)
    /// and `related` (an array of objects with the place and `message`).
    pub fn to_json(&self) -> serde_json::Value {
        json::to_json(&self.diagnostics)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::spec::{disk::Found, sample::leaf_spine_yaml};

    struct Nothing;

    impl Files for Nothing {
        fn find(&self, _: &Path) -> Found {
            Found::Missing
        }
    }

    #[test]
    fn big_lab_is_clean() {
        let yaml = leaf_spine_yaml(8, 20, 20);
        let report = load_from(vec![("/lab/dc.yml".into(), yaml.into_bytes())], &Nothing);
        assert_eq!(report.render_text(false), "");
        let spec = report.spec.unwrap();
        assert_eq!(spec.networks.len(), 6 + 8 + 2 * 8 * 20 + 2 * 20);
        assert_eq!(spec.namespaces.len(), 3 + 8 + 2 * 20);
        assert_eq!(spec.nodes.len(), 20 * 20);
        assert_eq!(spec.default_name, "dc");
        assert_eq!(spec.base_dir, Path::new("/lab"));
    }
}
