//! Certificates that are replaced while clients look, with curl and by the resources.

use std::{fs, net::IpAddr};

use rcgen::{CertificateParams, CertificateSigningRequestParams, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::bmc::{
    redfish::testing::{READER, Served, ask, get, post, redfish, served, signed},
    testing::{Scripted, identity},
};

const ONE: &str = "/redfish/v1/Managers/BMC/NetworkProtocol/HTTPS/Certificates/1";
const ALL: &str = "/redfish/v1/Managers/BMC/NetworkProtocol/HTTPS/Certificates";
const REPLACE: &str = "/redfish/v1/CertificateService/Actions/CertificateService.ReplaceCertificate";
const REQUEST: &str = "/redfish/v1/CertificateService/Actions/CertificateService.GenerateCSR";

fn replacement(text: &str) -> Value {
    json!({ "CertificateString": text, "CertificateType": "PEM", "CertificateUri": { "@odata.id": ONE } })
}

/// Whether a client that trusts those certificates in PEM gets an answer.
async fn trusted(served: &Served, pem: &str) -> bool {
    let ca = NamedTempFile::new().unwrap();
    fs::write(ca.path(), pem).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--max-time", "60", "--cacert"])
        .arg(ca.path())
        .arg(format!("https://{}/redfish/v1/", served.address));
    let status = curl.status().await.unwrap();
    // 60: the certificate of the server can't be verified.
    assert!(matches!(status.code(), Some(0 | 60)), "{status}");
    status.success()
}

#[tokio::test]
async fn a_replaced_certificate_is_what_clients_see() {
    let served = served(&Scripted::new(), identity()).await;
    let authority = fs::read_to_string(served.ca.path()).unwrap();
    let (certificate, key) = signed("bmc.example");
    assert!(trusted(&served, &authority).await && !trusted(&served, &certificate).await);

    let answer = post(&served.redfish, REPLACE, replacement(&format!("{certificate}{key}"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (204, ONE));
    assert!(!trusted(&served, &authority).await && trusted(&served, &certificate).await);

    let shown = get(&served.redfish, ONE).await.json();
    assert_eq!(shown["CertificateType"], "PEM");
    assert_eq!(shown["CertificateString"], certificate.replace("\r\n", "\n"));
    assert_eq!(
        shown["Subject"]["AlternativeNames"],
        json!(["bmc.example", "127.0.0.1"])
    );
    assert_eq!(shown["SignatureAlgorithm"], "1.2.840.10045.4.3.2");
}

#[tokio::test]
async fn a_request_is_signed_and_comes_back() {
    let served = served(&Scripted::new(), identity()).await;
    let asked = json!({
        "CommonName": "bmc.example", "Organization": "Cybozu", "Country": "JP",
        "AlternativeNames": ["bmc.example", "127.0.0.1"], "KeyCurveId": "TPM_ECC_NIST_P384",
        "CertificateCollection": { "@odata.id": ALL },
    });
    let answer = post(&served.redfish, REQUEST, asked).await;
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    let request = answer["CSRString"].as_str().unwrap();
    // As an authority somewhere else does.
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let request = CertificateSigningRequestParams::from_pem(request).unwrap();
    let certificate = request.signed_by(&issuer).unwrap().pem();
    let chain = format!("{certificate}{authority}");
    let mut replacement = replacement(&chain);
    replacement["CertificateType"] = "PEMchain".into();
    assert_eq!(post(&served.redfish, REPLACE, replacement).await.status, 204);
    assert!(trusted(&served, &authority).await);
    let shown = get(&served.redfish, ONE).await.json();
    assert_eq!(shown["CertificateType"], "PEMchain");
    let subject = &shown["Subject"];
    assert_eq!(
        (&subject["CommonName"], &subject["Organization"], &subject["Country"]),
        (&"bmc.example".into(), &"Cybozu".into(), &"JP".into())
    );
}

#[tokio::test]
async fn one_for_the_key_that_is_there_needs_none() {
    let redfish = redfish(&Scripted::new());
    let (certificate, key) = signed("bmc.example");
    let body = replacement(&format!("{certificate}{key}"));
    assert_eq!(post(&redfish, REPLACE, body).await.status, 204);
    assert_eq!(post(&redfish, REPLACE, replacement(&certificate)).await.status, 204);
}

#[tokio::test]
async fn what_is_wrong_is_told_and_changes_nothing() {
    let redfish = redfish(&Scripted::new());
    let before = get(&redfish, ONE).await.json();
    assert_eq!(before["Subject"]["CommonName"], "BMC of boot-0");
    assert_eq!(
        before["Subject"]["AlternativeNames"],
        json!([IpAddr::from([10, 0, 0, 5]).to_string()])
    );
    assert_eq!(before["Issuer"]["CommonName"], "placemat2 lab dc");
    assert_eq!(before["KeyUsage"], json!(["DigitalSignature", "ServerAuthentication"]));
    let (certificate, key) = signed("a.example");
    let (_, other) = signed("b.example");
    for (text, words) in [
        (certificate.clone(), "is not that of the certificate"),
        (format!("{certificate}{other}"), "is not that of the certificate"),
        (key.clone(), "no certificate"),
        ("nonsense".to_owned(), "no certificate"),
    ] {
        let answer = post(&redfish, REPLACE, replacement(&text)).await;
        assert_eq!(answer.messages(), ["ActionParameterValueError"]);
        let told = answer.json().to_string();
        assert!(told.contains(words), "{words}: {told}");
    }
    let both = format!("{certificate}{key}");
    let elsewhere = "/redfish/v1/AccountService/Accounts/2/Certificates/1";
    for (body, message) in [
        (json!({}), "ActionParameterMissing"),
        (
            json!({ "CertificateString": both, "CertificateType": "PKCS7", "CertificateUri": { "@odata.id": ONE } }),
            "ActionParameterValueNotInList",
        ),
        (
            json!({ "CertificateString": both, "CertificateType": "PEM", "CertificateUri": { "@odata.id": elsewhere } }),
            "ActionParameterValueError",
        ),
        (
            json!({ "CertificateString": both, "CertificateType": "PEM", "CertificateUri": ONE }),
            "ActionParameterValueTypeError",
        ),
    ] {
        let answer = post(&redfish, REPLACE, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.messages()[0], message, "{body}");
    }
    for body in [
        json!({ "CommonName": "x" }),
        json!({ "CommonName": "x", "CertificateCollection": { "@odata.id": ALL }, "AlternativeNames": ["ü"] }),
        json!({ "CommonName": "x", "CertificateCollection": { "@odata.id": ALL }, "KeyPairAlgorithm": "TPM_ALG_RSA" }),
    ] {
        assert_eq!(post(&redfish, REQUEST, body.clone()).await.status, 400, "{body}");
    }
    let body = replacement(&both).to_string();
    let refused = ask(&redfish, axum::http::Method::POST, REPLACE, &[READER], &body).await;
    assert_eq!(refused.status, 403);
    assert_eq!(get(&redfish, ONE).await.json(), before);
}
