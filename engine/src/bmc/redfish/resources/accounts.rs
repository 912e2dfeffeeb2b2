//! Accounts and their roles; the accounts are those of every face.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{collection, enabled, link, resource, with};
use crate::bmc::{
    Account, AccountError, LONGEST_PASSWORD, Role, Secret,
    redfish::{
        caller::Privilege,
        changes::Changes,
        message::Message,
        registry,
        reply::{Outcome, Refusal, Reply},
        route::{Route, View},
    },
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/AccountService", service),
    Route::resource("/redfish/v1/AccountService/Accounts", all).post(Privilege::ConfigureUsers, add),
    Route::resource("/redfish/v1/AccountService/Accounts/{}", one)
        .patch(Privilege::ConfigureSelf, change)
        .delete(Privilege::ConfigureUsers, remove),
    Route::resource("/redfish/v1/AccountService/Roles", roles),
    Route::resource("/redfish/v1/AccountService/Roles/{}", role),
];

/// Roles as Redfish spells them; `None` is that of an account that may do nothing.
const ROLES: &[(&str, Role)] = &[
    ("Administrator", Role::Administrator),
    ("Operator", Role::Operator),
    ("ReadOnly", Role::ReadOnly),
];

fn role_name(role: Role) -> &'static str {
    let found = ROLES.iter().find(|(_, known)| *known == role);
    found.map_or("ReadOnly", |(name, _)| name)
}

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("AccountService", view, "Accounts"),
        json!({
            "ServiceEnabled": true,
            "HTTPBasicAuth": "Enabled",
            "MinPasswordLength": 1,
            "MaxPasswordLength": LONGEST_PASSWORD,
            "SupportedAccountTypes": ["Redfish", "IPMI"],
            "Status": enabled(),
            "Accounts": link(&format!("{}/Accounts", view.path)),
            "Roles": link(&format!("{}/Roles", view.path)),
        }),
    ))
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let accounts = view.redfish.bmc().accounts().list();
    let named = accounts.iter().filter(|account| !account.name.is_empty());
    let members = named.map(|account| format!("{}/{}", view.path, account.id));
    Ok(collection("ManagerAccount", view, "Accounts", members))
}

/// The account that the path is about.
fn wanted(view: &View<'_>) -> Result<Account, Refusal> {
    let id = view.id().parse().ok().filter(|id: &u8| id.to_string() == view.id());
    let found = id.and_then(|id| view.redfish.bmc().accounts().get(id));
    let named = found.filter(|account| !account.name.is_empty());
    named.ok_or_else(|| view.not_found())
}

/// One's own account may be read by everybody, others by those who may change them.
fn one(view: &View<'_>) -> Result<Value, Refusal> {
    let account = wanted(view)?;
    if !view.caller.is_account(account.id) {
        view.caller.check(Privilege::ConfigureUsers)?;
    }
    Ok(shown(view, &account))
}

fn shown(view: &View<'_>, account: &Account) -> Value {
    // An account that IPMI made and gave nothing yet has the least of the roles, and can't sign in.
    let role = role_name(account.role.unwrap_or(Role::ReadOnly));
    with(
        resource("ManagerAccount", view, &format!("Account {}", account.name)),
        json!({
            "Id": account.id.to_string(),
            "UserName": account.name,
            "Password": null,
            "RoleId": role,
            "Enabled": account.enabled && account.role.is_some(),
            "Locked": false,
            "AccountTypes": ["Redfish", "IPMI"],
            "Links": { "Role": link(&format!("/redfish/v1/AccountService/Roles/{role}")) },
        }),
    )
}

fn add(view: &View<'_>, properties: &mut Changes) -> Outcome {
    let name = properties.text("/UserName");
    let password = properties.text("/Password");
    let role = properties.choice("/RoleId", ROLES);
    let enabled = properties.flag("/Enabled");
    properties.texts("/AccountTypes");
    for (pointer, missing) in [
        ("/UserName", name.is_none()),
        ("/Password", password.is_none()),
        ("/RoleId", role.is_none()),
    ] {
        if missing {
            properties.missing(pointer);
        }
    }
    properties.check_all()?;
    let (Some(name), Some(password), Some(role)) = (name, password, role) else {
        return Err(Refusal::bad(Message::new(registry::MALFORMED_JSON, [])));
    };
    let accounts = view.redfish.bmc().accounts();
    let id = accounts.add(&name, Secret::new(password), role).map_err(refused)?;
    if enabled == Some(false) {
        accounts.set_access(id, Some(role), false).map_err(refused)?;
    }
    let path = format!("{}/{id}", view.path);
    let account = accounts.get(id).ok_or_else(|| Refusal::not_found(&path))?;
    let view = View { path: &path, ..*view };
    Ok(Reply::created(shown(&view, &account)))
}

fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let account = wanted(view)?;
    let password = changes.text("/Password");
    if !view.caller.may(Privilege::ConfigureUsers) {
        // Of one's own account, one may change the password alone.
        if !view.caller.is_account(account.id) || changes.has_more() {
            return Err(Refusal::forbidden());
        }
    }
    let name = changes.text("/UserName");
    let role = changes.choice("/RoleId", ROLES);
    let enabled = changes.flag("/Enabled");
    changes.check()?;
    let accounts = view.redfish.bmc().accounts();
    // The one that can fail for what others have done comes first.
    if let Some(name) = name.filter(|name| *name != account.name) {
        accounts.set_name(account.id, &name).map_err(refused)?;
    }
    if let Some(password) = password {
        accounts
            .set_password(account.id, Secret::new(password))
            .map_err(refused)?;
    }
    if role.is_some() || enabled.is_some() {
        let role = role.or(account.role);
        accounts
            .set_access(account.id, role, enabled.unwrap_or(account.enabled))
            .map_err(refused)?;
    }
    Ok(())
}

fn remove(view: &View<'_>) -> Outcome {
    view.redfish.bmc().accounts().remove(wanted(view)?.id);
    Ok(Reply::empty())
}

fn refused(error: AccountError) -> Refusal {
    let message = match &error {
        AccountError::Exists(name) => {
            let message = Message::new(registry::RESOURCE_ALREADY_EXISTS, ["ManagerAccount", "UserName", name]);
            return Refusal::bad(message.about("/UserName"));
        }
        AccountError::Full => {
            let message = Message::new(registry::CREATE_LIMIT_REACHED_FOR_RESOURCE, []).saying(&error);
            return Refusal::new(StatusCode::BAD_REQUEST, message);
        }
        AccountError::NotFound(_) => {
            let message = Message::new(registry::RESOURCE_MISSING_AT_URI, [""]).saying(&error);
            return Refusal::new(StatusCode::NOT_FOUND, message);
        }
        AccountError::Name => Message::new(registry::PROPERTY_VALUE_ERROR, ["UserName"]).about("/UserName"),
        AccountError::Password => Message::new(registry::PROPERTY_VALUE_ERROR, ["Password"]).about("/Password"),
    };
    Refusal::bad(message.saying(error))
}

fn roles(view: &View<'_>) -> Result<Value, Refusal> {
    let members = ROLES.iter().map(|(name, _)| format!("{}/{name}", view.path));
    Ok(collection("Role", view, "Roles", members))
}

fn role(view: &View<'_>) -> Result<Value, Refusal> {
    let found = ROLES.iter().find(|(name, _)| *name == view.id());
    let (name, role) = found.ok_or_else(|| view.not_found())?;
    Ok(with(
        resource("Role", view, &format!("Role {name}")),
        json!({ "RoleId": name, "IsPredefined": true, "AssignedPrivileges": Privilege::of(*role) }),
    ))
}
