//! A certificate with its key: read, checked, and ready to be shown to clients.

use std::{io, path::Path, sync::Arc};

use pem::{EncodeConfig, LineEnding, Pem};
use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error as PemError, PemObject as _},
    },
    version::{TLS12, TLS13},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::spec::{Disk, Files};

/// No certificate with its chain, and no key, needs more bytes.
const LONGEST: usize = 256 * 1024;

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read.
    #[error("{path} can't be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Something else, by its length.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It is not as RFC 7468 has it.
    #[error("it is not PEM: {0}")]
    Pem(PemError),
    /// There is no certificate.
    #[error("there is no certificate in it (in PEM it begins with -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// There is no key.
    #[error("there is no private key for it, or one that a password protects; decrypt that first")]
    NoKey,
    /// What is called a certificate is none.
    #[error("the certificate can't be read: {0}")]
    Unreadable(String),
    /// They don't belong together.
    #[error("the private key is not that of the certificate; of several certificates, the BMC's own has to come first")]
    Mismatch,
    /// The TLS library does not take it.
    #[error("it can't be used for TLS: {0}")]
    Tls(rustls::Error),
}

/// A certificate, with those that vouch for it and its key.
#[derive(Debug)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    tls: Arc<ServerConfig>,
}

impl Certificate {
    /// A chain, a BMC's own certificate first, and its key.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, CertificateError> {
        let own = chain.first().ok_or(CertificateError::NoCertificate)?;
        X509Certificate::from_der(own).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .and_then(|tls| {
                tls.with_no_client_auth()
                    .with_single_cert(chain.clone(), key.clone_key())
            });
        let mut tls = tls.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => CertificateError::Mismatch,
            other => CertificateError::Tls(other),
        })?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Every certificate keeps what its own clients may resume, and few clients come often.
        tls.session_storage = rustls::server::ServerSessionMemoryCache::new(16);
        Ok(Self {
            chain,
            key,
            tls: Arc::new(tls),
        })
    }

    /// Reads a certificate with its chain from one file and its key from another, or from the same. Blocks.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        Self::read_by(&Disk, certificate, key)
    }

    /// The same, from whatever has the files.
    pub fn read_by(files: &dyn Files, certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let text_of = |path: &Path| match files.read(path, LONGEST) {
            Ok(text) if text.len() > LONGEST => Err(CertificateError::TooLong),
            Ok(text) => Ok(text),
            Err(source) => Err(CertificateError::Read {
                path: path.display().to_string(),
                source,
            }),
        };
        let chain = chain_of(&text_of(certificate)?)?;
        let key = key_of(&text_of(key)?)?.ok_or(CertificateError::NoKey)?;
        Self::new(chain, key)
    }

    /// What is needed to speak TLS by it.
    pub fn tls(&self) -> &Arc<ServerConfig> {
        &self.tls
    }

    /// Its key.
    pub fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// The certificate itself, in DER.
    pub fn der(&self) -> &[u8] {
        // A chain is never empty.
        self.chain.first().map_or(&[], |own| own.as_ref())
    }

    /// How many certificates its chain has, itself included.
    pub fn chain_length(&self) -> usize {
        self.chain.len()
    }

    /// Itself and those that vouch for it in PEM, without the key.
    pub fn pem(&self) -> String {
        let chain: Vec<Pem> = self
            .chain
            .iter()
            .map(|certificate| Pem::new("CERTIFICATE", certificate.as_ref()))
            .collect();
        pem::encode_many_config(&chain, EncodeConfig::new().set_line_ending(LineEnding::LF))
    }
}

/// The certificates of a text in PEM.
pub fn chain_of(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let chain = chain.map_err(CertificateError::Pem)?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(chain)
}

/// The private key of a text in PEM, if there is one.
pub fn key_of(text: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, CertificateError> {
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(Some(key)),
        Err(PemError::NoItemsFound) => Ok(None),
        Err(error) => Err(CertificateError::Pem(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, net::IpAddr};

    use tempfile::TempDir;

    use super::*;
    use crate::bmc::redfish::{Authority, testing::signed};

    #[test]
    fn what_belongs_together_is_read_and_told_again() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = signed("a.example");
        let write = |name: &str, text: &str| {
            fs::write(dir.path().join(name), text).unwrap();
            dir.path().join(name)
        };
        let (certificate_file, key_file) = (write("a.pem", &certificate), write("a.key", &key));
        let read = Certificate::read(&certificate_file, &key_file).unwrap();
        assert_eq!(chain_of(read.pem().as_bytes()).unwrap(), read.chain);
        assert!(!read.pem().contains("PRIVATE"));
        // Both in one file, and the authority behind.
        let authority = Authority::new("dc").unwrap();
        let all = write("all.pem", &format!("{key}{certificate}{}", authority.pem()));
        assert_eq!(Certificate::read(&all, &all).unwrap().chain_length(), 2);
        let made = authority.certificate("boot-0", IpAddr::from([10, 0, 0, 5])).unwrap();
        assert_eq!(made.chain_length(), 1);
    }

    fn told(dir: &TempDir, certificate: &str, key: &str) -> String {
        let (at, of) = (dir.path().join("certificate"), dir.path().join("key"));
        fs::write(&at, certificate).unwrap();
        fs::write(&of, key).unwrap();
        Certificate::read(&at, &of).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = signed("a.example");
        let (_, other) = signed("b.example");
        let broken = certificate.replace("MII", "AAA");
        let half = &certificate[..certificate.len() / 2];
        let long = " ".repeat(300_000);
        for (certificate, key, words) in [
            (certificate.as_str(), other.as_str(), "is not that of the certificate"),
            (&key, &key, "no certificate"),
            (&certificate, &certificate, "no private key"),
            (&broken, &key, "can't be read"),
            (half, &key, "not PEM"),
            ("", "", "no certificate"),
            (&long, &key, "longer than"),
        ] {
            let told = told(&dir, certificate, key);
            assert!(told.contains(words), "{words}: {told}");
        }
        let gone = Certificate::read(&dir.path().join("none"), &dir.path().join("none")).unwrap_err();
        assert!(gone.to_string().contains("none can't be read"), "{gone}");
    }
}
