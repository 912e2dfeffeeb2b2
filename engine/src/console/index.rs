//! When the bytes of a console's log were written: a file of marks beside the log, which itself holds nothing but the
//! guest's bytes.
//!
//! A mark is 16 bytes, two little-endian numbers: a position in the log, and the time (microseconds since 1970) at which
//! the byte there was read from the guest. Both only grow. There is one mark for whatever came within [`RESOLUTION`], so
//! that a guest that writes byte by byte does not make an index larger than its log.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    time::Duration,
};

use jiff::Timestamp;

/// Bytes that come within this time of a mark share it.
const RESOLUTION: Duration = Duration::from_millis(10);

/// Length of a mark in the file.
const SIZE: u64 = 16;

/// From when on the bytes of a log are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The position of the first byte.
    pub position: u64,
    /// When it was read, in microseconds since 1970.
    pub time: i64,
}

impl Mark {
    fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.position.to_le_bytes());
        bytes[8..].copy_from_slice(&self.time.to_le_bytes());
        bytes
    }

    fn decode(bytes: [u8; 16]) -> Self {
        let [position, time] = [0, 8].map(|at| std::array::from_fn(|i| bytes[at + i]));
        Self {
            position: u64::from_le_bytes(position),
            time: i64::from_le_bytes(time),
        }
    }
}

/// Decides which bytes get a mark.
#[derive(Debug, Default)]
pub struct Marker {
    last: Option<i64>,
}

impl Marker {
    /// The mark for bytes that begin at `position` of the log and were read at `time`, if they need one. A clock that is
    /// set back stands still here.
    pub fn mark(&mut self, position: u64, time: Timestamp) -> Option<Mark> {
        let time = time.as_microsecond();
        let fresh = self.last.is_none_or(|last| {
            let passed = u64::try_from(time.saturating_sub(last)).unwrap_or(0);
            Duration::from_micros(passed) >= RESOLUTION
        });
        fresh.then(|| {
            self.last = Some(time);
            Mark { position, time }
        })
    }
}

/// Appends a mark to an index.
pub fn append(file: &mut File, mark: Mark) -> io::Result<()> {
    file.write_all(&mark.encode())
}

/// Cuts off what a write that failed left of a mark.
pub fn trim(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    file.set_len(length - length % SIZE)
}

/// An index as it is read, while it grows.
#[derive(Debug)]
pub struct Index(File);

impl Index {
    /// Reads the index in a file.
    pub fn new(file: File) -> Self {
        Self(file)
    }

    /// How many marks there are.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len() / SIZE)
    }

    /// The mark of that number, counted from 0.
    pub fn get(&self, number: u64) -> io::Result<Mark> {
        let mut bytes = [0; 16];
        self.0.read_exact_at(&mut bytes, number * SIZE)?;
        Ok(Mark::decode(bytes))
    }

    /// The number of the first mark at that time or later; that behind the last one if there is none.
    pub fn first_since(&self, time: Timestamp) -> io::Result<u64> {
        let time = time.as_microsecond();
        let (mut low, mut high) = (0, self.len()?);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle)?.time < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    #[test]
    fn what_comes_at_once_shares_a_mark() {
        let mut marker = Marker::default();
        let mut has_one = |position, millis: i64| marker.mark(position, at(millis * 1000)).is_some();
        assert!(has_one(0, 1000));
        assert!(!has_one(5, 1009));
        assert!(has_one(9, 1010));
        // The clock was set back.
        assert!(!has_one(12, 500));
        assert!(has_one(15, 1020));
    }

    #[test]
    fn half_a_mark_is_cut_off() {
        let mut file = tempfile::tempfile().unwrap();
        append(&mut file, Mark { position: 1, time: 2 }).unwrap();
        file.write_all(&[7; 5]).unwrap();
        trim(&file).unwrap();
        let index = Index::new(file);
        assert_eq!(index.len().unwrap(), 1);
        assert_eq!(index.get(0).unwrap(), Mark { position: 1, time: 2 });
    }

    proptest! {
        #[test]
        fn a_time_is_found(steps in prop::collection::vec((0_u64..100, 10_000_i64..100_000), 0..40), wanted in 0_i64..4_000_000) {
            let mut file = tempfile::tempfile().unwrap();
            let (mut marker, mut all) = (Marker::default(), vec![]);
            let (mut position, mut time) = (0, 0);
            for (bytes, passed) in steps {
                time += passed;
                let mark = marker.mark(position, at(time)).unwrap();
                append(&mut file, mark).unwrap();
                all.push(mark);
                position += bytes;
            }
            let found = Index::new(file).first_since(at(wanted)).unwrap();
            prop_assert_eq!(usize::try_from(found).unwrap(), all.partition_point(|mark| mark.time < wanted));
        }
    }
}
