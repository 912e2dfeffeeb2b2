//! A lab of nodes that are on paper only, behind a real API.

use std::{collections::BTreeMap, error::Error, path::Path, pin::Pin, sync::Arc};

use placemat2_engine::{
    api::{self, Answer, Control, ControlError},
    app::log::AppLog,
    bmc::redfish::Redfish,
    console::Console,
    fabric::LinkCounters,
    forward::Wanted,
    node::{Action, PowerState},
    plan::BootSource,
    shell::{self, Opened, Shells},
    spec::model::{Destination, Protocol},
    store::{NicState, NodeState, Readiness, Smbios, State, Store},
};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Target;

/// How many nodes it has.
pub const NODES: usize = 100;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The lab, served.
pub struct Lab {
    /// What it is.
    pub store: Store,
    /// The right answer to `GET /nodes`.
    pub nodes: Arc<[u8]>,
    /// The API's address.
    pub tcp: Target,
    /// The API's socket.
    pub unix: Target,
    cancel: CancellationToken,
    server: JoinHandle<()>,
    /// Where the socket is.
    _directory: tempfile::TempDir,
}

impl Lab {
    /// Serves it on the runtime of the caller.
    pub fn serve() -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("lab/api.sock");
        let store = Store::new(State {
            nodes: (0..NODES).map(node).collect(),
            ..State::default()
        });
        let nodes = store.read(|state| serde_json::to_vec(&state.nodes))?.into();
        let unix = api::bind_unix(&socket)?;
        let tcp = api::bind_tcp("127.0.0.1:0")?;
        let address = tcp.first().ok_or("no listener")?.local_addr()?;
        let cancel = CancellationToken::new();
        let server = tokio::spawn(api::serve(
            store.clone(),
            Arc::new(Idle),
            unix,
            tcp,
            Vec::new(),
            cancel.clone(),
        ));
        Ok(Self {
            store,
            nodes,
            tcp: Target::Tcp(address),
            unix: Target::Unix(socket),
            cancel,
            server,
            _directory: directory,
        })
    }

    /// Ends the API.
    pub async fn end(self) -> Outcome<()> {
        self.cancel.cancel();
        Ok(self.server.await?)
    }
}

/// Nothing is asked of it here.
struct Idle;

impl Control for Idle {
    fn node_action<'a>(
        &'a self,
        node: &'a str,
        _: Action,
        _: Option<BootSource>,
    ) -> Pin<Box<dyn Future<Output = Result<(), ControlError>> + Send + 'a>> {
        Box::pin(async move { Err(ControlError::NotFound(node.to_owned())) })
    }

    fn app_log(&self, _: &str, _: &str) -> Option<Arc<AppLog>> {
        None
    }

    fn restart_app<'a>(&'a self, _: &'a str, app: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { Err(ControlError::NotFound(app.to_owned())) })
    }

    fn add_forward(&self, wanted: Wanted) -> Result<(), ControlError> {
        Err(ControlError::NotFound(wanted.netns))
    }

    fn delete_forward(
        &self,
        port: u16,
        _: Protocol,
    ) -> Pin<Box<dyn Future<Output = Result<(), ControlError>> + Send + '_>> {
        Box::pin(async move { Err(ControlError::NotFound(port.to_string())) })
    }

    fn connect<'a>(
        &'a self,
        side: &'a str,
        _: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Result<TcpStream, ControlError>> + Send + 'a>> {
        Box::pin(async move { Err(ControlError::NotFound(side.to_owned())) })
    }

    fn console(&self, node: &str) -> Result<Console, ControlError> {
        Err(ControlError::NotFound(node.to_owned()))
    }

    fn send_break<'a>(&'a self, node: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { Err(ControlError::NotFound(node.to_owned())) })
    }

    fn screenshot<'a>(&'a self, node: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { Err(ControlError::NotFound(node.to_owned())) })
    }

    fn redfish(&self, node: &str) -> Result<Arc<Redfish>, ControlError> {
        Err(ControlError::NotFound(format!("BMC of a node {node:?}")))
    }

    fn open_shell<'a>(&'a self, netns: &'a str, _: shell::Wanted) -> Answer<'a, Opened> {
        Box::pin(async move { Err(ControlError::NotFound(netns.to_owned())) })
    }

    fn shells(&self) -> Result<Shells, ControlError> {
        Ok(Shells::default())
    }

    fn links(&self) -> Answer<'_, Vec<LinkCounters>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn node(number: usize) -> NodeState {
    let name = format!("rack{}-node{}", number / 20, number % 20);
    NodeState {
        addresses: Vec::new(),
        ready: Readiness::default(),
        taps: BTreeMap::from([
            ("s0".into(), format!("pm{number}a")),
            ("s1".into(), format!("pm{number}b")),
        ]),
        volumes: vec!["root".into(), "data".into(), "seed".into()],
        cpu: 4,
        memory: "6G".into(),
        uefi: true,
        tpm: true,
        smbios: Smbios {
            manufacturer: "placemat2".into(),
            product: "bench".into(),
            serial: format!("{number:040x}"),
        },
        power_status: PowerState::On,
        socket_path: Path::new("/tmp").join(format!("{name}.socket")).display().to_string(),
        pty_path: Path::new("/tmp").join(format!("{name}.pty")).display().to_string(),
        power_reason: None,
        failed: false,
        pid: u32::try_from(number).ok(),
        started_at: Some(jiff::Timestamp::UNIX_EPOCH),
        boots: 0,
        last_boot: None,
        nics: [0, 1]
            .map(|index| NicState {
                network: format!("s{index}"),
                tap: format!("{name}.{index}"),
                mac: format!("52:54:00:00:{index:02x}:{number:02x}"),
            })
            .to_vec(),
        bmc_address: Some("10.72.17.4".into()),
        name,
    }
}
