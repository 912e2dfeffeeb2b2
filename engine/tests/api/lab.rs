//! A served lab to test against.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use placemat2_engine::{
    api::{self, Answer as Eventually, Control, ControlError},
    app::{LogFiles, log::AppLog},
    bmc::redfish::Redfish,
    client::{Client, Endpoint},
    console::Console,
    fabric::LinkCounters,
    forward::Wanted,
    node::{Action, PowerState},
    plan::{BootSource, NetworkKind, Shape},
    shell::{self, Opened, Shells},
    spec::model::{Destination, Protocol},
    store::{
        AppPhase, AppState, ForwardState, InterfaceState, LabPhase, NamespaceState, NetworkState, NicState, NodeState,
        Readiness, Ready, Smbios, State, Store,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// A control that records what it is asked for and changes the store as a lab would.
pub struct Recorder {
    store: Store,
    pub actions: Mutex<Vec<(String, Action, Option<BootSource>)>>,
    pub restarted: Mutex<Vec<String>>,
    pub logs: Mutex<BTreeMap<(String, String), Arc<AppLog>>>,
    /// Told when the node "slow" is asked to act.
    pub asked: Notify,
    /// The node "slow" acts when this is told.
    pub release: Notify,
    consoles: Mutex<BTreeMap<String, Console>>,
}

impl Control for Recorder {
    fn node_action<'a>(
        &'a self,
        node: &'a str,
        action: Action,
        boot: Option<BootSource>,
    ) -> Pin<Box<dyn Future<Output = Result<(), ControlError>> + Send + 'a>> {
        Box::pin(async move {
            match node {
                "broken" => return Err(ControlError::Failed("QEMU of broken does not start".into())),
                "busy" => return Err(ControlError::Conflict("Node busy is shutting down".into())),
                "vanished" => return Err(ControlError::NotFound("node \"vanished\"".into())),
                "slow" => {
                    self.asked.notify_one();
                    self.release.notified().await;
                }
                _ => {}
            }
            self.actions.lock().unwrap().push((node.to_owned(), action, boot));
            self.store.update(|state| {
                if let Some(node) = state.node_mut(node) {
                    node.power_status = if action == Action::Stop {
                        PowerState::Off
                    } else {
                        PowerState::On
                    };
                }
            });
            Ok(())
        })
    }

    fn app_log(&self, namespace: &str, app: &str) -> Option<Arc<AppLog>> {
        self.logs
            .lock()
            .unwrap()
            .get(&(namespace.to_owned(), app.to_owned()))
            .cloned()
    }

    fn restart_app<'a>(&'a self, namespace: &'a str, app: &'a str) -> Eventually<'a, ()> {
        Box::pin(async move {
            self.restarted.lock().unwrap().push(format!("{namespace}/{app}"));
            Ok(())
        })
    }

    fn add_forward(&self, wanted: Wanted) -> Result<(), ControlError> {
        if wanted.netns != "operation" {
            return Err(ControlError::NotFound(format!("namespace {:?}", wanted.netns)));
        }
        let key = (wanted.port, wanted.protocol);
        self.store.update(|state| {
            if state.forwards.iter().any(|old| (old.local_port, old.protocol) == key) {
                return Err(ControlError::Conflict("The port is taken.".into()));
            }
            state.forwards.push(ForwardState::new(&wanted, Arc::default()));
            Ok(())
        })
    }

    fn delete_forward(
        &self,
        port: u16,
        protocol: Protocol,
    ) -> Pin<Box<dyn Future<Output = Result<(), ControlError>> + Send + '_>> {
        Box::pin(async move {
            self.store.update(|state| {
                let before = state.forwards.len();
                state
                    .forwards
                    .retain(|old| (old.local_port, old.protocol) != (port, protocol));
                if state.forwards.len() == before {
                    return Err(ControlError::NotFound(format!("forward of port {port}")));
                }
                Ok(())
            })
        })
    }

    fn connect<'a>(
        &'a self,
        side: &'a str,
        to: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Result<TcpStream, ControlError>> + Send + 'a>> {
        Box::pin(async move {
            if side != "boot-0" {
                return Err(ControlError::NotFound(format!("node or namespace {side:?}")));
            }
            let connected = TcpStream::connect((to.host(), to.port())).await;
            connected.map_err(|error| ControlError::Failed(error.to_string()))
        })
    }

    fn console(&self, node: &str) -> Result<Console, ControlError> {
        let console = self.consoles.lock().unwrap().get(node).cloned();
        console.ok_or_else(|| ControlError::NotFound(format!("node {node:?}")))
    }

    fn send_break<'a>(&'a self, node: &'a str) -> Eventually<'a, ()> {
        Box::pin(async move {
            match node {
                "boot-0" => Ok(()),
                "boot-1" => Err(ControlError::Conflict("boot-1 is off".into())),
                _ => Err(ControlError::NotFound(format!("node {node:?}"))),
            }
        })
    }

    fn screenshot<'a>(&'a self, node: &'a str) -> Eventually<'a, Vec<u8>> {
        Box::pin(async move {
            match node {
                "boot-0" => Ok(b"\x89PNG".to_vec()),
                "boot-1" => Err(ControlError::Conflict("boot-1 is off".into())),
                _ => Err(ControlError::NotFound(format!("node {node:?}"))),
            }
        })
    }

    fn redfish(&self, node: &str) -> Result<Arc<Redfish>, ControlError> {
        Err(ControlError::NotFound(format!("BMC of a node {node:?}")))
    }

    fn open_shell<'a>(&'a self, netns: &'a str, _: shell::Wanted) -> Eventually<'a, Opened> {
        Box::pin(async move { Err(ControlError::NotFound(format!("namespace {netns:?}"))) })
    }

    fn shells(&self) -> Result<Shells, ControlError> {
        Ok(Shells::default())
    }

    fn links(&self) -> Eventually<'_, Vec<LinkCounters>> {
        Box::pin(async {
            Ok(vec![LinkCounters {
                id: "link/boot-0/0".into(),
                rx_bytes: 1,
                tx_bytes: 2,
                rx_packets: 3,
                tx_packets: 4,
                up: true,
            }])
        })
    }
}

pub struct Lab {
    pub store: Store,
    pub control: Arc<Recorder>,
    pub socket: PathBuf,
    pub address: SocketAddr,
    pub cancel: CancellationToken,
    pub server: JoinHandle<()>,
    directory: tempfile::TempDir,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Lab {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("lab/api.sock");
        let unix = api::bind_unix(&socket).unwrap();
        let tcp = api::bind_tcp("127.0.0.1:0").unwrap();
        let address = tcp[0].local_addr().unwrap();
        let store = Store::new(state());
        let control = Arc::new(Recorder {
            store: store.clone(),
            actions: Mutex::default(),
            restarted: Mutex::default(),
            logs: Mutex::default(),
            asked: Notify::new(),
            release: Notify::new(),
            consoles: Mutex::default(),
        });
        let cancel = CancellationToken::new();
        let server = api::serve(
            store.clone(),
            control.clone(),
            unix,
            tcp,
            vec!["lab.example.org".into()],
            cancel.clone(),
        );
        let server = tokio::spawn(server);
        Self {
            store,
            control,
            socket,
            address,
            cancel,
            server,
            directory,
        }
    }

    pub fn client(&self) -> Client {
        Client::new(Endpoint::Unix(self.socket.clone()))
    }

    /// Asks over TCP, with a proper `Host` unless the headers have one.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.ask("POST", path, &[], "").await
    }

    /// Sends bytes as they are and returns all that comes back until the server closes the connection.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
            .await
            .expect("no end of the answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Opens a stream over TCP: the head of the request is sent, the answer is the caller's to read.
    pub async fn open(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Gives an app of the lab an output.
    pub fn log(&self, namespace: &str, app: &str) -> Arc<AppLog> {
        let path = self.directory.path().join(format!("{namespace}.{app}.log"));
        let files = LogFiles::start(self.store.clone()).unwrap();
        let log = AppLog::open(path, &format!("app/{namespace}/{app}"), &files);
        let key = (namespace.to_owned(), app.to_owned());
        self.control.logs.lock().unwrap().insert(key, Arc::clone(&log));
        log
    }

    /// Gives a node a console; the guest's end of it.
    pub async fn console(&self, node: &str) -> UnixStream {
        let path = |name: &str| self.directory.path().join(format!("{node}.{name}"));
        let id = format!("node/{node}");
        let console = Console::open(&id, &path("socket"), &path("console.log"), self.store.clone()).unwrap();
        let (near, guest) = UnixStream::pair().unwrap();
        console.attach(near).await.unwrap();
        self.control.consoles.lock().unwrap().insert(node.to_owned(), console);
        guest
    }

    /// Takes the server down and waits for its end.
    pub async fn stop(self) {
        self.cancel.cancel();
        timeout(Duration::from_secs(2), self.server)
            .await
            .expect("the server does not end")
            .unwrap();
    }
}

/// Two networks, a namespace with an app, and a few nodes.
fn state() -> State {
    let mut state = State::default();
    state.lab.name = "dc".into();
    state.lab.phase = LabPhase::Running;
    let network = |name: &str, kind, address: Option<&str>, links: &[&str]| NetworkState {
        name: name.into(),
        kind,
        address: address.map(|address| address.parse().unwrap()),
        nat: kind == NetworkKind::External,
        shape: Shape::Bridge,
        mtu: 1500,
        links: links.iter().map(ToString::to_string).collect(),
        state: Ready::Ready,
    };
    state.networks = vec![
        network(
            "ext",
            NetworkKind::External,
            Some("10.0.0.1/24"),
            &["link/host/ext", "link/operation/eth0"],
        ),
        network(
            "rack0",
            NetworkKind::Internal,
            None,
            &["link/operation/eth1", "link/boot-0/0"],
        ),
    ];
    state.namespaces = vec![NamespaceState {
        name: "operation".into(),
        state: Ready::Ready,
        reason: None,
        interfaces: vec![
            InterfaceState {
                name: "eth0".into(),
                network: "ext".into(),
                mac: "02:00:00:00:00:01".into(),
                addresses: vec!["10.0.0.2/24".parse().unwrap(), "fd00::2/64".parse().unwrap()],
            },
            InterfaceState {
                name: "eth1".into(),
                network: "rack0".into(),
                mac: "02:00:00:00:00:02".into(),
                addresses: vec![],
            },
        ],
        apps: vec![AppState {
            name: "bird".into(),
            command: vec!["bird".into(), "-f".into()],
            phase: AppPhase::Running,
            pid: Some(42),
            started_at: None,
            exit_code: None,
            signal: None,
            restarts: 0,
            error: None,
            ready: Readiness::default(),
        }],
    }];
    state.nodes = ["boot-0", "broken", "busy", "vanished", "slow", "a b/ü"]
        .into_iter()
        .map(node)
        .collect();
    state
}

fn node(name: &str) -> NodeState {
    NodeState {
        name: name.into(),
        taps: BTreeMap::from([("rack0".into(), "pm12".into())]),
        volumes: vec!["root".into()],
        cpu: 2,
        memory: "3G".into(),
        uefi: false,
        tpm: false,
        smbios: Smbios::default(),
        power_status: PowerState::On,
        socket_path: format!("/tmp/{name}.socket"),
        pty_path: format!("/tmp/{name}.pty"),
        power_reason: None,
        failed: false,
        pid: Some(7),
        started_at: None,
        boots: 0,
        last_boot: None,
        nics: vec![NicState {
            network: "rack0".into(),
            tap: "pm12".into(),
            mac: "52:54:00:00:00:01".into(),
        }],
        bmc_address: None,
        addresses: vec![],
        ready: Readiness::default(),
    }
}
