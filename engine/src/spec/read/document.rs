//! One document: one resource, read by its kind.

use super::{
    super::{
        context::Context,
        diagnostic::{Code, Finding, quote},
        fields::{Fields, Text},
        model::{DeviceClass, Image, Namespace, Network, Node as Machine},
        suggest::did_you_mean,
        tree::{Node, Value},
    },
    image, namespace, network, node,
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
pub fn removed(message: &str, place: Text<'_>) -> Finding {
    Finding::error(Code::Removed, place.mark, message)
}

/// Keeps the name of a resource that can't be read, so that references to it are not called wrong as well.
fn note_unsure(cx: &mut Context<'_>, fields: &mut Fields<'_>) {
    if let Some(name) = fields.take("name").and_then(Node::scalar) {
        cx.unsure.insert(name.to_owned());
    }
}
