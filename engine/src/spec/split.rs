//! Dividing the text of a file into its documents.

use super::source::Lines;

/// A document as text, with the directives before its `---`.
pub struct Chunk<'t> {
    /// The text.
    pub text: &'t str,
    /// How many lines of the file are before it.
    pub lines_before: u32,
}

/// Divides a text into documents.
pub struct Chunks<'t> {
    rest: &'t str,
    lines_before: u32,
}

impl<'t> Chunks<'t> {
    /// Begins with the first document.
    pub fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            lines_before: 0,
        }
    }
}

impl<'t> Iterator for Chunks<'t> {
    type Item = Chunk<'t>;

    fn next(&mut self) -> Option<Chunk<'t>> {
        if self.rest.is_empty() {
            return None;
        }
        let text = self.rest;
        let lines_before = self.lines_before;
        // Where the directives begin that the lines just before this one are, if they are.
        let mut directives = None;
        let mut begun = false;
        for (number, line) in (0..).zip(Lines::new(text)) {
            let offset = line.as_ptr().addr() - text.as_ptr().addr();
            if line.starts_with('%') {
                directives.get_or_insert((number, offset));
                continue;
            }
            if is_document_start(line) && begun {
                let (number, offset) = directives.unwrap_or((number, offset));
                self.rest = &text[offset..];
                self.lines_before += number;
                return Some(Chunk {
                    text: &text[..offset],
                    lines_before,
                });
            }
            begun |= !line.is_empty();
            directives = None;
        }
        self.rest = "";
        Some(Chunk { text, lines_before })
    }
}

/// Whether a line begins a document.
fn is_document_start(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_divided_at_their_starts() {
        let chunks = |text| {
            Chunks::new(text)
                .map(|chunk| (chunk.lines_before, chunk.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(chunks(""), []);
        assert_eq!(chunks("a"), [(0, "a")]);
        assert_eq!(chunks("\n\n---\na\n"), [(0, "\n\n---\na\n")]);
        assert_eq!(chunks("a\r\n---\r\nb"), [(0, "a\r\n"), (1, "---\r\nb")]);
        assert_eq!(chunks("a\r---\rb"), [(0, "a\r"), (1, "---\rb")]);
        assert_eq!(
            chunks("---\n---\n---x\n ---\n"),
            [(0, "---\n"), (1, "---\n---x\n ---\n")]
        );
        assert_eq!(
            chunks("a\n%YAML 1.2\n%TAG ! x\n--- b"),
            [(0, "a\n"), (1, "%YAML 1.2\n%TAG ! x\n--- b")]
        );
        assert_eq!(chunks("%YAML 1.2\n---\n"), [(0, "%YAML 1.2\n---\n")]);
    }
}
