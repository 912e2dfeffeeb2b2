//! Trees as YAML, so that reading it gives the same trees.

use std::{borrow::Cow, fmt::Write as _, rc::Rc};

use super::{
    expression::escape,
    tree::{Entry, Node, Value},
};

/// Returns documents as YAML, with `---` between them.
pub fn documents(documents: &[Rc<Node>]) -> String {
    let mut text = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        self::document(document, &mut text);
    }
    text
}

/// Writes one document.
pub fn document(document: &Node, out: &mut String) {
    if is_block(document) {
        block(document, 0, out);
    } else {
        out.extend([&*inline(document), "\n"]);
    }
}

/// Whether a node takes lines of its own.
fn is_block(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { .. } => false,
        Value::Sequence(items) => !items.is_empty(),
        Value::Mapping(entries) => !entries.is_empty(),
    }
}

/// Writes the lines of a collection, each behind `indent` blanks.
fn block(node: &Node, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => {
            for item in items {
                let mut lines = String::new();
                if is_block(item) {
                    block(item, indent + 2, &mut lines);
                } else {
                    lines.extend([&*inline(item), "\n"]);
                }
                out.extend([&margin, "- ", lines.trim_start_matches(' ')]);
            }
        }
        Value::Mapping(entries) => {
            for Entry { key, value } in entries {
                let key = if is_block(key) { "? ".to_owned() } else { self::key(key) };
                out.extend([&margin, &*key, ":"]);
                if is_block(value) {
                    out.push('\n');
                    // As people write it: the entries of a list stand below their key.
                    let deeper = if matches!(value.value, Value::Sequence(_)) {
                        0
                    } else {
                        2
                    };
                    block(value, indent + deeper, out);
                } else {
                    out.extend([" ", &*inline(value), "\n"]);
                }
            }
        }
    }
}

/// Returns a scalar or an empty collection that stands as a value.
fn inline(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain } => scalar(text, *plain, escape),
        Value::Sequence(_) => "[]".to_owned(),
        Value::Mapping(_) => "{}".to_owned(),
    }
}

/// Returns a scalar or an empty collection that stands as a key: there `${` is text like any other.
fn key(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain } => scalar(text, *plain, |text| text.into()),
        _ => inline(node),
    }
}

/// Returns a scalar, escaped if it needs quotes.
fn scalar(text: &str, plain: bool, escape: impl Fn(&str) -> Cow<'_, str>) -> String {
    match (text, plain) {
        ("", true) => "~".to_owned(),
        (text, true) if is_plain(text) => text.to_owned(),
        (text, false) if is_word(text) => text.to_owned(),
        (text, _) => quoted(&escape(text)),
    }
}

/// Whether a text needs no quotes, and means what it did without them.
fn is_plain(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./+:@=~,".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "/._".contains(c)) || is_option(text);
    text == "~" || (begins && text.chars().all(harmless) && !text.ends_with(':'))
}

/// Whether a text can lose its quotes: no reader takes it for anything but text.
fn is_word(text: &str) -> bool {
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let begins_like_text = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || is_option(text);
    let is_address = text.contains('/');
    (begins_like_text || is_address) && is_plain(text) && !reserved.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text begins as an option of a program does.
fn is_option(text: &str) -> bool {
    let rest = text.strip_prefix("--").or_else(|| text.strip_prefix('-'));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// Returns a text in double quotes. All that a terminal or an editor could trip over is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        // Writing to a String can't fail.
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            c if c.is_control() || !c.is_ascii() && !c.is_alphanumeric() => write!(quoted, "\\U{:08x}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::spec::{
        parse,
        resolve::Resolver,
        source::Sources,
        tree::Mark,
        variables::{Scope, Variables},
    };

    /// A tree of any shape; keys are texts.
    fn tree() -> impl Strategy<Value = Rc<Node>> {
        let node = |value| Rc::new(Node::new(Mark::default(), value));
        let text = prop_oneof![
            "[-a-z0-9~#:'\" ${}\\\\\n\t\u{85}é\u{202e}%&*!|>,/.?]{0,12}",
            "[a-z0-9.:/-]{1,8}",
            Just("null".to_owned()),
            Just("yes".to_owned()),
        ];
        let scalar = text.prop_map(move |text| {
            let text = text.into_boxed_str();
            node(Value::Scalar { text, plain: false })
        });
        scalar.clone().prop_recursive(4, 40, 5, move |inner| {
            let entry = (scalar.clone(), inner.clone()).prop_map(|(key, value)| Entry { key, value });
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(move |items| node(Value::Sequence(items))),
                prop::collection::vec(entry, 0..5).prop_map(move |entries| node(Value::Mapping(entries))),
            ]
        })
    }

    /// The same without places and weights.
    fn shape(node: &Node) -> String {
        match &node.value {
            Value::Scalar { text, .. } => format!("{text:?}"),
            Value::Sequence(items) => format!("{:?}", items.iter().map(|item| shape(item)).collect::<Vec<_>>()),
            Value::Mapping(entries) => {
                let pair = |entry: &Entry| format!("{}: {}", shape(&entry.key), shape(&entry.value));
                format!("{{{:?}}}", entries.iter().map(pair).collect::<Vec<_>>())
            }
        }
    }

    /// The documents of a text as a lab has them: variables are replaced.
    fn read(text: &str) -> Result<Vec<Rc<Node>>, String> {
        let mut nodes_left = parse::MAX_NODES;
        let (written, mut findings) = parse::documents(text, 0, &mut nodes_left);
        let (given, mut sources) = (Variables::default(), Sources::default());
        let mut resolver = Resolver::new(Scope::new(&given, BTreeMap::new()), &mut sources, &mut nodes_left);
        let documents = written
            .iter()
            .filter_map(|document| resolver.document(document))
            .flatten()
            .collect();
        findings.extend(resolver.finish().0);
        if findings.is_empty() {
            Ok(documents)
        } else {
            Err(format!("{findings:?} in {text}"))
        }
    }

    #[test]
    fn dollars_in_keys_and_values_stay() {
        let scalar = |text: &str| {
            let text = text.into();
            Rc::new(Node::new(Mark::default(), Value::Scalar { text, plain: false }))
        };
        for text in ["${", "$${", "$$${A}", "a${A}b"] {
            let (key, value) = (scalar(text), scalar(text));
            let tree = Rc::new(Node::new(Mark::default(), Value::Mapping(vec![Entry { key, value }])));
            let written = documents(std::slice::from_ref(&tree));
            assert_eq!(shape(&read(&written).unwrap()[0]), shape(&tree), "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(tree in tree()) {
            let text = documents(std::slice::from_ref(&tree));
            let read = read(&text).map_err(TestCaseError::fail)?;
            prop_assert_eq!(read.len(), 1, "{}", text);
            prop_assert_eq!(shape(&read[0]), shape(&tree), "{}", text);
        }
    }
}
