//! `forwards` of a namespace: ports of the host that lead into it.

use std::net::IpAddr;

use crate::spec::{
    context::{Context, PortClaim},
    destination::{Destination, Protocol},
    diagnostic::{Code, Finding, quote},
    fields::{Fields, lower_first},
    model::Forward,
    tree::Node,
};

const PROTOCOLS: &[&str] = &["tcp", "udp"];

/// Reads a forward of the namespace that messages call `namespace_label`.
pub fn read(cx: &mut Context<'_>, node: &Node, namespace_label: &str) -> Option<Forward> {
    let mut fields = Fields::of_main(
        cx,
        node,
        format!("A forward of {}", lower_first(namespace_label)),
        "port",
    )?;
    let port = read_port(cx, &mut fields);
    if let Some(port) = port {
        fields.relabel(format!("Forward {port} of {}", lower_first(namespace_label)));
    }
    let to = fields.required_text(cx, "to").and_then(|text| {
        text.text
            .parse::<Destination>()
            .map_err(|error| {
                let message = format!("{} can't be {}: {error}.", fields.says("to"), quote(text.text));
                let finding = Finding::error(Code::InvalidValue, text.mark, message);
                cx.report(finding.hint("It looks like `10.0.0.1:80` or `[fd00::1]:80`."));
            })
            .ok()
    });
    let protocol = match fields.text(cx, "protocol") {
        None => Protocol::Tcp,
        Some(text) if text.text == "tcp" => Protocol::Tcp,
        Some(text) if text.text == "udp" => Protocol::Udp,
        Some(text) => {
            cx.not_one_of(&fields.says("protocol"), text, PROTOCOLS);
            Protocol::Tcp
        }
    };
    let address = fields.text(cx, "address").and_then(|text| {
        let address: Option<IpAddr> = text.text.parse().ok();
        if address.is_none() {
            let message = format!("{} is not an address: {}.", fields.says("address"), quote(text.text));
            cx.report(
                Finding::error(Code::InvalidValue, text.mark, message)
                    .hint("It is an address of this host; without it the forward listens on all of them."),
            );
        }
        address
    });
    let mark = fields.mark_of("port");
    fields.finish(cx, &[]);
    let port = port?;
    cx.ports.push(PortClaim { protocol, port, mark });
    Some(Forward {
        place: cx.place(mark),
        port,
        protocol,
        address,
        to: to?,
    })
}

fn read_port(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Option<u16> {
    if fields.take("port").is_none() {
        fields.report_missing(cx, "port");
        return None;
    }
    let number = fields.number(cx, "port")?;
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    if port.is_none() {
        let message = format!("{} must be from 1 to 65535, not {number}.", fields.says("port"));
        cx.report(Finding::error(Code::InvalidValue, fields.mark_of("port"), message));
    }
    port
}
