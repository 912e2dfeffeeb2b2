//! What a certificate says, in the words of DMTF's schema `Certificate`.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    oid_registry::{
        OID_PKCS9_EMAIL_ADDRESS, OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME, OID_X509_LOCALITY_NAME,
        OID_X509_ORGANIZATION_NAME, OID_X509_ORGANIZATIONAL_UNIT, OID_X509_STATE_OR_PROVINCE_NAME, Oid,
    },
    prelude::FromDer as _,
    time::ASN1Time,
    x509::X509Name,
};

use super::octets;

/// The properties of a certificate in DER; none if it can't be read, which one that is shown can.
pub fn facts(der: &[u8]) -> Value {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return json!({});
    };
    let mut subject = identifier(certificate.subject());
    let names = alternative_names(&certificate);
    if !names.is_empty() {
        subject["AlternativeNames"] = names.into();
    }
    let validity = certificate.validity();
    json!({
        "Subject": subject,
        "Issuer": identifier(certificate.issuer()),
        "SerialNumber": certificate.raw_serial_as_string(),
        "ValidNotBefore": time(validity.not_before),
        "ValidNotAfter": time(validity.not_after),
        "KeyUsage": usages(&certificate),
        "SignatureAlgorithm": certificate.signature_algorithm.algorithm.to_id_string(),
        "Fingerprint": fingerprint(der),
        "FingerprintHashAlgorithm": "TPM_ALG_SHA256",
    })
}

/// The parts of a name that the schema knows, and the properties that hold the first of each.
const PARTS: &[(Oid<'static>, &str)] = &[
    (OID_X509_COMMON_NAME, "CommonName"),
    (OID_X509_ORGANIZATION_NAME, "Organization"),
    (OID_X509_ORGANIZATIONAL_UNIT, "OrganizationalUnit"),
    (OID_X509_LOCALITY_NAME, "City"),
    (OID_X509_STATE_OR_PROVINCE_NAME, "State"),
    (OID_X509_COUNTRY_NAME, "Country"),
    (OID_PKCS9_EMAIL_ADDRESS, "Email"),
];

fn identifier(name: &X509Name<'_>) -> Value {
    let mut identifier = Map::new();
    for (oid, property) in PARTS {
        let first = name.iter_by_oid(oid).find_map(|part| part.as_str().ok());
        if let Some(text) = first {
            identifier.insert((*property).to_owned(), text.into());
        }
    }
    identifier.insert("DisplayString".into(), name.to_string().into());
    identifier.into()
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    four.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}

fn usages(certificate: &X509Certificate<'_>) -> Vec<&'static str> {
    let mut usages = Vec::new();
    if let Ok(Some(usage)) = certificate.key_usage() {
        let usage = usage.value;
        usages.extend([
            (usage.digital_signature(), "DigitalSignature"),
            (usage.non_repudiation(), "NonRepudiation"),
            (usage.key_encipherment(), "KeyEncipherment"),
            (usage.data_encipherment(), "DataEncipherment"),
            (usage.key_agreement(), "KeyAgreement"),
            (usage.key_cert_sign(), "KeyCertSign"),
            (usage.crl_sign(), "CRLSigning"),
            (usage.encipher_only(), "EncipherOnly"),
            (usage.decipher_only(), "DecipherOnly"),
        ]);
    }
    if let Ok(Some(usage)) = certificate.extended_key_usage() {
        let usage = usage.value;
        usages.extend([
            (usage.server_auth, "ServerAuthentication"),
            (usage.client_auth, "ClientAuthentication"),
            (usage.code_signing, "CodeSigning"),
            (usage.email_protection, "EmailProtection"),
            (usage.time_stamping, "Timestamping"),
            (usage.ocsp_signing, "OCSPSigning"),
        ]);
    }
    let granted = usages.into_iter().filter(|(granted, _)| *granted);
    granted.map(|(_, name)| name).collect()
}

fn time(time: ASN1Time) -> Option<String> {
    let time = jiff::Timestamp::from_second(time.timestamp()).ok()?;
    Some(time.to_string())
}

fn fingerprint(der: &[u8]) -> String {
    octets(&Sha256::digest(der)).to_ascii_uppercase()
}
