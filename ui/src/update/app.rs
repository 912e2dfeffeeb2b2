//! Restarting apps.

use crate::{
    model::{
        Model,
        log::AppId,
        popup::{Confirm, Pending, Popup},
    },
    msg::Effect,
};

/// Asks before the selected app is restarted.
pub fn ask(model: &mut Model) {
    let Some(of) = model.chosen_app_id() else { return };
    model.popups.push(Popup::Confirm(Confirm {
        question: format!("Restart {} in {}?", of.app, of.netns),
        detail: "Its process is told to end, and started anew: connections and sessions that it has are lost.".into(),
        yes: "restart",
        pending: Pending::Restart(of),
        chosen: false,
    }));
}

/// Restarts an app.
pub fn restart(model: &mut Model, of: AppId) -> Vec<Effect> {
    let job = model.begin_job(format!("restart {of}"));
    model.log_command(&format!("app restart {of}"), Some(job));
    vec![Effect::Restart(job, of)]
}
