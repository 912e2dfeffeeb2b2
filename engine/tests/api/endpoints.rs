//! Every endpoint, what it answers and what it refuses.

use std::{sync::Arc, time::Duration};

use placemat2_engine::{
    api::{Topology, VertexKind, openapi},
    client::{Client, ClientError, Endpoint},
    node::{Action, Grace},
    plan::BootSource,
    store::Level,
};
use serde_json::{Value, json};

use crate::lab::Lab;

#[tokio::test]
async fn nodes_are_what_placemat_v2_served() {
    let lab = Lab::start();
    let answer = lab.get("/nodes").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let nodes = answer.json();
    assert_eq!(nodes.as_array().unwrap().len(), 6);
    let node = &nodes[0];
    let v2 = json!({
        "name": "boot-0", "taps": {"rack0": "pm12"}, "volumes": ["root"], "cpu": 2, "memory": "3G", "uefi": false,
        "tpm": false, "smbios": {"manufacturer": "", "product": "", "serial": ""}, "power_status": "On",
        "socket_path": "/tmp/boot-0.socket",
    });
    for (key, value) in v2.as_object().unwrap() {
        assert_eq!(&node[key], value, "{key}");
    }
    assert_eq!(&lab.get("/nodes/boot-0").await.json(), node);
    lab.stop().await;
}

fn shutdown(milliseconds: u64, force: bool) -> Action {
    let limit = Duration::from_millis(milliseconds);
    Action::Shutdown(Grace { limit, force })
}

#[tokio::test]
async fn actions_on_nodes() {
    let lab = Lab::start();
    for (action, expected) in [
        ("start", Action::Start),
        ("stop", Action::Stop),
        ("restart", Action::Restart),
        ("on", Action::Start),
        ("off", Action::Stop),
        ("reset", Action::Reset),
        ("cycle", Action::Cycle),
        ("nmi", Action::Nmi),
        ("push", Action::Push),
        ("shutdown", Action::Shutdown(Grace::default())),
        ("shutdown?timeout=1.5&force=true", shutdown(1500, true)),
        ("shutdown?timeout=0", shutdown(0, false)),
        ("cycle?boot=disk", Action::Cycle),
    ] {
        let answer = lab.post(&format!("/nodes/boot-0/{action}")).await;
        assert_eq!(answer.status, 200, "{action}");
        assert_eq!(
            lab.control.actions.lock().unwrap().last(),
            Some(&(
                "boot-0".into(),
                expected,
                action.ends_with("disk").then_some(BootSource::Disk)
            ))
        );
    }
    lab.post("/nodes/boot-0/stop").await;
    assert_eq!(lab.get("/nodes").await.json()[0]["power_status"], "Off");
    for (path, status) in [
        ("/nodes/nobody/start", 404),
        ("/nodes/nobody/explode", 404),
        ("/nodes/boot-0/explode", 400),
        ("/nodes/boot-0/Start", 400),
        ("/nodes/broken/start", 500),
        ("/nodes/vanished/start", 404),
        ("/nodes/boot-0/start/now", 404),
        ("/nodes/boot-0/on?timeout=3", 400),
        ("/nodes/boot-0/off?force=true", 400),
        ("/nodes/boot-0/shutdown?timeout=-1", 400),
        ("/nodes/boot-0/shutdown?timeout=1e300", 400),
        ("/nodes/boot-0/shutdown?timeout=NaN", 400),
        ("/nodes/boot-0/shutdown?timeout=soon", 400),
        ("/nodes/boot-0/shutdown?within=3", 400),
        ("/nodes/boot-0/on?boot=floppy", 400),
        ("/nodes/boot-0/reset?boot=disk", 400),
        ("/nodes/busy/on", 409),
    ] {
        let answer = lab.post(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    assert_eq!(lab.control.actions.lock().unwrap().len(), 14);
    lab.stop().await;
}

#[tokio::test]
async fn an_action_outlives_its_client() {
    let lab = Lab::start();
    let client = lab.client();
    let action = tokio::spawn(async move { client.post("/nodes/slow/start").await });
    let (store, control) = (lab.store.clone(), Arc::clone(&lab.control));
    control.asked.notified().await;
    action.abort();
    let _ = action.await;
    // The server ends when every connection is closed.
    lab.stop().await;
    let mut watch = store.watch();
    watch.mark_unchanged();
    control.release.notify_one();
    tokio::time::timeout(Duration::from_secs(5), watch.changed())
        .await
        .expect("the action was given up")
        .unwrap();
    assert_eq!(control.actions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn apps_are_restarted() {
    let lab = Lab::start();
    assert_eq!(lab.post("/netns/operation/apps/bird/restart").await.status, 200);
    assert_eq!(*lab.control.restarted.lock().unwrap(), ["operation/bird"]);
    for missing in ["/netns/operation/apps/none/restart", "/netns/none/apps/bird/restart"] {
        assert_eq!(lab.post(missing).await.status, 404, "{missing}");
    }
    assert_eq!(lab.get("/netns/operation/apps/bird/restart").await.status, 405);
    lab.stop().await;
}

#[tokio::test]
async fn names_with_odd_characters_are_found() {
    let lab = Lab::start();
    let path = Client::path(&["nodes", "a b/ü"]);
    assert_eq!(lab.get(&path).await.json()["name"], "a b/ü");
    let node: Value = lab.client().get_json(&path).await.unwrap();
    assert_eq!(node["name"], "a b/ü");
}

#[tokio::test]
async fn the_other_objects() {
    let lab = Lab::start();
    assert_eq!(lab.get("/lab").await.json()["name"], "dc");
    assert_eq!(lab.get("/lab").await.json()["phase"], "running");
    assert_eq!(lab.get("/networks").await.json()[1]["name"], "rack0");
    assert_eq!(lab.get("/networks/ext").await.json()["address"], "10.0.0.1/24");
    assert_eq!(lab.get("/netns").await.json()[0]["apps"][0]["name"], "bird");
    assert_eq!(
        lab.get("/netns/operation").await.json()["interfaces"][0]["network"],
        "ext"
    );
    assert_eq!(lab.get("/netns/operation/apps/bird").await.json()["phase"], "running");
    for missing in [
        "/",
        "/nodes/",
        "/nodes/nobody",
        "/networks/none",
        "/netns/none",
        "/netns/none/apps/bird",
        "/netns/operation/apps/none",
        "/netns/operation/apps/none/log",
        "/netns/operation/apps",
        "/NODES",
    ] {
        let answer = lab.get(missing).await;
        assert_eq!(answer.status, 404, "{missing}");
        assert!(answer.json()["error"].is_string(), "{missing}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_change_shows_in_the_next_answer() {
    let lab = Lab::start();
    for round in 0..50 {
        lab.store.update(|state| state.lab.files = vec![format!("{round}.yml")]);
        assert_eq!(lab.get("/lab").await.json()["files"][0], format!("{round}.yml"));
    }
}

#[tokio::test]
async fn the_topology_is_a_graph() {
    let lab = Lab::start();
    let graph: Topology = lab.client().get_json("/topology").await.unwrap();
    let ids: Vec<_> = graph.vertices.iter().map(|vertex| vertex.id.as_str()).collect();
    assert_eq!(
        ids[..5],
        [
            "host",
            "network/ext",
            "network/rack0",
            "namespace/operation",
            "node/boot-0"
        ]
    );
    assert_eq!(graph.vertices[0].kind, VertexKind::Host);
    let edges: Vec<_> = graph
        .edges
        .iter()
        .map(|edge| format!("{} {} {}", edge.id, edge.from, edge.to))
        .collect();
    assert_eq!(
        edges[..4],
        [
            "link/host/ext host network/ext",
            "link/operation/eth0 namespace/operation network/ext",
            "link/operation/eth1 namespace/operation network/rack0",
            "link/boot-0/0 node/boot-0 network/rack0",
        ]
    );
    assert_eq!(graph.edges[1].addresses, ["10.0.0.2/24", "fd00::2/64"]);
    assert!(
        graph
            .edges
            .iter()
            .all(|edge| ids.contains(&edge.from.as_str()) && ids.contains(&edge.to.as_str()))
    );
    lab.stop().await;
}

#[tokio::test]
async fn every_documented_method_is_served_and_no_other() {
    let lab = Lab::start();
    let document: Value = lab.client().get_json("/openapi.json").await.unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{name}", "boot-0")
            .replace("{app}", "bird")
            .replace("{action}", "start")
            .replace("{port}", "80");
        let answer = lab.ask("PATCH", &path, &[], "").await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
        let allow = answer.header("allow").to_lowercase();
        let mut allowed: Vec<_> = allow.split(',').filter(|method| *method != "head").collect();
        allowed.sort_unstable();
        let documented: Vec<_> = methods.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

#[test]
fn the_document() {
    let mut document: Value = serde_json::from_str(&openapi()).unwrap();
    document["info"]["version"] = "VERSION".into();
    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn the_head_of_an_answer_alone() {
    let lab = Lab::start();
    let answer = lab.ask("HEAD", "/nodes", &[], "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn hosts_and_origins() {
    let lab = Lab::start();
    let port = lab.address.port();
    for own in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        &lab.address.to_string(),
        &format!("localhost:{port}"),
        // Through a forwarded port.
        "198.51.100.7:80",
        "lab.example.org",
    ] {
        assert_eq!(
            lab.ask("GET", "/nodes", &[("host", own)], "").await.status,
            200,
            "{own}"
        );
    }
    let rebound = lab.ask("GET", "/nodes", &[("host", "evil.example")], "").await;
    assert_eq!(rebound.status, 403);
    assert!(rebound.json()["error"].is_string());
    let foreign = lab
        .ask("POST", "/nodes/boot-0/stop", &[("origin", "http://evil.example")], "")
        .await;
    assert_eq!(foreign.status, 403);
    assert!(lab.control.actions.lock().unwrap().is_empty());
    let own = format!("http://{}", lab.address);
    assert_eq!(
        lab.ask("POST", "/nodes/boot-0/stop", &[("origin", &own)], "")
            .await
            .status,
        200
    );
    let missing = lab.raw(b"GET /nodes HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert!(missing.starts_with("HTTP/1.1 400 "), "{missing}");
    lab.stop().await;
}

#[tokio::test]
async fn both_sockets_and_the_client() {
    let lab = Lab::start();
    for endpoint in [
        Endpoint::Unix(lab.socket.clone()),
        format!("http://{}", lab.address).parse().unwrap(),
        Endpoint::Tcp("localhost".into(), lab.address.port()),
    ] {
        let client = Client::new(endpoint);
        let nodes: Value = client.get_json("/nodes").await.unwrap();
        assert_eq!(nodes[0]["name"], "boot-0");
        client.post("/nodes/boot-0/restart").await.unwrap();
        let error = client.get_json::<Value>("/nodes/nobody").await.unwrap_err();
        let ClientError::Refused { status, message } = error else {
            panic!("{error}")
        };
        assert_eq!(
            (status, message.as_str()),
            (404, "There is no node \"nobody\" in this lab.")
        );
    }
    lab.stop().await;
}

#[tokio::test]
async fn events_as_an_array() {
    let lab = Lab::start();
    for n in 1..=3 {
        lab.store.event(Level::Info, "lab", "test", &format!("number {n}"));
    }
    let accept = ("accept", "application/json");
    let ids = |events: Value| -> Vec<u64> {
        events
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(ids(lab.ask("GET", "/events", &[accept], "").await.json()), [1, 2, 3]);
    assert_eq!(ids(lab.ask("GET", "/events?after=2", &[accept], "").await.json()), [3]);
    let resumed = lab
        .ask("GET", "/events?after=2", &[accept, ("last-event-id", "1")], "")
        .await;
    assert_eq!(ids(resumed.json()), [2, 3]);
    assert!(ids(lab.ask("GET", "/events?after=99", &[accept], "").await.json()).is_empty());
    let malformed = lab.ask("GET", "/events?after=x", &[accept], "").await;
    assert_eq!(malformed.status, 400);
    assert!(malformed.json()["error"].as_str().unwrap().contains("after"));
}

#[tokio::test]
async fn forwards_are_added_listed_and_deleted() {
    let lab = Lab::start();
    let add = async |body: &'static str| lab.ask("POST", "/forwards", &[], body).await.status;
    let good = r#"{"local_port":30000,"netns":"operation","remote_host":"10.72.32.0","remote_port":80}"#;
    assert_eq!(add(good).await, 201);
    assert_eq!(add(good).await, 409);
    for bad in [
        "",
        "[]",
        r#"{"local_port":0,"netns":"operation","remote_host":"10.72.32.0","remote_port":80}"#,
        r#"{"local_port":1,"netns":"operation","remote_host":"10.72.32.0","remote_port":0}"#,
        r#"{"local_port":1,"netns":"operation","remote_host":"a b","remote_port":80}"#,
        r#"{"local_port":1,"netns":"operation","remote_host":"a","remote_port":80,"protocol":"sctp"}"#,
        r#"{"local_port":1,"netns":"operation","remote_host":"a","remote_port":80,"color":"red"}"#,
    ] {
        assert_eq!(add(bad).await, 400, "{bad}");
    }
    assert_eq!(add(good.replace("operation", "none").leak()).await, 404);
    let listed = lab.get("/forwards").await.json();
    assert_eq!(
        listed,
        serde_json::json!([{
            "local_port": 30000, "netns": "operation", "pod": "operation", "remote_host": "10.72.32.0",
            "remote_port": 80, "protocol": "tcp", "address": null, "connections": 0, "active": 0, "failed": 0,
            "bytes_in": 0, "bytes_out": 0, "last_error": null,
        }])
    );
    let delete = async |path: &'static str| lab.ask("DELETE", path, &[], "").await.status;
    assert_eq!(delete("/forwards/30000?protocol=udp").await, 404);
    assert_eq!(delete("/forwards/x").await, 400);
    assert_eq!(delete("/forwards/30000").await, 200);
    assert_eq!(delete("/forwards/30000").await, 404);
    lab.stop().await;
}

#[tokio::test]
async fn a_stream_carries_bytes_both_ways_and_ends_with_the_lab() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let lab = Lab::start();
    let far = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = far.local_addr().unwrap().port();
    let path = format!("/connect?from=boot-0&host=127.0.0.1&port={port}");
    assert_eq!(lab.get(&path).await.status, 426);
    assert!(
        lab.client()
            .tunnel("/connect?from=nobody&host=127.0.0.1&port=1")
            .await
            .is_err()
    );
    let mut near = lab.client().tunnel(&path).await.unwrap();
    let (mut far, _) = far.accept().await.unwrap();
    near.write_all(b"question").await.unwrap();
    near.shutdown().await.unwrap();
    let mut text = String::new();
    far.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "question");
    // The far end can still answer after the near one has ended.
    far.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    near.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
    lab.stop().await;
    assert_eq!(far.read(&mut [0]).await.unwrap_or(0), 0);
}
