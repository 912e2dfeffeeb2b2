//! One attempt to see whether something is ready: where it is looked at from, and what is looked at there.

use futures::future::select_ok;
use hyper::{Uri, http::uri::Authority};
use tokio::net::TcpStream;

use super::{
    reach,
    readiness::{ATTEMPT, Look, Place},
};
use crate::{
    keeper::{Command, Inside},
    probe,
    spec::model::{Destination, Object, Probe, Ready, Security, Where},
};

impl Look {
    /// Looks once; the error says why it is not ready.
    pub(super) async fn attempt(&self, ready: &Ready) -> Result<(), String> {
        match &ready.probe {
            Probe::Tcp(to) => self.connect(ready, to).await.map(drop),
            Probe::Http {
                to,
                security,
                path,
                url,
            } => {
                let stream = self.connect(ready, to).await?;
                let url: Uri = url.parse().unwrap_or_default();
                let authority = url.authority().map_or("", Authority::as_str);
                let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
                let status = if *security == Security::Plain {
                    probe::get(stream, authority, path).await
                } else {
                    let secured = probe::over_tls(stream, host, *security == Security::Unverified).await;
                    probe::get(secured.map_err(|error| error.to_string())?, authority, path).await
                };
                let status = status.map_err(|error| error.to_string())?;
                let good = status.is_success() || status.is_redirection();
                good.then_some(()).ok_or_else(|| format!("the answer was {status}"))
            }
            Probe::Exec(command) => self.exec(ready, command).await,
            // It is not tried but watched.
            Probe::Console(_) => Ok(()),
        }
    }

    /// Connects from the namespace that looks; to a node from where it is reached best, if no namespace is named.
    async fn connect(&self, ready: &Ready, to: &Where) -> Result<TcpStream, String> {
        let from = match (&self.object, &ready.netns) {
            (_, Some(netns)) | (Object::App { namespace: netns, .. }, None) => Some(netns),
            _ => None,
        };
        let connect = async |to: Destination| match (from, &self.object) {
            (None, Object::Node(name)) => {
                let stream = reach::connect(&self.plan, &self.forwards, name, &to, ATTEMPT).await;
                stream.map_err(|error| error.to_string())
            }
            (from, _) => {
                let sockets = self.forwards.sockets(from.map_or("", String::as_str));
                let sockets = sockets.map_err(|error| error.to_string())?;
                sockets.tcp(&to).await.map_err(|error| error.to_string())
            }
        };
        let addresses = match (to, &self.object) {
            (Where::At(destination), _) => vec![destination.clone()],
            (Where::Own(port), Object::Node(_)) => self.addresses(*port),
            (Where::Own(port), _) => Destination::new("127.0.0.1", *port).into_iter().collect(),
        };
        if addresses.is_empty() {
            return Err("no address of it is known yet".into());
        }
        let attempts = addresses.into_iter().map(|address| Box::pin(connect(address)));
        select_ok(attempts).await.map(|(stream, _)| stream)
    }

    /// Where a port of the node may be.
    fn addresses(&self, port: u16) -> Vec<Destination> {
        let Place::Node(index) = self.place else {
            return Vec::new();
        };
        self.store.read(|state| {
            let known = state.nodes.get(index).into_iter().flat_map(|node| &node.addresses);
            known
                .filter_map(|known| Destination::new(&known.address.to_string(), port).ok())
                .collect()
        })
    }

    async fn exec(&self, ready: &Ready, words: &[String]) -> Result<(), String> {
        let (app, netns) = match (&self.object, &ready.netns) {
            (Object::App { namespace, .. }, _) => (self.place.planned_app(&self.plan), namespace),
            (_, Some(netns)) => (None, netns),
            _ => return Err("no namespace is named".into()),
        };
        let parts = self.made.upgrade().and_then(|made| {
            let namespace = Inside::of(made.fabric()?.namespace(netns)?).ok()?;
            Some((made.keeper.get()?.clone(), namespace))
        });
        let (keeper, namespace) = parts.ok_or("its namespace is not there yet")?;
        let (program, args) = words.split_first().ok_or("there is no program")?;
        let mut command = Command::new(program);
        command.args = args.iter().map(Into::into).collect();
        command.namespace = Some(namespace);
        command.workdir = Some(app.map_or_else(|| self.plan.paths.base_dir.clone(), |app| app.workdir.clone()));
        let env = app.into_iter().flat_map(|app| &app.env);
        command.env = env.map(|(name, value)| (name.into(), value.into())).collect();
        probe::exec(&keeper, command).await
    }
}
