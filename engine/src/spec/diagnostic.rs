//! Mistakes and doubts found in lab files.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use serde::Serialize;

use super::{model::Place, source::Sources, tree::Mark};
use crate::harmless::steers_terminal;

/// How many diagnostics are kept; more are only counted, so that a hostile file can't fill the memory.
const LIMIT: usize = 500;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The lab can't be built.
    Error,
    /// The lab can be built, though perhaps not as meant.
    Warning,
}

/// What a diagnostic is about, for programs; its name in kebab case is part of the JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// A lab file can't be read.
    Unreadable,
    /// A lab file is not text in UTF-8.
    Encoding,
    /// A lab file is not YAML.
    Syntax,
    /// Too much: of bytes, nesting, aliases or mistakes.
    Limit,
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// A key nobody reads.
    UnknownKey,
    /// A `kind` that does not exist.
    UnknownKind,
    /// Something of placemat version 1 that is gone.
    Removed,
    /// A key that must be there is not.
    Missing,
    /// A list where a text belongs, and the like.
    WrongType,
    /// A value outside of what is allowed.
    InvalidValue,
    /// Keys that can't stand together.
    Conflict,
    /// A name that can't be used for what it names.
    InvalidName,
    /// A name given to two things of one kind.
    DuplicateName,
    /// A reference to something that does not exist.
    UnknownReference,
    /// Things wait for each other.
    Cycle,
    /// Two networks want the same addresses on the host.
    PrefixOverlap,
    /// An address that its network does not hold, or that is used twice.
    Address,
    /// A file a lab file names is not as it must be.
    File,
    /// Two apps write the same file.
    SharedFile,
    /// A variable that is not set, or a reference to one that can't be read.
    Variable,
    /// A `count` that can't be counted to.
    Count,
    /// A file that is included by itself.
    IncludeCycle,
    /// There is nothing in the lab.
    EmptyLab,
}

/// A stretch of text in a lab file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it begins.
    pub place: Place,
    /// The line it ends in.
    pub end_line: u32,
    /// The column after its last character.
    pub end_column: u32,
    /// Which instance of something repeated it is of: `rack = 0, i = 3`.
    pub instance: Option<Arc<str>>,
}

/// Another place that a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub span: Span,
    /// What is there.
    pub message: String,
}

/// A mistake or doubt with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub code: Code,
    /// Where it is. A file as a whole is line 1, column 1 with nothing in it.
    pub span: Span,
    /// What is wrong, in whole sentences.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places it is about.
    pub related: Vec<Related>,
    /// How many more instances of something repeated it is about; only the first of them is told.
    pub more_instances: usize,
}

/// A diagnostic in the making: its places are still marks.
#[derive(Debug)]
pub struct Finding {
    severity: Severity,
    code: Code,
    mark: Mark,
    message: String,
    hint: Option<String>,
    related: Vec<(Mark, String)>,
}

impl Finding {
    /// Begins an error.
    pub fn error(code: Code, mark: Mark, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            mark,
            message: message.into(),
            hint: None,
            related: Vec::new(),
        }
    }

    /// Begins a warning.
    pub fn warning(code: Code, mark: Mark, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, mark, message)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Adds what to do about it if that is known.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<String>) -> Self {
        Self {
            hint: hint.or(self.hint),
            ..self
        }
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, mark: Mark, message: impl Into<String>) -> Self {
        self.related.push((mark, message.into()));
        self
    }
}

/// A mistake that instances of something repeated have in common.
#[derive(Debug)]
struct Repeated {
    /// Where in `kept` the first instance's diagnostic is.
    first: usize,
    /// Its message without what differs between instances.
    gist: String,
    /// Those that have it.
    instances: HashSet<u32>,
}

/// Collects diagnostics.
#[derive(Debug, Default)]
pub struct Collector {
    kept: Vec<(Mark, Diagnostic)>,
    /// Mistakes in what is repeated, by place and code.
    repeated: HashMap<(Mark, Code), Vec<Repeated>>,
    /// The place of the first error and the first warning that were only counted, and their number.
    left_out: [Option<(Mark, usize)>; 2],
}

impl Collector {
    /// Takes a finding.
    pub fn add(&mut self, finding: Finding, sources: &Sources) {
        let Finding {
            severity,
            code,
            mark,
            message,
            hint,
            related,
        } = finding;
        if mark.instance != 0 {
            let everywhere = Mark { instance: 0, ..mark };
            let is_full = self.is_full();
            let known = self.repeated.entry((everywhere, code)).or_default();
            let gist = gist(&message);
            // What an instance has already, it has a second time: that is another mistake.
            let same = known
                .iter_mut()
                .find_map(|known| (known.gist == gist && known.instances.insert(mark.instance)).then_some(known.first));
            if let Some(first) = same {
                if let Some((_, diagnostic)) = self.kept.get_mut(first) {
                    diagnostic.more_instances += 1;
                }
                return;
            }
            if !is_full {
                known.push(Repeated {
                    first: self.kept.len(),
                    gist,
                    instances: HashSet::from([mark.instance]),
                });
            }
        }
        if self.is_full() {
            let slot = &mut self.left_out[usize::from(severity == Severity::Warning)];
            slot.get_or_insert((mark, 0)).1 += 1;
            return;
        }
        let related = related
            .into_iter()
            .map(|(mark, message)| Related {
                span: sources.span(mark),
                message,
            })
            .collect();
        let span = sources.span(mark);
        self.kept.push((
            mark,
            Diagnostic {
                severity,
                code,
                span,
                message,
                hint,
                related,
                more_instances: 0,
            },
        ));
    }

    /// Whether further findings are only counted.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= LIMIT
    }

    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.left_out[0].is_some()
            || self
                .kept
                .iter()
                .any(|(_, diagnostic)| diagnostic.severity == Severity::Error)
    }

    /// Returns the diagnostics sorted by file (in the order given), position and severity.
    pub fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|(mark, diagnostic)| (*mark, diagnostic.severity));
        let mut all: Vec<Diagnostic> = self.kept.into_iter().map(|(_, diagnostic)| diagnostic).collect();
        for (left_out, severity, noun) in [
            (self.left_out[0], Severity::Error, "error"),
            (self.left_out[1], Severity::Warning, "warning"),
        ] {
            if let Some((mark, count)) = left_out {
                let plural = if count == 1 { "" } else { "s" };
                all.push(Diagnostic {
                    severity,
                    code: Code::Limit,
                    span: sources.span(mark),
                    message: format!("{count} more {noun}{plural} were found, the first of them here."),
                    hint: None,
                    related: Vec::new(),
                    more_instances: 0,
                });
            }
        }
        all
    }
}

/// Returns a message without names and numbers, which differ between instances of one mistake.
fn gist(message: &str) -> String {
    let outside_of_quotes = message.split('`').step_by(2);
    let words = outside_of_quotes.flat_map(str::split_whitespace);
    let is_number = |word: &&str| word.chars().any(|c| c.is_ascii_digit()) || word.contains("::");
    words.filter(|word| !is_number(word)).collect::<Vec<_>>().join(" ")
}

/// Returns a name as it appears in messages: in backticks, shortened, with control characters escaped.
pub fn quote(text: &str) -> String {
    quote_up_to(text, 60)
}

/// Returns a path as [`quote`] does a name, but whole: what matters in a path is its end. Only what the kernel would
/// refuse anyway, being longer than `PATH_MAX`, is shortened.
pub fn quote_path(path: &Path) -> String {
    quote_up_to(&path.to_string_lossy(), 4096)
}

fn quote_up_to(text: &str, longest: usize) -> String {
    let mut quoted = String::from("`");
    for (at, c) in text.chars().enumerate() {
        if at == longest {
            quoted.push('…');
            break;
        }
        if matches!(c, '\u{2028}' | '\u{2029}') || steers_terminal(c) {
            quoted.extend(c.escape_default());
        } else {
            quoted.push(c);
        }
    }
    quoted.push('`');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_one_mistake_are_counted_and_others_told() {
        let sources = Sources::default();
        let mut collector = Collector::default();
        let mut found = |instance, message: &str| {
            let mark = Mark {
                instance,
                ..Mark::default()
            };
            collector.add(Finding::error(Code::InvalidValue, mark, message), &sources);
        };
        for instance in 1..=3 {
            found(
                instance,
                &format!("The address 10.0.0.{instance} of `n{instance}` is used twice."),
            );
            found(
                instance,
                &format!("The address 10.0.0.{instance} of `n{instance}` is outside."),
            );
        }
        found(2, "The address fd00::a of `n2` is outside.");
        let told: Vec<_> = collector
            .kept
            .iter()
            .map(|(_, diagnostic)| (diagnostic.message.as_str(), diagnostic.more_instances))
            .collect();
        let expected = [
            ("The address 10.0.0.1 of `n1` is used twice.", 2),
            ("The address 10.0.0.1 of `n1` is outside.", 2),
            ("The address fd00::a of `n2` is outside.", 0),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn names_are_shortened_and_paths_are_not() {
        let long = format!("/{}/missing.yml", "directory".repeat(20));
        assert_eq!(quote(&long).chars().count(), 63);
        assert_eq!(quote_path(Path::new(&long)), format!("`{long}`"));
        assert_eq!(quote_path(Path::new("a\nb")), "`a\\nb`");
    }
}
