//! Forms: which there are, and keys while one is filled in.

use crossterm::event::{KeyCode, KeyEvent};
use placemat2_engine::api::RedfishRequest;
use serde_json::Value;
use tui_input::Input;

use super::{act, explorer, prompt};
use crate::{
    action::{Action, Reset, View},
    model::{
        Model,
        form::{Entered, Form, Sent},
        popup::{Chosen, Confirm, Pending, Popup},
    },
    msg::Effect,
};

/// The form of the boot override.
pub fn boot(model: &mut Model) -> Vec<Effect> {
    let Some(survey) = model.chosen_bmc().and_then(|node| model.bmcs.survey_of(node)) else {
        return wait(model, Action::BootOverride);
    };
    match Form::of_boot(&survey.node, &survey.system) {
        Some(form) => show(model, form),
        None => Vec::new(),
    }
}

/// The BMC was not read yet: the form follows once it was.
fn wait(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(node) = model.chosen_bmc().map(str::to_owned) {
        model.tell(format!("reading the BMC of {node}"));
        model.bmcs.wanted = Some((node, action));
    }
    Vec::new()
}

/// What can be done with the virtual media, if there is a choice.
pub fn media(model: &mut Model) -> Vec<Effect> {
    let Some(survey) = model.chosen_bmc().and_then(|node| model.bmcs.survey_of(node)) else {
        return wait(model, Action::Media);
    };
    let text = |media: &Value, name: &str| media.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut choices = Vec::new();
    for (index, media) in survey.media.iter().enumerate() {
        let has = |action: &str| media.pointer(&format!("/Actions/#VirtualMedia.{action}")).is_some();
        let name = text(media, "Name");
        if has("EjectMedia") && media.get("Inserted") == Some(&Value::Bool(true)) {
            let label = format!("eject {} from {name}", text(media, "Image"));
            choices.push((label, Chosen::Media(index, "VirtualMedia.EjectMedia")));
        }
        if has("InsertMedia") {
            choices.push((
                format!("insert into {name}"),
                Chosen::Media(index, "VirtualMedia.InsertMedia"),
            ));
        }
    }
    match &choices[..] {
        [] => model.complain("virtual media: this BMC lets nothing be done with them"),
        [(_, Chosen::Media(index, action))] => return chosen_media(model, *index, action),
        _ => model.popups.push(Popup::Choose {
            title: "Virtual media".into(),
            choices,
            input: Input::default(),
            cursor: 0,
        }),
    }
    Vec::new()
}

/// What was chosen to be done with virtual media.
pub fn chosen_media(model: &mut Model, index: usize, action: &str) -> Vec<Effect> {
    let survey = model.chosen_bmc().and_then(|node| model.bmcs.survey_of(node));
    let shown = survey.and_then(|survey| {
        let described = survey.media.get(index)?.pointer(&format!("/Actions/#{action}"))?;
        Some(Form::of_action(&survey.node, action, described, None))
    });
    match shown {
        Some(form) => show(model, form),
        None => Vec::new(),
    }
}

/// Shows a form; one in which nothing is to be filled in is sent.
pub fn show(model: &mut Model, form: Form) -> Vec<Effect> {
    if form.fields.is_empty() {
        return send(model, form);
    }
    model.popups.push(Popup::Form(form));
    Vec::new()
}

/// A key while a form is filled in.
pub fn key(model: &mut Model, key: KeyEvent, mut form: Form) -> Vec<Effect> {
    let button = form.fields.len();
    match key.code {
        // What was sent is not changed any more; `esc` closes it, but takes nothing back.
        _ if matches!(form.sent, Sent::As(_)) => {}
        KeyCode::Enter if form.cursor >= button => return send(model, form),
        KeyCode::Enter | KeyCode::Down | KeyCode::Tab => form.cursor = (form.cursor + 1).min(button),
        KeyCode::Up | KeyCode::BackTab => form.cursor = form.cursor.saturating_sub(1),
        _ => {
            if let Some(field) = form.fields.get_mut(form.cursor) {
                match (&mut field.entered, key.code) {
                    (Entered::Text(input) | Entered::Json(input), _) => prompt::edit(input, key),
                    (Entered::Choice(..), KeyCode::Left | KeyCode::Char('h')) => field.turn(false),
                    (Entered::Choice(..), KeyCode::Right | KeyCode::Char('l' | ' ')) => field.turn(true),
                    _ => {}
                }
            }
        }
    }
    model.popups.push(Popup::Form(form));
    Vec::new()
}

/// Text that is pasted while a form is filled in.
pub fn paste(form: &mut Form, text: &str) {
    if let Some(Entered::Text(input) | Entered::Json(input)) =
        form.fields.get_mut(form.cursor).map(|field| &mut field.entered)
    {
        prompt::insert(input, text);
    }
}

/// Sends a form, after a question if the guest can lose work by it.
fn send(model: &mut Model, mut form: Form) -> Vec<Effect> {
    let request = match form.request() {
        Ok(request) => request,
        Err(reason) => {
            model.complain(reason);
            // The keyboard goes to what is missing.
            form.cursor = form
                .fields
                .iter()
                .position(|field| field.value().is_err())
                .unwrap_or(form.cursor);
            model.popups.push(Popup::Form(form));
            return Vec::new();
        }
    };
    let reset = request.body.as_ref().and_then(|body| body.get("ResetType"));
    if form.warns && reset.and_then(Value::as_str).is_none_or(Reset::is_destructive) {
        let reset = reset.and_then(Value::as_str);
        let what = reset.map_or_else(|| form.title.clone(), |reset| format!("{} {reset}", form.title));
        let node = form.node.clone();
        let confirm = Popup::Confirm(Confirm {
            question: format!("{what} of {node}?"),
            detail: "It is done at once, and can't be undone.".into(),
            yes: "do it",
            pending: Pending::Ask(node, request),
            chosen: false,
        });
        keep(model, form);
        model.popups.push(confirm);
        return Vec::new();
    }
    let node = form.node.clone();
    keep(model, form);
    sent(model, node, request)
}

/// A form stays until the BMC has done what it asks for. One without values has nothing to be mended.
fn keep(model: &mut Model, form: Form) {
    if !form.fields.is_empty() {
        model.popups.push(Popup::Form(form));
    }
}

/// Sends the request of the form on top, or of one that had nothing to be filled in.
pub fn sent(model: &mut Model, node: String, request: RedfishRequest) -> Vec<Effect> {
    let (job, effect) = explorer::ask(model, node, request);
    if let Some(Popup::Form(form)) = model.popups.last_mut() {
        form.sent = Sent::As(job);
    }
    vec![effect]
}

/// The BMC has answered what a form asked for: that closes it, unless the BMC refused. Says whether there is such a form.
pub fn answered(model: &mut Model, job: u64, failure: Option<&str>) -> bool {
    let is_its = |popup: &Popup| matches!(popup, Popup::Form(form) if form.sent == Sent::As(job));
    let Some(at) = model.popups.iter().position(is_its) else {
        return false;
    };
    match (failure, &mut model.popups[at]) {
        (Some(reason), Popup::Form(form)) => form.sent = Sent::Refused(reason.to_owned()),
        _ => drop(model.popups.remove(at)),
    }
    true
}

/// That node's BMC was read, or could not be: the form that waits for it is opened, unless something else is on the screen by now.
pub fn read(model: &mut Model, node: &str) -> Vec<Effect> {
    let wanted = model.bmcs.wanted.take_if(|(of, _)| of == node);
    let elsewhere = model.view != View::Bmc || !model.popups.is_empty() || model.prompt.is_some();
    match wanted.filter(|_| !elsewhere) {
        Some((_, action)) => {
            model.notice = None;
            act::act(model, action)
        }
        None => Vec::new(),
    }
}
