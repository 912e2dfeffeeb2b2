//! BMCs: a table of the nodes with theirs, and what the selected one tells of itself.

use placemat2_engine::{
    bmc::{BootFirmware, BootTarget, Face, Persistence},
    store::{BmcOrigin, BmcState, NodeState},
};
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use super::{
    explorer,
    panel::{self, FACTS, Line},
    table::{self, Cell, Column},
};
use crate::{
    glyph::{Mood, State, clean},
    model::{Model, bmc::Survey, explorer::ROOT},
};

/// The columns of the table.
pub const COLUMNS: [Column<NodeState>; 7] = [
    Column {
        title: "NODE",
        rank: 0,
        most: 32,
        cell: |node, _| clean(&node.name).into(),
    },
    Column {
        title: "BMC",
        rank: 1,
        most: 39,
        cell: |node, model| {
            let bmc = model.mirror.bmc(&node.name);
            bmc.map(|bmc| bmc.address.to_string()).unwrap_or_default().into()
        },
    },
    Column {
        title: "STATE",
        rank: 0,
        most: 10,
        cell: |node, model| {
            // A node without a BMC is as it should be.
            let none = State {
                mood: Mood::Off,
                word: "none",
            };
            let bmc = model.mirror.bmc(&node.name);
            Cell::state(bmc.map_or(none, |bmc| bmc.state.into()), model)
        },
    },
    Column {
        title: "POWER",
        rank: 2,
        most: 10,
        cell: |node, model| Cell::state(State::of_power(node), model),
    },
    Column {
        title: "NEXT BOOT",
        rank: 3,
        most: 24,
        cell: |node, model| {
            let bmc = model.mirror.bmc(&node.name);
            bmc.map(next_boot).unwrap_or_default().into()
        },
    },
    Column {
        title: "SESSIONS",
        rank: 5,
        most: 9,
        cell: |node, model| {
            let bmc = model.mirror.bmc(&node.name);
            bmc.map(|bmc| bmc.sessions.len().to_string()).unwrap_or_default().into()
        },
    },
    Column {
        title: "WHY",
        rank: 2,
        most: table::REST,
        cell: |node, model| {
            let why = match model.mirror.bmc(&node.name) {
                None => "no address was given".to_owned(),
                Some(bmc) => clean(bmc.error.as_deref().unwrap_or_default()),
            };
            why.into()
        },
    },
];

/// From what the node boots next, if not in its usual order.
fn next_boot(bmc: &BmcState) -> String {
    let Some(boot) = bmc.boot_override else {
        return String::new();
    };
    let target = match boot.target {
        BootTarget::Pxe => "network",
        BootTarget::Disk => "disk",
        BootTarget::Cd => "CD",
        BootTarget::UefiHttp => "HTTP",
        BootTarget::Setup => "setup",
        BootTarget::Floppy => "floppy",
        BootTarget::SafeMode => "safe mode",
        BootTarget::Diagnostic => "diagnostics",
    };
    let persistence = match boot.persistence {
        Persistence::Once => "once",
        Persistence::Continuous => "always",
    };
    let firmware = match boot.firmware {
        BootFirmware::Legacy => "",
        BootFirmware::Uefi => ", UEFI",
    };
    format!("{target} {persistence}{firmware}")
}

/// Draws the view.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    if model.side {
        explorer::draw(model, main, side, buffer);
        return;
    }
    let nodes = &model.mirror.state.nodes;
    let rows = &model.bmcs.rows;
    let title = format!(
        "BMCs: {} of {} nodes have one",
        model.mirror.state.bmcs.len(),
        nodes.len()
    );
    table::list(model, main, &title, &COLUMNS, nodes, rows, buffer);
    if side.is_empty() {
        return;
    }
    let selected = rows.selected().and_then(|index| nodes.get(index));
    let title = selected.map_or("no node".to_owned(), |node| format!("BMC of {}", clean(&node.name)));
    let area = panel::panel(model, side, &title, false, buffer);
    if let Some(node) = selected {
        panel::lines(buffer, area, &details(model, node, area.width.into()));
    }
}

/// What there is to tell of the BMC of a node.
fn details(model: &Model, node: &NodeState, width: usize) -> Vec<Line> {
    let theme = &model.settings.theme;
    let line = |title: &str, text: String| panel::fact(theme, title, text);
    let long = |title: &str, text: &str| -> Vec<Line> {
        let wrapped = panel::wrapped(text, width.saturating_sub(FACTS)).into_iter();
        let titles = std::iter::once(title).chain(std::iter::repeat(""));
        wrapped.zip(titles).map(|(text, title)| line(title, text)).collect()
    };
    let Some(bmc) = model.mirror.bmc(&node.name) else {
        return long(
            "why not",
            "It has no address: the lab file gives none (`bmc: {address: ADDRESS}`), and the guest announced none on its port `placemat`.",
        );
    };
    if let Some(reason) = model.refused_bmc(&node.name) {
        return long("why not", &clean(&reason));
    }
    let mut lines = vec![panel::fact(theme, "power", Cell::state(State::of_power(node), model))];
    let survey = model.bmcs.survey_of(&node.name);
    if let Some(survey) = survey {
        lines.push(line("boot", boot(survey)));
        lines.extend(long("media", &media(survey)));
        lines.extend(long("sensors", &sensors(survey)));
        lines.push(line("watchdog", watchdog(survey)));
    } else {
        let failure = model.bmcs.failure.as_deref();
        lines.extend(long("answer", &failure.map_or("(none yet)".into(), clean)));
    }
    for (name, endpoint) in endpoints(bmc, survey) {
        lines.push(line(name, endpoint));
    }
    let origin = match bmc.origin {
        BmcOrigin::Declared => "by the lab file",
        BmcOrigin::Announced => "by the guest",
    };
    let network = bmc
        .network
        .as_deref()
        .map(|network| format!(", network {}", clean(network)));
    lines.push(line(
        "address",
        format!("given {origin}{}", network.unwrap_or_default()),
    ));
    let users: Vec<String> = bmc
        .users
        .iter()
        .filter(|user| user.enabled)
        .map(|user| {
            let role = user.role.map(|role| format!(" ({role:?})"));
            format!("{}{}", clean(&user.name), role.unwrap_or_default())
        })
        .collect();
    lines.extend(long("users", &users.join(", ")));
    if bmc.sessions.is_empty() {
        lines.push(line("sessions", "none".into()));
    }
    for session in &bmc.sessions {
        let face = match session.face {
            Face::Ipmi => "IPMI",
            Face::Redfish => "Redfish",
        };
        let since = model.clock(session.since, "%H:%M");
        let text = format!(
            "{} by {face} from {} since {since}",
            clean(&session.user),
            session.remote
        );
        lines.push(line("session", text));
    }
    if let Some(survey) = survey {
        lines.extend(log(model, survey));
    }
    lines
}

/// A text of a resource, or a dash.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => clean(text),
        None | Some(Value::Null) => "-".into(),
        Some(value) => clean(&value.to_string()),
    }
}

fn boot(survey: &Survey) -> String {
    let Some(boot) = survey.boot() else {
        return "not offered by this BMC".into();
    };
    let mode = text(boot, "/BootSourceOverrideMode");
    match text(boot, "/BootSourceOverrideEnabled").as_str() {
        "Disabled" => format!("in the usual order ({mode})"),
        enabled => format!("{} {enabled} ({mode})", text(boot, "/BootSourceOverrideTarget")),
    }
}

fn media(survey: &Survey) -> String {
    if survey.media.is_empty() {
        return "not offered by this BMC".into();
    }
    let one = |media: &Value| {
        let inserted = media.get("Inserted") == Some(&Value::Bool(true));
        let what = if inserted {
            text(media, "/Image")
        } else {
            "empty".into()
        };
        format!("{}: {what}", text(media, "/Name"))
    };
    survey.media.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn sensors(survey: &Survey) -> String {
    let one = |sensor: &Value| {
        let reading = match text(sensor, "/Reading").as_str() {
            "-" => "-".into(),
            reading => format!("{reading} {}", text(sensor, "/ReadingUnits")),
        };
        format!("{} {reading}", text(sensor, "/Id"))
    };
    match survey.sensors.iter().map(one).collect::<Vec<_>>() {
        sensors if sensors.is_empty() => "none".into(),
        sensors => sensors.join(", "),
    }
}

fn watchdog(survey: &Survey) -> String {
    let Some(watchdog) = survey.system.get("HostWatchdogTimer") else {
        return "not offered by this BMC".into();
    };
    if watchdog.get("FunctionEnabled") == Some(&Value::Bool(true)) {
        let runs = if text(watchdog, "/Status/State") == "Enabled" {
            "runs"
        } else {
            "stands"
        };
        format!("{runs}, then {}", text(watchdog, "/TimeoutAction"))
    } else {
        "off".into()
    }
}

/// Where its faces are: what each is called, and its address. A face that is off has none.
fn endpoints(bmc: &BmcState, survey: Option<&Survey>) -> Vec<(&'static str, String)> {
    let host = if bmc.address.is_ipv6() {
        format!("[{}]", bmc.address)
    } else {
        bmc.address.to_string()
    };
    let port = |protocol: &str, usual: u64| {
        let told = survey.and_then(|survey| survey.protocols.get(protocol));
        let enabled = told.and_then(|told| told.get("ProtocolEnabled"));
        (enabled != Some(&Value::Bool(false)))
            .then(|| told.and_then(|told| told.get("Port")?.as_u64()).unwrap_or(usual))
    };
    let redfish = port("HTTPS", 443).map(|port| match port {
        443 => format!("https://{host}{ROOT}"),
        port => format!("https://{host}:{port}{ROOT}"),
    });
    let ipmi = port("IPMI", 623).map(|port| format!("{host}, UDP port {port}"));
    let faces = [("redfish", redfish), ("ipmi", ipmi)];
    faces
        .into_iter()
        .filter_map(|(name, face)| Some((name, face?)))
        .collect()
}

/// The event log, the newest first.
fn log(model: &Model, survey: &Survey) -> Vec<Line> {
    let theme = &model.settings.theme;
    let count = match survey.log.len() {
        0 => "no entries".into(),
        1 => "1 entry".into(),
        count => format!("{count} entries, the newest first"),
    };
    let mut lines = vec![panel::fact(theme, "log", count)];
    for entry in survey.log.iter().rev() {
        let created = text(entry, "/Created");
        let time = created.parse().map_or(created, |time| model.clock(time, "%H:%M:%S"));
        let look = match text(entry, "/Severity").as_str() {
            "Critical" => theme.bad,
            "Warning" => theme.warn,
            _ => theme.text,
        };
        lines.push(vec![
            (format!(" {time} "), theme.muted),
            (text(entry, "/Message"), look),
        ]);
    }
    lines
}
