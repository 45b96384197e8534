//! Recovery codes replace a forgotten password.
use anyhow::{Context, Result};
use e2e::visitor::{PASSWORD, Page, Visitor};
use e2e::{Backend, Mode, TestServer, on_both_databases};
use serde_json::json;

on_both_databases!(a_code_sets_a_new_password_once);

const NEW: &str = "another long password";

/// The codes on the page that shows them once.
fn codes(page: &Page) -> Vec<String> {
    let is_code = |line: &&str| line.len() == 23 && line.split('-').count() == 4;
    page.text
        .lines()
        .flat_map(|line| line.split(['<', '>']))
        .filter(is_code)
        .map(str::to_owned)
        .collect()
}

async fn recover(server: &TestServer, name: &str, code: &str, new: &str) -> Result<Page> {
    let mut stranger = Visitor::new(server.admin())?;
    stranger.post("/recover", &[("username", name), ("code", code), ("new", new)]).await
}

async fn a_code_sets_a_new_password_once(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    assert_eq!(Visitor::new(server.admin())?.get("/recover").await?.status, 404, "nobody has one");
    let mut ada = Visitor::first(&server, Mode::Team).await?;
    let sam = json!({ "username": "sam", "password": PASSWORD, "role": "default" });
    server.admin().post("/v1/admin/users/new", sam).await?.ok()?;
    assert!(ada.get("/account").await?.says("Codes left: 0"));
    let wrong = ada.post("/account/recovery-codes", &[("current", "not it")]).await?;
    assert!(wrong.status >= 400 && codes(&wrong).is_empty(), "{}", wrong.status);
    let made = ada.post("/account/recovery-codes", &[("current", PASSWORD)]).await?;
    let old = codes(&made);
    assert_eq!(old.len(), 10, "{}", made.text);
    let made = ada.post("/account/recovery-codes", &[("current", PASSWORD)]).await?;
    let codes = codes(&made);
    assert!(ada.get("/account").await?.says("Codes left: 10"));
    let first = codes.first().context("no codes")?;

    for (name, code, new) in [
        ("ada", old[0].as_str(), NEW),
        ("sam", first.as_str(), NEW),
        ("nobody", first.as_str(), NEW),
        ("ada", "", NEW),
        ("ada", first.as_str(), "short"),
    ] {
        let refused = recover(&server, name, code, new).await?;
        assert!((400..500).contains(&refused.status), "{name} {code}: {}", refused.status);
        assert!(refused.header("set-cookie").is_empty(), "{name} {code}");
    }
    let typed = first.to_uppercase().replace('-', " ");
    let done = recover(&server, "ada", &typed, NEW).await?;
    assert_eq!((done.status, done.leads_to()), (303, "/"), "{}", done.text);
    assert!(!done.header("set-cookie").is_empty());
    // Whoever was signed in is not, the old password is none, and the code is used up.
    assert_eq!(ada.get("/account").await?.status, 303);
    let sign_in = async |password: &str| {
        let body = json!({ "username": "ada", "password": password });
        server.admin().anonymous().post("/v1/session", body).await
    };
    assert_eq!(sign_in(PASSWORD).await?.status, 401);
    assert_eq!(sign_in(NEW).await?.status, 200);
    assert_eq!(recover(&server, "ada", first, PASSWORD).await?.status, 400);

    let events = server.admin().get("/v1/admin/event-logs?limit=20").await?.ok()?.to_string();
    for event in ["recovery_codes_created", "password_recovered", "failed_recovery_invalid_code"] {
        assert!(events.contains(event), "{event} is not in the log: {events}");
    }
    assert!(codes.iter().all(|code| !server.log().unwrap_or_default().contains(code)));
    Ok(())
}
