//! Nodes: a table, and the details of the selected one.

use placemat2_engine::{
    node::PowerState,
    store::{AddressSource, NodeAddress, NodeState, ReadyState},
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    panel::{self, Line},
    table::{self, Cell, Column},
};
use crate::{
    glyph::{State, clean},
    model::{
        Model,
        mirror::{Connection, since},
    },
};

/// The columns of the table.
pub const COLUMNS: [Column<NodeState>; 10] = [
    Column {
        title: "NAME",
        rank: 0,
        most: 32,
        cell: |node, _| clean(&node.name).into(),
    },
    Column {
        title: "POWER",
        rank: 0,
        most: 10,
        cell: |node, model| Cell::state(State::of_power(node), model),
    },
    Column {
        title: "READY",
        rank: 1,
        most: 11,
        cell: |node, model| Cell::state(node.ready.state, model),
    },
    Column {
        title: "UPTIME",
        rank: 2,
        most: 8,
        cell: |node, model| {
            node.started_at
                .filter(|_| node.pid.is_some() && model.mirror.connection == Connection::Connected)
                .map(|then| since(then, model.now))
                .unwrap_or_default()
                .into()
        },
    },
    Column {
        title: "CPU",
        rank: 4,
        most: 4,
        cell: |node, _| node.cpu.to_string().into(),
    },
    Column {
        title: "MEMORY",
        rank: 4,
        most: 8,
        cell: |node, _| clean(&node.memory).into(),
    },
    Column {
        title: "NICS",
        rank: 5,
        most: 5,
        cell: |node, _| node.nics.len().to_string().into(),
    },
    Column {
        title: "ADDRESS",
        rank: 1,
        most: 26,
        cell: |node, _| {
            addresses(node)
                .next()
                .map(|address| address.address.to_string())
                .unwrap_or_default()
                .into()
        },
    },
    Column {
        title: "BMC",
        rank: 3,
        most: 26,
        cell: |node, _| clean(node.bmc_address.as_deref().unwrap_or_default()).into(),
    },
    Column {
        title: "WHY",
        rank: 1,
        most: table::REST,
        cell: |node, _| {
            let reason = unready(node).or_else(|| node.power_reason.clone());
            clean(&reason.unwrap_or_default()).into()
        },
    },
];

/// Where it is reached: what a DHCP server lent it is not its own any more while it is off.
fn addresses(node: &NodeState) -> impl Iterator<Item = &NodeAddress> {
    let off = node.power_status == PowerState::Off;
    let addresses = node.addresses.iter();
    addresses.filter(move |address| !off || address.source == AddressSource::Seed)
}

/// Why a node is not ready, where its power does not tell.
fn unready(node: &NodeState) -> Option<String> {
    match (node.power_status, node.ready.state) {
        (PowerState::On, _) => node.readiness().1,
        // It is not powered on yet.
        (PowerState::Off, ReadyState::Waiting) => node.ready.reason.clone(),
        _ => None,
    }
}

/// Draws the view.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    let nodes = &model.mirror.state.nodes;
    let on = nodes.iter().filter(|node| node.pid.is_some()).count();
    let title = format!("Nodes: {} of {} shown, {on} on", model.nodes.visible.len(), nodes.len());
    table::list(model, main, &title, &COLUMNS, nodes, &model.nodes, buffer);
    if side.is_empty() {
        return;
    }
    let selected = model.nodes.selected().and_then(|index| nodes.get(index));
    let title = selected.map_or("no node".to_owned(), |node| clean(&node.name));
    let area = panel::panel(model, side, &title, false, buffer);
    if let Some(node) = selected {
        panel::paragraphs(buffer, area, &details(node, model));
    }
}

/// What there is to tell of a node.
pub fn details(node: &NodeState, model: &Model) -> Vec<Line> {
    let theme = &model.settings.theme;
    let line = |title: &str, text: String| panel::fact(theme, title, text);
    let mut power = panel::fact(theme, "power", Cell::state(State::of_power(node), model));
    if let Some(reason) = &node.power_reason {
        power.push((format!(" ({})", clean(reason)), theme.text));
    }
    let readiness = panel::fact(theme, "ready", Cell::state(node.ready.state, model));
    let mut lines = vec![power, readiness];
    lines.extend(unready(node).map(|reason| line("why", clean(&reason))));
    for nic in &node.nics {
        lines.push(line("nic", format!("{} {}", clean(&nic.network), nic.mac)));
    }
    for address in addresses(node) {
        let source = match address.source {
            AddressSource::Seed => "seed",
            AddressSource::Dhcp => "DHCP",
        };
        lines.push(line("address", format!("{} ({source})", address.address)));
    }
    if let Some(bmc) = &node.bmc_address {
        lines.push(line("bmc", clean(bmc)));
    }
    let firmware = if node.uefi { "UEFI" } else { "BIOS" };
    let tpm = if node.tpm { ", TPM 2.0" } else { "" };
    lines.push(line(
        "machine",
        format!("{} CPU, {}, {firmware}{tpm}", node.cpu, clean(&node.memory)),
    ));
    if !node.volumes.is_empty() {
        lines.push(line("volumes", clean(&node.volumes.join(", "))));
    }
    if let Some(pid) = node.pid {
        lines.push(line("process", pid.to_string()));
    }
    lines.push(line("console", clean(&node.socket_path)));
    let smbios = [&node.smbios.manufacturer, &node.smbios.product, &node.smbios.serial];
    let smbios: Vec<&str> = smbios
        .into_iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    if !smbios.is_empty() {
        lines.push(line("smbios", clean(&smbios.join(" / "))));
    }
    lines
}
