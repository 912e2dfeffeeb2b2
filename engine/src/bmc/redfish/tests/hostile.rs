//! Requests that nobody sends who means well.

use axum::http::Method;
use proptest::prelude::*;

use crate::bmc::{
    redfish::{
        resources::FAMILIES,
        testing::{ADMINISTRATOR, ask, redfish},
    },
    testing::Scripted,
};

/// Paths of the routes, with something in the place of ids, and paths of nothing.
fn paths() -> impl Strategy<Value = String> {
    let known: Vec<String> = FAMILIES
        .iter()
        .copied()
        .flatten()
        .map(|route| route.path().to_owned())
        .filter(|path| !path.ends_with("/SSE"))
        .collect();
    let id = prop_oneof![
        Just("1".to_owned()),
        "[ -~&&[^ ?#\"<>\\\\^`{|}%]]{1,8}".prop_map(String::from)
    ];
    let routed = (prop::sample::select(known), id).prop_map(|(path, id)| path.replace("{}", &id));
    prop_oneof![4 => routed, 1 => "/[a-zA-Z0-9/._$%-]{0,40}"]
}

fn bodies() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "ResetType",
        "Boot",
        "BootSourceOverrideTarget",
        "UserName",
        "Password",
        "RoleId",
        "Attributes",
        "Destination",
        "Context",
        "HttpHeaders",
        "HostWatchdogTimer",
        "SessionTimeout",
        "DateTime",
        "X",
        "a/b~c",
        "@odata.id",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,20}".prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(names.clone().prop_map(String::from), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    prop_oneof![3 => value.prop_map(|value| value.to_string()), 1 => "\\PC{0,40}"]
}

proptest! {
    #[test]
    fn no_request_panics_or_is_a_fault_of_the_service(
        path in paths(),
        query in "(\\?[$a-z]{1,8}=[a-zA-Z0-9$.*~()= %']{0,20})?",
        body in bodies(),
        method in prop::sample::select(vec![Method::GET, Method::PATCH, Method::POST, Method::DELETE, Method::PUT]),
    ) {
        let uri = format!("{path}{}", query.replace(' ', "%20"));
        prop_assume!(uri.parse::<axum::http::Uri>().is_ok());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let redfish = redfish(&Scripted::new());
            let answer = ask(&redfish, method, &uri, &[ADMINISTRATOR], &body).await;
            let status = answer.status.as_u16();
            assert!(status < 500 || status == 501, "{uri} {body}: {status}");
        });
    }

    #[test]
    fn no_header_signs_anybody_in(header in "(Basic |Bearer |)[A-Za-z0-9+/=]{0,40}", token in "[0-9a-f]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let redfish = redfish(&Scripted::new());
            for header in [("authorization", header.as_str()), ("x-auth-token", token.as_str())] {
                let answer = ask(&redfish, Method::GET, "/redfish/v1/Systems", &[header], "").await;
                assert_eq!(answer.status, 401);
            }
        });
    }
}
