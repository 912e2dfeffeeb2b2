//! What a BMC shows to its clients, replaceable while it is served.

use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::certificate::{self, Certificate, CertificateError};

/// The certificate of a BMC, and the key of the one that it has asked for.
pub struct Certificates {
    state: Mutex<State>,
}

struct State {
    shown: Arc<Certificate>,
    /// The key of the last signing request.
    requested: Option<PrivateKeyDer<'static>>,
}

impl Certificates {
    /// Shows that one.
    pub fn new(shown: Arc<Certificate>) -> Self {
        Self {
            state: Mutex::new(State { shown, requested: None }),
        }
    }

    /// The one that is shown to who connects now.
    pub fn shown(&self) -> Arc<Certificate> {
        Arc::clone(&self.lock().shown)
    }

    /// Shows another one from now on, with its chain in PEM. The key may be in there, too; else it is that of the last
    /// signing request, or stays the same.
    pub fn replace(&self, text: &[u8]) -> Result<(), CertificateError> {
        let chain = certificate::chain_of(text)?;
        let given = certificate::key_of(text)?;
        let mut state = self.lock();
        let keys = if let Some(key) = given {
            vec![key]
        } else {
            let requested = state.requested.as_ref().map(PrivateKeyDer::clone_key);
            requested.into_iter().chain([state.shown.key().clone_key()]).collect()
        };
        let mut outcome = Err(CertificateError::NoKey);
        for key in keys {
            outcome = Certificate::new(chain.clone(), key);
            if outcome.is_ok() {
                break;
            }
        }
        state.shown = Arc::new(outcome?);
        state.requested = None;
        Ok(())
    }

    /// A request to sign a certificate for a new key, which is kept for what comes of it.
    pub fn request(&self, params: &CertificateParams, key: &KeyPair) -> Result<String, rcgen::Error> {
        let request = params.serialize_request(key)?.pem()?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        self.lock().requested = Some(PrivateKeyDer::from(key));
        Ok(request.replace("\r\n", "\n"))
    }

    /// A panic while the lock was held can't have left half of it changed.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
