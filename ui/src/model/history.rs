//! What this console asked for, and what it has to say.

use jiff::Timestamp;

use super::{Model, Outcome};

/// Commands kept.
const COMMANDS: usize = 1000;

/// Something this console asked for, as the command that does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// When.
    pub time: Timestamp,
    /// The command.
    pub text: String,
    /// How it went; `None` while it is under way.
    pub outcome: Option<Result<(), String>>,
    /// Which job it is, if it takes time.
    pub job: Option<u64>,
}

/// A sentence in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// Whether it tells of a failure.
    pub bad: bool,
}

impl Model {
    /// Remembers a command; with a job, until that ends.
    pub fn log_command(&mut self, text: &str, job: Option<u64>) {
        let outcome = if job.is_none() { Some(Ok(())) } else { None };
        self.remember(text, outcome, job);
    }

    /// Remembers a command that has ended.
    pub fn log_outcome(&mut self, text: &str, outcome: Result<(), String>) {
        self.remember(text, Some(outcome), None);
    }

    /// Begins a job; its number.
    pub fn begin_job(&mut self, text: String) -> u64 {
        let job = self.next_job;
        self.next_job += 1;
        self.jobs.insert(job, text);
        job
    }

    fn remember(&mut self, text: &str, outcome: Option<Result<(), String>>, job: Option<u64>) {
        if self.history.len() == COMMANDS {
            self.history.pop_front();
        }
        let lab = if self.mirror.known {
            format!("--lab {} ", self.mirror.state.lab.name)
        } else {
            String::new()
        };
        self.history.push_back(Command {
            time: self.now,
            text: format!("pmctl2 {lab}{text}"),
            outcome,
            job,
        });
    }

    /// A time as the user's clock has it.
    pub fn clock(&self, time: Timestamp, format: &str) -> String {
        time.to_zoned_datetime(self.settings.zone.clone())
            .strftime(format)
            .to_string()
    }

    /// Puts a sentence into the status line.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: false,
        });
    }

    /// Puts a sentence about a failure into the status line.
    pub fn complain(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: true,
        });
    }

    /// Leaves: what was to be said of a lab that failed is said once more, where it stays.
    pub fn leave(&mut self) {
        self.leaving = Some(match self.failure.take() {
            Some(words) => Outcome::Failed(words),
            None => Outcome::Detached,
        });
    }
}
