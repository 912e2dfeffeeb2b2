//! `Node`, its hardware but for what is a resource of its own, and `DeviceClass`.

use super::{
    KIND,
    bmc::BMC,
    key, new,
    startup::{DEPENDENCY, NODE_READY},
    volume::VOLUMES,
};
use crate::spec::shape::{
    Absent::{Error, Means},
    Shape,
    Value::{Boolean, Kinds, List, Mapping, Number, OneOrMore, Text, TextOr, Words},
};

pub static DEVICE_CLASS: Shape = Shape {
    name: "DeviceClass",
    about: "A directory for volumes, on another disk for example",
    keys: &[&[
        KIND,
        key("name", Text, Error, "ssd", "its name"),
        key("path", Text, Error, "/mnt/ssd", "absolute directory"),
    ]],
    one_of: &[],
    needs: &[],
};

pub static NODE: Shape = Shape {
    name: "Node",
    about: "A virtual machine",
    keys: &[&[
        KIND,
        key(
            "name",
            Text,
            Error,
            "boot-0",
            "as a namespace's; names console, volumes, log",
        ),
        key(
            "interfaces",
            List(&TextOr(&NIC)),
            Means("none"),
            "[r0]",
            "list of the NICs in the order the guest sees them: names of Networks, or mappings of `network` and `mac`",
        ),
        key(
            "volumes",
            List(&Kinds(VOLUMES)),
            Means("none"),
            "",
            "list of disks and shares, below",
        ),
        key(
            "cpu",
            Number(1, u32::MAX),
            Means("one of `cpu` and `smp`,"),
            "2",
            "number of CPUs, at least 1",
        ),
        key(
            "smp",
            Mapping(&SMP),
            Means("and not both, must be given"),
            "",
            "mapping of `cpus`, `cores`, `threads`, `dies`, `sockets`, `maxcpus`, each at least 1",
        ),
        key(
            "memory",
            Text,
            Means("QEMU's default, 128M"),
            "2G",
            "a size such as `2G`; a bare number counts MiB",
        ),
        key(
            "numa",
            Mapping(&NUMA),
            Means("none"),
            "",
            "mapping with `nodes`: number of NUMA nodes, at most 128; CPUs that can't be split evenly are a warning",
        ),
        key(
            "network-device-queue",
            Number(0, 256),
            Means("1"),
            "2",
            "queues of each NIC, at most 256",
        ),
        key(
            "ignition",
            Text,
            Means("none"),
            "worker.ign",
            "file handed to the guest as fw_cfg `opt/com.coreos/config`",
        ),
        key(
            "smbios",
            Mapping(&SMBIOS),
            Means("serial: SHA-1 of the name in hex"),
            "",
            "mapping of `manufacturer`, `product`, `serial`",
        ),
        key("uefi", Boolean, Means("false"), "true", "UEFI instead of BIOS"),
        key("tpm", Boolean, Means("false"), "true", "a TPM 2.0 (needs swtpm)"),
        new(
            "bmc",
            Mapping(&BMC),
            Means("the guest may announce one"),
            "",
            "mapping of `address`, in a network of type `bmc`, `users`, a list of `name`, `password` and `role` (`Administrator`, `Operator` or `ReadOnly`), and `tls`, a `certificate` and its `key`; it brings a CD drive along, for virtual media; see [BMCs](bmc.md)",
        ),
        new(
            "machine",
            Words(&["pc", "q35"]),
            Means("`pc`"),
            "q35",
            "`pc` (PCI) or `q35` (PCI Express)",
        ),
        new(
            "power",
            Words(&["on", "off"]),
            Means("`on`"),
            "off",
            "`on` or `off`: whether it is powered on with the lab",
        ),
        new(
            "extra-args",
            List(&Text),
            Means("none"),
            "[-device, virtio-balloon-pci]",
            "list of arguments for QEMU, put as they are behind all others",
        ),
        new(
            "ready",
            OneOrMore(&NODE_READY),
            Means("once it is on"),
            "",
            "mapping that says when it counts as ready, or a list of such, [below](#order-and-readiness)",
        ),
        new(
            "depends-on",
            List(&TextOr(&DEPENDENCY)),
            Means("nothing"),
            "[namespace/core]",
            "list of what its power-on waits for",
        ),
    ]],
    one_of: &["cpu", "smp"],
    needs: &[],
};

pub static NIC: Shape = Shape {
    name: "interface of a Node",
    about: "A NIC",
    keys: &[&[
        new("network", Text, Error, "r0", "name of a Network"),
        new(
            "mac",
            Text,
            Means("made from the node's name and its place"),
            "52:54:00:12:34:56",
            "six bytes in hexadecimal, unicast and given once in a lab",
        ),
    ]],
    one_of: &[],
    needs: &[],
};

pub static SMP: Shape = Shape {
    name: "smp",
    about: "Processors, as QEMU's `-smp`; what is left out is not passed on",
    keys: &[&[
        key(
            "cpus",
            Number(1, u32::MAX),
            Means("the product of the others"),
            "4",
            "CPUs present at start",
        ),
        key(
            "cores",
            Number(1, u32::MAX),
            Means("QEMU's choice"),
            "2",
            "cores in a die",
        ),
        key(
            "threads",
            Number(1, u32::MAX),
            Means("QEMU's choice"),
            "1",
            "threads in a core",
        ),
        key(
            "dies",
            Number(1, u32::MAX),
            Means("QEMU's choice"),
            "1",
            "dies in a socket",
        ),
        key("sockets", Number(1, u32::MAX), Means("QEMU's choice"), "2", "sockets"),
        key(
            "maxcpus",
            Number(1, u32::MAX),
            Means("`cpus`"),
            "4",
            "CPUs with those that can be plugged in",
        ),
    ]],
    one_of: &[],
    needs: &[],
};

pub static NUMA: Shape = Shape {
    name: "numa",
    about: "NUMA nodes, over which CPUs and memory are split evenly",
    keys: &[&[key("nodes", Number(0, 128), Means("none"), "2", "number of NUMA nodes")]],
    one_of: &[],
    needs: &[],
};

pub static SMBIOS: Shape = Shape {
    name: "smbios",
    about: "What the firmware tells of the hardware",
    keys: &[&[
        key("manufacturer", Text, Means("QEMU's"), "ACME", "manufacturer"),
        key("product", Text, Means("QEMU's"), "Server", "product name"),
        key(
            "serial",
            Text,
            Means("SHA-1 of the node's name in hex"),
            "12345678",
            "serial number",
        ),
    ]],
    one_of: &[],
    needs: &[],
};
