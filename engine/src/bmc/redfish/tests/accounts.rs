//! Accounts, roles and sessions.

use axum::http::Method;
use serde_json::json;

use crate::bmc::{
    Role,
    redfish::testing::{ADMINISTRATOR, READER, ask, get, patch, post, redfish},
    testing::Scripted,
};

const ACCOUNTS: &str = "/redfish/v1/AccountService/Accounts";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

#[tokio::test]
async fn an_account_is_made_changed_and_removed() {
    let redfish = redfish(&Scripted::new());
    let accounts = redfish.bmc().accounts();
    let wanted = json!({ "UserName": "ada", "Password": "lovelace", "RoleId": "Operator" });
    let made = post(&redfish, ACCOUNTS, wanted.clone()).await;
    assert_eq!(made.status, 201);
    let path = made.header("location").to_owned();
    assert_eq!(made.json()["@odata.id"], path.as_str());
    assert_eq!(made.json()["Password"], json!(null));
    assert_eq!(accounts.sign_in("ada", b"lovelace").unwrap().role, Some(Role::Operator));
    assert_eq!(
        post(&redfish, ACCOUNTS, wanted).await.messages(),
        ["ResourceAlreadyExists"]
    );

    let change = json!({ "RoleId": "ReadOnly", "Password": "byron", "UserName": "augusta" });
    assert_eq!(patch(&redfish, &path, change).await.json()["RoleId"], "ReadOnly");
    assert_eq!(
        accounts.sign_in("augusta", b"byron").unwrap().role,
        Some(Role::ReadOnly)
    );
    assert_eq!(
        patch(&redfish, &path, json!({ "Enabled": false })).await.json()["Enabled"],
        false
    );
    assert!(accounts.sign_in("augusta", b"byron").is_none());
    assert_eq!(
        ask(&redfish, Method::DELETE, &path, &[ADMINISTRATOR], "").await.status,
        204
    );
    assert_eq!(get(&redfish, &path).await.status, 404);
}

#[tokio::test]
async fn accounts_that_cannot_be() {
    let redfish = redfish(&Scripted::new());
    for (body, messages) in [
        (json!({}), vec!["CreateFailedMissingReqProperties"; 3]),
        (
            json!({ "UserName": "two words", "Password": "x", "RoleId": "ReadOnly" }),
            vec!["PropertyValueError"],
        ),
        (
            json!({ "UserName": "x", "Password": "", "RoleId": "ReadOnly" }),
            vec!["PropertyValueError"],
        ),
        (
            json!({ "UserName": "x", "Password": "x", "RoleId": "King" }),
            vec!["PropertyValueNotInList", "CreateFailedMissingReqProperties"],
        ),
        (
            json!({ "UserName": "x", "Password": "x", "RoleId": "ReadOnly", "Age": 1 }),
            vec!["PropertyUnknown"],
        ),
    ] {
        let answer = post(&redfish, ACCOUNTS, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.messages(), messages, "{body}");
    }
}

#[tokio::test]
async fn everybody_may_change_the_own_password_and_no_more() {
    let redfish = redfish(&Scripted::new());
    let own = format!("{ACCOUNTS}/3");
    let change = async |path: &str, body: serde_json::Value| {
        ask(&redfish, Method::PATCH, path, &[READER], &body.to_string())
            .await
            .status
    };
    assert_eq!(change(&own, json!({ "RoleId": "Administrator" })).await, 403);
    assert_eq!(change(&own, json!({ "Password": "x", "Enabled": true })).await, 403);
    assert_eq!(change(&format!("{ACCOUNTS}/2"), json!({ "Password": "x" })).await, 403);
    assert_eq!(ask(&redfish, Method::GET, &own, &[READER], "").await.status, 200);
    assert_eq!(change(&own, json!({ "Password": "new" })).await, 200);
    assert!(redfish.bmc().accounts().sign_in("reader", b"new").is_some());
    assert_eq!(redfish.bmc().accounts().get(3).unwrap().role, Some(Role::ReadOnly));
}

#[tokio::test]
async fn a_session_is_a_sign_in_that_can_be_given_back() {
    let redfish = redfish(&Scripted::new());
    let body = json!({ "UserName": "reader", "Password": "reader" }).to_string();
    let begun = ask(&redfish, Method::POST, SESSIONS, &[], &body).await;
    assert_eq!(begun.status, 201);
    let (token, path) = (
        begun.header("x-auth-token").to_owned(),
        begun.header("location").to_owned(),
    );
    assert_eq!(token.len(), 32);
    let with_token = [("x-auth-token", token.as_str())];
    let read = ask(&redfish, Method::GET, &path, &with_token, "").await;
    assert_eq!(read.json()["UserName"], "reader");
    assert!(!String::from_utf8_lossy(&read.body).contains(&token));
    assert_eq!(redfish.bmc().sessions().list()[0].user, "reader");

    let other = ask(
        &redfish,
        Method::POST,
        SESSIONS,
        &[],
        &json!({ "UserName": "cybozu", "Password": "cybozu" }).to_string(),
    )
    .await;
    let other = other.header("location").to_owned();
    // Sessions of others are not there for who may not end them.
    assert_eq!(ask(&redfish, Method::DELETE, &other, &with_token, "").await.status, 404);
    assert_eq!(ask(&redfish, Method::DELETE, &path, &with_token, "").await.status, 204);
    assert_eq!(
        ask(&redfish, Method::GET, "/redfish/v1/Systems", &with_token, "")
            .await
            .status,
        401
    );
    assert_eq!(redfish.bmc().sessions().list().len(), 1);

    for wrong in [
        json!({ "UserName": "reader", "Password": "x" }),
        json!({ "UserName": "nobody", "Password": "x" }),
    ] {
        let answer = ask(&redfish, Method::POST, SESSIONS, &[], &wrong.to_string()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.messages(), ["ResourceAtUriUnauthorized"]);
    }
    let service = "/redfish/v1/SessionService";
    assert_eq!(
        patch(&redfish, service, json!({ "SessionTimeout": 29 }))
            .await
            .messages(),
        ["PropertyValueOutOfRange"]
    );
    assert_eq!(
        patch(&redfish, service, json!({ "SessionTimeout": 60 })).await.json()["SessionTimeout"],
        60
    );
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once() {
    let redfish = redfish(&Scripted::new());
    let body = json!({ "UserName": "cybozu", "Password": "cybozu" }).to_string();
    let begun = ask(&redfish, Method::POST, SESSIONS, &[], &body).await;
    let token = begun.header("x-auth-token").to_owned();
    let clear = "/redfish/v1/Systems/System.Embedded.1/LogServices/SEL/Actions/LogService.ClearLog";
    let act = async || {
        ask(&redfish, Method::POST, clear, &[("x-auth-token", &token)], "")
            .await
            .status
    };
    assert_eq!(act().await, 204);
    redfish
        .bmc()
        .accounts()
        .set_access(2, Some(Role::Operator), true)
        .unwrap();
    assert_eq!(act().await, 403);
    redfish
        .bmc()
        .accounts()
        .set_access(2, Some(Role::Operator), false)
        .unwrap();
    assert_eq!(act().await, 401);
}
