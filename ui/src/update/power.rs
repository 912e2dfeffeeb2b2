//! The power menu's verbs, on one node or many.

use crate::{
    action::Verb,
    model::{
        Model,
        popup::{Confirm, Pending, Popup},
    },
    msg::Effect,
};

/// Names as many objects as can be read.
fn named(nodes: &[String]) -> String {
    match nodes {
        [one] => one.clone(),
        [first @ .., last] if nodes.len() <= 4 => format!("{} and {last}", first.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => String::new(),
    }
}

/// Asks before what can't be undone, and does the rest.
pub fn ask(model: &mut Model, verb: Verb, nodes: Vec<String>) -> Vec<Effect> {
    let refused: Vec<String> = nodes
        .iter()
        .filter_map(|node| model.refused_power(verb, node))
        .collect();
    if let Some(reason) = refused.first()
        && refused.len() == nodes.len()
    {
        let text = format!("cannot {} {}: {reason}", verb.does(), named(&nodes));
        model.complain(text);
        return Vec::new();
    }
    let nodes: Vec<String> = nodes
        .into_iter()
        .filter(|node| model.refused_power(verb, node).is_none())
        .collect();
    if !verb.is_destructive() {
        return run(model, verb, &nodes);
    }
    let name = named(&nodes);
    let (question, detail) = match verb {
        Verb::Off => (
            format!("Cut the power of {name}?"),
            "The guest does not shut down: what it has not written to disk is lost.",
        ),
        Verb::Reset => (
            format!("Reset {name}?"),
            "The guest begins anew at once: what it has not written to disk is lost.",
        ),
        Verb::Cycle => (
            format!("Power {name} off and on?"),
            "The guest does not shut down: what it has not written to disk is lost.",
        ),
        _ => (
            format!("Send an NMI to {name}?"),
            "Most guests panic on it, and write a dump if they are set up to.",
        ),
    };
    model.popups.push(Popup::Confirm(Confirm {
        question,
        detail: detail.into(),
        yes: verb.word(),
        pending: Pending::Power(verb, nodes),
        chosen: false,
    }));
    Vec::new()
}

/// Does it.
pub fn run(model: &mut Model, verb: Verb, nodes: &[String]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for node in nodes {
        let job = model.next_job;
        model.next_job += 1;
        model.jobs.insert(job, format!("{} {node}", verb.word()));
        model.log_command(&format!("node action {} {node}", verb.word()), Some(job));
        effects.push(Effect::Power(job, node.clone(), verb));
    }
    effects
}
