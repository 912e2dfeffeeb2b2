//! From a stream of bytes to lines of bounded length.

/// The longest line in bytes; a longer one is cut into pieces.
pub const MAX_LINE: usize = 64 * 1024;

/// Cuts a stream into lines. Holds at most one unfinished line.
#[derive(Default)]
pub struct Splitter {
    unfinished: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes of the stream and gives each line that they complete, without its newline.
    pub fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let mut rest = text;
            while self.unfinished.len() + rest.len() > MAX_LINE {
                let (head, tail) = rest.split_at(MAX_LINE - self.unfinished.len());
                self.unfinished.extend_from_slice(head);
                line(&self.unfinished);
                self.unfinished.clear();
                rest = tail;
            }
            if ended && self.unfinished.is_empty() {
                line(rest);
            } else {
                self.unfinished.extend_from_slice(rest);
                if ended {
                    line(&self.unfinished);
                    self.unfinished.clear();
                }
            }
        }
    }

    /// At the end of the stream: gives the last line if it lacks its newline.
    pub fn finish(&mut self, line: impl FnOnce(&[u8])) {
        if !self.unfinished.is_empty() {
            line(&self.unfinished);
            self.unfinished = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |line| lines.push(line.to_vec()));
        }
        splitter.finish(|line| lines.push(line.to_vec()));
        lines
    }

    #[test]
    fn lines_are_put_together_from_chunks() {
        assert_eq!(split(&[b"a", b"b\n\nc", b"\nd"]), [&b"ab"[..], b"", b"c", b"d"]);
        assert!(split(&[b"", b""]).is_empty());
    }

    #[test]
    fn a_long_line_is_cut() {
        let long = vec![b'x'; 2 * MAX_LINE + 1];
        let lengths: Vec<_> = split(&[&long, b"\n"]).iter().map(Vec::len).collect();
        assert_eq!(lengths, [MAX_LINE, MAX_LINE, 1]);
        let exact = vec![b'x'; MAX_LINE];
        assert_eq!(split(&[&exact, b"\n"]).len(), 1);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(bytes in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..200), size in 1_usize..20) {
            let chunks: Vec<_> = bytes.chunks(size).collect();
            prop_assert_eq!(split(&chunks), split(&[&bytes]));
        }
    }
}
