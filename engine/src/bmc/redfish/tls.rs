//! Certificates: one for each BMC, by a certificate authority of the lab's own, so that clients have one to trust.

use std::{io, net::IpAddr, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::certificate::{Certificate, CertificateError};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A key or certificate could not be made.
    #[error("A certificate for virtual BMCs cannot be made: {0}.")]
    Certificate(#[from] rcgen::Error),
    /// It was made, and is of no use.
    #[error("A certificate of a virtual BMC cannot be used: {0}.")]
    Unusable(#[from] CertificateError),
    /// It can't be written where clients find it.
    #[error("The lab's certificate authority cannot be written to {path}: {source}.")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// A lab's certificate authority. Its key is nowhere but here, so it ends with the engine.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new authority for a lab.
    pub fn new(lab: &str) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("placemat2 lab {lab}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
        })
    }

    /// The authority's certificate, by which clients can check those of BMCs.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes its certificate to a file.
    pub fn write(&self, path: &Path) -> Result<(), TlsError> {
        std::fs::write(path, &self.pem).map_err(|source| TlsError::Write {
            path: path.display().to_string(),
            source,
        })
    }

    /// A certificate for the BMC at that address, of the node of that name.
    pub fn certificate(&self, node: &str, address: IpAddr) -> Result<Certificate, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("BMC of {node}"));
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Certificate::new(vec![certificate.der().clone()], key)?)
    }
}
