//! What a process says on its standard output and error: its last lines are kept, to tell why it ended.

use std::{
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::unix::pipe, task::JoinHandle, time::timeout};

use super::lines::Lines;

/// How many lines are kept.
const LINES: usize = 16;
/// How long a line may be, in bytes.
const LINE_LENGTH: usize = 1024;
/// How long the end of the output is waited for: a process it forked can hold it open.
const END_LIMIT: Duration = Duration::from_millis(500);

/// The last lines of a process.
pub(super) struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
    reading: JoinHandle<()>,
}

impl Output {
    /// Starts to read, and returns the end to hand to the process. With `log` each line is also logged under that name.
    pub(super) fn pipe(log: Option<String>) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = io::pipe()?;
        let mut source = Lines::new(pipe::Receiver::from_owned_fd(ours.into())?, LINE_LENGTH);
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let kept = lines.clone();
        let reading = tokio::spawn(async move {
            while let Some(line) = source.next().await {
                let text = String::from_utf8_lossy(line.bytes.trim_ascii_end()).into_owned();
                if let Some(name) = &log {
                    tracing::info!(process = name, "{text}");
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == LINES {
                    kept.pop_front();
                }
                kept.push_back(text);
            }
        });
        Ok((Self { lines, reading }, theirs.into()))
    }

    /// The last lines of a process that has ended, empty if it said nothing.
    pub(super) async fn finish(mut self) -> String {
        if timeout(END_LIMIT, &mut self.reading).await.is_err() {
            self.reading.abort();
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.make_contiguous().join("\n").trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let (output, end) = Output::pipe(None).unwrap();
        let mut end = File::from(end);
        let writing = tokio::task::spawn_blocking(move || {
            for n in 0..10_000 {
                writeln!(end, "line {n}").unwrap();
            }
            end
        });
        drop(writing.await.unwrap());
        let text = output.finish().await;
        assert_eq!(text.lines().count(), LINES);
        assert!(text.ends_with("line 9999"));
    }

    #[tokio::test]
    async fn an_output_held_open_is_not_waited_for() {
        let (output, end) = Output::pipe(None).unwrap();
        let mut file = File::from(end);
        writeln!(file, "last words").unwrap();
        assert_eq!(output.finish().await, "last words");
    }
}
