//! What a plan asks of the kernel, without asking it.

use std::fmt::Write as _;

use super::{
    super::{FabricError, layout::Layout},
    lab::{Lab, To},
};
use crate::plan::{Plan, Shape};

/// Returns all requests of a plan, a line each, in the order they are sent.
fn requests(plan: &Plan) -> String {
    let layout = Layout::of(plan).expect("layout");
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        writeln!(text, "{title}").expect("string");
        for line in lines {
            writeln!(text, "  {line}").expect("string");
        }
    };
    section(
        "bridges",
        layout.bridges.iter().map(|request| format!("{request:?}")).collect(),
    );
    section("taps", layout.taps.iter().map(|tap| format!("{tap:?}")).collect());
    section(
        "attach",
        layout
            .attach_taps()
            .iter()
            .map(|request| format!("{request:?}"))
            .collect(),
    );
    section(
        "host",
        layout
            .host_ends
            .iter()
            .map(|end| format!("{} {:?}", end.address, end.pair))
            .collect(),
    );
    section(
        "pairs",
        layout.pairs.iter().map(|request| format!("{request:?}")).collect(),
    );
    for name in layout.names() {
        let requests = layout.configure(name);
        section(name, requests.iter().map(|request| format!("{request:?}")).collect());
        section(
            &format!("{name}, up first"),
            layout.first_ends(name).iter().map(ToString::to_string).collect(),
        );
    }
    text
}

#[test]
fn each_shape_asks_for_as_little_as_it_can() {
    let plan = Lab::new()
        .mtu(1400)
        .network("ext", &[To::Host("10.0.0.1/24"), To::Ns("r1", &["10.0.0.2/24"])])
        .network("bmc", &[To::Host("fd00::1/64")])
        .network(
            "link",
            &[
                To::Ns("r1", &["10.1.0.1/31", "fd01::1/64"]),
                To::Ns("r2", &["10.1.0.0/31"]),
            ],
        )
        .network("rack", &[To::Ns("r2", &["10.2.0.1/24"]), To::Node("vm", 0, 2)])
        .network("stub", &[To::Ns("r1", &[])])
        .network("none", &[])
        .plan();
    insta::assert_snapshot!(requests(&plan));
}

#[test]
fn a_retune_reaches_every_link_once() {
    let plan = Lab::new()
        .network(
            "rack",
            &[
                To::Host("10.2.0.1/24"),
                To::Ns("a", &["fd00::2/64"]),
                To::Node("vm", 0, 1),
            ],
        )
        .network("pair", &[To::Ns("a", &[]), To::Ns("b", &[])])
        .plan();
    let layout = Layout::of(&plan).expect("layout");
    let mut all = layout.retune_fabric(9000);
    all.extend(layout.retune("a", 1500, 9000));
    all.extend(layout.retune("b", 1000, 9000));
    let lines: Vec<_> = all.iter().map(|request| format!("{request:?}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(
        format!("{:?}", layout.retune("a", 1200, 9000)).contains("fd00::2/64"),
        "IPv6 is not given back"
    );
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let mut plan = (*Lab::new().network("n", &[To::Ns("a", &[]), To::Ns("b", &[])]).plan()).clone();
    plan.networks[0].shape = Shape::Stub;
    let error = Layout::of(&plan).expect_err("two links");
    assert!(
        matches!(&error, FabricError::Plan { network, .. } if network == "n"),
        "{error}"
    );
    plan.networks[0].shape = Shape::Bridge;
    assert!(Layout::of(&plan).is_err(), "no ports");
    plan.networks[0].shape = Shape::Veth;
    assert!(Layout::of(&plan).is_ok());
    plan.namespaces.clear();
    assert!(Layout::of(&plan).is_err(), "no namespaces");
}
