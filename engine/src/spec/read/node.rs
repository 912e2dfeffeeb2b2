//! `kind: Node`.

use std::collections::HashMap;

use super::{depends, nic, ready, take_name, volume};
use crate::spec::{
    context::{Category, Context},
    diagnostic::{Code, Finding, quote},
    fields::{Fields, lower_first},
    model::{MachineType, Node, Object, Smbios, Smp},
    names::file_name_problem,
    size::memory_bytes,
};

/// Queues a tap can have (the kernel's MAX_TAP_QUEUES).
const MAX_QUEUES: u32 = 256;
/// NUMA nodes QEMU can make (its MAX_NODES).
const MAX_NUMA_NODES: u32 = 128;
/// The words for `machine`.
const MACHINES: [(&str, MachineType); 2] = [("pc", MachineType::Pc), ("q35", MachineType::Q35)];
/// The words for `power`.
const POWER: [(&str, bool); 2] = [("on", true), ("off", false)];

/// Reads a node.
pub fn read(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Option<Node> {
    fields.relabel("A node");
    let name = take_name(cx, &mut fields, "node", file_name_problem);
    if let Some(name) = name {
        cx.define(Category::Node, name);
    }
    let label = fields.label.clone();
    let interfaces = fields
        .list(cx, "interfaces")
        .iter()
        .filter_map(|node| nic::read(cx, node, &label))
        .collect();
    let mut volume_names = HashMap::new();
    let volumes = fields
        .list(cx, "volumes")
        .iter()
        .filter_map(|node| volume::read(cx, node, &label, &mut volume_names))
        .collect();
    let ignition = fields
        .text(cx, "ignition")
        .map(|path| cx.readable_file(&fields.says("ignition"), path));
    let smp = read_processors(cx, &mut fields);
    let memory = read_memory(cx, &mut fields);
    let numa_nodes = read_numa(cx, &mut fields);
    if let (Some(nodes), Some(cpus)) = (numa_nodes, smp.cpus)
        && cpus % nodes != 0
    {
        let message = format!(
            "The {cpus} CPUs of {} can't be split evenly over {nodes} NUMA nodes.",
            lower_first(&label)
        );
        cx.report(Finding::warning(Code::InvalidValue, fields.mark_of("numa"), message));
    }
    let queues = read_queues(cx, &mut fields);
    let smbios = fields
        .mapping(cx, "smbios")
        .map(|fields| read_smbios(cx, fields))
        .unwrap_or_default();
    let uefi = fields.boolean(cx, "uefi");
    let tpm = fields.boolean(cx, "tpm");
    let bmc = fields
        .mapping_of_main(cx, "bmc", "address")
        .and_then(|bmc| super::bmc::read(cx, bmc, name.map_or("", |name| name.text)));
    let machine = read_word(cx, &mut fields, "machine", &MACHINES).unwrap_or_default();
    let power_on = read_word(cx, &mut fields, "power", &POWER).unwrap_or(true);
    let extra_args = fields.texts(cx, "extra-args");
    let object = Object::Node(name.map(|name| name.text.to_owned()).unwrap_or_default());
    let ready = ready::read(cx, &mut fields, &object);
    let depends_on = depends::read(cx, &mut fields, &object);
    fields.finish(cx, &[]);
    let name = name?;
    if !power_on {
        cx.idle.insert(name.text.to_owned());
    }
    Some(Node {
        name: name.text.to_owned(),
        place: cx.place(name.mark),
        interfaces,
        volumes,
        ignition,
        smp,
        memory,
        numa_nodes,
        queues,
        smbios,
        uefi,
        tpm,
        bmc,
        machine,
        power_on,
        extra_args: extra_args.into_iter().map(|arg| arg.text.to_owned()).collect(),
        ready,
        depends_on,
    })
}

fn read_processors(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Smp {
    let has_cpu = fields.take("cpu").is_some();
    let smp = fields.take("smp").map(|_| fields.mark_of("smp"));
    match (has_cpu, smp) {
        (true, None) => {
            let label = fields.label.clone();
            Smp {
                cpus: positive(cx, fields, "cpu", &label),
                ..Smp::default()
            }
        }
        (false, Some(mark)) => {
            let Some(topology) = fields.mapping(cx, "smp") else {
                return Smp::default();
            };
            let smp = read_smp(cx, topology);
            if let Some(problem) = topology_problem(&smp) {
                let message = format!("{} can't be made by QEMU: {problem}.", fields.says("smp"));
                cx.report(Finding::error(Code::InvalidValue, mark, message));
            }
            smp
        }
        (true, Some(mark)) => {
            let message = format!("{} has both `cpu` and `smp`.", fields.label);
            cx.report(Finding::error(Code::Conflict, mark, message).hint("Keep one; `cpu: 2` means `smp: {cpus: 2}`."));
            Smp::default()
        }
        (false, None) => {
            let message = format!("{} has neither `cpu` nor `smp`.", fields.label);
            cx.report(Finding::error(Code::Missing, fields.mark, message).hint("Say how many CPUs it has: `cpu: 1`."));
            Smp::default()
        }
    }
}

fn read_smp(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Smp {
    let label = fields.label.clone();
    let smp = Smp {
        cpus: positive(cx, &mut fields, "cpus", &label),
        cores: positive(cx, &mut fields, "cores", &label),
        threads: positive(cx, &mut fields, "threads", &label),
        dies: positive(cx, &mut fields, "dies", &label),
        sockets: positive(cx, &mut fields, "sockets", &label),
        maxcpus: positive(cx, &mut fields, "maxcpus", &label),
    };
    if smp == Smp::default() {
        let message = format!("{label} is empty.");
        cx.report(Finding::error(Code::Missing, fields.mark, message).hint("Say how many CPUs there are: `cpus: 2`."));
    }
    fields.finish(cx, &[]);
    smp
}

/// Says why QEMU would refuse a topology (its `machine_parse_smp_config`): what is left out is filled up to `maxcpus`, or
/// `cpus` if that isn't given, and the product of all must be just that.
fn topology_problem(smp: &Smp) -> Option<String> {
    if let (Some(cpus), Some(maxcpus)) = (smp.cpus, smp.maxcpus)
        && maxcpus < cpus
    {
        return Some(format!("`maxcpus` ({maxcpus}) is less than `cpus` ({cpus})"));
    }
    let (wanted, key) = match (smp.maxcpus, smp.cpus) {
        (Some(maxcpus), _) => (maxcpus, "maxcpus"),
        (None, Some(cpus)) => (cpus, "cpus"),
        (None, None) => return None,
    };
    let parts = [smp.sockets, smp.dies, smp.cores, smp.threads];
    let product: u128 = parts.iter().flatten().copied().map(u128::from).product();
    let complete = smp.sockets.is_some() && smp.cores.is_some() && smp.threads.is_some();
    let fits = if complete {
        product == u128::from(wanted)
    } else {
        u128::from(wanted).is_multiple_of(product)
    };
    (!fits).then(|| {
        let relation = if complete { "is not" } else { "does not divide" };
        format!("the product of the sockets, dies, cores and threads given, {product}, {relation} `{key}`, {wanted}")
    })
}

fn read_memory(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let memory = fields.text(cx, "memory")?;
    if memory_bytes(memory.text).is_none() {
        let message = format!("{} is not a size: {}.", fields.says("memory"), quote(memory.text));
        cx.report(
            Finding::error(Code::InvalidValue, memory.mark, message)
                .hint("It is a number with `K`, `M`, `G` or `T` after it, as in `2G`; a bare number counts MiB."),
        );
    }
    Some(memory.text.to_owned())
}

/// Reads `numa: {nodes: N}`; none at all and 0 are the same.
fn read_numa(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> Option<u32> {
    let mut numa = fields.mapping(cx, "numa")?;
    let nodes = numa.number(cx, "nodes").filter(|nodes| *nodes > 0);
    if nodes.is_some_and(|nodes| nodes > MAX_NUMA_NODES) {
        let message = format!("{} can't be more than {MAX_NUMA_NODES}.", numa.says("nodes"));
        cx.report(Finding::error(Code::InvalidValue, numa.mark_of("nodes"), message));
    }
    numa.finish(cx, &[]);
    nodes
}

/// Reads `network-device-queue`; none at all and 0 mean one queue.
fn read_queues(cx: &mut Context<'_>, fields: &mut Fields<'_>) -> u32 {
    let queues = fields.number(cx, "network-device-queue").unwrap_or(1).max(1);
    if queues > MAX_QUEUES {
        let message = format!(
            "{} can't be more than {MAX_QUEUES}.",
            fields.says("network-device-queue")
        );
        cx.report(Finding::error(
            Code::InvalidValue,
            fields.mark_of("network-device-queue"),
            message,
        ));
    }
    queues
}

/// Reads one of a few words.
fn read_word<T: Copy, const N: usize>(
    cx: &mut Context<'_>,
    fields: &mut Fields<'_>,
    key: &'static str,
    words: &[(&str, T); N],
) -> Option<T> {
    let written = fields.text(cx, key)?;
    let known = words.iter().find(|(word, _)| *word == written.text);
    if known.is_none() {
        cx.not_one_of(&fields.says(key), written, &words.each_ref().map(|(word, _)| *word));
    }
    known.map(|(_, value)| *value)
}

fn read_smbios(cx: &mut Context<'_>, mut fields: Fields<'_>) -> Smbios {
    let mut text = |key| fields.text(cx, key).map(|text| text.text.to_owned());
    let smbios = Smbios {
        manufacturer: text("manufacturer"),
        product: text("product"),
        serial: text("serial"),
    };
    fields.finish(cx, &[]);
    smbios
}

/// Takes a number that must be at least 1.
fn positive(cx: &mut Context<'_>, fields: &mut Fields<'_>, key: &'static str, label: &str) -> Option<u32> {
    let number = fields.number(cx, key)?;
    if number == 0 {
        let message = format!("`{key}` of {} must be at least 1.", lower_first(label));
        cx.report(Finding::error(Code::InvalidValue, fields.mark_of(key), message));
    }
    Some(number).filter(|number| *number > 0)
}
