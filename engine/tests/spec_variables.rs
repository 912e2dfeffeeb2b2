//! Variables, `count` and `include` of lab files.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use placemat2_engine::spec::{
    Files, Found, Report, Variables, load_from_given, load_given, print, sample::leaf_spine_yaml,
};
use proptest::prelude::*;

/// Files in memory; all others exist, with nothing known of what they hold.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn find(&self, _: &Path) -> Found {
        Found::File {
            readable: true,
            executable: true,
        }
    }

    fn read(&self, path: &Path, _: usize) -> io::Result<Vec<u8>> {
        let found = self.0.get(&self.identity(path)).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn read(text: &str, given: &Variables) -> Report {
    load_from_given(vec![("/lab/lab.yml".into(), text.into())], given, &Memory::default())
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What is said of bad fixtures, with the directory they are in left out.
fn said(name: &str) -> String {
    let report = load_given(&[fixture("bad").join(name)], &Variables::default());
    assert!(report.spec.is_none());
    let bad = fixture("bad").to_string_lossy().into_owned();
    report.render_text(false).replace(&bad, "BAD")
}

#[test]
fn variables() {
    insta::assert_snapshot!(said("variables.yml"));
}

#[test]
fn counts() {
    insta::assert_snapshot!(said("counts.yml"));
}

#[test]
fn includes() {
    insta::assert_snapshot!(said("include/top.yml"));
}

#[test]
fn instances_are_told_to_programs() {
    let report = load_given(&[fixture("bad/counts.yml")], &Variables::default());
    let json = report.to_json();
    let repeated: Vec<_> = json
        .as_array()
        .unwrap()
        .iter()
        .filter(|diagnostic| diagnostic.get("instance").is_some())
        .map(|diagnostic| {
            (
                &diagnostic["code"],
                &diagnostic["instance"],
                &diagnostic["more_instances"],
            )
        })
        .collect();
    let (code, instance, more) = repeated[0];
    assert_eq!(
        (code.as_str(), instance.as_str(), more.as_u64()),
        (Some("unknown-key"), Some("i = 0"), Some(2))
    );
}

/// A lab whose nodes and forwards say these.
fn twice(first: &str, second: &str) -> String {
    read(
        &format!(
            "kind: Network\nname: net\ntype: internal\n---\nkind: Node\nname: n\ncpu: 1\ninterfaces:\n- {first}\n- {second}\n"
        ),
        &Variables::default(),
    )
    .render_text(false)
}

#[test]
fn what_an_alias_repeats_is_there_twice() {
    let nic = "{network: net, mac: &mac 52:54:00:00:00:01}";
    assert!(twice(nic, "{network: net, mac: 52:54:00:00:00:02}").is_empty());
    for second in ["{network: net, mac: *mac}", "{network: net, mac: 52:54:00:00:00:01}"] {
        let said = twice(nic, second);
        assert!(said.contains("Two NICs have the same MAC."), "{second}: {said}");
    }
    let counted = twice("{count: 2, network: net, mac: 52:54:00:00:00:01}", "net");
    assert_eq!(counted.matches("Two NICs have the same MAC.").count(), 1, "{counted}");
    assert!(twice("{count: 2, network: net, mac: \"52:54:00:00:00:0${i}\"}", "net").is_empty());

    let forwards = "kind: Network\nname: net\ntype: internal\n---\nkind: NetworkNamespace\nname: a\ninterfaces:\n\
                    - network: net\nforwards:\n- &f {port: 80, to: \"10.0.0.1:80\"}\n- *f\n";
    let said = read(forwards, &Variables::default()).render_text(false);
    assert!(said.contains("The host's port 80/tcp is forwarded twice."), "{said}");
}

#[test]
fn a_count_of_nothing_runs_through_nothing() {
    for count in [
        "{a: 4000000000, b: 0}",
        "{a: 0, b: 4000000000}",
        "{a: 4000000000, b: 4000000000, c: 0}",
    ] {
        let text = format!(
            "kind: Network\nname: n${{a}}\ntype: internal\ncount: {count}\n---\nkind: Network\nname: n\ntype: internal\n"
        );
        let report = read(&text, &Variables::default());
        assert_eq!(report.spec.unwrap().networks.len(), 1, "{count}");
    }
}

/// The documents of a lab as they are read, in no order.
fn documents(files: &[PathBuf], given: &Variables) -> BTreeSet<String> {
    let (report, printed) = print(files, given);
    assert_eq!(report.render_text(false), "");
    printed.split("---\n").map(str::to_owned).collect()
}

#[test]
fn racks_are_those_written_out() {
    let sizes = |spines: usize, racks: usize, nodes: usize| {
        let number = |number: usize| number.to_string();
        Variables::default()
            .with("SPINES", &number(spines))
            .with("RACKS", &number(racks))
            .with("NODES", &number(nodes))
    };
    let dir = tempfile::tempdir().unwrap();
    let written = dir.path().join("lab.yml");
    for (spines, racks, nodes, given) in [
        (8, 20, 20, Variables::default()),
        (3, 2, 1, sizes(3, 2, 1)),
        (1, 0, 5, sizes(1, 0, 5)),
    ] {
        fs::write(&written, leaf_spine_yaml(spines, racks, nodes)).unwrap();
        let expected = documents(std::slice::from_ref(&written), &Variables::default());
        let found = documents(&[fixture("good/racks.yml")], &given);
        let different: Vec<_> = found.symmetric_difference(&expected).take(4).collect();
        assert!(different.is_empty(), "{different:#?}");
    }
}

#[test]
fn what_is_set_goes_before_the_environment_and_that_before_the_file() {
    let text = "kind: Lab\nvariables: {HOME: declared, OWN: declared}\n---\nkind: Network\nname: n\ntype: internal\n---\nkind: Node\n\
                name: n\ncpu: 1\nsmbios: {manufacturer: \"${HOME}\", product: \"${OWN}\", serial: \"${NONE:-0042}\"}\n";
    let home = std::env::var("HOME").unwrap();
    let smbios = |given: &Variables| {
        let report = read(text, given);
        assert_eq!(report.render_text(false), "");
        let smbios = report.spec.unwrap().nodes[0].smbios.clone();
        [smbios.manufacturer, smbios.product, smbios.serial].map(Option::unwrap)
    };
    let environment = Variables::of_environment();
    assert_eq!(smbios(&Variables::default()), ["declared", "declared", "0042"]);
    assert_eq!(smbios(&environment), [&home, "declared", "0042"]);
    let set = environment.with("HOME", "set").with("OWN", "").with("NONE", "7");
    let report = read(&text.replace("OWN}\"", "OWN:-x}\""), &set);
    let smbios = &report.spec.unwrap().nodes[0].smbios;
    assert_eq!(
        (
            smbios.manufacturer.as_deref(),
            smbios.product.as_deref(),
            smbios.serial.as_deref()
        ),
        (Some("set"), Some("x"), Some("7"))
    );
}

#[test]
fn a_variable_set_in_vain_is_told() {
    let text = "kind: Lab\nvariables: {RACKS: 1}\n---\nkind: Network\ncount: ${RACKS}\nname: n${i}\ntype: internal\n";
    let report = read(text, &Variables::default().with("RAKCS", "2"));
    assert_eq!(report.diagnostics.len(), 1);
    assert!(
        report.diagnostics[0]
            .message
            .contains("`RAKCS` is set and used nowhere")
    );
    assert_eq!(report.diagnostics[0].hint.as_deref(), Some("Did you mean `RACKS`?"));
}

#[test]
fn what_belongs_to_programs_stays_theirs() {
    let app = |head: &str, command: &str| {
        let text = format!(
            "{head}kind: Network\nname: n\ntype: internal\n---\nkind: NetworkNamespace\nname: r\ninterfaces: [network: n]\n\
             apps:\n- name: a\n  command: [sh, -c]\n  args: ['{command}']\n"
        );
        let report = read(&text, &Variables::of_environment());
        assert_eq!(report.render_text(false), "");
        report.spec.unwrap().namespaces[0].apps[0].command[2].clone()
    };
    // As it was in placemat v2: whatever the shell makes of it.
    for command in [
        "for x in 1 2; do echo ${x} $x ${#x} ${x:-y} ${HOME} ${x%%.*} $$ ${; done",
        "echo ${x:=${y}}",
    ] {
        assert_eq!(app("", command), command);
    }
    let declared = "kind: Lab\nvariables: {PORT: 80}\n---\n";
    assert_eq!(
        app(declared, "serve ${PORT} ${PORT+1} $${PORT} ${PROT} ${PORT^^}"),
        "serve 80 81 ${PORT} ${PROT} ${PORT^^}"
    );
}

#[test]
fn quoted_references_may_be_numbers_and_truth_values() {
    let text =
        "kind: Node\nname: n\nsmp: {cpus: \"${N}\"}\nuefi: \"${U}\"\nmemory: \"${M:-}\"\nsmbios: {serial: \"${N}\"}\n";
    let given = Variables::default().with("N", "4").with("U", "true");
    let report = read(text, &given);
    assert_eq!(report.render_text(false), "");
    let node = &report.spec.unwrap().nodes[0];
    assert_eq!(
        (node.smp.cpus, node.uefi, node.memory.as_deref()),
        (Some(4), true, None)
    );
    assert_eq!(node.smbios.serial.as_deref(), Some("4"));
}

#[test]
fn values_can_t_be_anything_else_than_text() {
    let given = Variables::default().with("X", "a\nuefi: true\n---\nkind: Network ${X} # \"");
    let report = read("kind: Node\nname: n\ncpu: 1\nsmbios: {serial: \"${X}\"}\n", &given);
    let spec = report.spec.unwrap();
    assert!(!spec.nodes[0].uefi && spec.networks.is_empty());
    assert_eq!(
        spec.nodes[0].smbios.serial.as_deref(),
        Some("a\nuefi: true\n---\nkind: Network ${X} # \"")
    );
}

#[test]
fn bombs_are_refused() {
    let count = "count: {a: 100, b: 100}";
    let nested = format!(
        "kind: NetworkNamespace\n{count}\nname: r${{a}}-${{b}}\ninterfaces:\n- {count}\n  network: n\n  addresses: [10.0.0.1/8]\n"
    );
    let big = format!(
        "kind: Node\n{count}\nname: n${{a}}-${{b}}\ncpu: 1\nextra-args: [{}]\n",
        "x".repeat(400 << 10)
    );
    let long = format!(
        "kind: Node\nname: n\ncpu: 1\nextra-args: ['{}']\n",
        "${X}".repeat(100_000)
    );
    let given = Variables::default().with("X", &"x".repeat(100_000));
    for (text, limit) in [
        (nested, "more than 500000 values"),
        (big, "More than 16 MiB of text"),
        (long, "More than 16 MiB of text"),
    ] {
        let report = read(&text, &given);
        let told = report
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.message.contains(limit));
        assert!(told && report.spec.is_none(), "{:?}", report.diagnostics.first());
    }
}

#[test]
fn included_files_are_read_once_and_bounded_in_number() {
    let mut files = Memory::default();
    for index in 0..400 {
        let text = format!("kind: Lab\ninclude: [{}.yml]\n", index + 1);
        files.0.insert(format!("/lab/{index}.yml").into(), text.into());
    }
    let report = load_from_given(
        vec![(
            "/lab/top.yml".into(),
            b"kind: Lab\ninclude: [0.yml, ./0.yml, x/../0.yml]\n".to_vec(),
        )],
        &Variables::default(),
        &files,
    );
    assert_eq!(report.diagnostics.len(), 1, "{:?}", report.diagnostics);
    assert!(report.diagnostics[0].message.contains("More than 256 files"));
}

/// Text full of what variables are made of.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "${",
        "}",
        "$",
        "$$",
        "$${",
        "A",
        "B",
        "i",
        "j",
        "+",
        "-",
        "*",
        "/",
        "%",
        "(",
        ")",
        ":",
        "02",
        "x",
        ":-",
        " ",
        "1",
        "é",
        "${A}",
        "${i}",
        "${i+1:02}",
        "${B:-x}",
    ]);
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(texts in prop::collection::vec(text(), 5), a in text()) {
        let quoted: Vec<_> = texts.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()).collect();
        let [count, name, serial, argument, default] = quoted.as_slice() else { panic!() };
        let lab = format!(
            "kind: Lab\nvariables: {{B: {default}}}\n---\nkind: Node\ncount: {count}\nname: {name}\ncpu: 1\nsmbios: {{serial: {serial}}}\n---\n\
             kind: Network\nname: n\ntype: internal\n---\nkind: NetworkNamespace\ncount: {{i: 2, j: 1-2}}\nname: r${{i}}${{j}}\n\
             interfaces: [network: n]\napps:\n- name: x\n  command: [{argument}]\n"
        );
        let report = read(&lab, &Variables::default().with("A", &a));
        let _ = report.render_text(true);
        prop_assert_eq!(report.spec.is_none(), report.has_errors(false));
    }

    #[test]
    fn escaped_text_is_put_in_as_it_is(text in text()) {
        let written = serde_json::Value::from(text.replace("${", "$${")).to_string();
        let lab = format!("kind: Node\ncount: 2\nname: n${{i}}\ncpu: 1\nsmbios: {{serial: {written}}}\n");
        let report = read(&lab, &Variables::default());
        let serial = report.spec.unwrap().nodes[1].smbios.serial.clone().unwrap_or_default();
        prop_assert_eq!(serial, text);
    }

    #[test]
    fn without_references_nothing_changes(a in "[a-z]{1,8}", count in 1..5_u32) {
        let lab = format!("kind: Network\ncount: {count}\nname: {a}${{i}}\ntype: internal\n");
        let spec = read(&lab, &Variables::default()).spec.unwrap();
        let names: Vec<_> = spec.networks.iter().map(|network| network.name.clone()).collect();
        prop_assert_eq!(names, (0..count).map(|i| format!("{a}{i}")).collect::<Vec<_>>());
    }
}
