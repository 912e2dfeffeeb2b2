//! For tests and benches: leaf-spine labs of any size, as a user would write them, and a disk that has all they name.

use std::{
    fmt::{Result, Write},
    path::Path,
};

use super::{Files, Found};

/// A disk on which every file is there, to be read and executed.
pub struct AllThere;

impl Files for AllThere {
    fn find(&self, _: &Path) -> Found {
        Found::File {
            readable: true,
            executable: true,
        }
    }
}

/// Returns a lab of spines, of racks with two ToR switches each, and of nodes in the racks, as YAML that needs no other file.
///
/// It has the shape of the labs that placemat is used for, with 6 + S + 2SR + 2R networks and 3 + S + 2R namespaces: routers
/// and the `core`, `external` and `operation` namespaces around them.
///
/// Works for up to 15 spines and 255 racks.
pub fn leaf_spine_yaml(spines: usize, racks: usize, nodes_per_rack: usize) -> String {
    let mut yaml = String::from("# A leaf-spine data centre, generated.\n");
    // Writing to a String can't fail.
    let _ = write_lab(&mut yaml, spines, racks, nodes_per_rack);
    yaml
}

fn write_lab(out: &mut String, spines: usize, racks: usize, nodes_per_rack: usize) -> Result {
    write_networks(out, spines, racks)?;
    write_core(out, spines)?;
    (1..=spines).try_for_each(|spine| write_spine(out, spine, racks))?;
    for rack in 0..racks {
        (1..=2).try_for_each(|tor| write_tor(out, rack, tor, spines))?;
    }
    write_storage(out)?;
    for rack in 0..racks {
        let networks = [format!("r{rack}-node1"), format!("r{rack}-node2")];
        let networks = networks.each_ref().map(String::as_str);
        (1..=nodes_per_rack)
            .try_for_each(|node| write_node(out, &format!("rack{rack}-cs{node}"), &networks, rack * 100 + node))?;
    }
    Ok(())
}

fn write_networks(out: &mut String, spines: usize, racks: usize) -> Result {
    writeln!(
        out,
        "kind: Network\nname: internet\ntype: external\nuse-nat: true\naddress: 10.0.0.1/24"
    )?;
    writeln!(out, "---\nkind: Network\nname: bmc\ntype: bmc\naddress: 10.72.16.1/20")?;
    writeln!(
        out,
        "---\nkind: Network\nname: ntp\ntype: external\naddress: 172.16.4.1/24"
    )?;
    for name in ["core-ext", "core-op", "operation"] {
        writeln!(out, "---\nkind: Network\nname: {name}\ntype: internal")?;
    }
    for spine in 1..=spines {
        writeln!(out, "---\nkind: Network\nname: core-to-s{spine}\ntype: internal")?;
    }
    for rack in 0..racks {
        for spine in 1..=spines {
            for tor in 1..=2 {
                writeln!(
                    out,
                    "---\nkind: Network\nname: s{spine}-to-r{rack}-{tor}\ntype: internal"
                )?;
            }
        }
        for tor in 1..=2 {
            writeln!(out, "---\nkind: Network\nname: r{rack}-node{tor}\ntype: internal")?;
        }
    }
    Ok(())
}

fn write_core(out: &mut String, spines: usize) -> Result {
    begin_namespace(out, "core")?;
    write_interface(out, "internet", "10.0.0.2/24")?;
    write_interface(out, "core-ext", "10.0.49.0/31")?;
    write_interface(out, "core-op", "10.0.49.2/31")?;
    for spine in 1..=spines {
        write_interface(out, &format!("core-to-s{spine}"), &format!("10.0.2.{}/31", spine * 2))?;
    }
    write_bird(out, "core")?;
    begin_namespace(out, "external")?;
    write_interface(out, "core-ext", "10.0.49.1/31")?;
    writeln!(
        out,
        "apps:\n  - name: squid\n    command: [/usr/sbin/squid, -N, -f, external/squid.conf]"
    )?;
    begin_namespace(out, "operation")?;
    write_interface(out, "core-op", "10.0.49.3/31")?;
    write_interface(out, "operation", "10.72.48.1/26")
}

fn write_spine(out: &mut String, spine: usize, racks: usize) -> Result {
    let name = format!("spine{spine}");
    begin_namespace(out, &name)?;
    write_interface(
        out,
        &format!("core-to-s{spine}"),
        &format!("10.0.2.{}/31", spine * 2 + 1),
    )?;
    for rack in 0..racks {
        for tor in 1..=2 {
            write_interface(
                out,
                &format!("s{spine}-to-r{rack}-{tor}"),
                &spine_link(spine, rack, tor, 0),
            )?;
        }
    }
    write_bird(out, &name)
}

fn write_tor(out: &mut String, rack: usize, tor: usize, spines: usize) -> Result {
    let name = format!("rack{rack}-tor{tor}");
    begin_namespace(out, &name)?;
    for spine in 1..=spines {
        write_interface(
            out,
            &format!("s{spine}-to-r{rack}-{tor}"),
            &spine_link(spine, rack, tor, 1),
        )?;
    }
    write_interface(
        out,
        &format!("r{rack}-node{tor}"),
        &format!("10.{}.{rack}.1/26", 68 + tor),
    )?;
    write_bird(out, &name)?;
    writeln!(
        out,
        "  - name: dhcp-relay\n    command: [/usr/sbin/dnsmasq, --keep-in-foreground, --port=0, --log-facility=-]\n    args:\n      \
         - --pid-file=/run/dnsmasq_{name}.pid\n      - --dhcp-relay=10.{}.{rack}.1,10.72.48.2",
        68 + tor
    )
}

fn write_storage(out: &mut String) -> Result {
    writeln!(
        out,
        "---\nkind: Image\nname: os\nurl: https://example.com/images/server.img.gz\ncompression: gzip"
    )?;
    writeln!(
        out,
        "---\nkind: DeviceClass\nname: ssd\npath: /var/scratch/placemat/ssd"
    )
}

fn write_node(out: &mut String, name: &str, networks: &[&str], number: usize) -> Result {
    write!(
        out,
        "---\nkind: Node\nname: {name}\ninterfaces: [{}]\nvolumes:\n  - {{kind: image, name: root, image: os, copy-on-write: true}}\n  \
         - {{kind: raw, name: data1, size: 20G, device-class: ssd}}\ncpu: 2\nmemory: 3G\nnetwork-device-queue: 2\n\
         smbios: {{manufacturer: placemat, product: vm, serial: \"{number:08}\"}}\nuefi: false\ntpm: true\n",
        networks.join(", ")
    )
}

fn begin_namespace(out: &mut String, name: &str) -> Result {
    writeln!(out, "---\nkind: NetworkNamespace\nname: {name}\ninterfaces:")
}

fn write_interface(out: &mut String, network: &str, address: &str) -> Result {
    writeln!(out, "  - network: {network}\n    addresses: [{address}]")
}

fn write_bird(out: &mut String, name: &str) -> Result {
    writeln!(
        out,
        "apps:\n  - name: bird\n    command: [/usr/sbin/bird, -f]\n    args: [-c, bird/{name}.conf, -s, /run/bird/{name}.ctl]"
    )
}

/// Returns the address of one end of the link between a spine and a ToR: a /31 of its own.
fn spine_link(spine: usize, rack: usize, tor: usize, end: usize) -> String {
    format!("10.{}.{rack}.{}/31", 128 + spine, tor * 2 + end)
}
