//! Lab files from `fixtures`: what is said of the bad ones, and what is read from the good ones.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use placemat2_engine::spec::{
    Disk, Files, Found, Report, Severity, load, load_from,
    model::{
        Cache, Compression, DiskFormat, ImageSource, MachineType, NetworkKind, Probe, RestartPolicy, Security,
        ShareDriver, Smp, Spec, Until, VolumeKind, Where,
    },
    sample::leaf_spine_yaml,
};

/// The files that bad fixtures name.
struct Lab;

impl Files for Lab {
    fn find(&self, path: &Path) -> Found {
        match path.to_str() {
            Some("/lab/folder") => Found::Directory,
            Some("/lab/run.sh") => Found::File {
                readable: true,
                executable: true,
            },
            Some("/lab/plain.txt" | "/lab/disk.img") => Found::File {
                readable: true,
                executable: false,
            },
            Some("/lab/locked.img") => Found::File {
                readable: false,
                executable: false,
            },
            _ => Found::Missing,
        }
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Reads bad fixtures as if they lay in `/lab`.
fn read_bad(names: &[&str]) -> Report {
    let inputs = names
        .iter()
        .map(|name| {
            (
                Path::new("/lab").join(name),
                std::fs::read(fixture("bad").join(name)).unwrap(),
            )
        })
        .collect();
    load_from(inputs, &Lab)
}

macro_rules! bad {
    ($($test:ident: $($file:literal),+;)*) => {$(
        #[test]
        fn $test() {
            let report = read_bad(&[$($file),+]);
            assert!(report.has_errors(true));
            assert_eq!(report.spec.is_none(), report.has_errors(false));
            insta::assert_snapshot!(report.render_text(false));
        }
    )*};
}

bad! {
    networks: "networks.yml";
    names: "names.yml";
    namespaces: "namespaces.yml";
    nodes: "nodes.yml";
    bmcs: "bmcs.yml";
    startup: "startup.yml";
    cycles: "cycles.yml";
    images: "images.yml";
    references: "references.yml";
    addresses: "addresses.yml";
    shared_files: "shared-files.yml";
    syntax: "syntax.yml";
    keys: "keys.yml";
    duplicates: "duplicates-a.yml", "duplicates-b.yml";
    excerpts: "excerpts.yml";
    empty: "empty.yml";
    encodings: "latin1.yml", "control.yml", "utf16.yml", "empty.yml";
    same_file_twice: "empty.yml", "empty.yml";
    many_mistakes: "many-mistakes.yml";
}

/// What those make wrong who begin.
#[test]
fn beginners() {
    let files = std::fs::read_dir(fixture("bad/beginners")).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let report = read_bad(&[&format!("beginners/{name}")]);
        assert!(report.has_errors(true), "{name}");
        insta::assert_snapshot!(
            format!("beginners_{}", name.trim_end_matches(".yml")),
            report.render_text(false)
        );
    }
}

#[test]
fn json_for_editors() {
    let json = read_bad(&["duplicates-a.yml", "addresses.yml"]).to_json();
    insta::assert_json_snapshot!(json);
}

#[test]
fn colors() {
    let mut report = read_bad(&["addresses.yml"]);
    report.diagnostics.truncate(1);
    insta::assert_snapshot!(report.render_text(true).replace('\x1b', "ESC"));
}

#[test]
fn unreadable_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.yml");
    let report = load(&[missing.clone(), dir.path().to_owned()]);
    assert!(report.spec.is_none());
    let text = report.render_text(false).replace(dir.path().to_str().unwrap(), "DIR");
    insta::assert_snapshot!(text);
}

#[test]
fn no_file_at_all_is_an_error() {
    assert!(load(&[]).has_errors(false));
}

#[test]
fn warnings_are_errors_if_strict() {
    let mut report = read_bad(&["addresses.yml"]);
    assert!(report.spec.is_some());
    assert!(!report.has_errors(false));
    assert!(report.has_errors(true));
    report.deny_warnings();
    assert!(report.has_errors(false));
    assert!(
        report
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.severity == Severity::Error)
    );
}

#[test]
fn order_of_files_and_documents_does_not_matter() {
    let text = std::fs::read_to_string(fixture("good/full.yml")).unwrap();
    let documents: Vec<&str> = text.split("\n---\n").collect();
    let inputs = documents
        .iter()
        .rev()
        .enumerate()
        .map(|(index, text)| (fixture("good").join(format!("{index}.yml")), text.as_bytes().to_vec()))
        .collect();
    let report = load_from(inputs, &Disk);
    assert_eq!(report.render_text(false), "");
}

#[test]
fn large_lab_is_as_generated() {
    let path = fixture("good/large.yml");
    let yaml = leaf_spine_yaml(8, 20, 20);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &yaml).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        yaml,
        "set UPDATE_FIXTURES=1 to write it again"
    );
    let report = load(&[path]);
    assert_eq!(report.render_text(false), "");
    let spec = report.spec.unwrap();
    assert_eq!(spec.networks.len(), 6 + 8 + 2 * 8 * 20 + 2 * 20);
    assert_eq!(spec.namespaces.len(), 3 + 8 + 2 * 20);
    assert_eq!(spec.nodes.len(), 400);
}

/// Reads the lab that has every resource and key; returns it with the directory it is in.
#[test]
fn certificates_of_bmcs_are_tried() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("none.pem", "no certificate");
    write(
        "lab.yml",
        "{kind: Network, name: bmc, type: bmc, address: 10.0.1.1/24}\n---\n\
         {kind: Node, name: n, cpu: 1, bmc: {address: 10.0.1.2, tls: {certificate: none.pem, key: none.pem}}}\n",
    );
    let report = load(&[dir.path().join("lab.yml")]);
    let [told] = report.diagnostics.as_slice() else {
        panic!("{:?}", report.diagnostics)
    };
    let words = "`tls` of `bmc` of node `n` can't be used: there is no certificate in it";
    assert!(told.message.starts_with(words), "{}", told.message);
}

fn full_lab() -> (Spec, PathBuf) {
    let good = fixture("good");
    let report = load(&[good.join("full.yml")]);
    assert_eq!(report.render_text(false), "");
    (report.spec.unwrap(), good)
}

#[test]
fn networks_of_the_full_lab_are_read() {
    let (spec, good) = full_lab();
    assert_eq!(spec.base_dir, good);
    assert_eq!(spec.default_name, "full");

    let kinds: Vec<_> = spec
        .networks
        .iter()
        .map(|network| (network.name.as_str(), network.kind.clone()))
        .collect();
    let external = |address: &str, nat| NetworkKind::External {
        address: address.parse().unwrap(),
        nat,
    };
    assert_eq!(
        kinds[..4],
        [
            ("internet", external("10.0.0.1/24", true)),
            ("internet6", external("fd00:1::1/64", true)),
            (
                "bmc",
                NetworkKind::Bmc {
                    address: "10.72.16.1/20".parse().unwrap()
                }
            ),
            ("s1-to-r0-1", NetworkKind::Internal),
        ]
    );
}

#[test]
fn namespaces_of_the_full_lab_are_read() {
    let (spec, good) = full_lab();
    let operation = &spec.namespaces[0];
    assert_eq!(operation.place.line, 33);
    assert_eq!(operation.init_scripts[0].path, good.join("files/setup-routes"));
    let web = &operation.apps[0];
    assert_eq!(
        web.command,
        [
            "python3",
            "-m",
            "http.server",
            "8000",
            "0x10",
            "1e3",
            "007",
            "yes",
            "~",
            "a b",
            ""
        ]
    );
    assert_eq!(web.restart, RestartPolicy::OnFailure);
    assert_eq!(web.workdir, good.join("files"));
    let ready = &web.ready[0];
    assert_eq!(ready.timeout, Duration::from_millis(2500));
    assert!(matches!(&ready.probe, Probe::Http { path, .. } if path == "/"));
    assert_eq!(web.depends_on[0].until, Until::Started);
    let env: Vec<_> = web
        .env
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        env,
        [("EMPTY", ""), ("HTTP_PROXY", "http://10.0.0.49:3128"), ("PORT", "8000")]
    );

    let tor = &spec.namespaces[1];
    assert_eq!(tor.interfaces[2].network, "r0-node1");
    assert_eq!(tor.apps[0].command[..3], ["/usr/local/bird/sbin/bird", "-f", "-c"]);
    assert_eq!(tor.apps[0].workdir, good);
}

#[test]
fn images_and_nodes_of_the_full_lab_are_read() {
    let (spec, good) = full_lab();
    assert_eq!(spec.images[0].compression, Some(Compression::Bzip2));
    assert_eq!(spec.images[0].sha256, Some("ab".repeat(32)));
    assert_eq!(spec.images[1].source, ImageSource::File(good.join("files/disk.img")));

    let boot = &spec.nodes[0];
    assert_eq!(
        boot.smp,
        Smp {
            cpus: Some(2),
            ..Smp::default()
        }
    );
    assert_eq!(boot.memory.as_deref(), Some("2048"));
    assert_eq!(
        (boot.numa_nodes, boot.queues, boot.uefi, boot.tpm),
        (Some(2), 2, true, true)
    );
    assert_eq!((boot.machine, boot.power_on), (MachineType::Pc, true));
    assert!(boot.extra_args.is_empty() && boot.interfaces[0].mac.is_none());
    assert_eq!(boot.smbios.serial.as_deref(), Some("12345678"));
    assert_eq!(boot.ignition, Some(good.join("files/worker.ign")));
    let ready = &boot.ready[0];
    assert_eq!(ready.probe, Probe::Console("login: $".to_owned()));
    assert_eq!((ready.timeout.as_secs(), ready.interval.as_secs()), (600, 1));
    let own = Where::Own(443);
    assert!(
        matches!(&boot.ready[1].probe, Probe::Http { to, security: Security::Unverified, .. } if *to == own),
        "{:?}",
        boot.ready
    );
    let waits: Vec<_> = boot.depends_on.iter().map(|needed| needed.object.to_string()).collect();
    assert_eq!(waits, ["namespace/rack0-tor1", "app/operation/web"]);
    let kinds: Vec<_> = boot
        .volumes
        .iter()
        .map(|volume| (volume.kind.clone(), volume.cache))
        .collect();
    assert_eq!(
        kinds,
        [
            (
                VolumeKind::Image {
                    image: "local".to_owned(),
                    copy_on_write: true
                },
                Cache::Writeback
            ),
            (
                VolumeKind::LocalDs {
                    user_data: good.join("files/user-data.yml"),
                    network_config: Some(good.join("files/network-config.yml")),
                    meta_data: Some(good.join("files/meta-data.yml")),
                },
                Cache::None
            ),
            (
                VolumeKind::Raw {
                    size: "10G".to_owned(),
                    format: DiskFormat::Raw
                },
                Cache::None
            ),
            (
                VolumeKind::HostPath {
                    path: "/srv/shared".into(),
                    writable: true,
                    driver: ShareDriver::Virtiofs,
                },
                Cache::None
            ),
        ]
    );
    assert_eq!(boot.volumes[2].device_class.as_deref(), Some("ssd"));

    let server = &spec.nodes[1];
    let volumes: Vec<_> = server
        .volumes
        .iter()
        .map(|volume| (volume.name.as_str(), volume.kind.clone()))
        .collect();
    let disk = VolumeKind::Raw {
        size: "20G".to_owned(),
        format: DiskFormat::Qcow2,
    };
    assert_eq!(volumes, [("data1", disk.clone()), ("data2", disk)]);
    assert_eq!(server.ignition, None);
    assert_eq!(server.smp.maxcpus, Some(4));
    assert_eq!(
        (server.machine, server.power_on, server.extra_args.len()),
        (MachineType::Q35, false, 4)
    );
    let macs: Vec<_> = server.interfaces.iter().map(|interface| interface.mac).collect();
    assert_eq!(macs, [None, Some([0x52, 0x54, 0, 0x12, 0x34, 0x56])]);
    assert_eq!(
        (server.numa_nodes, server.queues, server.uefi, server.tpm),
        (None, 1, false, false)
    );
}
