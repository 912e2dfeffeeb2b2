//! A face of a scripted machine's BMC, and requests to it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
};

use axum::http::{Method, Request, StatusCode, header::HeaderMap};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Authority, Origin, Redfish, serve};
use crate::bmc::{
    Bmc, Identity, Place,
    testing::{Scripted, bmc, bmc_of},
};

/// A face of the BMC that [`bmc`] makes.
pub fn redfish(machine: &Arc<Scripted>) -> Arc<Redfish> {
    face_of(bmc(machine))
}

/// A face of that BMC.
pub fn face_of(bmc: Arc<Bmc>) -> Arc<Redfish> {
    let place = Place {
        address: IpAddr::from([10, 0, 0, 5]),
        prefix: 24,
        mac: [2, 0, 0, 0, 0, 9],
    };
    face_at(bmc, place, &AUTHORITY)
}

/// The lab's authority, as it takes some time to make one.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("dc").unwrap());

fn face_at(bmc: Arc<Bmc>, place: Place, authority: &Authority) -> Arc<Redfish> {
    let certificate = authority.certificate("boot-0", place.address).unwrap();
    Redfish::new(bmc, place, Arc::new(certificate))
}

/// A certificate that vouches for itself, for a name, and its key, both in PEM.
pub fn signed(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned(), "127.0.0.1".into()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The ids of the messages it gives as reasons, without the registry.
    pub fn messages(&self) -> Vec<String> {
        let body = self.json();
        let messages = body["error"]["@Message.ExtendedInfo"].as_array().unwrap();
        let id = |message: &Value| {
            message["MessageId"]
                .as_str()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
                .to_owned()
        };
        messages.iter().map(id).collect()
    }
}

/// Sends a request with those headers.
pub async fn ask(redfish: &Arc<Redfish>, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let origin = Origin::Remote(IpAddr::from([10, 0, 0, 9]));
    let (parts, body) = redfish.answer(request, origin).await.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// The header that signs in the administrator.
pub const ADMINISTRATOR: (&str, &str) = ("authorization", "Basic Y3lib3p1OmN5Ym96dQ==");
/// The header that signs in who may only read.
pub const READER: (&str, &str) = ("authorization", "Basic cmVhZGVyOnJlYWRlcg==");

/// Reads as the administrator.
pub async fn get(redfish: &Arc<Redfish>, path: &str) -> Answer {
    ask(redfish, Method::GET, path, &[ADMINISTRATOR], "").await
}

/// Changes as the administrator.
pub async fn patch(redfish: &Arc<Redfish>, path: &str, body: Value) -> Answer {
    ask(redfish, Method::PATCH, path, &[ADMINISTRATOR], &body.to_string()).await
}

/// Posts as the administrator.
pub async fn post(redfish: &Arc<Redfish>, path: &str, body: Value) -> Answer {
    ask(redfish, Method::POST, path, &[ADMINISTRATOR], &body.to_string()).await
}

/// A BMC that is served over TLS on loopback, until it is dropped.
pub struct Served {
    pub redfish: Arc<Redfish>,
    pub address: SocketAddr,
    /// The certificate of the authority.
    pub ca: NamedTempFile,
    _server: AbortOnDropHandle<()>,
}

/// Serves the BMC of a machine.
pub async fn served(machine: &Arc<Scripted>, identity: Identity) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let place = Place {
        address: address.ip(),
        prefix: 8,
        mac: [2, 0, 0, 0, 0, 9],
    };
    let redfish = face_at(bmc_of(machine, identity), place, &AUTHORITY);
    let ca = NamedTempFile::new().unwrap();
    AUTHORITY.write(ca.path()).unwrap();
    let server = serve(Arc::clone(&redfish), listener, CancellationToken::new());
    Served {
        redfish,
        address,
        ca,
        _server: AbortOnDropHandle::new(tokio::spawn(server)),
    }
}
