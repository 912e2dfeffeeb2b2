//! `kind: Network`.

use super::take_name;
use crate::spec::{
    context::{Category, Claim, Context},
    diagnostic::{Code, Finding},
    fields::{Fields, lower_first},
    model::{Network, NetworkKind},
    names::interface_name_problem,
};

const TYPES: &[&str] = &["internal", "external", "bmc"];

/// Reads a network.
pub fn read(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Option<Network> {
    fields.relabel("A network");
    let name = take_name(cx, &mut fields, "network", interface_name_problem);
    if let Some(name) = name {
        cx.define(Category::Network, name);
    }
    let kind = fields.required_text(cx, "type");
    let nat = fields.boolean(cx, "use-nat");
    let written = fields.text(cx, "address");
    let what = fields.says("address");
    let address = written.and_then(|text| cx.cidr(&what, text));
    if let (Some(name), Some(address), Some(text)) = (name, address, written) {
        cx.host_addresses.push(Claim {
            network: name.text.to_owned(),
            address,
            mark: text.mark,
        });
    }
    if let Some(kind) = kind {
        check_keys_of_type(cx, &fields, kind.text, nat, written.is_some());
    }
    let kind = kind.and_then(|kind| match kind.text {
        "internal" => Some(NetworkKind::Internal),
        "external" => address.map(|address| NetworkKind::External { address, nat }),
        "bmc" => address.map(|address| NetworkKind::Bmc { address }),
        _ => {
            let what = fields.says("type");
            cx.not_one_of(&what, kind, TYPES);
            None
        }
    });
    if let Some(NetworkKind::Bmc { address }) = kind {
        let name = name.map(|name| name.text.to_owned()).unwrap_or_default();
        cx.bmc_networks.push((name, address));
    }
    fields.finish(cx, &[]);
    let name = name?;
    Some(Network {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        kind: kind?,
    })
}

fn check_keys_of_type(cx: &mut Context<'_>, fields: &Fields<'_>, kind: &str, nat: bool, has_address: bool) {
    let label = &fields.label;
    if nat && matches!(kind, "internal" | "bmc") {
        let message = format!("{label} is of type `{kind}`, which can't have `use-nat`.");
        cx.report(
            Finding::error(Code::Conflict, fields.mark_of("use-nat"), message)
                .hint("Only a network of type `external` is translated."),
        );
    }
    match (kind, has_address) {
        ("internal", true) => {
            let message = format!("{label} is of type `internal`, which can't have an `address`.");
            cx.report(
                Finding::error(Code::Conflict, fields.mark_of("address"), message)
                    .hint("The host has no interface in it; make it `external` or leave the address out."),
            );
        }
        ("external" | "bmc", false) => {
            let message = format!("{label} has no `address`, which a network of type `{kind}` must have.");
            cx.report(
                Finding::error(Code::Missing, fields.mark_of("type"), message).hint(format!(
                    "Give {} the address of the host's interface, as in `address: 10.0.0.1/24`.",
                    lower_first(label)
                )),
            );
        }
        _ => {}
    }
}
