//! Imports users, API keys, memberships, invites and the audit log.
use std::collections::{BTreeMap, BTreeSet};

use carrel_domain::api_key::{KeyOrigin, NewApiKey};
use carrel_domain::import::{ImportedApiKey, ImportedEvent, ImportedMember, ImportedUser};
use carrel_domain::invite::{Invite, InviteStatus};
use carrel_domain::user::{PasswordHash, Role, User, Username};
use carrel_domain::{ApiKeyId, InviteId, UserId, WorkspaceId};
use carrel_services::token::digest;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::plan::Known;
use crate::report::Report;
use crate::row::Row;

/// Lifetime of pending invites after the import. In AnythingLLM they never expire.
const INVITES: TimeDelta = TimeDelta::days(30);

/// The longest bio, in characters; the rest is cut.
const LONGEST_BIO: usize = 1000;

pub fn users(rows: Vec<Row>, now: DateTime<Utc>, report: &mut Report) -> Vec<ImportedUser> {
    let mut users = Vec::new();
    let mut names = BTreeSet::new();
    for row in rows {
        let Some(id) = row.id() else {
            report.leave_out("users: a row without an id");
            continue;
        };
        let Some(password) = row.filled("password") else {
            report.leave_out(format!("users {id}: it has no password"));
            continue;
        };
        let username = row.filled("username").unwrap_or_else(|| {
            report.change(format!("users {id}: it had no name and is called `user-{id}`"));
            format!("user-{id}")
        });
        if !names.insert(username.clone()) {
            report.leave_out(format!("users {id}: another user is called `{username}` too"));
            continue;
        }
        if Username::parse(&username).is_err() {
            report.differ(format!(
                "User {id} is called `{username}`, which new users could not choose. The name \
                 stays valid for signing in."
            ));
        }
        let role = row.text("role").unwrap_or_default();
        let role = Role::parse(&role).unwrap_or_else(|| {
            report.change(format!("users {id}: the role `{role}` is unknown; it is `default`"));
            Role::Default
        });
        let mut bio = row.text("bio").unwrap_or_default();
        if bio.chars().count() > LONGEST_BIO {
            report.change(format!("users {id}: the bio is truncated to {LONGEST_BIO} characters"));
            bio = bio.chars().take(LONGEST_BIO).collect();
        }
        let created_at = row.time("createdAt").unwrap_or(now);
        users.push(ImportedUser {
            user: User {
                id: UserId(id),
                username,
                role,
                suspended: row.flag("suspended").unwrap_or(false),
                daily_message_limit: row.int("dailyMessageLimit").filter(|limit| *limit > 0),
                bio,
                picture: row.filled("pfpFilename"),
                // Recovery codes are not imported, so users are offered new ones.
                seen_recovery_codes: false,
                created_at,
                updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
            },
            password: PasswordHash(password),
        });
    }
    users
}

pub fn api_keys(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<ImportedApiKey> {
    let (mut keys, mut used) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let Some(secret) = row.filled("secret") else {
            report.leave_out(format!("api_keys {id}: it has no secret"));
            continue;
        };
        if !used.insert(secret.clone()) {
            report.leave_out(format!("api_keys {id}: the same key exists twice"));
            continue;
        }
        let creator = row.int("createdBy").filter(|user| *user > 0);
        let created_by = creator.filter(|user| known.users.contains_key(user));
        // In AnythingLLM, a key keeps working while its creator is suspended; here it would not.
        let suspended = created_by.is_some_and(|user| known.users[&user]);
        if suspended {
            report.change(format!(
                "api_keys {id}: user {} is suspended; the key works but has no owner",
                created_by.unwrap_or(0)
            ));
        } else if creator.is_some() && created_by.is_none() {
            report.change(format!("api_keys {id}: its user no longer exists; it has no owner"));
        }
        keys.push(ImportedApiKey {
            id: ApiKeyId(id),
            key: NewApiKey {
                name: row.filled("name"),
                digest: digest(&secret),
                prefix: secret.split('-').next().unwrap_or_default().chars().take(7).collect(),
                origin: KeyOrigin::Created,
                scopes: Vec::new(),
                workspaces: Vec::new(),
                rate_limit: None,
                created_by: created_by.filter(|_| !suspended).map(UserId),
                expires_at: None,
                created_at: row.time("createdAt").unwrap_or(now),
            },
        });
    }
    if !keys.is_empty() {
        report.differ(
            "API keys are stored as digests and cannot be shown again. They have full access, as \
             before; create limited keys for programs that need less.",
        );
    }
    keys
}

pub fn members(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<ImportedMember> {
    let (mut members, mut used) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let (user, workspace) =
            (row.int("user_id").unwrap_or(0), row.int("workspace_id").unwrap_or(0));
        if !known.users.contains_key(&user) || !known.workspaces.contains(&workspace) {
            report.leave_out(format!(
                "workspace_users {id}: user {user} or workspace {workspace} does not exist"
            ));
            continue;
        }
        if !used.insert((user, workspace)) {
            report.leave_out(format!(
                "workspace_users {id}: user {user} is a member of workspace {workspace} already"
            ));
            continue;
        }
        let created_at = row.time("createdAt").unwrap_or(now);
        members.push(ImportedMember {
            user: UserId(user),
            workspace: WorkspaceId(workspace),
            created_at,
            updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
        });
    }
    members
}

pub fn invites(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<Invite> {
    let (mut invites, mut codes) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let Some(code) = row.filled("code") else {
            report.leave_out(format!("invites {id}: it has no code"));
            continue;
        };
        if !codes.insert(code.clone()) {
            report.leave_out(format!("invites {id}: another invite has the same code"));
            continue;
        }
        let status = row.text("status").unwrap_or_default();
        let status = InviteStatus::parse(&status).unwrap_or_else(|| {
            report
                .change(format!("invites {id}: the status `{status}` is unknown; it is disabled"));
            InviteStatus::Disabled
        });
        let is_pending = status == InviteStatus::Pending;
        let (workspaces, unknown) = workspaces_of(&row, known);
        // A pending invite must not admit people to a workspace that is created later and happens
        // to get the same id.
        let listed = match is_pending {
            true => workspaces,
            false => workspaces.into_iter().chain(unknown.iter().copied()).collect(),
        };
        if is_pending && !unknown.is_empty() {
            report.change(format!(
                "invites {id}: it named workspaces that do not exist: {unknown:?}"
            ));
        }
        let user = |column: &str| {
            let user = row.int(column).filter(|user| known.users.contains_key(user));
            user.map(UserId)
        };
        let created_at = row.time("createdAt").unwrap_or(now);
        invites.push(Invite {
            id: InviteId(id),
            code,
            status,
            claimed_by: user("claimedBy"),
            claimed_by_name: None,
            workspaces: listed.into_iter().map(WorkspaceId).collect(),
            created_by: user("createdBy"),
            expires_at: is_pending.then(|| now + INVITES),
            created_at,
            updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
        });
    }
    if invites.iter().any(|invite| invite.status == InviteStatus::Pending) {
        report.differ("Pending invites work for 30 more days; before, they never expired.");
    }
    invites
}

/// Returns the existing workspaces of an invite and the other ids it names. They are stored as a
/// JSON list of numbers or strings.
fn workspaces_of(row: &Row, known: &Known) -> (Vec<i32>, Vec<i32>) {
    let list = row.text("workspaceIds").unwrap_or_default();
    let list: Vec<Value> = serde_json::from_str(&list).unwrap_or_default();
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    list.iter().filter_map(number).partition(|id| known.workspaces.contains(id))
}

/// Converts an entry of the log. Removes the codes and tokens in it, because more people see the
/// log than may use them.
pub fn event(row: &Row, now: DateTime<Utc>, report: &mut Report) -> ImportedEvent {
    let id = row.id().unwrap_or(0);
    let text = row.text("metadata").unwrap_or_default();
    let mut details = match serde_json::from_str(&crate::surrogates::repair(&text)) {
        Ok(Value::Object(map)) => map,
        Ok(Value::Null) => Map::new(),
        Ok(other) => Map::from_iter([("value".to_owned(), other)]),
        Err(_) if text.is_empty() => Map::new(),
        Err(_) => {
            report
                .change(format!("event_logs {id}: its details are not JSON and are kept as text"));
            Map::from_iter([("text".to_owned(), Value::String(text))])
        }
    };
    conceal(&mut details);
    if let Some(user) = row.int("userId") {
        details.insert("userId".to_owned(), user.into());
    }
    ImportedEvent {
        name: row.filled("event").unwrap_or_else(|| "unknown".to_owned()),
        details: Value::Object(details).to_string(),
        actor: "imported".to_owned(),
        at: row.time("occurredAt").unwrap_or(now),
    }
}

fn conceal(details: &mut Map<String, Value>) {
    for (name, value) in details {
        let name = name.to_lowercase();
        let secret = ["code", "token", "secret", "password", "apikey"];
        match value {
            Value::String(text) if secret.iter().any(|word| name.contains(word)) => {
                *text = "***".to_owned();
            }
            Value::Object(inner) => conceal(inner),
            _ => {}
        }
    }
}

/// Maps the ids of users to whether they are suspended.
pub fn by_id(users: &[ImportedUser]) -> BTreeMap<i32, bool> {
    users.iter().map(|of| (of.user.id.0, of.user.suspended)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        let Value::Object(map) = value else { unreachable!() };
        Row(map)
    }

    fn known() -> Known {
        Known {
            users: [(1, false), (4, true)].into(),
            workspaces: [3, 4].into(),
            ..Known::default()
        }
    }

    #[test]
    fn keys_keep_working_whoever_created_them() {
        let rows = [(1, None), (2, Some(1)), (3, Some(4)), (4, Some(5)), (5, Some(0))];
        let rows = rows.map(|(id, by)| {
            row(json!({ "id": id, "secret": format!("K{id}-X"), "createdBy": by }))
        });
        let mut report = Report::default();
        let keys = api_keys(rows.into(), &known(), Utc::now(), &mut report);
        let by: Vec<_> = keys.iter().map(|key| key.key.created_by.map(|user| user.0)).collect();
        assert_eq!(by, [None, Some(1), None, None, None]);
        assert_eq!(report.changed.len(), 2, "{:?}", report.changed);
        assert!(keys[1].key.digest == digest("K2-X") && keys[1].key.prefix == "K2");
    }

    #[test]
    fn a_pending_invite_does_not_admit_to_a_later_workspace() {
        let rows = [
            json!({ "id": 1, "code": "a", "status": "pending", "workspaceIds": "[\"4\",\"999\"]" }),
            json!({ "id": 2, "code": "b", "status": "claimed", "workspaceIds": "[3,5]" }),
            json!({ "id": 3, "code": "c", "status": "pending", "workspaceIds": null }),
            json!({ "id": 4, "code": "a", "status": "pending" }),
        ];
        let mut report = Report::default();
        let invites = invites(rows.map(row).into(), &known(), Utc::now(), &mut report);
        let ids = |at: usize| invites[at].workspaces.iter().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!((ids(0), ids(1), ids(2)), (vec![4], vec![3, 5], vec![]));
        assert!(invites[0].expires_at.is_some() && invites[1].expires_at.is_none());
        assert_eq!((report.left_out.len(), report.changed.len()), (1, 1));
    }

    #[test]
    fn events_lose_only_their_secrets() {
        let imported = row(json!({
            "id": 1, "event": "invite_created", "userId": 2, "occurredAt": "2024-02-11 08:30:15",
            "metadata": "{\"inviteCode\":\"X-Y\",\"name\":\"n\",\"a\":{\"token\":\"t\"}}",
        }));
        let mut report = Report::default();
        let imported = event(&imported, Utc::now(), &mut report);
        assert_eq!(
            imported.details,
            r#"{"inviteCode":"***","name":"n","a":{"token":"***"},"userId":2}"#
        );
        let truncated = row(json!({ "id": 2, "event": "x", "metadata": "{\"cut" }));
        let truncated = event(&truncated, Utc::now(), &mut report);
        assert_eq!(truncated.details, r#"{"text":"{\"cut"}"#);
        assert_eq!(report.changed.len(), 1);
    }

    #[test]
    fn users_keep_names_that_are_no_longer_accepted() {
        let rows = [
            json!({ "id": 6, "username": "Jürgen Müller", "password": "$2b$10$x", "role": "default" }),
            json!({ "id": 7, "username": null, "password": "h", "role": "root", "suspended": 1 }),
            json!({ "id": 8, "username": "nobody" }),
        ];
        let mut report = Report::default();
        let users = users(rows.map(row).into(), Utc::now(), &mut report);
        let names: Vec<_> = users.iter().map(|user| user.user.username.as_str()).collect();
        assert_eq!(names, ["Jürgen Müller", "user-7"]);
        assert!(users[1].user.suspended && users[1].user.role == Role::Default);
        assert_eq!((report.left_out.len(), report.changed.len(), report.differs.len()), (1, 2, 1));
    }
}
