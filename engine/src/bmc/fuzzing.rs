//! The ways in for the fuzz targets of `fuzz/`; built for nothing else.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header::AUTHORIZATION};
use bytes::Bytes;
use tokio::{runtime::Runtime, time::timeout};

use super::{
    Bmc, Place, ipmi,
    redfish::{Authority, Certificate, Origin, Redfish},
    testing::{Scripted, bmc_of, furnished},
};

/// How long a request may wait for a medium: there are some that never come.
const PATIENCE: Duration = Duration::from_secs(1);

/// The BMC of a machine with all there can be, on a runtime of its own.
pub struct Target {
    runtime: Runtime,
    certificate: Arc<Certificate>,
    place: Place,
}

impl Target {
    /// What all inputs have in common.
    #[expect(clippy::unwrap_used, reason = "a target that can't begin must fail")]
    pub fn new() -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all();
        let address = IpAddr::from([10, 0, 1, 11]);
        let certificate = Authority::new("fuzz").unwrap().certificate("boot-0", address).unwrap();
        Self {
            runtime: runtime.build().unwrap(),
            certificate: Arc::new(certificate),
            place: Place {
                address,
                prefix: 24,
                mac: [2, 0, 0, 0, 0, 9],
            },
        }
    }

    /// Sends packets of IPMI, see [`ipmi::fuzzing::send`].
    pub fn ipmi(&self, input: &[u8]) {
        self.with_bmc(async |bmc| ipmi::fuzzing::send(input, bmc, self.place));
    }

    /// Sends requests of Redfish, with a NUL between them. Each is a line of method and path, lines of headers, an empty
    /// line, and the body. Whoever does not sign in otherwise is the administrator.
    pub fn redfish(&self, input: &[u8]) {
        self.with_bmc(async |bmc| {
            let redfish = Redfish::new(bmc, self.place, Arc::clone(&self.certificate));
            for request in input.split(|byte| *byte == 0).filter_map(request) {
                let told = format!("{request:?}");
                let answer = redfish.answer(request, Origin::Remote(IpAddr::from([10, 0, 1, 9])));
                if let Ok(answer) = timeout(PATIENCE, answer).await {
                    let status = answer.status().as_u16();
                    assert!(status < 500 || status == 501, "{status}: {told}");
                }
            }
            redfish.close().await;
        });
    }

    fn with_bmc(&self, send: impl AsyncFnOnce(Arc<Bmc>)) {
        self.runtime.block_on(async {
            let bmc = bmc_of(&Scripted::new(), furnished(true));
            send(Arc::clone(&bmc)).await;
            bmc.close().await;
        });
    }
}

impl Default for Target {
    fn default() -> Self {
        Self::new()
    }
}

/// A request, if HTTP has room for it.
fn request(input: &[u8]) -> Option<Request<Bytes>> {
    let (head, body) = match input.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = Method::from_bytes(first.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(first.next()?).ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    let signs_in = |name: HeaderName| request.headers().contains_key(name);
    if !signs_in(AUTHORIZATION) && !signs_in(HeaderName::from_static("x-auth-token")) {
        let administrator = HeaderValue::from_static("Basic Y3lib3p1OmN5Ym96dQ==");
        request.headers_mut().insert(AUTHORIZATION, administrator);
    }
    Some(request)
}
