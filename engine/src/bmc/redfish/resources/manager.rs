//! The BMC itself.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::{CHASSIS, MANAGER, SYSTEM, certificates, collection, enabled, link, octets, resource, system, with};
use crate::bmc::redfish::{
    PORT,
    caller::Privilege,
    changes::Changes,
    message::Message,
    registry,
    reply::{Outcome, Refusal, Reply},
    route::{Route, View},
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Managers/BMC", read).patch(Privilege::ConfigureManager, change),
    Route::resource("/redfish/v1/Managers/BMC/ResetActionInfo", reset_info),
    Route::action(
        "/redfish/v1/Managers/BMC/Actions/Manager.Reset",
        "Manager.Reset",
        Privilege::ConfigureManager,
        reset,
    ),
    Route::resource("/redfish/v1/Managers/BMC/NetworkProtocol", protocols),
    Route::resource("/redfish/v1/Managers/BMC/EthernetInterfaces", lans),
    Route::resource("/redfish/v1/Managers/BMC/EthernetInterfaces/LAN", lan),
    Route::resource("/redfish/v1/Managers/BMC/SerialInterfaces", serials),
    Route::resource("/redfish/v1/Managers/BMC/SerialInterfaces/Console", serial),
];

const RESETS: &[(&str, ())] = &[("ForceRestart", ()), ("GracefulRestart", ())];

fn reset_types() -> Vec<&'static str> {
    RESETS.iter().map(|(name, ())| *name).collect()
}

fn read(view: &View<'_>) -> Result<Value, Refusal> {
    let bmc = view.redfish.bmc();
    Ok(with(
        resource("Manager", view, &format!("BMC of {}", bmc.identity().node)),
        json!({
            "ManagerType": "BMC",
            "Model": "placemat2 virtual BMC",
            "FirmwareVersion": env!("CARGO_PKG_VERSION"),
            "UUID": bmc.identity().uuid_text(),
            "ServiceEntryPointUUID": bmc.identity().uuid_text(),
            "DateTime": system::whole_seconds(bmc.log().now()),
            "DateTimeLocalOffset": "+00:00",
            "LastResetTime": system::whole_seconds(bmc.started_at()),
            "PowerState": "On",
            "Status": enabled(),
            "NetworkProtocol": link(&format!("{MANAGER}/NetworkProtocol")),
            "EthernetInterfaces": link(&format!("{MANAGER}/EthernetInterfaces")),
            "SerialInterfaces": link(&format!("{MANAGER}/SerialInterfaces")),
            "LogServices": link(&format!("{MANAGER}/LogServices")),
            "Links": {
                "ManagerForServers": [link(SYSTEM)],
                "ManagerForChassis": [link(CHASSIS)],
                "ManagerInChassis": link(CHASSIS),
                "SoftwareImages": [link("/redfish/v1/UpdateService/FirmwareInventory/BMC")],
                "ActiveSoftwareImage": link("/redfish/v1/UpdateService/FirmwareInventory/BMC"),
            },
            "Actions": {
                "#Manager.Reset": {
                    "target": format!("{MANAGER}/Actions/Manager.Reset"),
                    "@Redfish.ActionInfo": format!("{MANAGER}/ResetActionInfo"),
                    "ResetType@Redfish.AllowableValues": reset_types(),
                },
            },
        }),
    ))
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let text = changes.text("/DateTime");
    let time = text.as_deref().map(str::parse::<jiff::Timestamp>);
    if let (Some(Err(error)), Some(text)) = (&time, &text) {
        let message = Message::new(registry::PROPERTY_VALUE_FORMAT_ERROR, [text, "DateTime"]);
        changes.fault(message.about("/DateTime").saying(format_args!("({error}.)")));
    }
    changes.check()?;
    if let Some(Ok(time)) = time {
        view.redfish.bmc().log().set_clock(time);
    }
    Ok(())
}

fn reset_info(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("ActionInfo", view, "How the BMC can be reset"),
        json!({
            "Parameters": [{
                "Name": "ResetType", "Required": false, "DataType": "String", "AllowableValues": reset_types(),
            }],
        }),
    ))
}

/// Ends all sessions, subscriptions and streams of events, as a BMC that begins anew has none. The machine doesn't notice.
fn reset(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    parameters.choice("/ResetType", RESETS);
    parameters.check_all()?;
    view.redfish.logins().end_all();
    view.redfish.events().end_all();
    Ok(Reply::empty())
}

fn protocols(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("ManagerNetworkProtocol", view, "Protocols of the BMC"),
        json!({
            "HostName": view.redfish.bmc().identity().node,
            "HTTP": { "ProtocolEnabled": false },
            "HTTPS": { "ProtocolEnabled": true, "Port": PORT, "Certificates": certificates::of_https() },
            "IPMI": { "ProtocolEnabled": true, "Port": 623 },
            "Status": enabled(),
        }),
    ))
}

fn lans(view: &View<'_>) -> Result<Value, Refusal> {
    let members = [format!("{MANAGER}/EthernetInterfaces/LAN")];
    Ok(collection("EthernetInterface", view, "NICs of the BMC", members))
}

fn lan(view: &View<'_>) -> Result<Value, Refusal> {
    let place = view.redfish.place();
    let lan = with(
        resource("EthernetInterface", view, "LAN of the BMC"),
        json!({
            "InterfaceEnabled": true,
            "LinkStatus": "LinkUp",
            "MACAddress": octets(&place.mac),
            "Status": enabled(),
        }),
    );
    Ok(match place.address {
        IpAddr::V4(address) => with(
            lan,
            json!({
                "DHCPv4": { "DHCPEnabled": false },
                "IPv4Addresses": [{
                    "Address": address,
                    "SubnetMask": netmask(place.prefix),
                    "AddressOrigin": "Static",
                }],
            }),
        ),
        IpAddr::V6(address) => with(
            lan,
            json!({
                "DHCPv6": { "OperatingMode": "Disabled" },
                "IPv6Addresses": [{
                    "Address": address,
                    "PrefixLength": place.prefix,
                    "AddressOrigin": "Static",
                    "AddressState": "Preferred",
                }],
            }),
        ),
    })
}

fn netmask(prefix: u8) -> Ipv4Addr {
    let host_bits = 32_u32.saturating_sub(prefix.into());
    Ipv4Addr::from(u32::MAX.checked_shl(host_bits).unwrap_or(0))
}

fn serials(view: &View<'_>) -> Result<Value, Refusal> {
    let members = [format!("{MANAGER}/SerialInterfaces/Console")];
    Ok(collection("SerialInterface", view, "Serial interfaces", members))
}

fn serial(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("SerialInterface", view, "Serial console of the machine"),
        json!({ "InterfaceEnabled": true }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks() {
        assert_eq!(netmask(24), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(netmask(32), Ipv4Addr::BROADCAST);
        assert_eq!(netmask(0), Ipv4Addr::UNSPECIFIED);
    }
}
