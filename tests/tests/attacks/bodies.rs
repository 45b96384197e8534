//! Bodies that an operation does not expect.
use anyhow::Result;
use e2e::openapi::{Operation, places};
use e2e::send;
use serde_json::{Value, json};

use super::names::NAMES;
use super::{Target, assert_unbroken, backend};

/// Returns values to put in place of every field.
fn swaps() -> Vec<Value> {
    let large = "x ".repeat(5_000);
    let mut swaps = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(2_147_483_648u32),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("a\r\nb: c"),
        json!("' OR 1=1 --"),
        json!("\"; DROP TABLE users; --"),
        json!("{{7*7}} ${HOME} %PATH%"),
        json!("\u{202e}\u{feff}\u{1f480}"),
        json!("NaN"),
        json!(large),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "not": "" }),
        json!({ "contains": "" }),
        json!({ "set": 1 }),
        json!({ "create": { "role": "admin" } }),
        json!("__proto__"),
    ];
    swaps.push(json!(NAMES));
    swaps
}

async fn try_body(target: &Target, operation: &Operation, body: String, what: &str) -> Result<()> {
    let request = target.server.admin().request(operation.method.clone(), &target.path(operation));
    let request = request.header("content-type", "application/json").body(body);
    assert_unbroken(operation, &send(request).await?, what);
    Ok(())
}

fn with_bodies(target: &Target) -> impl Iterator<Item = &Operation> {
    target.operations.iter().filter(|operation| operation.takes("application/json"))
}

#[tokio::test]
async fn no_value_in_any_field_breaks_an_operation_or_grants_rights() -> Result<()> {
    let target = Target::new(backend()).await?;
    let before = target.guarded().await?;
    let mut tried = 0;
    for operation in with_bodies(&target) {
        for place in places(&operation.body) {
            let is_text = operation.body.pointer(&place).is_some_and(Value::is_string);
            let names = NAMES.iter().filter(|_| is_text).map(|name| json!(name));
            for swap in swaps().into_iter().chain(names) {
                let mut body = operation.body.clone();
                if let Some(field) = body.pointer_mut(&place) {
                    *field = swap.clone();
                }
                let what = format!("{place} = {:.60}", swap.to_string());
                try_body(&target, operation, body.to_string(), &what).await?;
                tried += 1;
            }
        }
        assert_eq!(target.failures()?, [""; 0], "{} {}", operation.method, operation.path);
    }
    assert!(tried > 3000, "{tried}");
    let after = target.guarded().await?;
    // Only some of these operations may create keys and users.
    assert_eq!((after.admins, after.multi_user), (before.admins, before.multi_user));
    assert_eq!(after.files, before.files);
    Ok(())
}

#[tokio::test]
async fn bodies_that_are_not_objects_are_refused_everywhere() -> Result<()> {
    let target = Target::new(backend()).await?;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let wide = format!("[{}1]", "1,".repeat(500_000));
    let fields: Vec<_> = (0..10_000).map(|number| format!("\"f{number}\":1")).collect();
    let many = format!("{{{}}}", fields.join(","));
    let twice = "{\"role\":\"default\",\"role\":\"admin\",\"name\":\"a\",\"name\":{}}";
    let (not_utf8, surrogate) = ("{\"a\":\"\u{fffd}\"}", "{\"name\":\"\\ud800\"}");
    for operation in with_bodies(&target) {
        for body in [
            "",
            " ",
            "null",
            "5",
            "true",
            "\"text\"",
            "[]",
            "{",
            "{}}",
            "{'a':1}",
            "{\"a\":1,}",
            "\u{feff}{}",
            "\u{0}",
            "NaN",
            twice,
            not_utf8,
            surrogate,
            &deep,
            &deep_object,
            &wide,
            &many,
        ] {
            try_body(&target, operation, body.to_owned(), &format!("{body:.40}")).await?;
        }
        for kind in ["application/x-www-form-urlencoded", "application/xml", "text/plain", "x", ""]
        {
            let request =
                target.server.admin().request(operation.method.clone(), &target.path(operation));
            let request = request.header("content-type", kind).body("role=admin&name=a&x[$ne]=1");
            assert_unbroken(operation, &send(request).await?, kind);
        }
        assert_eq!(target.failures()?, [""; 0], "{} {}", operation.method, operation.path);
    }
    Ok(())
}

#[tokio::test]
async fn unknown_fields_grant_no_rights() -> Result<()> {
    let target = Target::new(backend()).await?;
    let before = target.guarded().await?;
    let powers = json!({
        "role": "admin", "id": 1, "userId": 1, "user_id": 1, "ownerId": 1, "createdBy": 1,
        "created_by": 1, "isAdmin": true, "admin": true, "suspended": 0, "scopes": ["admin"],
        "password_hash": "x", "passwordHash": "x", "createdAt": "2001-01-01", "status": "pending",
        "multi_user_mode": false, "multiUserMode": false, "__proto__": { "role": "admin" },
        "constructor": { "prototype": { "role": "admin" } },
        "users": { "create": { "username": "evil", "role": "admin" } },
        "workspaces": { "connect": [{ "id": 1 }] }, "basePath": "http://127.0.0.1:9", "secret": "s",
    });
    for operation in with_bodies(&target) {
        for wrapped in [false, true] {
            let Some(mut body) = operation.body.as_object().cloned() else { continue };
            let into = match wrapped.then(|| body.values_mut().find_map(Value::as_object_mut)) {
                None => &mut body,
                Some(Some(inner)) => inner,
                Some(None) => continue,
            };
            for (name, value) in powers.as_object().into_iter().flatten() {
                if wrapped || !operation.properties.contains(name) {
                    into.insert(name.clone(), value.clone());
                }
            }
            let what = format!("fields of power, wrapped: {wrapped}");
            try_body(&target, operation, Value::Object(body).to_string(), &what).await?;
        }
    }
    let after = target.guarded().await?;
    assert_eq!(
        (&after.admins, &after.multi_user, &after.files),
        (&before.admins, &before.multi_user, &before.files)
    );
    // A user who registers with an invite gets the default role, whatever the request says.
    let invite = target.server.admin().post("/v1/admin/invite/new", json!({})).await?.ok()?;
    let code = invite["invite"]["code"].as_str().unwrap_or_default();
    let mut body = powers;
    body["username"] = json!("guest");
    body["password"] = json!("correct horse");
    let path = format!("/v1/invite/{code}");
    target.server.admin().anonymous().post(&path, body).await?.ok()?;
    let users = target.server.admin().get("/v1/admin/users").await?.ok()?;
    let users = users["users"].as_array().cloned().unwrap_or_default();
    let guest = users.iter().find(|user| user["username"] == "guest");
    assert_eq!(guest.map(|guest| &guest["role"]), Some(&json!("default")));
    assert!(guest.is_some_and(|guest| guest["id"] != json!(1)));
    assert_eq!(target.failures()?, [""; 0]);
    Ok(())
}
