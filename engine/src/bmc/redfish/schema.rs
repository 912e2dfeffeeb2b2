//! Which of DMTF's schemas resources follow, and in which version.

use std::fmt::Write as _;

use serde_json::Value;

/// Schemas with their versions.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("AccountService", "v1_18_1"),
    ("ActionInfo", "v1_5_0"),
    ("Bios", "v1_2_3"),
    ("BootOption", "v1_0_6"),
    ("Certificate", "v1_11_0"),
    ("CertificateLocations", "v1_0_4"),
    ("CertificateService", "v1_2_1"),
    ("Chassis", "v1_28_0"),
    ("ComputerSystem", "v1_27_0"),
    ("Drive", "v1_22_0"),
    ("EthernetInterface", "v1_12_4"),
    ("Event", "v1_13_0"),
    ("EventDestination", "v1_16_0"),
    ("EventService", "v1_12_0"),
    ("JsonSchemaFile", "v1_1_5"),
    ("LogEntry", "v1_21_0"),
    ("LogService", "v1_9_0"),
    ("Manager", "v1_24_0"),
    ("ManagerAccount", "v1_14_1"),
    ("ManagerNetworkProtocol", "v1_12_0"),
    ("Memory", "v1_23_0"),
    ("Message", "v1_3_0"),
    ("MessageRegistry", "v1_7_0"),
    ("MessageRegistryFile", "v1_1_5"),
    ("Processor", "v1_22_0"),
    ("Role", "v1_3_3"),
    ("SecureBoot", "v1_1_2"),
    ("Sensor", "v1_12_0"),
    ("SerialInterface", "v1_3_0"),
    ("ServiceRoot", "v1_20_0"),
    ("Session", "v1_8_0"),
    ("SessionService", "v1_2_0"),
    ("Settings", "v1_4_0"),
    ("SimpleStorage", "v1_3_2"),
    ("SoftwareInventory", "v1_13_0"),
    ("Storage", "v1_21_0"),
    ("Task", "v1_7_4"),
    ("TaskService", "v1_3_0"),
    ("UpdateService", "v1_17_0"),
    ("VirtualMedia", "v1_6_5"),
    ("Volume", "v1_10_2"),
];

/// Schemas of collections, which have no versions.
const COLLECTIONS: &[&str] = &[
    "BootOptionCollection",
    "CertificateCollection",
    "ChassisCollection",
    "ComputerSystemCollection",
    "DriveCollection",
    "EthernetInterfaceCollection",
    "EventDestinationCollection",
    "JsonSchemaFileCollection",
    "LogEntryCollection",
    "LogServiceCollection",
    "ManagerAccountCollection",
    "ManagerCollection",
    "MemoryCollection",
    "MessageRegistryFileCollection",
    "ProcessorCollection",
    "RoleCollection",
    "SensorCollection",
    "SerialInterfaceCollection",
    "SessionCollection",
    "SimpleStorageCollection",
    "SoftwareInventoryCollection",
    "StorageCollection",
    "TaskCollection",
    "VirtualMediaCollection",
    "VolumeCollection",
];

/// The type of resources of a kind.
pub fn type_of(kind: &str) -> String {
    let version = SCHEMAS.iter().find(|(name, _)| *name == kind);
    let version = version.map_or("", |(_, version)| *version);
    format!("#{kind}.{version}.{kind}")
}

/// Where the schema of a resource is published.
pub fn link_of(resource: &Value) -> Option<String> {
    let kind = resource.get("@odata.type")?.as_str()?.strip_prefix('#')?;
    let (schema, _) = kind.rsplit_once('.')?;
    Some(published(schema))
}

/// Where a schema is published as JSON Schema.
pub fn published(schema: &str) -> String {
    format!("https://redfish.dmtf.org/schemas/v1/{schema}.json")
}

/// The service's metadata: references to the schemas it uses, as OData wants them.
pub fn metadata() -> String {
    let mut text = String::from(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n",
    ));
    let mut reference = |file: &str, includes: &[String]| {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/{file}_v1.xml\">"
        );
        for include in includes {
            let _ = writeln!(text, "    <edmx:Include Namespace=\"{include}\"/>");
        }
        text.push_str("  </edmx:Reference>\n");
    };
    for (name, version) in SCHEMAS {
        reference(name, &[(*name).to_owned(), format!("{name}.{version}")]);
    }
    for name in COLLECTIONS {
        reference(name, &[(*name).to_owned()]);
    }
    reference("Resource", &["Resource".into(), "Resource.v1_0_0".into()]);
    text.push_str("  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml\">\n");
    text.push_str("    <edmx:Include Namespace=\"RedfishExtensions.v1_0_0\" Alias=\"Redfish\"/>\n");
    text.push_str("  </edmx:Reference>\n  <edmx:DataServices>\n");
    text.push_str("    <Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">\n");
    text.push_str("      <EntityContainer Name=\"Service\" Extends=\"ServiceRoot.v1_20_0.ServiceContainer\"/>\n");
    text.push_str("    </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n");
    text
}
