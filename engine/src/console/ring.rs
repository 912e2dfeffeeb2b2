//! The last bytes a guest wrote, in a ring of fixed size that any number of readers follow, each at its own pace.

use std::io;

/// How many bytes are kept. A reader that falls behind by more loses the oldest.
pub const CAPACITY: usize = 64 * 1024;

/// A window on an endless stream of bytes: those between `start` and `end` can be read. Positions count from the first
/// byte ever written.
#[derive(Debug, Default)]
pub struct Ring {
    /// Empty until the first byte comes: a node that never writes costs nothing.
    bytes: Box<[u8]>,
    end: u64,
}

impl Ring {
    /// The position behind the last byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The position of the oldest byte that is still there.
    pub fn start(&self) -> u64 {
        self.end.saturating_sub(CAPACITY as u64)
    }

    /// Lets `read` fill a part of the ring, at most `limit` bytes (not zero), over the oldest bytes. `read` returns how
    /// many it wrote.
    pub fn fill(&mut self, limit: usize, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        if self.bytes.is_empty() {
            self.bytes = vec![0; CAPACITY].into_boxed_slice();
        }
        let from = index(self.end);
        let to = CAPACITY.min(from + limit);
        let count = read(&mut self.bytes[from..to])?.min(to - from);
        self.end += count as u64;
        Ok(count)
    }

    /// The bytes from `position` on, in two pieces, either of which may be empty; from the oldest byte if that one is
    /// gone.
    pub fn since(&self, position: u64) -> (&[u8], &[u8]) {
        let position = position.clamp(self.start(), self.end);
        if position == self.end {
            return (&[], &[]);
        }
        let (from, to) = (index(position), index(self.end));
        if from < to {
            (&self.bytes[from..to], &[])
        } else {
            (&self.bytes[from..], &self.bytes[..to])
        }
    }

    /// Where the last `lines` lines begin, or the last `bytes` bytes if they are longer.
    pub fn tail(&self, lines: usize, bytes: usize) -> u64 {
        let (old, new) = self.since(self.end.saturating_sub(bytes as u64));
        let begin = self.end - (old.len() + new.len()) as u64;
        let reversed = new.iter().rev().chain(old.iter().rev());
        reversed
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(lines)
            .map_or(begin, |(back, _)| self.end - back as u64)
    }
}

/// Where in the ring a position lies.
#[allow(clippy::cast_possible_truncation, reason = "less than CAPACITY")]
fn index(position: u64) -> usize {
    (position % CAPACITY as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn push(ring: &mut Ring, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = ring
                .fill(bytes.len(), |space| {
                    space.copy_from_slice(&bytes[..space.len()]);
                    Ok(space.len())
                })
                .unwrap();
            bytes = &bytes[count..];
        }
    }

    fn since(ring: &Ring, position: u64) -> Vec<u8> {
        let (old, new) = ring.since(position);
        [old, new].concat()
    }

    #[test]
    fn an_empty_ring_is_empty() {
        let ring = Ring::default();
        assert_eq!((ring.start(), ring.end()), (0, 0));
        assert!(since(&ring, 0).is_empty());
        assert_eq!(ring.tail(24, 4096), 0);
    }

    #[test]
    fn the_tail_begins_at_a_line() {
        let mut ring = Ring::default();
        push(&mut ring, b"one\ntwo\nthree\nlogin: ");
        assert_eq!(since(&ring, ring.tail(1, 4096)), b"three\nlogin: ");
        assert_eq!(since(&ring, ring.tail(0, 4096)), b"login: ");
        assert_eq!(since(&ring, ring.tail(24, 4096)), b"one\ntwo\nthree\nlogin: ");
        assert_eq!(since(&ring, ring.tail(24, 3)), b"n: ");
    }

    proptest! {
        #[test]
        fn readers_see_the_end_of_all_that_was_written(
            sizes in prop::collection::vec(1..CAPACITY * 2, 1..6),
            position in 0..CAPACITY as u64 * 8,
        ) {
            let mut ring = Ring::default();
            let mut all = vec![];
            for size in sizes {
                let bytes: Vec<u8> = (0..size).map(|n| u8::try_from((all.len() + n) % 251).unwrap()).collect();
                push(&mut ring, &bytes);
                all.extend(bytes);
            }
            prop_assert_eq!(ring.end(), all.len() as u64);
            let from = usize::try_from(position).unwrap().clamp(all.len().saturating_sub(CAPACITY), all.len());
            prop_assert_eq!(since(&ring, position), &all[from..]);
        }
    }
}
