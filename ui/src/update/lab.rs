//! What the lab tells.

use placemat2_engine::{
    node::PowerState,
    store::{LabPhase, NodeState, State},
};

use super::message;
use crate::{
    model::{
        Model, Outcome,
        consoles::{Line, Source},
        mirror::Connection,
    },
    msg::Effect,
};

/// Attempts to reach a lab for the first time until it is told why they fail: some three seconds.
const ATTEMPTS: u32 = 5;

/// The lab answers: what was open is opened again.
pub fn connected(model: &mut Model) -> Vec<Effect> {
    match model.mirror.connection {
        Connection::Lost(_) => model.tell("connected again"),
        _ => model.notice = None,
    }
    model.mirror.connection = Connection::Connected;
    let mut effects = Vec::new();
    for (id, pane) in &mut model.consoles.panes {
        if matches!((&pane.source, &pane.line), (Source::Console(_), Line::Closed(_))) {
            pane.line = Line::Opening;
            effects.push(Effect::Open(*id, pane.source.clone(), pane.emulator.size()));
        }
    }
    if let Some(app) = model.log.of.clone()
        && model.log.ended.is_some()
    {
        // Another run of the lab numbers its lines anew.
        model.log.open(Some(app.clone()));
        effects.push(Effect::Log(Some(app)));
    }
    if model.bmcs.followed.is_some() {
        effects.push(Effect::Survey(model.bmcs.followed.clone()));
    }
    if model.watches_links {
        effects.push(Effect::Links(true));
    }
    effects
}

/// The lab answers no more.
pub fn lost(model: &mut Model, reason: String) -> Vec<Effect> {
    let ending = model.tearing_down || model.mirror.state.lab.phase == LabPhase::Stopping;
    if model.mirror.known && ending {
        model.mirror.connection = Connection::Ended;
        if model.tearing_down {
            model.leaving = Some(Outcome::Ended);
        }
        return Vec::new();
    }
    match model.mirror.connection {
        // The lab that has ended has said why; that it is gone now says less.
        Connection::Ended => {}
        Connection::Connecting if !model.mirror.known => {
            model.mirror.attempts += 1;
            // An engine that was just started does not listen yet, which is no error.
            if model.mirror.attempts < ATTEMPTS {
                model.tell("waiting for the lab");
            } else {
                model.tell(format!("waiting for the lab: {reason}"));
            }
        }
        _ => model.mirror.connection = Connection::Lost(reason),
    }
    Vec::new()
}

/// The engine that was started for this console is gone.
pub fn engine_ended(model: &mut Model, failure: Option<String>) -> Vec<Effect> {
    let wanted = model.tearing_down || !model.mirror.known;
    model.mirror.connection = Connection::Ended;
    match failure {
        // Before anything could be shown: the words of the engine are all there is.
        Some(words) if !model.mirror.known => model.leaving = Some(Outcome::Failed(words)),
        Some(words) => {
            let (log, last) = last_words(&words);
            let error = last.map(str::to_owned).or_else(|| model.mirror.state.lab.error.clone());
            let error = error.unwrap_or_else(|| "The engine has ended.".into());
            let log = match log.trim_end() {
                "" => String::new(),
                log => format!("\n\nThe end of its log:\n{log}"),
            };
            model
                .popups
                .push(message("The lab failed", format!("{}{log}", error.trim_end())));
            // Where it stays, what matters stands last.
            model.failure = Some(if last.is_some() {
                words
            } else {
                format!("{words}{error}\n")
            });
        }
        None if wanted => model.leaving = Some(Outcome::Ended),
        None => model.tell("the lab has ended"),
    }
    Vec::new()
}

/// The lab's state: consoles show where their node's power changed, and what was opened before it was there is opened again.
pub fn state(model: &mut Model, state: State) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (id, pane) in &mut model.consoles.panes {
        let Source::Console(name) = &pane.source else { continue };
        let (Some(before), Some(now)) = (model.mirror.state.node(name), state.node(name)) else {
            continue;
        };
        if let Some(mark) = power_mark(before, now) {
            let time = model.now.to_zoned_datetime(model.settings.zone.clone());
            pane.emulator.mark(&format!("{} {mark}", time.strftime("%H:%M:%S")));
        }
        let comes = matches!(now.power_status, PowerState::PoweringOn | PowerState::On);
        if comes && before.power_status != now.power_status && matches!(pane.line, Line::Closed(_)) {
            pane.line = Line::Opening;
            effects.push(Effect::Open(*id, pane.source.clone(), pane.emulator.size()));
        }
    }
    if let Some(of) = model.log.of.clone().filter(|_| model.log.ended.is_some()) {
        let phase = |state: &State| state.app(&of.netns, &of.app).map(|app| app.phase);
        if phase(&model.mirror.state) != phase(&state) {
            model.log.open(Some(of.clone()));
            effects.push(Effect::Log(Some(of)));
        }
    }
    if state.lab.phase == LabPhase::Failed && (!model.mirror.known || model.mirror.state.lab.phase != LabPhase::Failed)
    {
        let error = state.lab.error.clone().unwrap_or_else(|| "The lab failed.".into());
        // The status line has room for one: what an error of many ends with is the cause.
        let cause = error.lines().rfind(|line| !line.trim().is_empty());
        model.complain(format!("the lab failed: {}", cause.unwrap_or_default().trim()));
    }
    model.mirror.set_state(state);
    effects
}

/// What to tell on a console about the change of its node's power.
fn power_mark(before: &NodeState, now: &NodeState) -> Option<String> {
    let reason = || {
        now.power_reason
            .as_deref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default()
    };
    match (before.power_status, now.power_status) {
        (PowerState::On | PowerState::PoweringOff | PowerState::PoweringOn, PowerState::Off) => {
            Some(format!("power off{}", reason()))
        }
        (PowerState::Off | PowerState::PoweringOn | PowerState::PoweringOff, PowerState::On) => Some("power on".into()),
        (PowerState::On, PowerState::On) if before.started_at != now.started_at => Some("power off and on".into()),
        _ => None,
    }
}

/// A job ended.
pub fn done(model: &mut Model, job: u64, outcome: Result<(), String>) {
    let text = model.jobs.remove(&job).unwrap_or_default();
    match &outcome {
        Ok(()) => model.tell(format!("done: {text}")),
        Err(reason) => model.complain(format!("{text}: {reason}")),
    }
    if let Some(command) = model.history.iter_mut().find(|command| command.job == Some(job)) {
        command.outcome = Some(outcome);
    }
}

/// What an engine wrote, and of that what it said when it ended.
fn last_words(words: &str) -> (&str, Option<&str>) {
    const NAME: &str = "placemat2: ";
    let starts = words.match_indices(NAME).map(|(at, _)| at);
    let last = starts.filter(|at| *at == 0 || words[..*at].ends_with('\n')).last();
    match last {
        Some(at) => (&words[..at], Some(&words[at + NAME.len()..])),
        None => (words, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Settings, popup::Popup};

    const WORDS: &str = "placemat2: the disk is on fire\n";

    #[test]
    fn an_engine_that_is_gone_before_there_was_anything_to_show_leaves_its_words() {
        let mut model = Model::new(Settings::default(), (80, 24), jiff::Timestamp::UNIX_EPOCH);
        engine_ended(&mut model, Some(WORDS.into()));
        assert!(matches!(&model.leaving, Some(Outcome::Failed(words)) if words == WORDS));
    }

    #[test]
    fn a_lab_that_just_begins_is_no_error() {
        let mut model = Model::new(Settings::default(), (80, 24), jiff::Timestamp::UNIX_EPOCH);
        let told = |model: &mut Model| {
            lost(model, "no such file".into());
            model
                .notice
                .as_ref()
                .map(|notice| notice.text.clone())
                .unwrap_or_default()
        };
        for _ in 1..ATTEMPTS {
            assert_eq!(told(&mut model), "waiting for the lab");
        }
        assert_eq!(told(&mut model), "waiting for the lab: no such file");
    }

    #[test]
    fn the_last_words_of_an_engine() {
        assert_eq!(
            last_words("a log\nplacemat2: why\n  more\n"),
            ("a log\n", Some("why\n  more\n"))
        );
        assert_eq!(last_words("see placemat2: no\n"), ("see placemat2: no\n", None));
    }

    #[test]
    fn an_engine_that_fails_while_its_lab_is_shown_is_told_on_the_screen() {
        let mut model = crate::testing::model(crate::testing::Shape::DEMO, Settings::default(), (80, 24));
        engine_ended(&mut model, Some(WORDS.into()));
        assert!(model.leaving.is_none());
        assert!(matches!(&model.popups[..], [Popup::Message { text, .. }] if text == "the disk is on fire"));
        assert_eq!(model.failure.as_deref(), Some(WORDS));
    }
}
