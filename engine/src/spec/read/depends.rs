//! `depends-on` of a node, a namespace or an app: what it waits for before it is started.

use crate::spec::{
    context::{Context, Wait},
    diagnostic::{Code, Finding, quote},
    fields::{Fields, Text, lower_first, text},
    model::{Dependency, Object, Until},
    tree::{Node, Value},
};

const UNTIL: [(&str, Until); 2] = [("ready", Until::Ready), ("started", Until::Started)];

/// Reads what `object` depends on.
pub fn read(cx: &mut Context<'_>, fields: &mut Fields<'_>, object: &Object) -> Vec<Dependency> {
    let what = format!("An entry of `depends-on` of {}", lower_first(&fields.label));
    let entries = fields.list(cx, "depends-on");
    entries
        .iter()
        .filter_map(|node| read_entry(cx, node, &what, object))
        .collect()
}

fn read_entry(cx: &mut Context<'_>, node: &Node, what: &str, waiter: &Object) -> Option<Dependency> {
    let (id, until) = if let Value::Mapping(_) = node.value {
        let mut fields = Fields::new(cx, node, what)?;
        let id = fields.required_text(cx, "object");
        let until = fields.text(cx, "until").map_or(Some(Until::Ready), |written| {
            let known = UNTIL.iter().find(|(word, _)| *word == written.text);
            if known.is_none() {
                cx.not_one_of(&fields.says("until"), written, &UNTIL.map(|(word, _)| word));
            }
            known.map(|(_, until)| *until)
        });
        fields.finish(cx, &[]);
        (id?, until?)
    } else {
        (text(cx, node, || what.to_owned())?, Until::Ready)
    };
    let object = read_object(cx, what, id)?;
    cx.waits.push(Wait {
        waiter: waiter.clone(),
        object: object.clone(),
        until,
        mark: id.mark,
    });
    Some(Dependency { object, until })
}

fn read_object(cx: &mut Context<'_>, what: &str, id: Text<'_>) -> Option<Object> {
    let object = id.text.parse::<Object>();
    object
        .map_err(|problem| {
            let message = format!("{what} can't be {}: {problem}.", quote(id.text));
            cx.report(Finding::error(Code::InvalidValue, id.mark, message));
        })
        .ok()
}
