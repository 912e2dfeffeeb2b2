//! Looking for a line in what a guest writes.

use regex::bytes::Regex;

/// The longest line that is looked at, in bytes; of a longer one, the end.
const LINE: usize = 64 * 1024;

/// The most that is told of what was last seen, in bytes.
const SEEN: usize = 200;

/// What was found in what has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// No line matches.
    Nothing,
    /// This line matches.
    Line(Vec<u8>),
    /// The last line has no end yet and matches already.
    Begin,
}

/// Looks for a line in a stream of bytes, and keeps no more than one line of it.
pub struct Matcher {
    pattern: Regex,
    /// The line that has no end yet.
    line: Vec<u8>,
    /// The one before, for whoever wants to know what came instead.
    before: Vec<u8>,
}

impl Matcher {
    /// Looks for lines that match a pattern; the last line counts also while it has no end, as prompts have none.
    pub fn new(pattern: Regex) -> Self {
        Self {
            pattern,
            line: Vec::new(),
            before: Vec::new(),
        }
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The line that has no end yet.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Looks at what came next.
    pub fn take(&mut self, bytes: &[u8]) -> Found {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > LINE {
                self.line.drain(..self.line.len() - LINE / 2);
            }
            let line = without_end(&self.line);
            let complete = piece.ends_with(b"\n");
            if self.pattern.is_match(line) {
                return if complete {
                    Found::Line(line.to_vec())
                } else {
                    Found::Begin
                };
            }
            if complete {
                self.line.truncate(line.len());
                let line = std::mem::take(&mut self.line);
                if !line.is_empty() {
                    self.before = line;
                }
            }
        }
        Found::Nothing
    }

    /// The end of what came last; nothing if nothing came.
    pub fn last_seen(&self) -> &[u8] {
        let last = if self.line.is_empty() { &self.before } else { &self.line };
        &last[last.len().saturating_sub(SEEN)..]
    }
}

/// A line without its end, of which serial consoles have a few.
pub fn without_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| ![b'\r', b'\n'].contains(byte));
    &line[..end.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(pattern: &str, pieces: &[&[u8]]) -> Found {
        let mut matcher = Matcher::new(Regex::new(pattern).unwrap());
        let found = pieces.iter().map(|piece| matcher.take(piece));
        found
            .into_iter()
            .find(|found| *found != Found::Nothing)
            .unwrap_or(Found::Nothing)
    }

    #[test]
    fn lines_and_prompts_are_found() {
        let boot: [&[u8]; 3] = [b"Linux ver", b"sion 6.1\r\r\nboot-0 lo", b"gin: "];
        assert_eq!(
            found("^Linux version [0-9.]+$", &boot),
            Found::Line(b"Linux version 6.1".into())
        );
        assert_eq!(found("^boot-0 login: $", &boot), Found::Begin);
        assert_eq!(found("6.1.*login", &boot), Found::Nothing, "not across lines");
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_for_ever() {
        let mut matcher = Matcher::new(Regex::new("needle").unwrap());
        for _ in 0..100 {
            assert_eq!(matcher.take(&[b'x'; 16 * 1024]), Found::Nothing);
            assert!(matcher.line.len() <= LINE);
        }
        assert_eq!(matcher.take(b"need"), Found::Nothing);
        assert_eq!(matcher.take(b"le"), Found::Begin);
    }

    #[test]
    fn what_came_instead_is_told() {
        let mut matcher = Matcher::new(Regex::new("never").unwrap());
        assert_eq!(matcher.last_seen(), b"");
        matcher.take(b"\x1b[31mpanic\r\n");
        assert_eq!(matcher.last_seen(), b"\x1b[31mpanic");
        matcher.take(b"login: ");
        assert_eq!(matcher.last_seen(), b"login: ");
    }

    proptest! {
        #[test]
        fn the_first_line_is_found_however_bytes_come(text in "[ab\r\n]{0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let expected = text.split('\n').find(|line| line.contains("aba"));
            match found("aba", &pieces) {
                Found::Nothing => prop_assert_eq!(expected, None),
                Found::Line(line) => prop_assert_eq!(String::from_utf8(line).unwrap(), expected.unwrap().trim_end_matches('\r')),
                Found::Begin => prop_assert!(expected.is_some()),
            }
        }
    }
}
