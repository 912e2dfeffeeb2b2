//! Redfish of the lab's BMCs: certificates by the lab's authority, and listeners.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rustls::ServerConfig;
use tokio::{net::TcpListener, sync::OnceCell};
use tokio_util::sync::CancellationToken;

use crate::{
    blocking,
    bmc::redfish::{self, Authority, Redfish},
    plan::Plan,
};

/// The certificate authority of a lab, made when the first BMC needs it.
#[derive(Default)]
pub struct LabAuthority(OnceCell<Arc<Authority>>);

impl LabAuthority {
    /// The authority; its certificate is in the lab's directory, which goes with the lab.
    pub async fn get(&self, plan: &Plan) -> Result<&Arc<Authority>, String> {
        let (lab, path) = (plan.lab.clone(), plan.paths.ca_certificate());
        let make = || async {
            let made = blocking::run(move || {
                let authority = Authority::new(&lab)?;
                authority.write(&path).map(|()| authority)
            });
            made.await.map(Arc::new).map_err(|error| error.to_string())
        };
        self.0.get_or_try_init(make).await
    }
}

/// A port that is bound for Redfish, and the certificate to show there.
pub struct Door {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
}

impl Door {
    /// Binds the port of Redfish at an address.
    pub async fn bind(authority: &Arc<Authority>, node: &str, address: IpAddr) -> Result<Self, String> {
        let bound = TcpListener::bind(SocketAddr::new(address, redfish::PORT)).await;
        let listener =
            bound.map_err(|error| format!("TCP port {} of {address} can't be bound: {error}", redfish::PORT))?;
        let (authority, node) = (Arc::clone(authority), node.to_owned());
        let tls = blocking::run(move || authority.server(&node, address)).await;
        let tls = tls.map_err(|error| error.to_string())?;
        Ok(Self { listener, tls })
    }

    /// Serves Redfish there until it is cancelled.
    pub fn serve(self, redfish: &Arc<Redfish>, closing: &CancellationToken) -> impl Future<Output = ()> + use<> {
        redfish::serve(Arc::clone(redfish), self.listener, self.tls, closing.clone())
    }
}
