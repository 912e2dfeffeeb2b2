//! `interfaces` of a node: names of networks, or mappings that say more.

use crate::spec::{
    context::{Category, Context, MacClaim},
    diagnostic::{Code, Finding, quote},
    fields::{self, Fields, Text, lower_first},
    model::NodeInterface,
    tree::{Node, Value},
};

/// The bit of a MAC's first byte that makes it a group address.
const GROUP: u8 = 1;

/// Reads one NIC of the node that messages call `label`.
pub fn read(cx: &mut Context<'_>, node: &Node, label: &str) -> Option<NodeInterface> {
    let what = || format!("An entry of `interfaces` of {}", lower_first(label));
    if !matches!(node.value, Value::Mapping(_)) {
        let network = fields::text(cx, node, what)?;
        if network.text.is_empty() {
            cx.report(Finding::error(
                Code::Missing,
                network.mark,
                format!("{} is empty.", what()),
            ));
            return None;
        }
        return Some(interface(cx, network, None));
    }
    let mut fields = Fields::of_main(cx, node, what(), "network")?;
    let network = fields.required_text(cx, "network");
    let mac = fields.text(cx, "mac").and_then(|mac| read_mac(cx, &fields, mac));
    fields.finish(cx, &[]);
    Some(interface(cx, network?, mac))
}

fn interface(cx: &mut Context<'_>, network: Text<'_>, mac: Option<[u8; 6]>) -> NodeInterface {
    NodeInterface {
        place: cx.place(network.mark),
        network: cx.refer(Category::Network, network),
        mac,
    }
}

fn read_mac(cx: &mut Context<'_>, fields: &Fields<'_>, written: Text<'_>) -> Option<[u8; 6]> {
    let (says, mark) = (fields.says("mac"), written.mark);
    let mut refuse = |message: String, hint: &str| {
        cx.report(Finding::error(Code::InvalidValue, mark, message).hint(hint));
        None
    };
    let Some(mac) = parse(written.text) else {
        return refuse(
            format!("{says} is not a MAC address: {}.", quote(written.text)),
            "It is six bytes in hexadecimal, as in `52:54:00:12:34:56`.",
        );
    };
    if mac[0] & GROUP != 0 || mac == [0; 6] {
        return refuse(
            format!("{says} can't be that of a NIC: {}.", quote(written.text)),
            "The first byte of a NIC's MAC is even, and not all bytes are zero; `52:54:00` is a usual beginning.",
        );
    }
    cx.macs.push(MacClaim { mac, mark });
    Some(mac)
}

fn parse(text: &str) -> Option<[u8; 6]> {
    let mut bytes = text.split([':', '-']).map(|byte| {
        let hexadecimal = byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(byte, 16).ok().filter(|_| hexadecimal)
    });
    let mut mac = [0; 6];
    for place in &mut mac {
        *place = bytes.next()??;
    }
    bytes.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn macs_are_six_bytes() {
        let mac = Some([0x52, 0x54, 0, 0x12, 0xab, 0xcd]);
        assert_eq!(parse("52:54:00:12:ab:cd"), mac);
        assert_eq!(parse("52-54-00-12-AB-CD"), mac);
        for text in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:56:78",
            "52:54:0:12:34:56",
            "52:54:00:12:34:5g",
            "+2:54:00:12:34:56",
            "525400123456",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-fA-F:é-]{0,24}") {
            let _ = parse(&text);
        }
    }
}
