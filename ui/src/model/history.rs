//! What this console asked for, and what it has to say.

use jiff::Timestamp;

use super::{Model, Outcome, mirror::Connection};

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

    /// What is to be said of the lab where it stays; `way` is what `placemat2 attach` comes back to it with.
    pub fn farewell(&self, outcome: &Outcome, way: &str) -> Option<String> {
        let lab = self.mirror.name();
        let gone = self.mirror.connection == Connection::Ended;
        match outcome {
            _ if !self.mirror.known => None,
            // Its words are what there is to say.
            Outcome::Failed(_) => None,
            Outcome::Ended => Some(format!("the lab {lab} is down")),
            Outcome::Detached if gone => Some(format!("the lab {lab} has ended")),
            Outcome::Detached if self.tearing_down => Some(format!("the lab {lab} is being taken down")),
            Outcome::Detached if matches!(self.mirror.connection, Connection::Lost(_)) => {
                Some(format!("the lab {lab} did not answer any more"))
            }
            Outcome::Detached => Some(format!(
                "the lab {lab} goes on; `placemat2 attach {way}` comes back to it"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Settings,
        testing::{self, Shape},
    };

    #[test]
    fn who_leaves_is_told_what_becomes_of_the_lab() {
        let mut model = testing::model(Shape::DEMO, Settings::default(), (80, 24));
        let told = |model: &Model, outcome| model.farewell(&outcome, "--lab dc").unwrap_or_default();
        assert_eq!(
            told(&model, Outcome::Detached),
            "the lab dc goes on; `placemat2 attach --lab dc` comes back to it"
        );
        assert_eq!(told(&model, Outcome::Ended), "the lab dc is down");
        assert_eq!(told(&model, Outcome::Failed("words".into())), "");
        model.tearing_down = true;
        assert_eq!(told(&model, Outcome::Detached), "the lab dc is being taken down");
        model.tearing_down = false;
        model.mirror.connection = Connection::Lost("no such file".into());
        assert_eq!(told(&model, Outcome::Detached), "the lab dc did not answer any more");
        model.mirror.connection = Connection::Ended;
        assert_eq!(told(&model, Outcome::Detached), "the lab dc has ended");
        let nothing_known = Model::new(Settings::default(), (80, 24), model.now);
        assert_eq!(told(&nothing_known, Outcome::Detached), "");
    }
}
