//! Recovery codes replace a forgotten password, or with a link of an administrator.
use anyhow::{Context, Result};
use e2e::browser::Browser;
use e2e::visitor::{PASSWORD, Page, Visitor};
use e2e::{Backend, Mode, TestServer, on_both_databases};
use serde_json::json;

use crate::browser_journey::{base, fresh, set_up, well_behaved};

on_both_databases!(a_code_sets_a_new_password_once, a_link_sets_a_new_password_once);

const NEW: &str = "another long password";

/// Returns the codes on the page that shows them once.
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
    // Sessions have ended, the old password is invalid, and the code is used up.
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

/// Creates a team of the signed-in administrator `ada` and the user `sam`. Returns sam's id.
async fn team(server: &TestServer) -> Result<(Visitor, i64)> {
    let ada = Visitor::first(server, Mode::Team).await?;
    let sam = json!({ "username": "sam", "password": PASSWORD, "role": "default" });
    let made = server.admin().post("/v1/admin/users/new", sam).await?.ok()?;
    Ok((ada, made["user"]["id"].as_i64().context("no id")?))
}

async fn a_link_sets_a_new_password_once(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let alone = admin.post("/v1/admin/users/1/recovery-link", json!({})).await?;
    assert!(alone.status >= 400, "{alone:?}");
    let (mut ada, id) = team(&server).await?;
    let mut sam = Visitor::new(admin)?;
    sam.post("/sign-in", &[("username", "sam"), ("password", PASSWORD)]).await?;
    assert_eq!(sam.get("/account").await?.status, 200);

    let path = format!("/v1/admin/users/{id}/recovery-link");
    let made = admin.post(&path, json!({})).await?.ok()?;
    let (old, token) = (made["path"].clone(), made["token"].as_str().context("no token")?);
    assert!(made["expires_at"].is_string() && old.as_str().is_some_and(|old| old.contains(token)));
    assert_eq!(admin.post("/v1/admin/users/77/recovery-link", json!({})).await?.status, 404);

    // The page of the user creates another link, which replaces the first.
    let page = ada.get(&format!("/admin/users/{id}")).await?;
    assert!(page.says("Recovery link"), "{}", page.text);
    let made = ada.post(&format!("/admin/users/{id}/recovery-link"), &[]).await?;
    let at = made.text.find("/recover/link?token=").context("no link")?;
    let link: String = made.text[at..].chars().take_while(|c| !"<\"& ".contains(*c)).collect();
    let token = link.split_once('=').context("no token")?.1.to_owned();
    let mut stranger = Visitor::new(admin)?;
    let gone = stranger.get(old.as_str().unwrap_or_default()).await?;
    assert!(gone.status >= 400 && gone.says("no longer works"), "{} {}", gone.status, gone.text);
    let form = stranger.get(&link).await?;
    assert!(form.status == 200 && form.says("sam"), "{}", form.text);

    let redeem = async |token: &str, new: &str| {
        let mut stranger = Visitor::new(admin)?;
        stranger.post("/recover/link", &[("token", token), ("new", new)]).await
    };
    for (token, new) in [(token.as_str(), "short"), ("crl_other", NEW), ("", NEW)] {
        let refused = redeem(token, new).await?;
        assert!((400..500).contains(&refused.status), "{token} {new}: {}", refused.status);
        assert!(refused.header("set-cookie").is_empty());
    }
    assert_eq!(sam.get("/account").await?.status, 200, "nothing has happened yet");
    let done = redeem(&token, NEW).await?;
    assert_eq!((done.status, done.leads_to()), (303, "/"), "{}", done.text);
    assert!(!done.header("set-cookie").is_empty());
    assert_eq!(sam.get("/account").await?.status, 303, "sessions of before go on");
    assert_eq!(ada.get("/account").await?.status, 200, "others are signed out");
    assert!(redeem(&token, PASSWORD).await?.status >= 400, "it works twice");
    for (password, status) in [(PASSWORD, 401), (NEW, 200)] {
        let body = json!({ "username": "sam", "password": password });
        assert_eq!(admin.anonymous().post("/v1/session", body).await?.status, status);
    }
    let events = admin.get("/v1/admin/event-logs?limit=20").await?.ok()?.to_string();
    for event in ["recovery_link_issued", "password_recovered"] {
        assert!(events.contains(event), "{event} is not in the log: {events}");
    }
    assert!(!server.log().unwrap_or_default().contains(&token) && !events.contains(&token));
    Ok(())
}

#[tokio::test]
async fn an_operator_prints_a_link() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    team(&server).await?;
    let arguments = ["user", "recovery-link", "sam", "--base", "https://carrel.example.com/"];
    let made = server.carrel().run(&arguments)?;
    assert_eq!(made.code, Some(0), "{made:?}");
    let link = made.stdout.trim();
    let path = link.strip_prefix("https://carrel.example.com").context("not the base")?;
    let form = Visitor::new(server.admin())?.get(path).await?;
    assert!(form.status == 200 && form.says("sam"), "{}", form.text);
    let missing = server.carrel().run(&["user", "recovery-link", "nobody"])?;
    assert!(missing.code == Some(1) && missing.stderr.contains("no user `nobody`"), "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn codes_are_offered_until_they_exist_or_the_offer_is_dismissed() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let (mut ada, _) = team(&server).await?;
    let offer = "/account/recovery-codes/dismiss";
    assert!(ada.get("/").await?.text.contains(offer));
    ada.post("/account/recovery-codes", &[("current", PASSWORD)]).await?;
    assert!(!ada.get("/").await?.text.contains(offer), "there are codes");
    let mut sam = Visitor::new(server.admin())?;
    sam.post("/sign-in", &[("username", "sam"), ("password", PASSWORD)]).await?;
    assert!(sam.get("/").await?.text.contains(offer));
    assert_eq!(sam.post(offer, &[]).await?.leads_to(), "/");
    assert!(!sam.get("/").await?.text.contains(offer), "it was dismissed");
    let mut owner = TestServer::start(Backend::Sqlite).await?;
    let mut alone = Visitor::first(&owner, Mode::Owner).await?;
    assert!(!alone.get("/").await?.text.contains(offer), "an owner has no codes");
    owner.stop().await?;
    Ok(())
}

/// A script sends these forms, and a response that is shown only once must not get lost.
#[tokio::test]
async fn codes_and_links_are_shown_in_a_browser() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    ada.open(&format!("{base}/account")).await?;
    ada.fill("#codes-current", PASSWORD).await?;
    ada.click("form[action='/account/recovery-codes'] button").await?;
    ada.wait("/\\w{5}-\\w{5}-\\w{5}-\\w{5}/.test(document.body.innerText)").await?;

    let sam = json!({ "username": "sam", "password": PASSWORD, "role": "default" });
    let sam = server.admin().post("/v1/admin/users/new", sam).await?.ok()?;
    ada.open(&format!("{base}/admin/users/{}", sam["user"]["id"])).await?;
    ada.click("form[action$='/recovery-link'] button").await?;
    ada.wait("!!document.querySelector('#link')?.innerText.includes('/recover/link?token=')")
        .await?;
    well_behaved(&ada, &server);
    Ok(())
}
