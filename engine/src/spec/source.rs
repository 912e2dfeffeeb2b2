//! Lab files as text: decoding, and finding lines again for excerpts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use super::{
    diagnostic::{Code, Finding, Span},
    model::Place,
    tree::Mark,
};

/// One lab file.
#[derive(Clone, Debug)]
pub struct Source {
    /// As it was named on the command line.
    pub path: Arc<Path>,
    /// Its text, or as much of it as is text.
    pub text: String,
}

/// All lab files of one load, in the order they were given, those that they include after them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    /// What tells each instance of something repeated from the others: `rack = 0, i = 3`.
    instances: Vec<Arc<str>>,
}

impl Sources {
    /// Adds a file and returns its index.
    pub fn add(&mut self, path: &Path, text: String) -> u32 {
        let index = self.next_index();
        self.files.push(Source {
            path: Arc::from(path),
            text,
        });
        index
    }

    /// Returns the number of files, which is the index the next one gets.
    pub fn next_index(&self) -> u32 {
        u32::try_from(self.files.len()).unwrap_or(u32::MAX)
    }

    /// Adds an instance of something repeated and returns the number by which marks name it.
    pub fn add_instance(&mut self, indices: &str) -> u32 {
        self.instances.push(Arc::from(indices));
        u32::try_from(self.instances.len()).unwrap_or(u32::MAX)
    }

    /// Returns the path of a file.
    pub fn path(&self, file: u32) -> Option<&Path> {
        self.get(file).map(|source| &*source.path)
    }

    /// Returns the text of a file.
    pub fn text(&self, file: u32) -> &str {
        self.get(file).map_or("", |source| &source.text)
    }

    /// Returns the place a mark begins at.
    pub fn place(&self, mark: Mark) -> Place {
        let file = self
            .get(mark.file)
            .map_or_else(|| Arc::from(Path::new("")), |source| Arc::clone(&source.path));
        Place {
            file,
            line: mark.line,
            column: mark.column,
        }
    }

    /// Returns the stretch of text a mark covers.
    pub fn span(&self, mark: Mark) -> Span {
        Span {
            place: self.place(mark),
            end_line: mark.end_line,
            end_column: mark.end_column,
            instance: self.instance(mark).cloned(),
        }
    }

    fn instance(&self, mark: Mark) -> Option<&Arc<str>> {
        let index = usize::try_from(mark.instance).ok()?.checked_sub(1)?;
        self.instances.get(index)
    }

    /// Returns the lines wanted of a file, without their line ends, in one pass over its text.
    pub fn lines(&self, path: &Path, wanted: &BTreeSet<u32>) -> BTreeMap<u32, &str> {
        let (Some(source), Some(&last)) = (self.files.iter().find(|source| *source.path == *path), wanted.last())
        else {
            return BTreeMap::new();
        };
        (1..=last)
            .zip(Lines::new(&source.text))
            .filter(|(number, _)| wanted.contains(number))
            .collect()
    }

    fn get(&self, file: u32) -> Option<&Source> {
        usize::try_from(file).ok().and_then(|file| self.files.get(file))
    }
}

/// The lines of a text as YAML counts them: `\n`, `\r\n` and a lone `\r` end one.
pub struct Lines<'a> {
    rest: Option<&'a str>,
}

impl<'a> Lines<'a> {
    /// Begins with the first line.
    pub fn new(text: &'a str) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let Some(end) = text.bytes().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.rest = None;
            return Some(text);
        };
        let (line, rest) = text.split_at(end);
        let rest = rest.strip_prefix("\r\n").or_else(|| rest.get(1..));
        self.rest = rest;
        Some(line)
    }
}

/// Turns the bytes of a file into text. On failure the text ends before the first byte that is not text.
pub fn decode(bytes: Vec<u8>, limit: usize, file: u32) -> (String, Option<Finding>) {
    if bytes.len() > limit {
        let finding = Finding::error(
            Code::Limit,
            start_of(file),
            format!("The file is larger than {} MiB, which no lab file needs.", limit >> 20),
        );
        return (String::new(), Some(finding));
    }
    // With its mark, or with every other byte NUL as ASCII in it has.
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] = bytes.as_slice() {
        let finding = Finding::error(Code::Encoding, start_of(file), "The file is in UTF-16.".to_owned())
            .hint("Save it as UTF-8.");
        return (String::new(), Some(finding));
    }
    let (mut text, bad_byte) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            let bad = bytes.get(valid).copied();
            bytes.truncate(valid);
            (String::from_utf8(bytes).unwrap_or_default(), bad)
        }
    };
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    let message = if let Some((at, c)) = text.char_indices().find(|&(_, c)| !is_text(c)) {
        text.truncate(at);
        format!(
            "The file holds the character U+{:04X} here, which YAML does not allow.",
            u32::from(c)
        )
    } else if let Some(byte) = bad_byte {
        format!("The file is not UTF-8: the byte 0x{byte:02x} stands here.")
    } else {
        return (text, None);
    };
    let mark = end_of(&text, file);
    text.push('\u{fffd}');
    (
        text,
        Some(Finding::error(Code::Encoding, mark, message).hint("A lab file is plain text in UTF-8.")),
    )
}

/// Returns the mark of a file as a whole.
pub fn start_of(file: u32) -> Mark {
    Mark {
        file,
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 1,
        instance: 0,
    }
}

/// Whether YAML 1.2 allows a character in a file (its production `c-printable`).
fn is_text(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Returns the mark of the character after the end of a text.
fn end_of(text: &str, file: u32) -> Mark {
    let (line, last) = Lines::new(text).fold((0_u32, ""), |(count, _), line| (count.saturating_add(1), line));
    let column = u32::try_from(last.chars().count())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    Mark {
        file,
        line,
        column,
        end_line: line,
        end_column: column.saturating_add(1),
        instance: 0,
    }
}
