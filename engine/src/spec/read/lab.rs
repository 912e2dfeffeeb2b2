//! `kind: Lab`: what is said of the lab as a whole. It is read before all other resources, which may depend on it.

use crate::spec::{
    context::Context,
    diagnostic::{Code, Finding, quote},
    expression::is_name,
    fields::{Fields, Text},
    tree::{Entry, Node, Value},
};

/// What a lab file says of the lab.
pub struct Lab<'t> {
    /// Files to read as well.
    pub include: Vec<Text<'t>>,
    /// Names and defaults of variables; without a default, a variable must be given.
    pub variables: Vec<(Text<'t>, Option<String>)>,
}

/// Whether a document is one that says something of the lab.
pub fn is_lab(document: &Node) -> bool {
    let Value::Mapping(entries) = &document.value else {
        return false;
    };
    let is_kind = |entry: &&Entry| entry.key.scalar().is_some_and(|key| key.eq_ignore_ascii_case("kind"));
    let kind = entries.iter().rfind(is_kind);
    kind.and_then(|entry| entry.value.scalar()) == Some("Lab")
}

/// Reads what a document says of the lab.
pub fn read<'t>(cx: &mut Context<'_>, document: &'t Node) -> Option<Lab<'t>> {
    let mut fields = Fields::new(cx, document, "The Lab")?;
    fields.take("kind");
    let include = fields.names(cx, "include");
    let mut variables = Vec::new();
    for (name, value) in fields.text_map(cx, "variables") {
        if !is_name(name.text) {
            let message = format!("{} can't be the name of a variable.", quote(name.text));
            cx.report(
                Finding::error(Code::InvalidName, name.mark, message)
                    .hint("It is a letter or `_`, with letters, digits and `_` behind it."),
            );
            continue;
        }
        let default = Some(value.text.to_owned()).filter(|value| !value.is_empty());
        variables.push((name, default));
    }
    fields.finish(cx, &[]);
    Some(Lab { include, variables })
}
