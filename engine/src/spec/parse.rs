//! From text to trees, one per document.
//!
//! `saphyr-parser` delivers events; what is built from them is bounded in depth and in size, with aliases counted as if
//! written out. Each document gets a parser of its own: a `---` at the start of a line always begins one, whatever is
//! open before it, so a mistake ends with its document, and the parser (which keeps the tokens of a `[` or `{` until it is
//! closed) never holds more than one.

use std::{collections::HashMap, rc::Rc};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::{
    diagnostic::{Code, Finding},
    merge::merge,
    split::{Chunk, Chunks},
    syntax,
    tree::{Entry, Mark, Node, Value},
};

/// How deep lists and mappings may be nested; lab files need seven levels.
const MAX_DEPTH: usize = 64;
/// How many nodes all files of a lab may have, aliases written out. A node of a lab has some fifty.
pub const MAX_NODES: usize = 500_000;
/// How many bytes a document may have: it is one resource, and those of real labs have a few thousand.
const MAX_DOCUMENT_BYTES: usize = 512 << 10;
/// After how many syntax errors the rest of a file is left unread.
const MAX_SYNTAX_ERRORS: usize = 20;

/// Reads all documents of a file; empty ones are left out.
///
/// `budget` is how many nodes may still be made; once it is used up, an error is found and the rest is left unread.
pub fn documents(text: &str, file: u32, budget: &mut usize) -> (Vec<Rc<Node>>, Vec<Finding>) {
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    for chunk in Chunks::new(text) {
        let (read, failure) = document(&chunk, file, budget);
        documents.extend(read);
        let Some(failure) = failure else { continue };
        findings.push(failure.finding);
        if failure.fatal || findings.len() == MAX_SYNTAX_ERRORS {
            break;
        }
    }
    (documents, findings)
}

/// Reads one document, or several if they are divided by `...`, up to the first mistake.
pub fn document(chunk: &Chunk<'_>, file: u32, budget: &mut usize) -> (Vec<Rc<Node>>, Option<Failure>) {
    let mut builder = Builder {
        file,
        lines_before: chunk.lines_before,
        budget,
        stack: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
    };
    let failure = builder.run(chunk.text).err();
    (builder.documents, failure)
}

/// A collection whose end has not been read yet.
struct Frame {
    start: Mark,
    anchor: usize,
    weight: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Rc<Node>>),
    Mapping { entries: Vec<Entry>, key: Option<Rc<Node>> },
}

/// Why the reading of a document stopped.
pub struct Failure {
    /// What is wrong.
    pub finding: Finding,
    /// Whether the rest of the file is better left unread.
    pub fatal: bool,
}

/// What is wrong with an event, before its place is known.
struct Refusal {
    code: Code,
    message: String,
    fatal: bool,
}

struct Builder<'b> {
    file: u32,
    lines_before: u32,
    budget: &'b mut usize,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Rc<Node>>,
    documents: Vec<Rc<Node>>,
}

impl Builder<'_> {
    /// Reads a document up to its end or the first mistake.
    fn run(&mut self, text: &str) -> Result<(), Failure> {
        if text.len() > MAX_DOCUMENT_BYTES {
            let mark = self.mark(Span::empty(Marker::new(0, 1, 0)));
            let limit = MAX_DOCUMENT_BYTES >> 10;
            let message = format!("The document that begins here is larger than {limit} KiB, which no resource needs.");
            let finding = Finding::error(Code::Limit, mark, message).hint("Put `---` between resources.");
            return Err(Failure { finding, fatal: false });
        }
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((event, span)) => {
                    let mark = self.mark(span);
                    self.event(event, mark)
                        .map_err(|Refusal { code, message, fatal }| Failure {
                            finding: Finding::error(code, mark, message),
                            fatal,
                        })?;
                }
                Err(error) => {
                    let mark = self.mark(Span::empty(*error.marker()));
                    return Err(Failure {
                        finding: syntax::finding(&error, mark, text),
                        fatal: false,
                    });
                }
            }
        }
        Ok(())
    }

    fn mark(&self, span: Span) -> Mark {
        let line = |marker: Marker| {
            u32::try_from(marker.line())
                .unwrap_or(u32::MAX)
                .saturating_add(self.lines_before)
        };
        let column = |marker: Marker| u32::try_from(marker.col()).unwrap_or(u32::MAX).saturating_add(1);
        Mark {
            file: self.file,
            line: line(span.start),
            column: column(span.start),
            end_line: line(span.end),
            end_column: column(span.end),
            instance: 0,
        }
    }

    /// Takes one event.
    fn event(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Refusal> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !tag.is_some_and(|tag| is_string_tag(&tag));
                let value = Value::Scalar {
                    text: text.into(),
                    plain,
                };
                self.complete(
                    Rc::new(Node {
                        mark,
                        value,
                        weight: 1,
                        height: 0,
                    }),
                    anchor,
                    1,
                )
            }
            Event::SequenceStart(anchor, _) => self.open(mark, anchor, Content::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(
                mark,
                anchor,
                Content::Mapping {
                    entries: Vec::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).map(Rc::clone) else {
                    return Err(Refusal {
                        code: Code::Syntax,
                        message: "This alias stands for something that contains it.".to_owned(),
                        fatal: false,
                    });
                };
                let weight = node.weight;
                self.complete(node, 0, weight)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn open(&mut self, start: Mark, anchor: usize, content: Content) -> Result<(), Refusal> {
        self.check_depth(0)?;
        self.stack.push(Frame {
            start,
            anchor,
            weight: 1,
            height: 0,
            content,
        });
        Ok(())
    }

    fn close(&mut self, end: Mark) -> Result<(), Refusal> {
        let Some(Frame {
            start,
            anchor,
            mut weight,
            height,
            content,
        }) = self.stack.pop()
        else {
            return Ok(());
        };
        let value = match content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { mut entries, .. } => {
                let merged = merge(&mut entries);
                self.spend(merged)?;
                weight += merged;
                Value::Mapping(entries)
            }
        };
        let mark = Mark {
            end_line: end.end_line,
            end_column: end.end_column,
            ..start
        };
        self.complete(
            Rc::new(Node {
                mark,
                value,
                weight,
                height,
            }),
            anchor,
            1,
        )
    }

    /// Puts a node where it belongs; `cost` is the number of nodes it adds to the tree.
    fn complete(&mut self, node: Rc<Node>, anchor: usize, cost: usize) -> Result<(), Refusal> {
        self.spend(cost)?;
        self.check_depth(node.height)?;
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(frame) = self.stack.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        frame.weight += node.weight;
        frame.height = frame.height.max(node.height + 1);
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key } => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => *key = Some(node),
            },
        }
        Ok(())
    }

    fn spend(&mut self, cost: usize) -> Result<(), Refusal> {
        let Some(left) = self.budget.checked_sub(cost) else {
            let message =
                format!("The lab files hold more than {MAX_NODES} values, counted with their aliases written out.");
            return Err(Refusal {
                code: Code::Limit,
                message,
                fatal: true,
            });
        };
        *self.budget = left;
        Ok(())
    }

    fn check_depth(&self, below: usize) -> Result<(), Refusal> {
        if self.stack.len() + below < MAX_DEPTH {
            return Ok(());
        }
        let message = format!("Lists and mappings are nested more than {MAX_DEPTH} levels deep here.");
        Err(Refusal {
            code: Code::Limit,
            message,
            fatal: false,
        })
    }
}

fn is_string_tag(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn read(text: &str) -> (Vec<Rc<Node>>, Vec<Finding>) {
        documents(text, 0, &mut MAX_NODES.clone())
    }

    /// Writes a tree with its places, one line for each scalar and collection.
    fn show(node: &Node, depth: usize, out: &mut String) {
        let Mark {
            line,
            column,
            end_line,
            end_column,
            ..
        } = node.mark;
        let value = match &node.value {
            Value::Scalar { text, plain: true } if text.is_empty() => "(empty)".to_owned(),
            Value::Scalar { text, plain: true } => text.to_string(),
            Value::Scalar { text, plain: false } => format!("{text:?}"),
            Value::Sequence(_) => "list".to_owned(),
            Value::Mapping(_) => "mapping".to_owned(),
        };
        let indent = "  ".repeat(depth);
        writeln!(out, "{indent}{line}:{column}-{end_line}:{end_column} {value}").unwrap();
        match &node.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| show(item, depth + 1, out)),
            Value::Mapping(entries) => {
                for Entry { key, value } in entries {
                    show(key, depth + 1, out);
                    show(value, depth + 2, out);
                }
            }
        }
    }

    fn shown(text: &str) -> String {
        let (documents, findings) = read(text);
        assert!(findings.is_empty(), "{findings:?}");
        let mut out = String::new();
        for document in &documents {
            show(document, 0, &mut out);
        }
        out
    }

    #[test]
    fn texts_styles_and_places_are_kept() {
        let text = "a: 0x10  # comment\nb: 'qu''ote'\n\"c\": |\n  two\n  lines\nd:\n  - 1e3\n  - {e: ~}\nf: plain\n  goes on\ng:\nh: !!str 7\n日本: 語\n";
        insta::assert_snapshot!(shown(text), @r#"
        1:1-14:1 mapping
          1:1-1:2 a
            1:4-1:8 0x10
          2:1-2:2 b
            2:4-2:13 "qu'ote"
          3:1-3:4 "c"
            4:3-6:1 "two\nlines\n"
          6:1-6:2 d
            7:3-9:1 list
              7:5-7:8 1e3
              8:5-8:11 mapping
                8:6-8:7 e
                  8:9-8:10 ~
          9:1-9:2 f
            9:4-10:10 plain goes on
          11:1-11:2 g
            11:2-11:2 (empty)
          12:1-12:2 h
            12:4-12:11 "7"
          13:1-13:3 日本
            13:5-13:6 語
        "#);
    }

    #[test]
    fn documents_keep_their_lines() {
        let text = "# head\r\n---\r\na: 1\r\n...\n%YAML 1.2\n---\n# nothing\n---\n~\n--- b\n---x\n---\nc: '---'\n";
        insta::assert_snapshot!(shown(text), @r#"
        3:1-4:1 mapping
          3:1-3:2 a
            3:4-3:5 1
        10:5-11:5 b ---x
        13:1-14:1 mapping
          13:1-13:2 c
            13:4-13:9 "---"
        "#);
    }

    #[test]
    fn a_mistake_ends_with_its_document() {
        let (documents, findings) = read("a: 1\n---\nb: 'open\n---\nc: [1, 2\n---\nd: 4\n");
        assert_eq!(documents.len(), 2);
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..20 {
            let before = level - 1;
            let aliases = vec![format!("*a{before}"); 10].join(", ");
            writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
        }
        let (_, findings) = read(&text);
        assert!(format!("{findings:?}").contains("aliases written out"), "{findings:?}");
        // So are those made of merges and of depth.
        let mut text = String::from("- &m0 {k: v}\n");
        for level in 1..100 {
            let before = level - 1;
            writeln!(text, "- &m{level} {{a{level}: *m{before}, <<: *m{before}}}").unwrap();
        }
        let (_, findings) = read(&text);
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        for text in [
            "- ".repeat(100_000),
            "[".repeat(100_000),
            "{a: ".repeat(100_000),
            "? ".repeat(100_000),
        ] {
            let (documents, findings) = read(&text);
            assert!(documents.is_empty());
            assert_eq!(findings.len(), 1);
        }
    }
}
