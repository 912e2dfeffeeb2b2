//! What is not YAML, in words that help.
//!
//! The parser tells where it could not go on and what it expected there. The mistake is often a line before, and of another kind.

use saphyr_parser::ScanError;

use super::{
    diagnostic::{Code, Finding},
    source::Lines,
    tree::Mark,
};

/// The longest value that is written out in a hint.
const LONGEST: usize = 60;

/// What is wrong, where, and what may help.
struct Complaint {
    words: String,
    mark: Mark,
    hint: Option<String>,
}

/// Says what the parser found in a document, and what may have been meant.
pub fn finding(error: &ScanError, mark: Mark, text: &str) -> Finding {
    let scene = Scene {
        lines: Lines::new(text).collect(),
        line: error.marker().line().saturating_sub(1),
        column: error.marker().col(),
        mark,
    };
    let Complaint { words, mark, hint } = scene.complaint(error.info());
    Finding::error(Code::Syntax, mark, format!("This is not YAML: {words}.")).maybe_hint(hint)
}

/// Where the parser stopped in a document; lines and columns count from 0.
struct Scene<'t> {
    lines: Vec<&'t str>,
    line: usize,
    column: usize,
    mark: Mark,
}

impl Scene<'_> {
    fn complaint(&self, info: &str) -> Complaint {
        let here = self.lines.get(self.line).copied().unwrap_or_default();
        if info.contains("tab") {
            return self.tab();
        }
        if info.contains("mapping values are not allowed") {
            return self.second_colon(here);
        }
        if info.contains("simple key") {
            return self.no_colon();
        }
        if info.contains("did not find expected key") || info.contains("'-' indicator") {
            return self.misfit(here);
        }
        if info.contains("quoted scalar") && !info.contains("escape") && !info.contains("trailing") {
            return self.here(
                "the quoted text that begins here has no end",
                "Check that the quotes are closed; further lines of a quoted text are indented.",
            );
        }
        if info.contains("unknown anchor") {
            return self.here(
                "there is no anchor of this name",
                "An alias (`*name`) needs an anchor (`&name`) before it in the same document; quote a text that begins with `*`.",
            );
        }
        Complaint {
            words: info.to_owned(),
            mark: self.mark,
            hint: hint(info, here).map(str::to_owned),
        }
    }

    /// A tab indents a line: that of the marker, or one that it goes on with.
    fn tab(&self) -> Complaint {
        let mut lines = self.lines.iter().enumerate().skip(self.line);
        let found = lines.find_map(|(number, line)| Some((number, indentation(line).chars().position(|c| c == '\t')?)));
        let hint = "Indent with spaces; YAML does not take tabs.".to_owned();
        Complaint {
            words: "a tab stands here in the indentation".to_owned(),
            mark: found.map_or(self.mark, |(number, column)| self.at(number, column, 1)),
            hint: Some(hint),
        }
    }

    /// A `: ` where there can be none: in a text, or in a line that is indented deeper than the value before it allows.
    fn second_colon(&self, here: &str) -> Complaint {
        let before: String = here.chars().take(self.column).collect();
        let first = before.trim_start().trim_start_matches("- ");
        if let Some((key, _)) = first.split_once(": ") {
            let key = key.trim();
            let value = here.split_once(": ").map_or("", |(_, value)| value.trim());
            let quoted = format!("Quote the text: `{key}: '{value}'`.");
            let shown = value.len() <= LONGEST && !value.contains(['\'', '"', '#']);
            let hint = if shown {
                quoted
            } else {
                "Quote the text that has a `: ` in it.".to_owned()
            };
            return Complaint {
                words: "this line has a second `: `".to_owned(),
                mark: self.mark,
                hint: Some(hint),
            };
        }
        let number = self.line.min(self.lines.len());
        let earlier = self.lines.iter().take(number).enumerate();
        let previous = earlier.rev().find(|(_, line)| is_written(line));
        match previous {
            Some((number, line)) if !line.contains(':') => self.no_pair(number, line),
            Some((_, line)) if indentation(line).len() < indentation(here).len() => Complaint {
                words: "this line is indented deeper than the one before it, which has a value already".to_owned(),
                mark: self.whole(self.line, here),
                hint: Some("Keys of one mapping begin in the same column.".to_owned()),
            },
            _ => self.here(
                "there can be no `key: value` here",
                "Quote the text if the `: ` in it belongs to a value; else check the indentation.",
            ),
        }
    }

    /// A line without a `: `, which the parser only misses behind it.
    fn no_colon(&self) -> Complaint {
        let number = self.line.saturating_add(1).min(self.lines.len());
        let upto = if self.column == 0 {
            number.saturating_sub(1)
        } else {
            number
        };
        let mut earlier = self.lines.iter().take(upto).enumerate().rev();
        match earlier.find(|(_, line)| is_written(line)) {
            Some((number, line)) => self.no_pair(number, line),
            None => self.here("a key has no `: ` behind it", "A line is a `key: value`."),
        }
    }

    fn no_pair(&self, number: usize, line: &str) -> Complaint {
        let hint = if line.contains(':') {
            "Put a blank behind the `:`."
        } else {
            "Put `: ` and a value behind a key, `- ` before an entry of a list; a text that goes on is indented."
        };
        Complaint {
            words: "this line is no `key: value`".to_owned(),
            mark: self.whole(number, line),
            hint: Some(hint.to_owned()),
        }
    }

    /// Something else than a further key or entry.
    fn misfit(&self, here: &str) -> Complaint {
        let indented = indentation(here);
        let before: String = here.chars().take(self.column).collect();
        if !matches!(before.trim(), "" | "-") {
            return self.here(
                "a value has ended before this",
                "Quote the whole text if this is part of it.",
            );
        }
        let number = self.line.min(self.lines.len());
        let mut earlier = self.lines.iter().take(number).filter(|line| is_written(line));
        let words = if !earlier.any(|line| indentation(line) == indented) {
            "this line is indented as no line before it"
        } else if here.trim_start().starts_with("- ") {
            "an entry of a list stands here among keys"
        } else {
            "this line does not fit to the one before it"
        };
        Complaint {
            words: words.to_owned(),
            mark: self.whole(self.line, here),
            hint: Some("Keys of one mapping begin in the same column, and so do the `-` of a list.".to_owned()),
        }
    }

    fn here(&self, words: &str, hint: &str) -> Complaint {
        Complaint {
            words: words.to_owned(),
            mark: self.mark,
            hint: Some(hint.to_owned()),
        }
    }

    /// What is written on a line.
    fn whole(&self, number: usize, line: &str) -> Mark {
        self.at(number, indentation(line).chars().count(), line.trim().chars().count())
    }

    fn at(&self, number: usize, column: usize, length: usize) -> Mark {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let line = (self.mark.line.saturating_add(count(number))).saturating_sub(count(self.line));
        let column = count(column).saturating_add(1);
        Mark {
            line,
            column,
            end_line: line,
            end_column: column.saturating_add(count(length)),
            ..self.mark
        }
    }
}

/// What helps against other complaints.
fn hint(info: &str, line: &str) -> Option<&'static str> {
    if info.contains("flow") && line.contains("${") {
        return Some("Between `[` and `]`, or `{` and `}`, quote a text with `${…}` in it.");
    }
    let hints = [
        (
            "escape",
            "Between double quotes a `\\` begins an escape; a text in single quotes is taken as it is.",
        ),
        ("trailing", "Quote the whole text if this is part of it."),
        ("placement of ':'", "Check that every `[` and `{` before it is closed."),
        ("flow", "Check that every `[` and `{` is closed."),
        ("unexpected character", "Quote a text that begins with this character."),
        ("directive", "Quote a text that begins with `%`."),
        ("anchor", "Quote a text that begins with `*` or `&`."),
        ("tag", "Quote a text that begins with `!`."),
        (
            "block scalar",
            "Quote a text that begins with `|` or `>`; the lines of a block stand below it.",
        ),
        (
            "not allowed",
            "Check the indentation of this line and of the one before it.",
        ),
        (
            "did not find expected",
            "Check the indentation of this line and of the one before it.",
        ),
    ];
    let fits = hints.iter().find(|(part, _)| info.contains(part));
    fits.map(|(_, hint)| *hint)
}

/// The white space a line begins with.
fn indentation(line: &str) -> &str {
    let length = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..length).unwrap_or_default()
}

/// Whether there is more on a line than a comment.
fn is_written(line: &str) -> bool {
    let text = line.trim_start();
    !text.is_empty() && !text.starts_with('#')
}
