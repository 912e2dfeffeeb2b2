//! Addresses in the network-config of a NoCloud seed, version 1 or 2 (cloud-init's documentation, "Network
//! configuration").

use std::net::IpAddr;

use ipnet::IpNet;
use serde_yaml::Value;

/// Addresses taken from one seed; more are left out.
const MOST: usize = 64;

/// Network-configs longer than this are not looked into, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Keys of version 2 whose entries have addresses.
const KINDS: [&str; 5] = ["ethernets", "bonds", "bridges", "vlans", "wifis"];

/// An address of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedAddress {
    /// The address.
    pub address: IpAddr,
    /// The MAC of the NIC it is for, as it is written but in small letters.
    pub mac: Option<String>,
}

/// Returns the static addresses that a network-config gives, in its order. What can't be read gives none: it is
/// cloud-init that has to make sense of it.
pub fn addresses(network_config: &str) -> Vec<SeedAddress> {
    if network_config.len() > LONGEST {
        return Vec::new();
    }
    let Ok(document) = serde_yaml::from_str::<Value>(network_config) else {
        return Vec::new();
    };
    let config = document.get("network").unwrap_or(&document);
    let mut found = Vec::new();
    for device in list(config, "config") {
        version_1(device, &mut found);
    }
    for kind in KINDS {
        for (_, device) in config.get(kind).and_then(Value::as_mapping).into_iter().flatten() {
            version_2(device, &mut found);
        }
    }
    let mut unique = Vec::new();
    for address in found {
        if !unique.contains(&address) && unique.len() < MOST {
            unique.push(address);
        }
    }
    unique
}

fn version_1(device: &Value, found: &mut Vec<SeedAddress>) {
    let mac = text(device, "mac_address");
    for subnet in list(device, "subnets") {
        if text(subnet, "type").is_some_and(|kind| kind.starts_with("static")) {
            found.extend(subnet.get("address").and_then(|address| seed_address(address, mac)));
        }
    }
}

fn version_2(device: &Value, found: &mut Vec<SeedAddress>) {
    let mac = device
        .get("match")
        .and_then(|matched| text(matched, "macaddress"))
        .or_else(|| text(device, "macaddress"));
    for address in list(device, "addresses") {
        // netplan takes `10.0.0.1/24: {label: x}`, too.
        let address = match address.as_mapping().and_then(|mapping| mapping.keys().next()) {
            Some(key) => key,
            None => address,
        };
        found.extend(seed_address(address, mac));
    }
}

/// Returns an address with or without its prefix length, if it can be one of a node.
fn seed_address(value: &Value, mac: Option<&str>) -> Option<SeedAddress> {
    let written = value.as_str()?;
    let net = written.parse::<IpNet>().map(|net| net.addr()).ok();
    let address = net.or_else(|| written.parse().ok())?;
    let usable = match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_loopback() && !v4.is_multicast() && !v4.is_link_local(),
        IpAddr::V6(v6) => {
            !v6.is_unspecified() && !v6.is_loopback() && !v6.is_multicast() && !v6.is_unicast_link_local()
        }
    };
    usable.then(|| SeedAddress {
        address,
        mac: mac.map(str::to_ascii_lowercase),
    })
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_sequence).into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(config: &str) -> Vec<String> {
        let show = |seed: SeedAddress| match seed.mac {
            Some(mac) => format!("{} {mac}", seed.address),
            None => seed.address.to_string(),
        };
        addresses(config).into_iter().map(show).collect()
    }

    #[test]
    fn version_1_has_subnets() {
        let config = "
version: 1
config:
- type: physical
  name: ens3
  mac_address: '52:54:00:AB:cd:ef'
  subnets:
  - type: static
    address: 10.0.0.5/24
  - type: static
    address: 10.0.1.5
    netmask: 255.255.255.0
  - {type: static6, address: 'fd00::5/64'}
  - type: dhcp4
- type: nameserver
  address: 8.8.8.8
";
        let mac = "52:54:00:ab:cd:ef";
        assert_eq!(
            shown(config),
            [
                format!("10.0.0.5 {mac}"),
                format!("10.0.1.5 {mac}"),
                format!("fd00::5 {mac}")
            ]
        );
    }

    #[test]
    fn version_2_has_devices() {
        let config = "
network:
  version: 2
  ethernets:
    any:
      match: {macaddress: 52:54:00:00:00:01}
      set-name: eth0
      addresses: [10.1.0.5/26, 'fd00::5/64', 10.1.0.5/26, fe80::1/64]
    ens4:
      dhcp4: true
      addresses:
      - 10.2.0.5/24: {label: 'ens4:0'}
  vlans:
    v7: {id: 7, link: ens4, addresses: [10.7.0.5/24]}
";
        assert_eq!(
            shown(config),
            [
                "10.1.0.5 52:54:00:00:00:01",
                "fd00::5 52:54:00:00:00:01",
                "10.2.0.5",
                "10.7.0.5"
            ]
        );
    }

    #[test]
    fn nonsense_has_none() {
        for config in [
            "",
            "[",
            "version: 2",
            "network: disabled",
            "config: 1",
            "ethernets: {a: {addresses: 7}}",
            "ethernets: {a: {addresses: [x, 1, ~, {}]}}",
        ] {
            assert_eq!(addresses(config), [], "{config}");
        }
        assert_eq!(addresses(&" ".repeat(LONGEST + 1)), []);
    }

    proptest! {
        #[test]
        fn no_config_panics(config in "(network:\n)?( ?(version|config|ethernets|subnets|addresses|e0|[a-z0-9./:]{0,9}): ?[-\\[{]?[a-z0-9./:]{0,9}[\\]}]?\n){0,8}") {
            addresses(&config);
        }
    }
}
