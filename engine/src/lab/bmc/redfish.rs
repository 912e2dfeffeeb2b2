//! Redfish of the lab's BMCs: certificates, and listeners.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, sync::OnceCell};
use tokio_util::sync::CancellationToken;

use crate::{
    blocking,
    bmc::redfish::{self, Authority, Certificate, Redfish},
    plan::Plan,
    spec::model::TlsFiles,
};

/// Where the certificates of a lab's BMCs come from.
pub struct Certification {
    /// The one of all whose lab file names none, if the user has one.
    common: Option<Arc<Certificate>>,
    /// The lab's authority, made when the first BMC needs it.
    authority: OnceCell<Arc<Authority>>,
}

impl Certification {
    /// With the certificate that the user has for all BMCs, if any.
    pub fn new(common: Option<Arc<Certificate>>) -> Self {
        Self {
            common,
            authority: OnceCell::new(),
        }
    }

    /// The certificate of a node's BMC: that of its files, else the common one, else one by the lab's authority.
    pub async fn certificate(
        &self,
        plan: &Plan,
        node: &str,
        address: IpAddr,
        files: Option<&TlsFiles>,
    ) -> Result<Arc<Certificate>, String> {
        if let Some(TlsFiles { certificate, key }) = files.cloned() {
            let read = blocking::run(move || Certificate::read(&certificate, &key)).await;
            return read
                .map(Arc::new)
                .map_err(|error| format!("its certificate can't be used: {error}"));
        }
        if let Some(common) = &self.common {
            return Ok(Arc::clone(common));
        }
        let (authority, node) = (Arc::clone(self.authority(plan).await?), node.to_owned());
        let made = blocking::run(move || authority.certificate(&node, address)).await;
        made.map(Arc::new).map_err(|error| error.to_string())
    }

    /// The authority; its certificate is in the lab's directory, which goes with the lab.
    async fn authority(&self, plan: &Plan) -> Result<&Arc<Authority>, String> {
        let (lab, path) = (plan.lab.clone(), plan.paths.ca_certificate());
        let make = || async {
            let made = blocking::run(move || {
                let authority = Authority::new(&lab)?;
                authority.write(&path).map(|()| authority)
            });
            made.await.map(Arc::new).map_err(|error| error.to_string())
        };
        self.authority.get_or_try_init(make).await
    }
}

/// A port that is bound for Redfish.
pub struct Door(TcpListener);

impl Door {
    /// Binds the port of Redfish at an address.
    pub async fn bind(address: IpAddr) -> Result<Self, String> {
        let bound = TcpListener::bind(SocketAddr::new(address, redfish::PORT)).await;
        let listener =
            bound.map_err(|error| format!("TCP port {} of {address} can't be bound: {error}", redfish::PORT))?;
        Ok(Self(listener))
    }

    /// Serves Redfish there until it is cancelled.
    pub fn serve(self, redfish: &Arc<Redfish>, closing: &CancellationToken) -> impl Future<Output = ()> + use<> {
        redfish::serve(Arc::clone(redfish), self.0, closing.clone())
    }
}
