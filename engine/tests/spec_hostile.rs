//! No input makes the reader panic, hang or use more memory than its limits allow.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use placemat2_engine::spec::{MAX_FILE_BYTES, Report, load_from, sample::AllThere};
use proptest::{prelude::*, sample::Index};

/// Reads text and renders what is said of it, in bounded time; generous, as tests run unoptimized and beside others.
fn read(bytes: Vec<u8>) -> Report {
    let length = bytes.len();
    let begin = Instant::now();
    let report = load_from(vec![("lab.yml".into(), bytes)], &AllThere);
    let rendered = report.render_text(true).len() + report.to_json().to_string().len();
    assert!(
        begin.elapsed() < Duration::from_secs(60),
        "{length} bytes took {:?}",
        begin.elapsed()
    );
    assert!(
        rendered < 4 << 20,
        "{length} bytes gave {rendered} bytes of diagnostics"
    );
    assert_eq!(report.spec.is_none(), report.has_errors(false));
    report
}

fn fixtures() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    [
        "good/full.yml",
        "bad/many-mistakes.yml",
        "bad/nodes.yml",
        "bad/namespaces.yml",
        "bad/syntax.yml",
    ]
    .into_iter()
    .map(|name| std::fs::read_to_string(root.join(name)).unwrap())
    .collect()
}

/// Words that lab files are made of, and those that YAML treats in a way of its own.
fn word() -> impl Strategy<Value = String> {
    let words: Vec<&str> = "kind name type Network NetworkNamespace NetworkStack Image DeviceClass Node internal external bmc \
        address 10.0.0.1/24 fd00::1/64 use-nat true interfaces network addresses apps command args env restart always init-scripts \
        workdir url file http://x/ compression path /x volumes image raw localds hostPath size 1G user-data cpu smp cpus cores maxcpus \
        sockets numa nodes memory 4294967295 0 -1 1e999 ~ null << &a *a &b *b !!str !x | > ? : - , [ ] { } # % @ ` ' \" --- ... \
        \\0 \t \u{85} \u{2028} \u{feff} \u{202e} 日本"
        .split(' ')
        .collect();
    prop_oneof![8 => prop::sample::select(words).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Text with the look of YAML: lines of words with some indentation.
fn yamlish() -> impl Strategy<Value = String> {
    let separators = prop::sample::select(vec![
        " ", ": ", ", ", "", "\n", "\n  ", "\n- ", "\n    - ", "\n---\n", "\r", ": {", "]", "}",
    ]);
    prop::collection::vec((word(), separators), 0..120).prop_map(|parts| {
        parts
            .into_iter()
            .flat_map(|(word, separator)| [word, separator.to_owned()])
            .collect()
    })
}

/// A well-formed value of any shape, as JSON, which is YAML.
fn structure() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        word().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(word(), inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        read(bytes);
    }

    #[test]
    fn any_text(text in ".{0,500}") {
        read(text.into_bytes());
    }

    #[test]
    fn text_that_looks_like_yaml(text in yamlish()) {
        read(text.into_bytes());
    }

    #[test]
    fn resources_of_any_shape(kind in word(), values in prop::collection::vec((word(), structure()), 0..10)) {
        let mut resource: serde_json::Map<_, _> = values.into_iter().collect();
        resource.insert("kind".to_owned(), kind.into());
        read(serde_json::Value::from(resource).to_string().into_bytes());
    }

    #[test]
    fn fixtures_with_damage(
        fixture in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), 0..40_usize, word()), 1..8),
    ) {
        let mut text: Vec<char> = fixture.get(&fixtures()).chars().collect();
        for (at, length, replacement) in damage {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, replacement.chars());
        }
        read(text.into_iter().collect::<String>().into_bytes());
    }

    #[test]
    fn lines_of_fixtures_in_any_order(order in prop::collection::vec((any::<Index>(), any::<Index>()), 1..100)) {
        let fixtures = fixtures();
        let lines: Vec<Vec<&str>> = fixtures.iter().map(|text| text.lines().collect()).collect();
        let text: Vec<&str> = order.iter().map(|(fixture, line)| *line.get(fixture.get(&lines).as_slice())).collect();
        read(text.join("\n").into_bytes());
    }
}

/// Repeats a text up to a size at which anything worse than linear shows.
fn repeated(text: &str) -> String {
    text.repeat((512 << 10) / text.len())
}

#[test]
fn repetitions_take_linear_time() {
    let patterns = [
        "- ",
        "[",
        "{",
        "{a: ",
        "a: ",
        "&a ",
        "!",
        "!a ",
        "%",
        "%TAG ! tag:x\n",
        "\n",
        "\r",
        "\t",
        "# x\n",
        "? ",
        "? a\n",
        "---\n",
        "--- ",
        "...\n",
        "---\na: b\n",
        "---\na: b: c\n",
        "---\nkind: Netwrk\nname: x\n",
        "*a ",
        ":",
        "a: b\n",
        "-\n",
        "- - - a\n",
        "a,",
        "x\n",
        "x",
        "'",
        "\"",
        "|\n",
        ">\n",
        "\u{feff}",
        "\u{300}",
        "---\nkind: Node\n",
        "---\nkind: Network\nname: n\n",
    ];
    for pattern in patterns {
        let text = repeated(pattern);
        read(text.clone().into_bytes());
        for opening in [
            "'",
            "\"",
            "[",
            "{",
            "a: |\n  ",
            "a: >\n  ",
            "kind: Node\ninterfaces: [",
            "kind: Network\nname: ",
        ] {
            read(format!("{opening}{}", &text[..text.floor_char_boundary(100 << 10)]).into_bytes());
        }
    }
}

#[test]
fn stairs_of_indentation_are_refused() {
    let stairs: String = (0..1000)
        .flat_map(|level| [" ".repeat(level), "a:\n".to_owned()])
        .collect();
    assert!(read(stairs.into_bytes()).has_errors(false));
}

#[test]
fn huge_scalars_and_files_are_refused() {
    let mut bytes = b"kind: Network\ntype: internal\nname: ".to_vec();
    bytes.resize(100 << 20, b'x');
    let report = read(bytes.clone());
    assert!(
        report.diagnostics[0].message.contains("larger than 16 MiB"),
        "{:?}",
        report.diagnostics
    );
    bytes.truncate(MAX_FILE_BYTES);
    let report = read(bytes);
    assert!(
        report.diagnostics[0].message.contains("larger than 512 KiB"),
        "{:?}",
        report.diagnostics
    );
}

#[test]
fn an_endless_file_is_read_only_as_far_as_the_limit() {
    let report = placemat2_engine::spec::load(&["/dev/zero".into()]);
    assert!(
        report.diagnostics[0].message.contains("larger than 16 MiB"),
        "{:?}",
        report.diagnostics
    );
}

#[test]
fn diagnostics_are_limited_in_number() {
    let report = read(repeated("---\nkind: Node\nname: x\n").into_bytes());
    assert_eq!(report.diagnostics.len(), 501);
    assert!(
        report.diagnostics[500].message.contains("more errors were found"),
        "{:?}",
        report.diagnostics[500]
    );
}
