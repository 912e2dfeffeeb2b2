//! What is not YAML, in words that help.

use saphyr_parser::ScanError;

use super::{
    diagnostic::{Code, Finding},
    source::Lines,
    tree::Mark,
};

/// Says what the parser found in a document, and what may have been meant.
pub fn finding(error: &ScanError, mark: Mark, text: &str) -> Finding {
    let info = error.info();
    let line = line_of(text, error);
    let finding = Finding::error(Code::Syntax, mark, format!("This is not YAML: {info}."));
    if info.contains("flow") && line.contains("${") {
        return finding.hint("Between `[` and `]`, or `{` and `}`, quote a text with `${…}` in it.");
    }
    let hints = [
        ("tab", "Indent with spaces; YAML does not take tabs."),
        (
            "mapping values",
            "Quote the text if the `: ` in it belongs to a value; else check the indentation.",
        ),
        (
            "anchor",
            "An alias (`*name`) needs an anchor (`&name`) before it in the same document.",
        ),
        ("quoted scalar", "Check that the quotes are closed."),
        ("placement of ':'", "Check that every `[` and `{` before it is closed."),
        ("flow", "Check that every `[` and `{` is closed."),
        (
            "did not find expected",
            "Check the indentation of this line and of the one before it.",
        ),
    ];
    let hint = hints
        .iter()
        .find(|(part, _)| info.contains(part))
        .map(|(_, hint)| (*hint).to_owned());
    finding.maybe_hint(hint)
}

/// Returns the line of a document that an error is in.
fn line_of<'t>(text: &'t str, error: &ScanError) -> &'t str {
    let before = error.marker().line().saturating_sub(1);
    Lines::new(text).nth(before).unwrap_or_default()
}
