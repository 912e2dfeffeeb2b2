//! The power menu's verbs, on one node or many.

use crate::{
    action::{Demand, Reset, Verb, View},
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
pub fn ask(model: &mut Model, demand: Demand, nodes: Vec<String>) -> Vec<Effect> {
    let refused: Vec<String> = nodes
        .iter()
        .filter_map(|node| model.refused_demand(demand, node))
        .collect();
    if let Some(reason) = refused.first()
        && refused.len() == nodes.len()
    {
        let no_bmc = nodes.iter().find_map(|node| model.refused_bmc(node));
        let text = match (demand, no_bmc) {
            (Demand::Verb(verb), _) => format!("cannot {} {}: {reason}", verb.does(), named(&nodes)),
            (_, Some(no_bmc)) => no_bmc,
            (_, None) => format!("{} of {}: {reason}", demand.does(), named(&nodes)),
        };
        model.complain(text);
        return Vec::new();
    }
    let nodes: Vec<String> = nodes
        .into_iter()
        .filter(|node| model.refused_demand(demand, node).is_none())
        .collect();
    if !demand.is_destructive() {
        return run(model, demand, &nodes);
    }
    let name = named(&nodes);
    let (question, detail) = match demand {
        Demand::Verb(Verb::Off) | Demand::Reset(Reset::ForceOff) => (
            format!("Cut the power of {name}?"),
            "The guest does not shut down: what it has not written to disk is lost.",
        ),
        Demand::Verb(Verb::Reset) | Demand::Reset(Reset::ForceRestart) => (
            format!("Reset {name}?"),
            "The guest begins anew at once: what it has not written to disk is lost.",
        ),
        Demand::Verb(Verb::Cycle) | Demand::Reset(Reset::PowerCycle) => (
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
        yes: demand.word(),
        pending: Pending::Power(demand, nodes),
        chosen: false,
    }));
    Vec::new()
}

/// Does it.
pub fn run(model: &mut Model, demand: Demand, nodes: &[String]) -> Vec<Effect> {
    if model.view == View::Nodes {
        // Those that refuse it had their say: the marks were for this.
        let chosen = model.nodes.chosen();
        model.nodes.unmark(&chosen);
    }
    let mut effects = Vec::new();
    for node in nodes {
        let job = model.begin_job(match demand {
            Demand::Verb(verb) => format!("{} {node}", verb.word()),
            _ => format!("{} of {node}", demand.does()),
        });
        // What a BMC is asked is known once it was: where its resources are, it tells itself.
        if let Demand::Verb(verb) = demand {
            model.log_command(&format!("node action {} {node}", verb.word()), Some(job));
        }
        effects.push(Effect::Power(job, node.clone(), demand));
    }
    effects
}
