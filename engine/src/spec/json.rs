//! Diagnostics for programs.

use std::borrow::Cow;

use serde::Serialize;

use super::diagnostic::{Code, Diagnostic, Severity, Span};

/// One diagnostic; the field names are an interface that editors rely on.
#[derive(Serialize)]
struct JsonDiagnostic<'a> {
    severity: Severity,
    code: Code,
    #[serde(flatten)]
    span: JsonSpan<'a>,
    message: &'a str,
    hint: Option<&'a str>,
    related: Vec<JsonRelated<'a>>,
    /// How many more instances of something repeated it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_instances: Option<usize>,
}

/// A stretch of text: lines and columns (in characters) from 1, the end exclusive.
#[derive(Serialize)]
struct JsonSpan<'a> {
    file: Cow<'a, str>,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    /// Of something repeated, which instance it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonRelated<'a> {
    #[serde(flatten)]
    span: JsonSpan<'a>,
    message: &'a str,
}

/// Returns the diagnostics as a JSON array of objects.
pub fn to_json(diagnostics: &[Diagnostic]) -> serde_json::Value {
    let all: Vec<JsonDiagnostic<'_>> = diagnostics.iter().map(json_diagnostic).collect();
    serde_json::to_value(all).unwrap_or_default()
}

fn json_diagnostic(diagnostic: &Diagnostic) -> JsonDiagnostic<'_> {
    JsonDiagnostic {
        severity: diagnostic.severity,
        code: diagnostic.code,
        span: json_span(&diagnostic.span),
        message: &diagnostic.message,
        hint: diagnostic.hint.as_deref(),
        related: diagnostic
            .related
            .iter()
            .map(|related| JsonRelated {
                span: json_span(&related.span),
                message: &related.message,
            })
            .collect(),
        more_instances: Some(diagnostic.more_instances).filter(|more| *more > 0),
    }
}

fn json_span(span: &Span) -> JsonSpan<'_> {
    JsonSpan {
        file: span.place.file.to_string_lossy(),
        line: span.place.line,
        column: span.place.column,
        end_line: span.end_line,
        end_column: span.end_column,
        instance: span.instance.as_deref(),
    }
}
