//! Diagnostics for people: the place, an excerpt with the place underlined, and what to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use unicode_width::UnicodeWidthChar;

use super::{
    diagnostic::{Diagnostic, Severity, Span},
    source::Sources,
};
use crate::harmless::steers_terminal;

/// Widest excerpt in columns; longer lines are cut around the place.
const WIDEST: usize = 100;
/// Columns shown before the place in a line that is cut.
const BEFORE: usize = 30;

/// SGR sequences, or nothing.
struct Style {
    error: &'static str,
    warning: &'static str,
    hint: &'static str,
    bold: &'static str,
    dim: &'static str,
    reset: &'static str,
}

const PLAIN: Style = Style {
    error: "",
    warning: "",
    hint: "",
    bold: "",
    dim: "",
    reset: "",
};
const COLORED: Style = Style {
    error: "\x1b[1;31m",
    warning: "\x1b[1;33m",
    hint: "\x1b[1;36m",
    bold: "\x1b[1m",
    dim: "\x1b[34m",
    reset: "\x1b[0m",
};

/// Lines of the files by path and number.
type Excerpts<'s> = BTreeMap<&'s Path, BTreeMap<u32, &'s str>>;

/// Returns the diagnostics as text, with an empty line after each.
pub fn to_text(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let style = if color { &COLORED } else { &PLAIN };
    let mut wanted: BTreeMap<&Path, BTreeSet<u32>> = BTreeMap::new();
    for diagnostic in diagnostics {
        let related = diagnostic.related.iter().map(|related| &related.span);
        for span in std::iter::once(&diagnostic.span).chain(related) {
            wanted.entry(&span.place.file).or_default().insert(span.place.line);
        }
    }
    let excerpts = wanted
        .into_iter()
        .map(|(path, lines)| (path, sources.lines(path, &lines)))
        .collect();
    let mut text = String::new();
    for diagnostic in diagnostics {
        // Writing to a String can't fail.
        let _ = write_diagnostic(&mut text, diagnostic, &excerpts, style);
    }
    text
}

fn write_diagnostic(
    out: &mut String,
    diagnostic: &Diagnostic,
    excerpts: &Excerpts<'_>,
    style: &Style,
) -> std::fmt::Result {
    let Style { hint, bold, reset, .. } = style;
    let (word, mark) = match diagnostic.severity {
        Severity::Error => ("error", style.error),
        Severity::Warning => ("warning", style.warning),
    };
    let place = place(&diagnostic.span, excerpts);
    writeln!(
        out,
        "{bold}{place}{reset}{mark}{word}:{reset} {bold}{}{reset}{}",
        diagnostic.message,
        instance(&diagnostic.span, diagnostic.more_instances)
    )?;
    write_excerpt(out, &diagnostic.span, excerpts, mark, style)?;
    for related in &diagnostic.related {
        writeln!(
            out,
            "  {bold}{}{reset}{}{}",
            self::place(&related.span, excerpts),
            related.message,
            instance(&related.span, 0)
        )?;
        write_excerpt(out, &related.span, excerpts, style.dim, style)?;
    }
    if let Some(text) = &diagnostic.hint {
        writeln!(out, "  {hint}hint:{reset} {text}")?;
    }
    writeln!(out)
}

/// Returns `file:line:column: `, or just the file where nothing of it was read, or nothing if there is no file.
fn place(span: &Span, excerpts: &Excerpts<'_>) -> String {
    match line_of(span, excerpts) {
        Some(_) => format!("{}: ", span.place),
        None if span.place.file.as_os_str().is_empty() => String::new(),
        None => format!("{}: ", span.place.file.display()),
    }
}

/// Says which instance of something repeated a place is of, and how many more are meant.
fn instance(span: &Span, more: usize) -> String {
    let Some(indices) = &span.instance else {
        return String::new();
    };
    match more {
        0 => format!(" ({indices})"),
        1 => format!(" ({indices}, and one more instance)"),
        more => format!(" ({indices}, and {more} more instances)"),
    }
}

fn line_of<'s>(span: &Span, excerpts: &Excerpts<'s>) -> Option<&'s str> {
    let line = excerpts.get(&*span.place.file)?.get(&span.place.line).copied()?;
    // A file that is empty or unreadable has nothing to show.
    (span.place.line > 1 || !line.is_empty()).then_some(line)
}

fn write_excerpt(
    out: &mut String,
    span: &Span,
    excerpts: &Excerpts<'_>,
    mark: &str,
    style: &Style,
) -> std::fmt::Result {
    let Some(line) = line_of(span, excerpts) else {
        return Ok(());
    };
    let Style { dim, reset, .. } = style;
    let number = span.place.line.to_string();
    let gutter = " ".repeat(number.len());
    let Excerpt {
        text,
        indent,
        underline,
    } = cut(line, span);
    writeln!(out, "{dim}{gutter} |{reset}")?;
    writeln!(out, "{dim}{number} |{reset} {text}")?;
    writeln!(
        out,
        "{dim}{gutter} |{reset} {}{mark}{}{reset}",
        " ".repeat(indent),
        "^".repeat(underline)
    )
}

/// A line as it is shown.
struct Excerpt {
    text: String,
    /// Columns before the underline.
    indent: usize,
    /// Columns of the underline, at least 1.
    underline: usize,
}

/// Cuts a line around the place and counts columns. Reads no further than it shows, so that a line of megabytes costs nothing
/// beyond finding the place.
fn cut(line: &str, span: &Span) -> Excerpt {
    let start = usize::try_from(span.place.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let end = if span.end_line > span.place.line {
        usize::MAX
    } else {
        usize::try_from(span.end_column.saturating_sub(1)).unwrap_or(usize::MAX)
    };
    let is_long = line.chars().nth(WIDEST).is_some();
    let skipped = if is_long { start.saturating_sub(BEFORE) } else { 0 };
    let mut excerpt = Excerpt {
        text: String::new(),
        indent: 0,
        underline: 0,
    };
    if skipped > 0 {
        excerpt.text.push_str("… ");
        excerpt.indent = 2;
    }
    let mut width = 0;
    let mut rest = line.trim_end().chars().enumerate().skip(skipped);
    for (at, c) in rest.by_ref() {
        let shown = if c == '\t' {
            ' '
        } else if steers_terminal(c) {
            '\u{fffd}'
        } else {
            c
        };
        let columns = shown.width().unwrap_or(0);
        width += columns;
        excerpt.text.push(shown);
        if at < start {
            excerpt.indent += columns;
        } else if at < end {
            excerpt.underline += columns;
        }
        // Characters without a width count as well, or there could be any number of them.
        if width >= WIDEST || at - skipped >= WIDEST {
            break;
        }
    }
    if rest.next().is_some() {
        excerpt.text.push_str(" …");
    }
    excerpt.underline = excerpt.underline.max(1);
    excerpt
}
