//! `pmctl2 status`.

use clap::Args;
use placemat2_engine::{client::Client, plan::Mtu};

use super::{
    connect::{Session, Value},
    listing::{Format, FormatArg, aligned, clean, field, items, moment, ready},
};
use crate::output;

/// Arguments of `pmctl2 status`
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    format: FormatArg,
}

impl Status {
    /// Prints the lab as a whole.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let lab = session.get(&Client::path(&["lab"])).await?;
        match self.format.format {
            Format::Name => output::text(&format!("{}\n", clean(&field(&lab, "name")))),
            Format::Json => output::json(&lab),
            Format::Yaml => output::yaml(&lab),
            Format::Table => {
                let networks = session.list(&Client::path(&["networks"])).await?;
                let namespaces = session.list(&Client::path(&["netns"])).await?;
                let nodes = session.list(&Client::path(&["nodes"])).await?;
                output::text(&summary(&lab, &networks, &namespaces, &nodes))
            }
        }
    }
}

fn summary(lab: &Value, networks: &[Value], namespaces: &[Value], nodes: &[Value]) -> String {
    let apps: Vec<&Value> = namespaces
        .iter()
        .flat_map(|namespace| items(namespace, "apps"))
        .collect();
    let running = count(apps.iter().copied(), "phase", "running");
    let ready = |objects: &[Value]| format!("{} of {} ready", count(objects, "state", "ready"), objects.len());
    let mut rows = vec![
        ("Lab", field(lab, "name")),
        ("Phase", field(lab, "phase")),
        ("Error", field(lab, "error")),
        ("MTU", mtu(lab)),
        ("Networks", ready(networks)),
        ("Namespaces", ready(namespaces)),
        ("Apps", format!("{running} of {} running", apps.len())),
        (
            "Nodes",
            format!("{} of {} on", count(nodes, "power_status", "On"), nodes.len()),
        ),
        ("Ready", readiness(nodes, &apps)),
        ("Accelerator", field(lab, "accel")),
        ("QEMU", field(lab, "qemu_version")),
        ("Kernel", field(lab, "kernel")),
        ("placemat2", field(lab, "version")),
        ("Engine", format!("pid {}", field(lab, "pid"))),
        ("Started", moment(lab, "started_at")),
        ("Files", field(lab, "files")),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    let steps = items(lab, "steps").map(|step| ("Step", step_line(step)));
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .chain(steps)
        .map(|(key, value)| vec![key.into(), clean(&value)])
        .collect();
    aligned(&rows)
}

/// `5 of 7 nodes and apps`, of those that are to be ready.
fn readiness(nodes: &[Value], apps: &[&Value]) -> String {
    let all = nodes.iter().chain(apps.iter().copied());
    let states: Vec<_> = all
        .map(ready)
        .filter(|state| !state.is_empty() && state != "off")
        .collect();
    if states.is_empty() {
        return String::new();
    }
    let ready = states.iter().filter(|state| *state == "ready").count();
    format!("{ready} of {} nodes and apps", states.len())
}

fn count<'a>(objects: impl IntoIterator<Item = &'a Value>, name: &str, wanted: &str) -> usize {
    objects
        .into_iter()
        .filter(|object| field(object, name) == wanted)
        .count()
}

/// `1450 (of eth0 on the way to 192.0.0.10)`
fn mtu(lab: &Value) -> String {
    let mtu = lab.get("mtu").cloned();
    let mtu = mtu.and_then(|mtu| serde_yaml::from_value::<Mtu>(mtu).ok());
    mtu.map_or_else(String::new, |mtu| mtu.to_string())
}

fn step_line(step: &Value) -> String {
    let name = field(step, "name");
    match step.get("seconds").and_then(Value::as_f64) {
        Some(seconds) if field(step, "failed") == "true" => format!("{name}: failed after {seconds:.3} s"),
        Some(seconds) => format!("{name}: {seconds:.3} s"),
        None => format!("{name}: under way since {}", moment(step, "started_at")),
    }
}
