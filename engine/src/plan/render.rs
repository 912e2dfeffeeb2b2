//! A plan as text for people.

use std::fmt::{self, Write as _};

use super::{End, Link, Namespace, Network, NetworkKind, Node, Plan, Shape, Volume, VolumeSource};
use crate::spec::model::{Dependency, Ready};

/// Returns a plan as readable text, QEMU commands ready to be read one option a line.
pub fn render_text(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = render(plan, &mut text);
    text
}

fn render(plan: &Plan, out: &mut String) -> fmt::Result {
    writeln!(out, "lab {}", plan.lab)?;
    for (what, path) in [
        ("lab files in", &plan.paths.base_dir),
        ("API", &plan.paths.api_socket),
        ("data", &plan.paths.data_dir),
        ("cache", &plan.paths.cache_dir),
        ("logs", &plan.paths.log_dir),
    ] {
        writeln!(out, "  {what:<13}{}", path.display())?;
    }
    writeln!(out, "  {:<13}{}", "MTU", plan.mtu)?;
    for prefix in &plan.nat {
        writeln!(out, "  {:<13}{prefix}", "NAT")?;
    }
    for sysctl in &plan.sysctls {
        writeln!(out, "  {:<13}{sysctl}", "sysctl on")?;
    }
    for note in &plan.notes {
        writeln!(out, "  {:<13}{note}", "note")?;
    }
    section(out, "networks", &plan.networks, network)?;
    section(out, "namespaces", &plan.namespaces, namespace)?;
    section(out, "images", &plan.images, |out, image| {
        write!(out, "  {}  {}", image.name, image.file.display())?;
        match &image.url {
            Some(url) => writeln!(out, "  from {url}"),
            None => writeln!(out),
        }
    })?;
    section(out, "nodes", &plan.nodes, node)?;
    section(out, "BMCs", &plan.bmcs, |out, bmc| {
        writeln!(out, "  {}  {}", bmc.node, bmc.address)
    })
}

fn section<T>(
    out: &mut String,
    title: &str,
    items: &[T],
    render_item: impl Fn(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title} ({})", items.len())?;
    items.iter().try_for_each(|item| render_item(out, item))
}

fn network(out: &mut String, network: &Network) -> fmt::Result {
    let kind = match network.kind {
        NetworkKind::Internal => "internal",
        NetworkKind::External => "external",
        NetworkKind::Bmc => "bmc",
    };
    let shape = match network.shape {
        Shape::Bridge => "bridge",
        Shape::Veth => "veth pair",
        Shape::Stub => "one end",
        Shape::Nothing => "no ends",
    };
    write!(out, "  {}  {kind}, {shape}", network.name)?;
    writeln!(out, "{}", if network.nat { ", NAT" } else { "" })?;
    network
        .links
        .iter()
        .try_for_each(|link| self::link(out, &network.name, link))
}

fn link(out: &mut String, network: &str, link: &Link) -> fmt::Result {
    let (end, mac, addresses) = match &link.end {
        End::Host { mac, address } => (format!("host {network}"), mac, vec![address.to_string()]),
        End::Namespace {
            namespace,
            interface,
            mac,
            addresses,
        } => (
            format!("{namespace} {interface}"),
            mac,
            addresses.iter().map(ToString::to_string).collect(),
        ),
        End::Node { node, nic, mac, queues } => {
            let queues = if *queues > 1 {
                vec![format!("{queues} queues")]
            } else {
                Vec::new()
            };
            (format!("{node} NIC {nic}"), mac, queues)
        }
    };
    let port = link.port.as_deref().unwrap_or("-");
    let text = format!("    {end:<24} {port:<15} {mac}  {}", addresses.join(" "));
    writeln!(out, "{}", text.trim_end())
}

fn namespace(out: &mut String, namespace: &Namespace) -> fmt::Result {
    writeln!(out, "  {}", namespace.name)?;
    for script in &namespace.init_scripts {
        writeln!(out, "    init {}", shell_word(&script.to_string_lossy()))?;
    }
    for app in &namespace.apps {
        let command: Vec<_> = app.command.iter().map(|word| shell_word(word)).collect();
        writeln!(out, "    app {}: {}", app.name, command.join(" "))?;
        startup(out, "      ", &app.ready, &app.depends_on)?;
    }
    startup(out, "    ", &[], &namespace.depends_on)?;
    for forward in &namespace.forwards {
        let address = forward
            .address
            .map_or_else(|| "all addresses".to_owned(), |address| address.to_string());
        let (port, protocol, to) = (forward.port, forward.protocol, &forward.to);
        writeln!(out, "    forward port {port}/{protocol} of {address} to {to}")?;
    }
    Ok(())
}

fn node(out: &mut String, node: &Node) -> fmt::Result {
    writeln!(out, "  {}", node.name)?;
    writeln!(out, "    console {}", node.console_socket.display())?;
    for (index, nic) in node.nics.iter().enumerate() {
        writeln!(out, "    NIC {index} {} tap {} {}", nic.network, nic.tap, nic.mac)?;
    }
    for volume in &node.volumes {
        writeln!(
            out,
            "    volume {} {} ({})",
            volume.name,
            volume.path.display(),
            source(volume)
        )?;
    }
    if let Some(nvram) = &node.nvram {
        writeln!(
            out,
            "    UEFI variables {} (first copied from {})",
            nvram.path.display(),
            nvram.template.display()
        )?;
    }
    if let Some(tpm) = &node.tpm {
        writeln!(out, "    TPM {}", tpm.state_dir.display())?;
    }
    if !node.power_on {
        writeln!(out, "    off at first")?;
    }
    startup(out, "    ", &node.ready, &node.depends_on)?;
    if let Some(user) = &node.qemu.user {
        writeln!(out, "    QEMU runs as {}", user.name)?;
    }
    write!(out, "    {}", shell_word(&node.qemu.program.to_string_lossy()))?;
    for arg in &node.qemu.args {
        // Every option begins with a dash and no value does.
        write!(
            out,
            "{}{}",
            if arg.starts_with('-') { " \\\n      " } else { " " },
            shell_word(arg)
        )?;
    }
    writeln!(out)
}

/// What something waits for, and when it counts as ready.
fn startup(out: &mut String, indent: &str, ready: &[Ready], depends_on: &[Dependency]) -> fmt::Result {
    for dependency in depends_on {
        writeln!(out, "{indent}waits until {} is {}", dependency.object, dependency.until)?;
    }
    for ready in ready {
        let from = ready
            .netns
            .as_ref()
            .map(|netns| format!(" from {netns}"))
            .unwrap_or_default();
        let limit = ready.timeout.as_secs_f64();
        writeln!(out, "{indent}ready by {}{from}, within {limit} s", ready.probe)?;
    }
    Ok(())
}

fn source(volume: &Volume) -> String {
    match &volume.source {
        VolumeSource::Copy { image } => format!("copy of image {image}"),
        VolumeSource::Overlay { image } => format!("overlay on image {image}"),
        VolumeSource::Seed(seed) => format!("cloud-init seed from {}", seed.user_data.display()),
        VolumeSource::Blank { size, .. } => format!("empty, {size}"),
        VolumeSource::Directory { writable, virtiofs } => {
            let access = if *writable { "writable" } else { "read only" };
            let driver = if virtiofs.is_some() { ", over virtiofs" } else { "" };
            format!("directory, {access}{driver}")
        }
    }
}

/// Returns a word as a shell reads it back.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,.:/@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
