//! A person at a node's serial console, played by a test.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use super::Machine;

/// A connection to a node's console.
pub struct Console {
    node: String,
    stream: UnixStream,
    /// All that the guest wrote since this was opened.
    transcript: String,
    /// How much of it has been matched.
    position: usize,
}

impl Console {
    /// Connects to the console of a node.
    pub fn open(machine: &Machine, node: &str) -> Self {
        let path = machine.path(format!("/tmp/{node}.socket"));
        let stream = UnixStream::connect(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self {
            node: node.into(),
            stream,
            transcript: String::new(),
            position: 0,
        }
    }

    /// Types a line.
    pub fn send(&mut self, line: &str) {
        self.stream.write_all(line.as_bytes()).unwrap();
        self.stream.write_all(b"\n").unwrap();
    }

    /// Waits until the guest has written `needle` after what was matched before; what it wrote up to there.
    pub fn expect(&mut self, needle: &str, seconds: u64) -> String {
        let find = |text: &str| text.find(needle).map(|start| start + needle.len());
        self.until(&format!("`{needle}`"), seconds, find)
    }

    /// Waits for the login prompt and logs in as root.
    pub fn login(&mut self, seconds: u64) {
        self.expect("login: ", seconds);
        self.send("root");
        self.expect("# ", seconds);
    }

    /// Runs a command in the guest's shell that must succeed; what it printed, with the command itself before.
    pub fn run(&mut self, command: &str, seconds: u64) -> String {
        // What the terminal echoes has `$?` where the shell prints the status.
        self.send(&format!("{command}; echo status=$?=ends"));
        let output = self.until("the command's status", seconds, |text| {
            let end = text
                .match_indices("=ends")
                .find(|(at, _)| text[..*at].ends_with(|last: char| last.is_ascii_digit()))?;
            Some(end.0 + end.1.len())
        });
        assert!(output.ends_with("status=0=ends"), "{command}: {}", self.told());
        self.expect("# ", seconds);
        output
    }

    /// Waits until `find` has found where, in the text after what was matched before, what is waited for ends.
    fn until(&mut self, what: &str, seconds: u64, find: impl Fn(&str) -> Option<usize>) -> String {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(end) = find(&self.transcript[self.position..]) {
                let text = self.transcript[self.position..][..end].to_owned();
                self.position += end;
                return text;
            }
            assert!(
                Instant::now() < deadline,
                "{what}: not within {seconds} s; {}",
                self.told()
            );
            self.read(what);
        }
    }

    fn read(&mut self, what: &str) {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the console was closed before {what}; {}", self.told()),
            Ok(count) => {
                // The guest writes ASCII; what else there may be is of no interest.
                let text = buffer[..count].iter().filter(|byte| byte.is_ascii());
                self.transcript.extend(text.map(|byte| char::from(*byte)));
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => panic!("the console failed before {what}: {error}; {}", self.told()),
        }
    }

    fn told(&self) -> String {
        format!("the console of {}:\n{}", self.node, self.transcript)
    }
}
