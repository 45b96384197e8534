//! Sign-in of users with a browser.
use anyhow::{Context, Result};
use e2e::{Answer, Backend, Client, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(
    a_user_signs_in_and_out,
    guessing_reveals_nothing_and_is_slowed_down,
    a_session_ends_with_a_suspension_and_with_a_new_password,
    a_single_user_has_no_sessions,
);

const PASSWORD: &str = "correct horse";

/// Starts a server with the admins `main-admin` and `ann`, whose id is 2.
async fn multi_user(backend: Backend) -> Result<TestServer> {
    let server = TestServer::start(backend).await?;
    let first = json!({ "username": "main-admin", "password": PASSWORD });
    server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let ann = json!({ "username": "ann", "password": PASSWORD, "role": "admin" });
    server.admin().post("/v1/admin/users/new", ann).await?.ok()?;
    Ok(server)
}

async fn sign_in(server: &TestServer, name: &str, password: &str) -> Result<Answer> {
    let body = json!({ "username": name, "password": password });
    server.admin().anonymous().post("/v1/session", body).await
}

/// Returns the cookie that a response sets, as a browser sends it back.
fn cookie(answer: &Answer) -> Result<String> {
    let set = answer.header("set-cookie");
    Ok(set.split(';').next().filter(|pair| !pair.is_empty()).context("no cookie")?.to_owned())
}

async fn with_cookie(client: &Client, method: Method, path: &str, cookie: &str) -> Result<Answer> {
    send(client.anonymous().request(method, path).header("cookie", cookie)).await
}

async fn session_of(server: &TestServer, cookie: &str) -> Result<Answer> {
    with_cookie(server.admin(), Method::GET, "/v1/session", cookie).await
}

async fn a_user_signs_in_and_out(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let answer = sign_in(&server, "ann", PASSWORD).await?;
    let session = cookie(&answer)?;
    let attributes = answer.header("set-cookie").strip_prefix(&session).unwrap_or_default();
    assert_eq!(attributes, "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict");
    let ann = json!({ "id": 2, "username": "ann", "role": "admin" });
    let token = session.trim_start_matches("carrel_session=");
    assert!(token.len() > 40 && !answer.body.to_string().contains(token));
    assert_eq!(answer.ok()?, json!({ "user": ann, "error": null }));
    let other = cookie(&sign_in(&server, "ann", PASSWORD).await?)?;
    assert_ne!(session, other);
    for cookie in [&session, &format!("theme=dark; {session}"), &other] {
        assert_eq!(session_of(&server, cookie).await?.ok()?, json!({ "user": ann }));
    }
    // A session cannot be used as a key, nor a key as a session.
    for path in ["/v1/auth", "/api/v1/auth", "/v1/admin/users"] {
        assert_eq!(with_cookie(server.admin(), Method::GET, path, &session).await?.status, 403);
        assert_eq!(server.admin().with_key(token).get(path).await?.status, 403);
    }
    assert_eq!(session_of(&server, &format!("carrel_session={}", e2e::KEY)).await?.status, 401);
    assert_eq!(server.admin().get("/v1/session").await?.status, 401);

    let out = with_cookie(server.admin(), Method::DELETE, "/v1/session", &session).await?;
    assert_eq!(
        out.header("set-cookie"),
        "carrel_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    );
    assert_eq!(out.ok()?, json!({ "success": true, "error": null }));
    let nobody = json!({ "user": null, "error": "No user is signed in." });
    for cookie in [&session, "", "carrel_session=", "carrel_session=nope"] {
        let refused = session_of(&server, cookie).await?;
        assert_eq!((refused.status, &refused.body), (401, &nobody));
        let out = with_cookie(server.admin(), Method::DELETE, "/v1/session", cookie).await?;
        assert_eq!(out.status, 200);
    }
    assert_eq!(session_of(&server, &other).await?.status, 200);

    let events = server.admin().get("/v1/admin/event-logs?limit=3").await?.ok()?;
    let event = |place: usize| {
        (events["events"][place]["event"].as_str(), &events["events"][place]["actor"])
    };
    assert_eq!(event(0), (Some("logout_event"), &json!("user:2")));
    assert_eq!(event(1), (Some("login_event"), &json!("user:2")));
    Ok(())
}

async fn guessing_reveals_nothing_and_is_slowed_down(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let suspended = json!({ "username": "bob", "password": PASSWORD });
    server.admin().post("/v1/admin/users/new", suspended).await?.ok()?;
    server.admin().post("/v1/admin/users/3", json!({ "suspended": 1 })).await?.ok()?;
    let wrong = json!({ "user": null, "error": "Invalid login credentials." });
    let long = "x".repeat(30_000);
    let guesses = [
        ("nobody", PASSWORD),
        ("ann", "wrong horse"),
        ("bob", PASSWORD),
        ("", ""),
        ("ann", ""),
        ("ANN", PASSWORD),
        ("ann\0", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        (&long, &long),
        ("ann", &long),
    ];
    for (name, password) in guesses {
        let refused = sign_in(&server, name, password).await?;
        assert_eq!((refused.status, &refused.body), (401, &wrong), "{name:.20}");
        assert_eq!(refused.header("set-cookie"), "");
    }
    for body in [json!({ "username": 1 }), json!({ "username": "ann", "password": [PASSWORD] })] {
        let refused = server.admin().anonymous().post("/v1/session", body).await?;
        assert_eq!((refused.status, &refused.body["user"]), (400, &Value::Null));
    }
    let logged = server.admin().get("/v1/admin/event-logs?limit=8").await?.ok()?;
    let why = |place: usize| {
        // One event for each, except for repetitions of the same name and reason.
        let event = &logged["events"][guesses.len() - 3 - place];
        (event["event"].as_str().unwrap_or_default().to_owned(), event["actor"].clone())
    };
    for (place, name) in ["username", "password"].into_iter().enumerate() {
        assert_eq!(why(place), (format!("failed_login_invalid_{name}"), json!("stranger")));
    }
    assert_eq!(why(2).0, "failed_login_account_suspended");
    assert!(!logged.to_string().contains(PASSWORD));

    // Further guesses are delayed, even with the right password.
    for _ in 0..10 {
        sign_in(&server, "ann", "wrong horse").await?;
    }
    let waits = sign_in(&server, "ann", PASSWORD).await?;
    assert_eq!(waits.status, 429);
    let seconds: u64 = waits.header("retry-after").parse()?;
    assert!((1..=300).contains(&seconds), "{seconds}");
    Ok(())
}

async fn a_session_ends_with_a_suspension_and_with_a_new_password(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    let session = cookie(&sign_in(&server, "ann", PASSWORD).await?)?;
    admin.post("/v1/admin/users/2", json!({ "suspended": 1 })).await?.ok()?;
    assert_eq!(session_of(&server, &session).await?.status, 401);
    assert_eq!(sign_in(&server, "ann", PASSWORD).await?.status, 401);
    admin.post("/v1/admin/users/2", json!({ "suspended": 0 })).await?.ok()?;
    assert_eq!(session_of(&server, &session).await?.status, 401, "an ended session stays ended");

    let session = cookie(&sign_in(&server, "ann", PASSWORD).await?)?;
    admin.post("/v1/admin/users/2", json!({ "password": "another horse" })).await?.ok()?;
    assert_eq!(session_of(&server, &session).await?.status, 401);
    assert_eq!(sign_in(&server, "ann", PASSWORD).await?.status, 401);

    let session = cookie(&sign_in(&server, "ann", "another horse").await?)?;
    admin.delete("/v1/admin/users/2", json!(null)).await?.ok()?;
    assert_eq!(session_of(&server, &session).await?.status, 401);
    Ok(())
}

async fn a_single_user_has_no_sessions(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let denied = json!({ "error": "Instance is not in Multi-User mode. Method denied" });
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let refused =
            with_cookie(server.admin(), method, "/v1/session", "carrel_session=x").await?;
        assert_eq!((refused.status, &refused.body), (401, &denied));
    }
    Ok(())
}

#[tokio::test]
async fn a_session_survives_a_restart() -> Result<()> {
    let mut server = multi_user(Backend::Sqlite).await?;
    let session = cookie(&sign_in(&server, "ann", PASSWORD).await?)?;
    server.stop().await?;
    let database = std::fs::read(server.storage().join("carrel.db"))?;
    let token = session.trim_start_matches("carrel_session=").as_bytes();
    assert!(!database.windows(token.len()).any(|window| window == token));
    server.run().await?;
    assert_eq!(session_of(&server, &session).await?.status, 200);
    assert!(!server.log()?.contains(&session));
    Ok(())
}

#[tokio::test]
async fn behind_a_tls_proxy_the_cookie_is_secure() -> Result<()> {
    let server = multi_user(Backend::Sqlite).await?;
    let body = json!({ "username": "ann", "password": PASSWORD });
    let request = server.admin().anonymous().request(Method::POST, "/v1/session").json(&body);
    let answer = send(request.header("x-forwarded-proto", "https")).await?;
    assert!(answer.header("set-cookie").ends_with("; SameSite=Strict; Secure"));
    Ok(())
}
