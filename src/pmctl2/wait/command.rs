//! The command: what is waited for, and what is said of it.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::{ArgGroup, Args};
use placemat2_engine::{duration, spec::model::Object};
use tokio::time::timeout;

use super::{
    console,
    followed::{Followed, PAUSE},
    goal::{GOALS, Goal, Progress},
    lab::Lab,
};
use crate::{
    output,
    pmctl2::{complete, connect::Session},
};

/// Exit status when the time was over.
const TIMED_OUT: u8 = 3;

/// Exit status when it can't come any more.
const IN_VAIN: u8 = 4;

/// Arguments of `pmctl2 wait`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true),
    after_help = "An OBJECT is a node or a namespace by its name, an app as NAMESPACE/APP, or any of them as node/NAME, \
                  namespace/NAME or app/NAMESPACE/APP. A lab that does not run yet is waited for, too.\n\nExit status: 0 it is so, 1 \
                  no such object or no lab any more, 2 wrong usage, 3 not in time, 4 it can't come any more: something \
                  will not get ready unless it is started again."
)]
pub struct Wait {
    /// What to wait for
    #[arg(value_name = "OBJECT", group = "which", add = complete::objects())]
    objects: Vec<String>,
    /// Wait for everything in the lab that can be so, and for ready also until the lab is up
    #[arg(long, group = "which")]
    all: bool,
    /// What it is to be: ready, on, off (nodes), exited (apps), or console=REGEX (nodes: a line of the serial console matches)
    #[arg(long = "for", value_name = "STATE", default_value = "ready", add = complete::words(GOALS))]
    goal: Goal,
    /// How long it may take: seconds, or such as 500ms, 90s, 5m
    #[arg(long, value_name = "DURATION", default_value = "300", value_parser = duration::parse)]
    timeout: Duration,
}

impl Wait {
    /// Waits, and says on standard error for what.
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let deadline = Instant::now() + self.timeout;
        let answered = async {
            if !session.answers().await {
                say("no lab answers yet");
            }
            session.answered(PAUSE).await
        };
        let Ok(answered) = timeout(self.timeout, answered).await else {
            say(&format!("no lab answered within {} s", self.timeout.as_secs_f64()));
            return Ok(TIMED_OUT.into());
        };
        let session = &answered?;
        let mut followed = Followed::begin(session).await?;
        let objects = self.chosen(&followed.lab)?;
        say(&format!(
            "waiting until {} {}",
            named(&objects),
            self.goal.in_words(objects.len())
        ));
        let left = deadline.saturating_duration_since(Instant::now());
        let waiting = async {
            match &self.goal {
                Goal::Console(pattern) => console::all(&mut followed, &objects, pattern).await,
                _ => self.follow(&mut followed, &objects).await,
            }
        };
        if let Ok(outcome) = timeout(left, waiting).await {
            return outcome;
        }
        self.tell_why_not(&followed, &objects).await;
        Ok(TIMED_OUT.into())
    }

    /// The objects that are meant, each of which the state wanted means something to.
    fn chosen(&self, lab: &Lab) -> anyhow::Result<Vec<Object>> {
        if self.all {
            return Ok(lab
                .objects()
                .filter(|object| self.goal.concerns(object) && !lab.stays_off(object))
                .collect());
        }
        let mut objects = Vec::new();
        for name in &self.objects {
            let object = lab.find(name)?;
            if !self.goal.concerns(&object) {
                bail!("{object} can't be waited for to be so: {}", self.goal.whom());
            }
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        Ok(objects)
    }

    /// Looks at the lab again after each change, until all objects are as wanted or one can't be any more.
    async fn follow(&self, followed: &mut Followed<'_>, objects: &[Object]) -> anyhow::Result<ExitCode> {
        let mut met: Vec<Object> = Vec::new();
        loop {
            let mut awaited = self.all && matches!(self.goal, Goal::Ready) && !followed.lab.is_up();
            let mut new = Vec::new();
            for object in objects {
                match self.goal.progress(&followed.lab, object) {
                    Progress::Met if met.contains(object) => {}
                    Progress::Met => new.push(object.clone()),
                    Progress::Awaited(_) => {
                        awaited = true;
                        met.retain(|known| known != object);
                    }
                    Progress::Never(reason) => {
                        say(&format!(
                            "{object} is not ready, and won't be unless it is started again: {reason}"
                        ));
                        show_console(followed.session, object).await;
                        return Ok(IN_VAIN.into());
                    }
                }
            }
            if !new.is_empty() {
                say(&format!("{} {}", named(&new), self.goal.in_words(new.len())));
                met.append(&mut new);
            }
            if !awaited {
                return Ok(ExitCode::SUCCESS);
            }
            followed.next().await?;
        }
    }

    /// Says of each object that is not as wanted how it is.
    async fn tell_why_not(&self, followed: &Followed<'_>, objects: &[Object]) {
        say(&format!("not within {} s:", self.timeout.as_secs_f64()));
        if self.all && !followed.lab.is_up() {
            say(&format!("the lab is {}", followed.lab.phase()));
        }
        for object in objects {
            if let Progress::Awaited(how) = self.goal.progress(&followed.lab, object) {
                say(&format!("{object}: {how}"));
                show_console(followed.session, object).await;
            }
        }
    }
}

async fn show_console(session: &Session, object: &Object) {
    if let Object::Node(node) = object {
        for line in console::last_lines(session, node).await {
            say(&format!("    | {line}"));
        }
    }
}

/// Names a few objects, and counts more.
fn named(objects: &[Object]) -> String {
    match objects {
        [] => "the lab".into(),
        objects if objects.len() > 4 => format!("{} objects", objects.len()),
        objects => objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Says on standard error what comes of the waiting.
pub fn say(words: &str) {
    output::note("pmctl2", words);
}
