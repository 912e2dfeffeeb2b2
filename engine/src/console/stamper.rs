//! Time stamps before the lines of a log: a pure function of its bytes and marks, a piece at a time.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::index::Mark;

/// Length of a time stamp with the blank behind it.
#[cfg(test)]
const LENGTH: usize = "2026-11-26T10:41:13.042Z ".len();

/// Puts the time at which its first byte was read before each line. The bytes stay as they are, whatever they are, and
/// nothing is kept of them: a line may be of any length.
#[derive(Debug, Default)]
pub struct Stamper {
    /// Inside of a line that has its stamp.
    in_line: bool,
    /// The time of the bytes that come next.
    time: i64,
}

impl Stamper {
    /// Stamps the bytes that begin at `position`, to be called with one piece after the other. Takes the marks up to the
    /// end of the piece from `marks`, which hold all of them from the piece's first byte on.
    pub fn stamp(&mut self, mut position: u64, mut bytes: &[u8], marks: &mut VecDeque<Mark>, out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            while let Some(mark) = marks.front().filter(|mark| mark.position <= position) {
                self.time = mark.time;
                marks.pop_front();
            }
            let newline = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at(newline.map_or(bytes.len(), |at| at + 1));
            if !self.in_line {
                let time = Timestamp::from_microsecond(self.time).unwrap_or_default();
                out.extend(format!("{time:.3} ").as_bytes());
            }
            out.extend_from_slice(line);
            self.in_line = newline.is_none();
            position += line.len() as u64;
            bytes = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of a stamped text, each as time and bytes.
    fn taken_apart(mut stamped: &[u8]) -> Vec<(Timestamp, Vec<u8>)> {
        let mut lines = vec![];
        while !stamped.is_empty() {
            let (stamp, rest) = stamped.split_at(LENGTH);
            let stamp = std::str::from_utf8(stamp).unwrap().trim_end().parse().unwrap();
            let end = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(rest.len(), |at| at + 1);
            lines.push((stamp, rest[..end].to_vec()));
            stamped = &rest[end..];
        }
        lines
    }

    #[test]
    fn lines_have_the_time_of_their_first_byte() {
        let marks = [(0, 1_000_000), (4, 2_000_000), (9, 3_000_000)];
        let mut marks = marks.map(|(position, time)| Mark { position, time }).into();
        let mut out = vec![];
        let mut stamper = Stamper::default();
        stamper.stamp(0, b"one\r\ntw", &mut marks, &mut out);
        stamper.stamp(7, b"o\nthree", &mut marks, &mut out);
        let expected = "1970-01-01T00:00:01.000Z one\r\n1970-01-01T00:00:02.000Z two\n1970-01-01T00:00:03.000Z three";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn bytes_stay_as_they_are_however_they_come(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            sizes in prop::collection::vec(1_usize..40, 1..40),
            spacing in 1_u64..50,
        ) {
            let time = |position: u64| i64::try_from(position / spacing * 1_000_000).unwrap();
            let all = (0..bytes.len() as u64).filter(|position| position % spacing == 0);
            let mut marks: VecDeque<_> = all.map(|position| Mark { position, time: time(position) }).collect();
            let (mut stamper, mut out, mut position) = (Stamper::default(), vec![], 0);
            let mut sizes = sizes.iter().cycle();
            while position < bytes.len() {
                let end = bytes.len().min(position + sizes.next().unwrap());
                stamper.stamp(position as u64, &bytes[position..end], &mut marks, &mut out);
                position = end;
            }
            let mut at = 0;
            for (stamp, line) in taken_apart(&out) {
                prop_assert_eq!(stamp.as_microsecond(), time(at as u64));
                prop_assert_eq!(&bytes[at..at + line.len()], &line[..]);
                at += line.len();
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
