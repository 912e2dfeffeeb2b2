//! What actions do in the Redfish explorer, and what follows from the answers of BMCs.

use placemat2_engine::api::RedfishRequest;
use serde_json::Value;

use super::{form, message, prompt};
use crate::{
    action::Action,
    model::{
        Model,
        bmc::{Exchange, Survey},
        explorer::Reason,
        form::Form,
        json::Line,
        popup::{Chosen, Popup, Purpose},
        secret,
    },
    msg::Effect,
};

/// Opens the explorer at the BMC that is selected in the list.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(node) = model.bmcs.rows.key().map(str::to_owned) else {
        return Vec::new();
    };
    if let Some(reason) = model.refused_bmc(&node) {
        model.complain(reason);
        return Vec::new();
    }
    model.side = true;
    model.bmcs.explorer.open(&node);
    if model.bmcs.explorer.shown.is_some() {
        return Vec::new();
    }
    read(model, Reason::Visit)
}

/// Goes back to the resource before.
pub fn back(model: &mut Model) -> Vec<Effect> {
    if model.bmcs.explorer.back() {
        return read(model, Reason::Visit);
    }
    Vec::new()
}

/// Reads the resource that the explorer is at.
fn read(model: &mut Model, reason: Reason) -> Vec<Effect> {
    let path = model.bmcs.explorer.path().to_owned();
    get(model, path, reason)
}

fn get(model: &mut Model, path: String, reason: Reason) -> Vec<Effect> {
    let Some(node) = model.bmcs.explorer.node.clone() else {
        return Vec::new();
    };
    let request = RedfishRequest {
        method: "GET".into(),
        path,
        ..RedfishRequest::default()
    };
    let (job, effect) = ask(model, node, request);
    model.bmcs.explorer.waiting = Some((job, reason));
    vec![effect]
}

/// Asks a BMC for something.
pub fn ask(model: &mut Model, node: String, request: RedfishRequest) -> (u64, Effect) {
    // The end of the path says what it is about; the status line has no room for all of it.
    let what = request
        .path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let job = model.begin_job(format!("{} {what} of {node}", request.method));
    (job, Effect::Ask(job, node, request))
}

/// Does an action in the explorer.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let explorer = &mut model.bmcs.explorer;
    let (cursor, page) = (explorer.cursor(), explorer.window.page());
    match action {
        Action::Up => explorer.go(cursor.saturating_sub(1)),
        Action::Down => explorer.go(cursor + 1),
        Action::PageUp => explorer.go(cursor.saturating_sub(page)),
        Action::PageDown => explorer.go(cursor + page),
        Action::Top => explorer.go(0),
        Action::Bottom => explorer.go(usize::MAX),
        Action::NextLink | Action::PreviousLink if explorer.seek(action == Action::NextLink, Line::leads) => {}
        Action::NextLink | Action::PreviousLink => model.complain("nothing here leads anywhere"),
        Action::NextMatch | Action::PreviousMatch if explorer.find(action == Action::NextMatch) => {}
        Action::NextMatch | Action::PreviousMatch => model.complain("nothing was found"),
        Action::NextFocus | Action::PreviousFocus => model.side = false,
        Action::Open => return follow(model),
        Action::ReadAgain => return read(model, Reason::Visit),
        Action::Actions => return choose_action(model),
        Action::Patch => patch(model),
        Action::Request => prompt::begin(model, Purpose::Request),
        Action::Search => prompt::begin(model, Purpose::Search),
        Action::Save => prompt::begin(model, Purpose::Save),
        Action::Exchange => match &explorer.exchange {
            Some(exchange) => {
                let text = crate::view::exchange::text(exchange);
                model.popups.push(message("Request and answer", text));
            }
            None => model.complain("nothing was asked yet"),
        },
        Action::Edit => return explorer.text().map(Effect::Edit).into_iter().collect(),
        _ => {}
    }
    Vec::new()
}

/// Enter on a line: the link is followed, the action is run.
fn follow(model: &mut Model) -> Vec<Effect> {
    let Some(line) = model.bmcs.explorer.line() else {
        return Vec::new();
    };
    if let Some(place) = line.action.clone() {
        return run_action(model, &place);
    }
    if let Some(path) = line.link.clone() {
        return visit(model, &path);
    }
    model.tell("this line leads nowhere; . goes to the next that does");
    Vec::new()
}

fn visit(model: &mut Model, path: &str) -> Vec<Effect> {
    model.bmcs.explorer.visit(path);
    read(model, Reason::Visit)
}

/// Asks which action to run, if there are several.
fn choose_action(model: &mut Model) -> Vec<Effect> {
    let mut actions = model.bmcs.explorer.actions();
    match actions.len() {
        0 => model.complain("this resource has no actions"),
        1 => return run_action(model, &actions.remove(0).0),
        _ => model.popups.push(Popup::Choose {
            title: "Which action?".into(),
            choices: actions
                .into_iter()
                .map(|(place, name)| (name, Chosen::Action(place)))
                .collect(),
            input: tui_input::Input::default(),
            cursor: 0,
        }),
    }
    Vec::new()
}

/// Begins an action of the resource: its parameters are asked for first, if it tells where they are described.
pub fn run_action(model: &mut Model, place: &str) -> Vec<Effect> {
    if let Some(reason) = model.refused(Action::Actions) {
        model.complain(reason);
        return Vec::new();
    }
    let action = model.bmcs.explorer.shown.as_ref();
    let info = action.and_then(|shown| shown.body.pointer(place)?.get("@Redfish.ActionInfo")?.as_str());
    match info.map(str::to_owned) {
        Some(path) => get(model, path, Reason::Parameters(place.to_owned())),
        None => open_form(model, place, None),
    }
}

fn open_form(model: &mut Model, place: &str, info: Option<&Value>) -> Vec<Effect> {
    let explorer = &model.bmcs.explorer;
    let (Some(node), Some(action)) = (
        &explorer.node,
        explorer.shown.as_ref().and_then(|shown| shown.body.pointer(place)),
    ) else {
        return Vec::new();
    };
    let name = place.rsplit('/').next().unwrap_or_default().trim_start_matches('#');
    let form = Form::of_action(node, name, action, info);
    form::show(model, form)
}

/// Begins to edit the body of a PATCH.
fn patch(model: &mut Model) {
    let shown = model.bmcs.explorer.shown.as_ref();
    match shown.and_then(|shown| shown.allow.as_deref()) {
        Some(allow) if !allow.split(',').any(|method| method.trim() == "PATCH") => {
            let told = format!("this resource can't be changed: it knows {allow}");
            model.complain(told);
        }
        _ => prompt::begin(model, Purpose::Patch),
    }
}

/// A request that was typed: `METHOD PATH BODY`. One that can't be understood is complained of.
pub fn typed(model: &mut Model, text: &str) -> Vec<Effect> {
    text.clone_into(&mut model.bmcs.explorer.typed);
    let mut words = text.trim().splitn(3, char::is_whitespace);
    let (method, path, body) = (words.next().unwrap_or_default(), words.next(), words.next());
    let method = method.to_ascii_uppercase();
    let (Some(path), Some(node)) = (path, model.bmcs.explorer.node.clone()) else {
        model.complain("a request is METHOD PATH BODY; R brings back what was typed");
        return Vec::new();
    };
    let body = body.map(str::trim).filter(|body| !body.is_empty());
    let body: Option<Value> = match body.map(serde_json::from_str).transpose() {
        Ok(body) => {
            // To be typed again where they are to be sent again.
            let mut kept = body.clone();
            if let Some(kept) = &mut kept
                && secret::replace(kept, "")
            {
                model.bmcs.explorer.typed = format!("{method} {path} {kept}");
            }
            body
        }
        Err(error) => {
            model.complain(format!("the body is no JSON: {error}; R brings back what was typed"));
            return Vec::new();
        }
    };
    if method == "GET" {
        return visit(model, path);
    }
    let request = RedfishRequest {
        method,
        path: path.to_owned(),
        body,
        ..RedfishRequest::default()
    };
    vec![ask(model, node, request).1]
}

/// A BMC answered, or did not.
pub fn answered(model: &mut Model, job: u64, mut exchange: Exchange) -> Vec<Effect> {
    // It was sent; what is kept of it is shown and logged.
    if let Some(body) = &mut exchange.request.body {
        secret::replace(body, secret::MASK);
    }
    let text = model.jobs.remove(&job).unwrap_or_default();
    let failure = exchange.failure();
    let reads = exchange.request.method == "GET";
    let explorer = &mut model.bmcs.explorer;
    let reason = explorer
        .waiting
        .take_if(|(waiting, _)| *waiting == job)
        .map(|(_, reason)| reason);
    let outcome = failure.clone().map_or(Ok(()), Err);
    if reason != Some(Reason::Reread) {
        model.log_outcome(&exchange.command(), outcome);
    }
    let form = form::answered(model, job, failure.as_deref());
    match failure {
        // It stands in the form, as a whole.
        Some(_) if form => {}
        Some(reason) => model.complain(format!("{text}: {reason}")),
        None if exchange.goes_on() => model.tell(format!("begun: {text}")),
        None if !reads => model.tell(format!("done: {text}")),
        None => {}
    }
    if reads {
        return read_done(model, reason, exchange);
    }
    let node = exchange.node.clone();
    let mut effects = Vec::new();
    if model.bmcs.followed.as_ref() == Some(&node) {
        effects.push(Effect::Survey(Some(node.clone())));
    }
    if model.bmcs.explorer.node.as_ref() == Some(&node) {
        model.bmcs.explorer.exchange = Some(exchange);
        effects.extend(read(model, Reason::Reread));
    }
    effects
}

fn read_done(model: &mut Model, reason: Option<Reason>, exchange: Exchange) -> Vec<Effect> {
    let explorer = &mut model.bmcs.explorer;
    let answer = exchange.answer.as_ref().ok();
    match reason {
        Some(reason @ (Reason::Visit | Reason::Reread)) => {
            if let Some(answer) = answer {
                explorer.show(answer.body.clone(), answer.headers.get("allow").cloned());
            }
            if reason == Reason::Visit {
                explorer.exchange = Some(exchange);
            }
        }
        Some(Reason::Parameters(place)) => {
            let info = answer
                .filter(|answer| answer.status < 400)
                .map(|answer| answer.body.clone());
            return open_form(model, &place, info.as_ref());
        }
        // Somebody went on before it was there.
        None => {}
    }
    Vec::new()
}

/// A BMC told of itself.
pub fn surveyed(model: &mut Model, node: &str, survey: Result<Box<Survey>, String>) -> Vec<Effect> {
    if model.bmcs.followed.as_deref() == Some(node) {
        match survey {
            Ok(survey) => (model.bmcs.survey, model.bmcs.failure) = (Some(*survey), None),
            Err(reason) => model.bmcs.failure = Some(reason),
        }
    }
    form::read(model, node)
}
