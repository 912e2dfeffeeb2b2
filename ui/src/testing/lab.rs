//! The lab itself: its state, events, logs.

use placemat2_engine::{
    api::LogLine,
    store::{Event, State},
};
use serde_json::{Value, json};

use crate::{
    model::{Model, Settings, log::AppId},
    msg::Msg,
    update::update,
};

/// The time in the made-up lab.
pub const NOW: &str = "2026-11-26T10:32:00Z";

/// What a lab consists of: spines, racks of two switches each, nodes a rack.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Spines.
    pub spines: usize,
    /// Racks.
    pub racks: usize,
    /// Nodes in each rack.
    pub nodes: usize,
}

impl Shape {
    /// The demo data centre.
    pub const DEMO: Self = Self {
        spines: 2,
        racks: 2,
        nodes: 2,
    };
    /// As big as labs are.
    pub const BIG: Self = Self {
        spines: 8,
        racks: 20,
        nodes: 20,
    };
}

/// The state of such a lab, running.
///
/// # Panics
/// If the types of the API have changed and this has not.
#[allow(clippy::expect_used, reason = "made up for tests")]
pub fn state(shape: Shape) -> State {
    let read = |value: Value| serde_json::from_value(value);
    let mut state = State::default();
    let lab = json!({
        "name": "dc", "phase": "running", "mtu": {"value": 1450, "source": {"kind": "route", "destination": "192.0.0.10", "link": "eth0"}},
        "version": "0.1.0", "qemu_version": "7.2.22", "kernel": "6.1.0", "accel": "tcg", "pid": 4711, "started_at": "2026-11-26T08:30:00Z",
        "error": null, "files": ["/srv/dc.yml"], "steps": [
            {"name": "fabric", "started_at": "2026-11-26T08:30:00Z", "seconds": 0.04},
            {"name": "namespaces", "started_at": "2026-11-26T08:30:00Z", "seconds": 0.31},
            {"name": "nodes", "started_at": "2026-11-26T08:30:01Z", "seconds": 2.25}],
    });
    state.lab = serde_json::from_value(lab).expect("a lab");
    let (networks, namespaces, nodes) = parts(shape);
    state.networks = networks
        .into_iter()
        .map(|network| serde_json::from_value(network).expect("a network"))
        .collect();
    state.namespaces = namespaces
        .into_iter()
        .map(|netns| serde_json::from_value(netns).expect("a namespace"))
        .collect();
    state.nodes = nodes
        .into_iter()
        .map(|node| read(node).and_then(serde_json::from_value).expect("a node"))
        .collect();
    let bmcs = state
        .nodes
        .iter()
        .filter_map(|node| Some(bmc_of(&node.name, node.bmc_address.as_deref()?)));
    state.bmcs = bmcs.map(|bmc| serde_json::from_value(bmc).expect("a BMC")).collect();
    state
}

/// One that somebody uses, one whose address is no good, and others.
fn bmc_of(node: &str, address: &str) -> Value {
    let used = node == "r0-s1";
    let fails = node == "r1-s1";
    json!({"node": node, "address": address, "origin": if used { "announced" } else { "declared" },
        "network": if fails { Value::Null } else { json!("bmc") }, "state": if fails { "failed" } else { "ready" },
        "error": if fails { json!(format!("{address} is outside of every bmc network")) } else { Value::Null },
        "boot_override": if node == "r0-s2" { json!({"target": "pxe", "persistence": "once", "firmware": "legacy"}) } else { Value::Null },
        "sessions": if used {
            json!([{"face": "redfish", "user": "cybozu", "role": "Administrator", "remote": "10.72.16.2", "since": "2026-11-26T10:20:00Z"}])
        } else {
            json!([])
        },
        "users": if fails { json!([]) } else { json!([{"id": 2, "name": "cybozu", "role": "Administrator", "enabled": true}]) }})
}

/// `10.72.16.11` for the first node of the first rack; each node of a big lab has one of its own, too.
fn bmc_address(rack: usize, node: usize) -> String {
    format!(
        "10.72.{}.{}{}",
        16 + rack / 2 + 64 * (node / 10),
        rack % 2 + 1,
        node % 10
    )
}

/// Networks, namespaces and nodes as the API has them.
fn parts(shape: Shape) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    let mut links: Vec<(String, Vec<String>)> = vec![
        ("external".into(), vec!["link/host/external".into()]),
        ("bmc".into(), vec!["link/host/bmc".into()]),
    ];
    let mut namespaces = Vec::new();
    let mut serial = 0;
    let mut namespace = |name: &str, networks: &[String], apps: &[&str], links: &mut Vec<(String, Vec<String>)>| {
        let mut interfaces = Vec::new();
        for (index, network) in networks.iter().enumerate() {
            serial += 1;
            attach(links, network, format!("link/{name}/eth{index}"));
            interfaces.push(json!({"name": format!("eth{index}"), "network": network, "mac": format!("02:00:00:00:{:02x}:{:02x}", serial / 256, serial % 256),
                "addresses": [format!("10.70.{}.{}/31", serial / 256, serial % 256)]}));
        }
        let apps: Vec<Value> = apps.iter().map(|app| app_of(name, app, serial)).collect();
        namespaces.push(json!({"name": name, "state": "ready", "interfaces": interfaces, "apps": apps}));
    };
    let mut core = vec!["external".to_owned(), "operation".into()];
    core.extend((1..=shape.spines).map(|spine| format!("core-s{spine}")));
    namespace("core", &core, &["bird"], &mut links);
    namespace("operation", &["operation".into(), "bmc".into()], &[], &mut links);
    namespace("dhcp", &["operation".into()], &["dnsmasq"], &mut links);
    for spine in 1..=shape.spines {
        let mut networks = vec![format!("core-s{spine}")];
        networks.extend((0..shape.racks).flat_map(|rack| (1..3).map(move |tor| format!("s{spine}-r{rack}-{tor}"))));
        namespace(&format!("spine{spine}"), &networks, &["bird"], &mut links);
    }
    for rack in 0..shape.racks {
        for tor in 1..3 {
            let mut networks: Vec<String> = (1..=shape.spines)
                .map(|spine| format!("s{spine}-r{rack}-{tor}"))
                .collect();
            networks.push(format!("r{rack}-node{tor}"));
            namespace(
                &format!("r{rack}-tor{tor}"),
                &networks,
                &["bird", "dhcp-relay"],
                &mut links,
            );
        }
    }
    let nodes = (0..shape.racks).flat_map(|rack| (1..=shape.nodes).map(move |node| (rack, node)));
    let nodes = nodes.map(|(rack, node)| node_of(rack, node, &mut links)).collect();
    let networks = links.iter().map(|(name, links)| network_of(name, links)).collect();
    (networks, namespaces, nodes)
}

fn attach(links: &mut Vec<(String, Vec<String>)>, network: &str, link: String) {
    match links.iter_mut().find(|(name, _)| name == network) {
        Some((_, links)) => links.push(link),
        None => links.push((network.into(), vec![link])),
    }
}

/// One that runs, but for one in the first rack that keeps dying.
fn app_of(netns: &str, app: &str, serial: usize) -> Value {
    let fails = netns == "r0-tor2" && app == "dhcp-relay";
    json!({"name": app, "command": [format!("/usr/sbin/{app}")], "phase": if fails { "exited" } else { "running" },
        "pid": if fails { Value::Null } else { json!(5000 + serial) }, "started_at": "2026-11-26T08:30:01Z",
        "exit_code": if fails { json!(2) } else { Value::Null }, "signal": null, "restarts": if fails { 5 } else { 0 }, "error": null,
        "ready": {"state": if fails { "not-ready" } else { "ready" }, "probe": null, "reason": if fails { json!("it exited with code 2") } else { Value::Null }, "since": null}})
}

fn node_of(rack: usize, node: usize, links: &mut Vec<(String, Vec<String>)>) -> Value {
    let name = format!("r{rack}-s{node}");
    let off = (rack, node) == (0, 2);
    let nics: Vec<Value> = (1..3)
        .map(|nic| {
            let network = format!("r{rack}-node{nic}");
            attach(links, &network, format!("link/{name}/{}", nic - 1));
            json!({"network": network, "tap": format!("{name}.{}", nic - 1), "mac": format!("52:54:00:{rack:02x}:{node:02x}:{nic:02x}")})
        })
        .collect();
    let addresses = if off {
        json!([])
    } else {
        json!([{"address": format!("10.69.{rack}.{}", 10 + node), "source": "dhcp", "nic": 0}])
    };
    json!({"name": name, "taps": {}, "volumes": ["root", "seed"], "cpu": 1, "memory": "192M", "uefi": (rack, node) == (1, 2), "tpm": false,
        "smbios": {"manufacturer": "placemat2", "product": "Demo Server", "serial": format!("demo-{name}")},
        "power_status": if off { "Off" } else { "On" }, "socket_path": format!("/tmp/{name}.socket"),
        "pty_path": format!("/tmp/{name}.pty"),
        "power_reason": if off { json!("guest panicked") } else { Value::Null }, "failed": off, "pid": if off { Value::Null } else { json!(6000 + 100 * rack + node) },
        "started_at": "2026-11-26T08:30:02Z", "boots": 1, "last_boot": "power-on", "nics": nics, "bmc_address": if node == 2 && rack > 0 { Value::Null } else { json!(bmc_address(rack, node)) }, "addresses": addresses,
        "ready": {"state": if off { "not-ready" } else { "ready" }, "probe": "console login:", "reason": if off { json!("it is off: guest panicked") } else { Value::Null }, "since": null}})
}

fn network_of(name: &str, links: &[String]) -> Value {
    let (kind, address) = match name {
        "external" => ("external", json!("10.72.32.1/24")),
        "bmc" => ("bmc", json!("10.72.16.1/24")),
        _ => ("internal", Value::Null),
    };
    let shape = if links.len() == 2 { "veth" } else { "bridge" };
    json!({"name": name, "type": kind, "address": address, "nat": name == "external", "shape": shape, "mtu": 1450, "links": links, "state": "ready"})
}

/// Events of the made-up lab.
pub fn events() -> Vec<Event> {
    let told = [
        ("info", "namespace/core", "namespace", "Namespace core is usable."),
        ("info", "app/core/bird", "app", "bird in core runs as process 5004"),
        ("info", "node/r0-s1", "power", "r0-s1 is on."),
        (
            "warn",
            "app/r0-tor2/dhcp-relay",
            "app",
            "dhcp-relay in r0-tor2 exited with code 2",
        ),
        ("info", "lab", "phase", "The lab is up."),
        ("error", "node/r0-s2", "power", "r0-s2 is off: guest panicked"),
    ];
    let event = |(id, (level, object, kind, message)): (usize, &(&str, &str, &str, &str))| {
        let time = format!("2026-11-26T08:30:{:02}Z", id + 1);
        serde_json::from_value(
            json!({"id": id + 1, "time": time, "level": level, "object": object, "kind": kind, "message": message}),
        )
        .ok()
    };
    told.iter().enumerate().filter_map(event).collect()
}

/// The log of a router of the made-up lab.
pub fn log() -> Vec<LogLine> {
    let texts = [
        "Started",
        "spine1: State changed to start",
        "spine1: Connected",
        "spine1: BGP session established",
        "spine2: Connected",
        "spine2: BGP session established",
    ];
    let line = |(id, text): (usize, &&str)| {
        let time = format!("2026-11-26T08:30:{:02}.250Z", id + 2);
        serde_json::from_value(json!({"id": id + 1, "time": time, "stream": if id == 0 { "stderr" } else { "stdout" }, "text": format!("bird: {text}")})).ok()
    };
    texts.iter().enumerate().filter_map(line).collect()
}

/// What a guest writes as it comes up.
pub const BOOT: &str = "\x1b[32m[    0.000000]\x1b[0m Linux version 6.1.0-41-amd64\r\n\x1b[32m[    1.204311]\x1b[0m virtio_net virtio0 eth0: renamed\r\n\
    \r\n\x1b[1mdemo guest\x1b[0m r0-s1 ttyS0\r\n\r\nr0-s1 login: ";

/// The console on such a lab.
pub fn model(shape: Shape, settings: Settings, size: (u16, u16)) -> Model {
    let settings = Settings {
        zone: jiff::tz::TimeZone::UTC,
        ..settings
    };
    let mut model = Model::new(settings, size, NOW.parse().unwrap_or_default());
    update(&mut model, Msg::Connected);
    update(&mut model, Msg::State(Box::new(state(shape))));
    update(&mut model, Msg::Events(events()));
    update(&mut model, Msg::Links(rates(shape, 0), 0.0));
    update(&mut model, Msg::Links(rates(shape, 1), 2.0));
    model
}

/// Counters of the links: one is down.
fn rates(shape: Shape, reading: u64) -> Vec<crate::model::mirror::LinkCount> {
    let state = state(shape);
    let ids = state.networks.iter().flat_map(|network| &network.links).enumerate();
    let counted = ids.map(|(index, id)| {
        let index = u64::try_from(index).unwrap_or(0);
        json!({"id": id, "rx_bytes": reading * index * 1000, "tx_bytes": reading * index * 700, "up": id != "link/r1-tor2/eth1"})
    });
    counted.filter_map(|count| serde_json::from_value(count).ok()).collect()
}

/// Gives the log on the screen its lines.
pub fn fill_log(model: &mut Model) {
    if let Some(of) = model.log.of.clone() {
        update(model, Msg::Log(of, log()));
    }
}

/// The app whose log is shown first.
pub fn first_app() -> AppId {
    AppId {
        netns: "core".into(),
        app: "bird".into(),
    }
}
