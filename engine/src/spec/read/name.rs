//! The names of resources.

use super::super::{
    context::Context,
    diagnostic::{Code, Finding, quote},
    fields::{Fields, Text},
};

/// Takes `name`, names the fields after it, and complains of a name that can't be used.
pub fn take_name<'t>(
    cx: &mut Context<'_>,
    fields: &mut Fields<'t>,
    noun: &str,
    problem: impl Fn(&str) -> Option<String>,
) -> Option<Text<'t>> {
    let name = fields.required_text(cx, "name")?;
    fields.label = format!("{} {}", upper_first(noun), quote(name.text));
    // What is missing of the whole is best shown at its name.
    fields.mark = name.mark;
    if let Some(problem) = problem(name.text) {
        let message = format!("The {noun} can't be named {}: {problem}.", quote(name.text));
        cx.report(Finding::error(Code::InvalidName, name.mark, message));
    }
    Some(name)
}

/// Names a thing at the start of a sentence.
pub fn upper_first(noun: &str) -> String {
    let mut chars = noun.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
