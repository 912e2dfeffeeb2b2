//! The certificate that the BMC shows over HTTPS, and how it is replaced.

use rcgen::{
    CertificateParams, DnType, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SanType,
    SignatureAlgorithm,
};
use serde_json::{Value, json};

use super::{collection, link, resource, with, x509};
use crate::bmc::redfish::{
    caller::Privilege,
    certificate::CertificateError,
    changes::Changes,
    message::Message,
    registry,
    reply::{Outcome, Refusal, Reply},
    route::{Route, View},
};

const SERVICE: &str = "/redfish/v1/CertificateService";
const ALL: &str = "/redfish/v1/Managers/BMC/NetworkProtocol/HTTPS/Certificates";
const ONE: &str = "/redfish/v1/Managers/BMC/NetworkProtocol/HTTPS/Certificates/1";

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/CertificateService", service),
    Route::resource("/redfish/v1/CertificateService/CertificateLocations", locations),
    Route::action(
        "/redfish/v1/CertificateService/Actions/CertificateService.ReplaceCertificate",
        "CertificateService.ReplaceCertificate",
        Privilege::ConfigureManager,
        replace,
    ),
    Route::action(
        "/redfish/v1/CertificateService/Actions/CertificateService.GenerateCSR",
        "CertificateService.GenerateCSR",
        Privilege::ConfigureManager,
        request,
    ),
    Route::resource(ALL, all),
    Route::resource(ONE, one),
];

/// The forms a certificate can be given in.
const FORMS: &[(&str, ())] = &[("PEM", ()), ("PEMchain", ())];

/// The curves of keys for signing requests, by TCG's names for them.
const CURVES: &[(&str, &SignatureAlgorithm)] = &[
    ("TPM_ECC_NIST_P256", &PKCS_ECDSA_P256_SHA256),
    ("TPM_ECC_NIST_P384", &PKCS_ECDSA_P384_SHA384),
];

/// Their algorithm.
const ALGORITHMS: &[(&str, ())] = &[("TPM_ALG_ECDSA", ())];

/// What a signing request can say of its subject, beyond its common name.
const SUBJECT: &[(&str, DnType)] = &[
    ("/Organization", DnType::OrganizationName),
    ("/OrganizationalUnit", DnType::OrganizationalUnitName),
    ("/City", DnType::LocalityName),
    ("/State", DnType::StateOrProvinceName),
    ("/Country", DnType::CountryName),
];

/// The link from the protocols of the BMC.
pub fn of_https() -> Value {
    link(ALL)
}

fn words<T>(choices: &[(&'static str, T)]) -> Vec<&'static str> {
    choices.iter().map(|(word, _)| *word).collect()
}

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("CertificateService", view, "Certificates"),
        json!({
            "CertificateLocations": link(&format!("{SERVICE}/CertificateLocations")),
            "Actions": {
                "#CertificateService.ReplaceCertificate": {
                    "target": format!("{SERVICE}/Actions/CertificateService.ReplaceCertificate"),
                    "CertificateType@Redfish.AllowableValues": words(FORMS),
                },
                "#CertificateService.GenerateCSR": {
                    "target": format!("{SERVICE}/Actions/CertificateService.GenerateCSR"),
                    "KeyPairAlgorithm@Redfish.AllowableValues": words(ALGORITHMS),
                    "KeyCurveId@Redfish.AllowableValues": words(CURVES),
                },
            },
        }),
    ))
}

fn locations(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("CertificateLocations", view, "Where certificates are"),
        json!({ "Links": { "Certificates": [link(ONE)], "Certificates@odata.count": 1 } }),
    ))
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let name = "Certificates that are shown over HTTPS";
    Ok(collection("Certificate", view, name, [ONE.to_owned()]))
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    let shown = view.redfish.certificates().shown();
    let form = if shown.chain_length() == 1 { "PEM" } else { "PEMchain" };
    let certificate = with(
        resource("Certificate", view, "Certificate that is shown over HTTPS"),
        json!({
            "CertificateString": shown.pem(),
            "CertificateType": form,
            "CertificateUsageTypes": ["Web"],
        }),
    );
    Ok(with(certificate, x509::facts(shown.der())))
}

/// Shows another certificate to all who connect from now on; who is connected stays so.
fn replace(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    for needed in ["/CertificateString", "/CertificateType", "/CertificateUri"] {
        if !parameters.has(needed) {
            parameters.missing(needed);
        }
    }
    let text = parameters.text("/CertificateString");
    parameters.choice("/CertificateType", FORMS);
    if parameters.link("/CertificateUri").is_some_and(|path| path != ONE) {
        parameters.wrong("/CertificateUri", format_args!("(The BMC has one certificate, {ONE}.)"));
    }
    parameters.check_all()?;
    match view.redfish.certificates().replace(text.unwrap_or_default().as_bytes()) {
        Ok(()) => Ok(Reply::empty().with(axum::http::header::LOCATION, ONE)),
        Err(error) => {
            let hint = match error {
                CertificateError::Mismatch => " Give the key with the certificate, unless the BMC has it already",
                _ => "",
            };
            parameters.wrong("/CertificateString", format_args!("({error}.{hint})"));
            parameters.check()?;
            Err(Refusal::bad(Message::new(registry::GENERAL_ERROR, [])))
        }
    }
}

/// Makes a key, and a request to sign a certificate for it.
fn request(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    for needed in ["/CommonName", "/CertificateCollection"] {
        if !parameters.has(needed) {
            parameters.missing(needed);
        }
    }
    if parameters
        .link("/CertificateCollection")
        .is_some_and(|path| path != ALL)
    {
        parameters.wrong("/CertificateCollection", format_args!("(The BMC has one, {ALL}.)"));
    }
    let mut params = CertificateParams::default();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if let Some(name) = parameters.text("/CommonName") {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    for (pointer, kind) in SUBJECT {
        if let Some(name) = parameters.text_or_null(pointer).filter(|name| !name.is_empty()) {
            params.distinguished_name.push(kind.clone(), name);
        }
    }
    let names = parameters
        .has("/AlternativeNames")
        .then(|| parameters.texts("/AlternativeNames"));
    for name in names.flatten().unwrap_or_default() {
        match alternative(&name) {
            Some(name) => params.subject_alt_names.push(name),
            None => parameters.wrong("/AlternativeNames", format_args!("({name:?} is no name of a host.)")),
        }
    }
    if parameters.has("/KeyPairAlgorithm") {
        parameters.choice("/KeyPairAlgorithm", ALGORITHMS);
    }
    let curve = parameters
        .has("/KeyCurveId")
        .then(|| parameters.choice("/KeyCurveId", CURVES));
    parameters.check_all()?;
    let made = KeyPair::generate_for(curve.flatten().unwrap_or(&PKCS_ECDSA_P256_SHA256))
        .and_then(|key| view.redfish.certificates().request(&params, &key));
    match made {
        Ok(text) => Ok(Reply::json(
            json!({ "CertificateCollection": link(ALL), "CSRString": text }),
        )),
        Err(error) => Err(Refusal::bad(
            Message::new(registry::GENERAL_ERROR, []).saying(format_args!("({error}.)")),
        )),
    }
}

/// A name as certificates have it: an address, or that of a host.
fn alternative(name: &str) -> Option<SanType> {
    match name.parse() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) if name.is_empty() => None,
        Err(_) => Some(SanType::DnsName(name.try_into().ok()?)),
    }
}
