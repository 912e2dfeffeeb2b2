//! Over real TLS, with curl.

use std::process::Output;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, process::Command};

use crate::bmc::{
    Verb,
    redfish::testing::{Served, served},
    testing::{Scripted, identity},
};

async fn curl(served: &Served, path: &str, arguments: &[&str]) -> Output {
    let url = format!("https://{}{path}", served.address);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "60"])
        .args(arguments)
        .arg(url);
    curl.output().await.unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn the_lab_s_authority_vouches_for_the_address() {
    let served = served(&Scripted::new(), identity()).await;
    let ca = served.ca.path().to_str().unwrap();
    for versions in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
        let arguments = [["--cacert", ca].as_slice(), versions.as_slice()].concat();
        let answer = curl(&served, "/redfish/v1/", &arguments).await;
        assert!(answer.status.success(), "{answer:?}");
        assert!(text(&answer).contains("\"RedfishVersion\""), "{answer:?}");
    }
    // Without the authority nobody vouches for it.
    assert_eq!(curl(&served, "/redfish/v1/", &[]).await.status.code(), Some(60));
    let old = curl(
        &served,
        "/redfish/v1/",
        &["--cacert", ca, "--tlsv1.0", "--tls-max", "1.1"],
    )
    .await;
    assert!(!old.status.success());
}

#[tokio::test]
async fn the_way_of_placemat_v2() {
    let machine = Scripted::new();
    let served = served(&machine, identity()).await;
    let v2 = ["--insecure", "--user", "cybozu:cybozu"];
    let systems: serde_json::Value =
        serde_json::from_str(&text(&curl(&served, "/redfish/v1/Systems", &v2).await)).unwrap();
    let [system] = systems["Members"].as_array().unwrap().as_slice() else {
        panic!("{systems}")
    };
    let path = system["@odata.id"].as_str().unwrap();
    let system: serde_json::Value = serde_json::from_str(&text(&curl(&served, path, &v2).await)).unwrap();
    let target = system["Actions"]["#ComputerSystem.Reset"]["target"].as_str().unwrap();
    let reset = [
        v2.as_slice(),
        &[
            "--header",
            "Content-Type: application/json",
            "--write-out",
            "%{http_code}",
        ],
    ]
    .concat();
    for (word, acts) in [
        ("On", [Verb::On]),
        ("ForceRestart", [Verb::Reset]),
        ("ForceOff", [Verb::Off]),
    ] {
        let body = format!("{{\"ResetType\":\"{word}\"}}");
        let answer = curl(&served, target, &[reset.as_slice(), &["--data", &body]].concat()).await;
        assert_eq!(text(&answer), "204", "{word}");
        assert_eq!(machine.acts(), acts, "{word}");
    }
    let denied = curl(
        &served,
        path,
        &["--insecure", "--user", "cybozu:wrong", "--write-out", "%{http_code}"],
    );
    assert!(text(&denied.await).ends_with("401"));
}

#[tokio::test]
async fn what_is_not_tls_or_too_long_ends_that_connection_alone() {
    let served = served(&Scripted::new(), identity()).await;
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    plain.write_all(b"GET /redfish/v1 HTTP/1.1\r\n\r\n").await.unwrap();
    let body = "x".repeat(70_000);
    let long = [
        "--insecure",
        "--user",
        "cybozu:cybozu",
        "--request",
        "PATCH",
        "--write-out",
        "%{http_code}",
        // The answer ends the connection: a client that is still sending may hear of that end first.
        "--header",
        "Expect: 100-continue",
        "--expect100-timeout",
        "60",
        "--data",
        &body,
    ];
    let answer = curl(&served, "/redfish/v1/Systems/System.Embedded.1", &long).await;
    assert!(text(&answer).ends_with("413"), "{answer:?}");
    let good = curl(&served, "/redfish/v1", &["--insecure"]).await;
    assert!(good.status.success());
}
