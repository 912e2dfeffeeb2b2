//! Lines of text from somebody who may send anything: of bounded length, whatever comes.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Splits what a stream brings into lines; of one longer than `limit` bytes only the beginning is kept.
pub(super) struct Lines<R> {
    source: R,
    limit: usize,
    buffer: BytesMut,
    /// The rest of a line that was cut is still to come.
    skipping: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub bytes: BytesMut,
    /// It was longer than the limit.
    pub cut: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(source: R, limit: usize) -> Self {
        let buffer = BytesMut::new();
        Self {
            source,
            limit,
            buffer,
            skipping: false,
        }
    }

    /// The next line; `None` at the end of the stream or when it fails. An unfinished last line counts.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.split() {
                return Some(line);
            }
            self.buffer.reserve(self.limit);
            if !matches!(self.source.read_buf(&mut self.buffer).await, Ok(1..)) {
                let rest = self.buffer.split();
                return (!rest.is_empty()).then_some(Line {
                    bytes: rest,
                    cut: false,
                });
            }
        }
    }

    fn split(&mut self) -> Option<Line> {
        if self.skipping {
            let end = self.buffer.iter().position(|byte| *byte == b'\n');
            self.skipping = end.is_none();
            self.buffer.advance(end.map_or(self.buffer.len(), |end| end + 1));
        }
        let end = self.buffer.iter().take(self.limit + 1).position(|byte| *byte == b'\n');
        if let Some(end) = end {
            let bytes = self.buffer.split_to(end);
            self.buffer.advance(1);
            return Some(Line { bytes, cut: false });
        }
        (self.buffer.len() > self.limit).then(|| {
            self.skipping = true;
            let bytes = self.buffer.split_to(self.limit);
            Line { bytes, cut: true }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 8;

    async fn lines(bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut lines = Lines::new(bytes, LIMIT);
        let mut all = vec![];
        while let Some(line) = lines.next().await {
            all.push((line.bytes.to_vec(), line.cut));
        }
        all
    }

    proptest! {
        #[test]
        fn every_line_comes_out_cut_to_the_limit(text in prop::collection::vec("[a-c]{0,20}", 0..10)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let bytes: String = text.iter().flat_map(|line| [line, "\n"]).collect();
            let expected: Vec<_> = text
                .iter()
                .map(|line| (line.as_bytes()[..line.len().min(LIMIT)].to_vec(), line.len() > LIMIT))
                .collect();
            prop_assert_eq!(runtime.block_on(lines(bytes.as_bytes())), expected);
        }
    }

    #[tokio::test]
    async fn an_unfinished_line_counts() {
        assert_eq!(lines(b"a\nb").await, [(b"a".to_vec(), false), (b"b".to_vec(), false)]);
        assert_eq!(lines(&vec![b'x'; 100_000]).await, [(vec![b'x'; LIMIT], true)]);
    }
}
