//! Networks: a table, and the ports of the selected one with what goes over them.

use placemat2_engine::{
    plan::{NetworkKind, Shape},
    store::NetworkState,
};
use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr as _;

use super::{
    panel::{self, Line},
    table::{self, Cell, Column},
};
use crate::{
    glyph::clean,
    model::{
        Model,
        mirror::{LinkRate, rate},
    },
    theme::Look,
};

/// The columns of the table.
pub const COLUMNS: [Column<NetworkState>; 9] = [
    Column {
        title: "NAME",
        rank: 0,
        most: 32,
        cell: |network, _| clean(&network.name).into(),
    },
    Column {
        title: "STATE",
        rank: 0,
        most: 10,
        cell: |network, model| Cell::state(network.state, model),
    },
    Column {
        title: "TYPE",
        rank: 1,
        most: 9,
        cell: |network, _| kind(network.kind).into(),
    },
    Column {
        title: "ADDRESS",
        rank: 2,
        most: 30,
        cell: |network, _| {
            network
                .address
                .map(|address| address.to_string())
                .unwrap_or_default()
                .into()
        },
    },
    Column {
        title: "MTU",
        rank: 3,
        most: 6,
        cell: |network, _| network.mtu.to_string().into(),
    },
    Column {
        title: "NAT",
        rank: 5,
        most: 4,
        cell: |network, _| if network.nat { "yes" } else { "" }.into(),
    },
    Column {
        title: "MADE OF",
        rank: 6,
        most: 8,
        cell: |network, _| shape(network.shape).into(),
    },
    Column {
        title: "PORTS",
        rank: 4,
        most: 6,
        cell: |network, _| network.links.len().to_string().into(),
    },
    Column {
        title: "TRAFFIC",
        rank: 2,
        most: 11,
        cell: |network, model| {
            let sent = network
                .links
                .iter()
                .filter_map(|link| model.mirror.rates.get(link))
                .map(|link| link.tx)
                .sum::<f64>();
            if model.mirror.rates.is_empty() {
                String::new()
            } else {
                rate(sent)
            }
            .into()
        },
    },
];

fn kind(kind: NetworkKind) -> &'static str {
    match kind {
        NetworkKind::Internal => "internal",
        NetworkKind::External => "external",
        NetworkKind::Bmc => "bmc",
    }
}

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Bridge => "bridge",
        Shape::Veth => "veth",
        Shape::Stub => "stub",
        Shape::Nothing => "nothing",
    }
}

/// Draws the view.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    let networks = &model.mirror.state.networks;
    let title = format!("Networks: {} of {} shown", model.networks.visible.len(), networks.len());
    table::list(model, main, &title, &COLUMNS, networks, &model.networks, buffer);
    if side.is_empty() {
        return;
    }
    let selected = model.networks.selected().and_then(|index| networks.get(index));
    let title = selected.map_or("no network".to_owned(), |network| clean(&network.name));
    let area = panel::panel(model, side, &title, false, buffer);
    if let Some(network) = selected {
        panel::paragraphs(buffer, area, &details(network, model));
    }
}

fn details(network: &NetworkState, model: &Model) -> Vec<Line> {
    let theme = &model.settings.theme;
    let line = |title: &str, text: String| panel::fact(theme, title, text);
    let mut lines = vec![line(
        "mtu",
        clean(&format!("{}, {}", network.mtu, model.mirror.state.lab.mtu.source)),
    )];
    if let Some(address) = network.address {
        let nat = if network.nat { ", with NAT to the outside" } else { "" };
        lines.push(line("host has", format!("{address}{nat}")));
    }
    let ports: Vec<Port> = network.links.iter().map(|link| Port::of(link, model)).collect();
    let widest = |text: fn(&Port) -> &str| ports.iter().map(|port| text(port).width()).max().unwrap_or(0);
    let (name, addresses) = (widest(|port| &port.name), widest(|port| &port.addresses));
    lines.extend(ports.into_iter().map(|port| {
        let mut line = vec![
            (format!("{:<name$} ", port.name), theme.text),
            (format!("{:<addresses$} ", port.addresses), theme.muted),
        ];
        line.extend(port.traffic);
        line
    }));
    lines
}

/// A link: whose it is, its addresses, what goes over it.
struct Port {
    name: String,
    addresses: String,
    traffic: Option<(String, Look)>,
}

impl Port {
    fn of(link: &str, model: &Model) -> Self {
        let edge = model.mirror.topology.edges.iter().find(|edge| edge.id == link);
        Self {
            name: clean(link.strip_prefix("link/").unwrap_or(link)),
            addresses: clean(&edge.map(|edge| edge.addresses.join(" ")).unwrap_or_default()),
            traffic: model.mirror.rates.get(link).map(|rate| traffic(rate, model)),
        }
    }
}

/// What goes over a link, or that it is down.
pub fn traffic(link: &LinkRate, model: &Model) -> (String, Look) {
    let theme = &model.settings.theme;
    if !link.up {
        return ("down".into(), theme.bad);
    }
    let (down, up) = if model.settings.ascii {
        ("rx ", "tx ")
    } else {
        ("↓", "↑")
    };
    (format!("{down}{} {up}{}", rate(link.rx), rate(link.tx)), theme.good)
}
