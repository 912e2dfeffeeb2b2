//! From trees to typed resources: each kind's keys, and what must hold within one resource.
//!
//! What takes knowing all resources (whether a name exists, whether it is taken) is noted in the context for `check`.

mod bmc;
mod depends;
mod forward;
mod image;
pub mod lab;
mod namespace;
mod network;
mod nic;
mod node;
mod ready;
mod seed;
mod volume;

use super::{
    context::Context,
    diagnostic::{Code, Finding, quote},
    fields::{Fields, Text},
    model::{DeviceClass, Image, Namespace, Network, Node as Machine},
    suggest::did_you_mean,
    tree::{Node, Value},
};

/// The kinds of resource, in a sentence.
const KINDS_ARE: &str = "The kinds are `Network`, `NetworkNamespace`, `Image`, `DeviceClass`, `Node` and `Lab`.";

/// The kinds of resource there are.
const KINDS: &[&str] = &[
    "Network",
    "NetworkNamespace",
    "NetworkStack",
    "Image",
    "DeviceClass",
    "Node",
    "Lab",
];

/// All resources read so far.
#[derive(Debug, Default)]
pub struct Resources {
    /// L2 segments.
    pub networks: Vec<Network>,
    /// Network namespaces.
    pub namespaces: Vec<Namespace>,
    /// Disk images.
    pub images: Vec<Image>,
    /// Directories for volumes.
    pub device_classes: Vec<DeviceClass>,
    /// Virtual machines.
    pub nodes: Vec<Machine>,
}

/// Reads one document: one resource.
pub fn document(cx: &mut Context<'_>, document: &Node, resources: &mut Resources) {
    if matches!(document.value, Value::Sequence(_)) {
        let finding = Finding::error(
            Code::WrongType,
            document.mark,
            "Resources are not entries of a list.".to_owned(),
        );
        cx.report(finding.hint("Put `---` between them instead of `- ` before each."));
        cx.incomplete = true;
        return;
    }
    let Some(mut fields) = Fields::new(cx, document, "A resource") else {
        cx.incomplete = true;
        return;
    };
    let say_it = format!("Say what it describes, as in `kind: Node`. {KINDS_ARE}");
    let Some(kind) = fields.required_text_or(cx, "kind", |finding| finding.hint(say_it)) else {
        note_unsure(cx, &mut fields);
        return;
    };
    match kind.text {
        "Network" => resources.networks.extend(network::read(cx, fields)),
        "NetworkNamespace" | "NetworkStack" => resources.namespaces.extend(namespace::read(cx, fields)),
        "Image" => resources.images.extend(image::read(cx, fields)),
        "DeviceClass" => resources.device_classes.extend(image::read_device_class(cx, fields)),
        "Node" => resources.nodes.extend(node::read(cx, fields)),
        _ => {
            unknown_kind(cx, kind);
            note_unsure(cx, &mut fields);
        }
    }
}

fn unknown_kind(cx: &mut Context<'_>, kind: Text<'_>) {
    let finding = match kind.text {
        "Pod" => removed("`kind: Pod` is gone since placemat version 1.", kind).hint(
            "Use `kind: NetworkNamespace` with `apps` that run the programs of the pod; `placemat2 migrate` writes it.",
        ),
        "DataFolder" => removed("`kind: DataFolder` is gone since placemat version 1.", kind)
            .hint("Use a volume of kind `hostPath` in the Node; `placemat2 migrate` writes it."),
        other => Finding::error(
            Code::UnknownKind,
            kind.mark,
            format!("There is no kind of resource {}.", quote(other)),
        )
        .hint(KINDS_ARE)
        .maybe_hint(did_you_mean(other, KINDS.iter().copied())),
    };
    cx.report(finding);
}

/// Says that something of version 1 is gone.
fn removed(message: &str, place: Text<'_>) -> Finding {
    Finding::error(Code::Removed, place.mark, message)
}

/// Keeps the name of a resource that can't be read, so that references to it are not called wrong as well.
fn note_unsure(cx: &mut Context<'_>, fields: &mut Fields<'_>) {
    if let Some(name) = fields.take("name").and_then(Node::scalar) {
        cx.unsure.insert(name.to_owned());
    }
}

/// Takes `name`, names the fields after it, and complains of a name that can't be used.
fn take_name<'t>(
    cx: &mut Context<'_>,
    fields: &mut Fields<'t>,
    noun: &str,
    problem: impl Fn(&str) -> Option<String>,
) -> Option<Text<'t>> {
    let name = fields.required_text(cx, "name")?;
    fields.label = format!("{} {}", upper_first(noun), quote(name.text));
    // What is missing of the whole is best shown at its name.
    fields.mark = name.mark;
    if let Some(problem) = problem(name.text) {
        let message = format!("The {noun} can't be named {}: {problem}.", quote(name.text));
        cx.report(Finding::error(Code::InvalidName, name.mark, message));
    }
    Some(name)
}

/// Names a thing at the start of a sentence.
fn upper_first(noun: &str) -> String {
    let mut chars = noun.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
