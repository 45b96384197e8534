//! Rights end with the role that allowed them: every right an admin can grant, for every way in
//! which an admin loses the role.
use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Client, Options, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(rights_of_a_role_end_with_the_role, an_owner_shares_and_old_sessions_end);

const PASSWORD: &str = "correct horse";

/// Everything that `ann` has as an admin, or has granted.
struct Rights {
    /// A key created in the browser, and one created with that key.
    keys: Vec<Client>,
    invites: Vec<String>,
    /// Unused sign-in tokens, for herself and for another user.
    tokens: Vec<String>,
    /// Her session, and one opened for another user with her token.
    browsers: Vec<Visitor>,
}

async fn admin(server: &TestServer, name: &str) -> Result<i64> {
    let body = json!({ "username": name, "password": PASSWORD, "role": "admin" });
    let made = server.admin().post("/v1/admin/users/new", body).await?.ok()?;
    made["user"]["id"].as_i64().context("no id")
}

/// Returns the key that a page shows once.
fn shown_key(page: &str) -> Result<&str> {
    let start = page.find("crl_").context("the page shows no key")?;
    Ok(&page[start..start + 56])
}

async fn token(key: &Client, user: i64) -> Result<String> {
    let issued = key.get(&format!("/v1/users/{user}/issue-auth-token")).await?.ok()?;
    Ok(issued["token"].as_str().context("no token")?.to_owned())
}

async fn redeem(server: &TestServer, token: &str) -> Result<(Visitor, Value)> {
    let path = format!("/api/request-token/sso/simple?token={token}");
    let mut browser = Visitor::new(server.admin())?;
    let page = browser.get(&path).await?;
    Ok((browser, serde_json::from_str(&page.text).unwrap_or_default()))
}

async fn rights(server: &TestServer, name: &str, ann: i64, others: &[i64]) -> Result<Rights> {
    let mut browser = Visitor::new(server.admin())?;
    browser.post("/sign-in", &[("username", name), ("password", PASSWORD)]).await?;
    let page = browser.post("/admin/keys", &[("name", "hers")]).await?;
    let first = server.admin().with_key(shown_key(&page.text)?);
    let child = first.post("/v1/admin/api-keys", json!({ "name": "child" })).await?.ok()?;
    let child = server.admin().with_key(child["api_key"]["secret"].as_str().context("no key")?);
    let mut invites = Vec::new();
    for key in [&first, &child] {
        let made = key.post("/v1/admin/invite/new", json!({})).await?.ok()?;
        invites.push(made["invite"]["code"].as_str().context("no code")?.to_owned());
    }
    let page = browser.post("/admin/invites", &[]).await?;
    anyhow::ensure!(page.status == 303, "{}", page.status);
    let all = server.admin().get("/v1/admin/invites").await?.ok()?;
    let last = all["invites"].as_array().and_then(|all| all.last()).context("no invite")?;
    invites.push(last["code"].as_str().context("no code")?.to_owned());
    let opened = token(&child, others[0]).await?;
    let (other, answer) = redeem(server, &opened).await?;
    anyhow::ensure!(answer["valid"] == json!(true), "{answer}");
    let tokens = vec![token(&first, ann).await?, token(&child, others[1]).await?];
    Ok(Rights { keys: vec![first, child], invites, tokens, browsers: vec![browser, other] })
}

impl Rights {
    /// Returns the rights that still work.
    async fn left(mut self, server: &TestServer) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for (number, key) in self.keys.iter().enumerate() {
            for path in ["/v1/auth", "/api/v1/auth"] {
                if key.get(path).await?.status == 200 {
                    left.push(format!("key {number} at {path}"));
                }
            }
        }
        for (number, code) in self.invites.iter().enumerate() {
            let name = json!({ "username": format!("guest{number}"), "password": PASSWORD });
            let redeemed = server.admin().anonymous();
            if redeemed.post(&format!("/v1/invite/{code}"), name).await?.status == 200 {
                left.push(format!("invite {number}"));
            }
        }
        for (number, token) in self.tokens.iter().enumerate() {
            if redeem(server, token).await?.1["valid"] == json!(true) {
                left.push(format!("token {number}"));
            }
        }
        for (number, browser) in self.browsers.iter_mut().enumerate() {
            if browser.get("/account").await?.status == 200 {
                left.push(format!("session {number}"));
            }
        }
        Ok(left)
    }
}

async fn rights_of_a_role_end_with_the_role(backend: Backend) -> Result<()> {
    let options = Options::from(backend).with("SIMPLE_SSO_ENABLED", "1");
    let server = TestServer::start(options).await?;
    let root = server.admin();
    let first = json!({ "username": "main-admin", "password": PASSWORD });
    root.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let others = [admin(&server, "bob").await?, admin(&server, "eve").await?];
    for (name, change) in [
        ("ann-demoted", Some(json!({ "role": "manager" }))),
        ("ann-lowered", Some(json!({ "role": "default" }))),
        ("ann-suspended", Some(json!({ "suspended": 1 }))),
        ("ann-deleted", None),
    ] {
        let ann = admin(&server, name).await?;
        let rights = rights(&server, name, ann, &others).await?;
        let path = format!("/v1/admin/users/{ann}");
        match change {
            Some(change) => root.post(&path, change).await?.ok()?,
            None => root.delete(&path, json!(null)).await?.ok()?,
        };
        assert_eq!(rights.left(&server).await?, [""; 0], "{name}");
    }
    // An admin who stays one keeps everything.
    let ann = admin(&server, "ann").await?;
    let rights = rights(&server, "ann", ann, &others).await?;
    root.post(&format!("/v1/admin/users/{ann}"), json!({ "bio": "x" })).await?.ok()?;
    assert_eq!(rights.left(&server).await?.len(), 4 + 3 + 2 + 2);
    // A promotion revokes no keys, and a new password ends tokens as well as sessions.
    let token = token(root, ann).await?;
    let password = json!({ "password": "another horse" });
    root.post(&format!("/v1/admin/users/{ann}"), password).await?.ok()?;
    assert_eq!(redeem(&server, &token).await?.1["valid"], json!(false));
    Ok(())
}

async fn an_owner_shares_and_old_sessions_end(backend: Backend) -> Result<()> {
    let server = TestServer::start(Options::from(backend).without_key()).await?;
    let carrel = server.carrel();
    let link = |text: &str| {
        let at = text.find("crl_").context("no link")?;
        anyhow::Ok(text[at..at + 56].to_owned())
    };
    let first = link(&carrel.run(&["setup-link"])?.stdout)?;
    let mut owner = Visitor::new(server.admin())?;
    let fields = [("token", &*first), ("mode", "one"), ("password", PASSWORD)];
    owner.post("/setup", &fields).await?;
    assert_eq!(owner.get("/account").await?.status, 200);
    // An unused link becomes invalid when the password it could replace is changed.
    let second = link(&carrel.run(&["setup-link"])?.stdout)?;
    let fields = [("current", PASSWORD), ("new", "another horse")];
    owner.post("/account/password", &fields).await?;
    let mut stranger = Visitor::new(server.admin())?;
    let fields = [("token", &*second), ("mode", "one"), ("password", "stolen horse")];
    stranger.post("/setup", &fields).await?;
    assert_ne!(stranger.get("/account").await?.status, 200);
    assert_eq!(owner.get("/account").await?.status, 200);
    // Keys of an owner become invalid when another owner takes over.
    let page = owner.post("/admin/keys", &[("name", "hers")]).await?;
    let key = server.admin().with_key(shown_key(&page.text)?);
    assert_eq!(key.get("/v1/workspaces").await?.status, 200);
    let third = link(&carrel.run(&["setup-link"])?.stdout)?;
    let fields = [("token", &*third), ("mode", "one"), ("password", "third horse")];
    stranger.post("/setup", &fields).await?;
    assert_eq!(stranger.get("/account").await?.status, 200);
    assert_eq!(key.get("/v1/workspaces").await?.status, 403);
    Ok(())
}
