//! Trees with variables and `count` to trees without: every `${…}` in a value is replaced, and what has a `count` is
//! written out. Places are kept, and each instance of something repeated is told from the others by its mark.
//!
//! What is made is bounded: each value counts for the limit on values of all lab files, each byte for one on their text.

use std::{borrow::Cow, ops::Range, rc::Rc};

use super::{
    count::{self, Index},
    diagnostic::{Code, Finding, quote},
    expression::{Failure, Piece, Reference, Term, pieces},
    parse::MAX_NODES,
    scalar::{boolean, whole_number},
    source::Sources,
    tree::{Entry, Mark, Node, Value},
    variables::Scope,
};

/// How much text may come of variables and of what is repeated.
const MAX_TEXT_BYTES: usize = 16 << 20;
/// After how many mistakes the rest is left as it is.
const MAX_FINDINGS: usize = 1000;

/// Keys whose values are handed to programs that may have a `${…}` of their own: only names that are declared are replaced
/// there, so that what placemat v2 took for text stays text.
const OF_PROGRAMS: &[&str] = &["command", "args"];

/// Replaces and repeats.
pub struct Resolver<'r, 'v> {
    scope: Scope<'v>,
    sources: &'r mut Sources,
    nodes_left: &'r mut usize,
    text_left: usize,
    /// Whether a limit was reached.
    exhausted: bool,
    findings: Vec<Finding>,
}

/// A mistake was found; it is in the findings.
struct Refused;

/// Whose text a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Lab,
    Program,
}

impl<'r, 'v> Resolver<'r, 'v> {
    /// Begins with what may still be made.
    pub fn new(scope: Scope<'v>, sources: &'r mut Sources, nodes_left: &'r mut usize) -> Self {
        Self {
            scope,
            sources,
            nodes_left,
            text_left: MAX_TEXT_BYTES,
            exhausted: false,
            findings: Vec::new(),
        }
    }

    /// Returns what is wrong, and the scope.
    pub fn finish(self) -> (Vec<Finding>, Scope<'v>) {
        (self.findings, self.scope)
    }

    /// Returns the documents that one becomes; `None` if there is a mistake in it.
    pub fn document(&mut self, document: &Rc<Node>) -> Option<Vec<Rc<Node>>> {
        let before = self.findings.len();
        let mut made = Vec::new();
        self.repeated(document, 0, Owner::Lab, &mut made);
        (!self.is_full() && self.findings.len() == before).then_some(made)
    }

    /// Returns what a text becomes on its own.
    pub fn text(&mut self, text: &str, mark: Mark) -> Option<String> {
        match self.replaced(text, mark, Owner::Lab) {
            Ok(Some((replaced, _))) => Some(replaced),
            Ok(None) => Some(text.to_owned()),
            Err(Refused) => None,
        }
    }

    /// Whether nothing more is to be made.
    fn is_full(&self) -> bool {
        self.exhausted || self.findings.len() >= MAX_FINDINGS
    }

    /// Adds the instances of a node that may have a `count`.
    fn repeated(&mut self, node: &Rc<Node>, instance: u32, owner: Owner, out: &mut Vec<Rc<Node>>) {
        let is_count = |entry: &Entry| entry.key.scalar().is_some_and(|key| key.eq_ignore_ascii_case("count"));
        let found = match &node.value {
            Value::Mapping(entries) => entries.iter().rposition(is_count).map(|at| (entries, at)),
            _ => None,
        };
        let Some((entries, at)) = found else {
            out.push(self.node(node, instance, owner));
            return;
        };
        let mut entries = entries.clone();
        let written = entries.remove(at);
        let template = Rc::new(Node::new(node.mark, Value::Mapping(entries)));
        let before = self.findings.len();
        let resolved = self.node(&written.value, instance, Owner::Lab);
        if self.findings.len() > before {
            return;
        }
        match count::read(&resolved, written.key.mark) {
            Ok(indices) => self.instances(&template, &indices, owner, out),
            Err(finding) => self.findings.push(finding),
        }
    }

    /// Adds an instance for every combination of these indices. After the first that has a mistake the others would have the same.
    fn instances(&mut self, template: &Rc<Node>, indices: &[Index], owner: Owner, out: &mut Vec<Rc<Node>>) {
        let Some((index, inner)) = indices.split_first() else {
            let instance = self.sources.add_instance(&self.scope.instance());
            out.push(self.node(template, instance, owner));
            return;
        };
        let before = self.findings.len();
        for number in index.numbers.clone() {
            if self.is_full() || self.findings.len() > before {
                return;
            }
            self.scope.enter(&index.name, number);
            self.instances(template, inner, owner, out);
            self.scope.leave();
        }
    }

    /// Returns a node as it is in an instance: itself if it is the same everywhere, or if there is a mistake in it.
    fn node(&mut self, node: &Rc<Node>, instance: u32, owner: Owner) -> Rc<Node> {
        if self.is_full() {
            return Rc::clone(node);
        }
        let value = match &node.value {
            Value::Scalar { text, plain } => self.scalar(text, *plain, node.mark, instance, owner),
            Value::Sequence(items) => {
                let mut made = Vec::with_capacity(items.len());
                for item in items {
                    self.repeated(item, instance, owner, &mut made);
                }
                (instance != 0 || !is_same(items, &made)).then_some(Value::Sequence(made))
            }
            Value::Mapping(entries) => {
                let made: Vec<_> = entries.iter().map(|entry| self.entry(entry, instance, owner)).collect();
                let same = |(old, new): (&Entry, &Entry)| Rc::ptr_eq(&old.value, &new.value);
                (instance != 0 || !entries.iter().zip(&made).all(same)).then_some(Value::Mapping(made))
            }
        };
        match value {
            Some(value) if self.spend_node(node.mark).is_ok() => {
                Rc::new(Node::new(Mark { instance, ..node.mark }, value))
            }
            _ => Rc::clone(node),
        }
    }

    /// Returns a scalar as it is in an instance; `None` if it is the same everywhere, or refused.
    fn scalar(&mut self, text: &str, plain: bool, mark: Mark, instance: u32, owner: Owner) -> Option<Value> {
        match self.replaced(text, mark, owner).ok()? {
            None if instance == 0 => None,
            None => {
                self.spend_text(text.len(), mark).ok()?;
                let text = text.into();
                Some(Value::Scalar { text, plain })
            }
            // In a flow collection `${…}` must be quoted, and may mean a number nevertheless.
            Some((replaced, whole)) => Some(Value::Scalar {
                plain: plain || whole && (whole_number(&replaced).is_some() || boolean(&replaced).is_some()),
                text: replaced.into(),
            }),
        }
    }

    fn entry(&mut self, entry: &Entry, instance: u32, owner: Owner) -> Entry {
        let of_program = |key: &str| OF_PROGRAMS.iter().any(|program| program.eq_ignore_ascii_case(key));
        let owner = match entry.key.scalar() {
            Some(key) if of_program(key) => Owner::Program,
            _ => owner,
        };
        Entry {
            key: self.key(&entry.key, instance),
            value: self.node(&entry.value, instance, owner),
        }
    }

    /// Keys are the same everywhere, but for their marks.
    fn key(&mut self, key: &Rc<Node>, instance: u32) -> Rc<Node> {
        let (Value::Scalar { text, plain }, true) = (&key.value, instance != 0) else {
            return Rc::clone(key);
        };
        if self.spend_node(key.mark).is_err() || self.spend_text(text.len(), key.mark).is_err() {
            return Rc::clone(key);
        }
        let value = Value::Scalar {
            text: text.clone(),
            plain: *plain,
        };
        Rc::new(Node::new(Mark { instance, ..key.mark }, value))
    }

    /// Returns what a text becomes, and whether it was one reference and nothing else; `None` if nothing is to be replaced.
    fn replaced(&mut self, text: &str, mark: Mark, owner: Owner) -> Result<Option<(String, bool)>, Refused> {
        if !text.contains("${") {
            return Ok(None);
        }
        let pieces = pieces(text);
        let whole = matches!(pieces.as_slice(), [Piece::Reference(..)]);
        let mut replaced = String::new();
        for piece in pieces {
            let piece = match piece {
                Piece::Plain(plain) => plain,
                Piece::Open(rest, _) if owner == Owner::Program => rest.into(),
                Piece::Open(_, before) => {
                    let mark = part(text, mark, before..text.len());
                    let finding = Finding::error(Code::Variable, mark, "This `${` is not closed by a `}`.");
                    return Err(self.refuse(finding.hint(AS_TEXT)));
                }
                Piece::Reference(inner, before) => {
                    let mark = part(text, mark, before..before + inner.len() + 3);
                    self.reference(inner, mark, owner)?
                }
            };
            self.spend_text(piece.len(), mark)?;
            replaced.push_str(&piece);
        }
        Ok((replaced != text).then_some((replaced, whole)))
    }

    /// Returns what a reference stands for.
    fn reference<'t>(&mut self, inner: &'t str, mark: Mark, owner: Owner) -> Result<Cow<'t, str>, Refused> {
        let reference = Reference::parse(inner);
        if owner == Owner::Program {
            let declared =
                |reference: &Reference<'_>| reference.names().iter().any(|name| self.scope.is_declared(name));
            if !reference.as_ref().is_some_and(declared) {
                return Ok(format!("${{{inner}}}").into());
            }
        }
        match reference {
            None => {
                let message = format!(
                    "This is no reference to a variable: {}.",
                    quote(&format!("${{{inner}}}"))
                );
                let forms = "It is `${NAME}`, `${NAME:-DEFAULT}`, or a calculation such as `${i+1}` or `${i*2:02}`";
                let finding = Finding::error(Code::Variable, mark, message);
                Err(self.refuse(finding.hint(format!("{forms}. {AS_TEXT}"))))
            }
            Some(Reference::Variable { name, default }) => {
                let value = self.scope.value(name);
                match (value, default) {
                    (Some(value), None) => Ok(value.into()),
                    (Some(value), Some(_)) if !value.is_empty() => Ok(value.into()),
                    (_, Some(default)) => Ok(default.into()),
                    (None, None) => {
                        let finding = self.unset(name, mark);
                        Err(self.refuse(finding))
                    }
                }
            }
            Some(Reference::Calculation { term, format }) => {
                let number = self.calculate(&term, inner, mark)?;
                format.write(number).map(Cow::Owned).ok_or_else(|| {
                    let message = format!("{} is {number}, which has no hexadecimal form.", quote(inner));
                    self.refuse(Finding::error(Code::Variable, mark, message))
                })
            }
        }
    }

    fn calculate(&mut self, term: &Term<'_>, inner: &str, mark: Mark) -> Result<i64, Refused> {
        let scope = &mut self.scope;
        let mut number = |name: &str| {
            let value = scope.value(name).ok_or_else(|| (name.to_owned(), None))?;
            value.parse::<i64>().map_err(|_| (name.to_owned(), Some(value)))
        };
        let failure = match term.value(&mut number) {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let finding = match failure {
            Failure::Name((name, None)) => self.unset(&name, mark),
            Failure::Name((name, Some(value))) => {
                let message = format!(
                    "{} can't be calculated: {} is {}, which is no whole number.",
                    quote(inner),
                    quote(&name),
                    quote(&value)
                );
                Finding::error(Code::Variable, mark, message)
            }
            Failure::Arithmetic(problem) => {
                let message = format!("{} can't be calculated: {problem}.", quote(inner));
                Finding::error(Code::Variable, mark, message)
            }
        };
        Err(self.refuse(finding))
    }

    fn unset(&self, name: &str, mark: Mark) -> Finding {
        if let Some(declaration) = self.scope.declaration(name) {
            let message = format!("The variable {} must be given.", quote(name));
            return Finding::error(Code::Variable, mark, message)
                .related(declaration.mark, "It is declared here without a value.")
                .hint(format!("Give it with `--set {name}=VALUE` or in the environment."));
        }
        let message = format!("The variable {} is not set.", quote(name));
        if name == "i" {
            return Finding::error(Code::Variable, mark, message).hint(format!(
                "`i` numbers what has a `count`, and this has none: add one, as in `count: 3`, or set `i` with `--set`. {AS_TEXT}"
            ));
        }
        let hint = format!(
            "Set it with `--set {name}=VALUE` or in the environment, or write a default, `${{{name}:-DEFAULT}}`. {AS_TEXT}"
        );
        Finding::error(Code::Variable, mark, message)
            .hint(hint)
            .maybe_hint(self.scope.suggest(name))
    }

    fn refuse(&mut self, finding: Finding) -> Refused {
        self.findings.push(finding);
        Refused
    }

    fn spend_node(&mut self, mark: Mark) -> Result<(), Refused> {
        if let Some(left) = self.nodes_left.checked_sub(1) {
            *self.nodes_left = left;
            return Ok(());
        }
        Err(self.exhaust(
            mark,
            format!("The lab files hold more than {MAX_NODES} values when all that has a `count` is written out."),
        ))
    }

    fn spend_text(&mut self, bytes: usize, mark: Mark) -> Result<(), Refused> {
        if let Some(left) = self.text_left.checked_sub(bytes) {
            self.text_left = left;
            return Ok(());
        }
        let limit = MAX_TEXT_BYTES >> 20;
        let message = format!("More than {limit} MiB of text come of variables and of what has a `count`.");
        Err(self.exhaust(mark, message))
    }

    fn exhaust(&mut self, mark: Mark, message: String) -> Refused {
        if !self.exhausted {
            self.exhausted = true;
            self.findings.push(Finding::error(Code::Limit, mark, message));
        }
        Refused
    }
}

/// What to do about a `${` that is no reference.
const AS_TEXT: &str = "A `${` that is meant as it is, is written `$${`.";

fn is_same(old: &[Rc<Node>], new: &[Rc<Node>]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| Rc::ptr_eq(old, new))
}

/// Returns the mark of a part of a text, given as bytes of it: of all of it where the text is not in the file as it is.
fn part(text: &str, mark: Mark, bytes: Range<usize>) -> Mark {
    let characters = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let quotes = match mark
        .end_column
        .saturating_sub(mark.column)
        .checked_sub(characters(text))
    {
        Some(0) => 0,
        Some(2) => 1,
        _ => return mark,
    };
    let (Some(before), Some(within)) = (text.get(..bytes.start), text.get(bytes)) else {
        return mark;
    };
    if mark.line != mark.end_line {
        return mark;
    }
    let column = mark.column + quotes + characters(before);
    Mark {
        column,
        end_column: column + characters(within),
        ..mark
    }
}
