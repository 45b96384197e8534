//! Smaller faults: sessions that guess passwords, links followed by accident, extreme dates and
//! addresses, and responses that caches must not keep.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, KEY, Options, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::backend;

on_both_databases!(a_bound_key_places_only_documents_of_its_workspaces);

const PASSWORD: &str = "correct horse";

async fn shared(options: impl Into<Options>) -> Result<TestServer> {
    let server = TestServer::start(options).await?;
    let first = json!({ "username": "main-admin", "password": PASSWORD });
    server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
    Ok(server)
}

async fn signed_in(server: &TestServer) -> Result<Visitor> {
    let mut visitor = Visitor::new(server.admin())?;
    let fields = [("username", "main-admin"), ("password", PASSWORD)];
    anyhow::ensure!(visitor.post("/sign-in", &fields).await?.status == 303);
    Ok(visitor)
}

#[tokio::test]
async fn a_session_cannot_be_used_to_guess_a_password() -> Result<()> {
    let server = TestServer::start(Options::from(backend()).without_key()).await?;
    let output = server.carrel().run(&["setup-link"])?.stdout;
    let at = output.find("crl_").context("no link")?;
    let mut owner = Visitor::new(server.admin())?;
    let fields = [("token", &output[at..at + 56]), ("mode", "one"), ("password", PASSWORD)];
    owner.post("/setup", &fields).await?;
    let mut statuses = Vec::new();
    for number in 0..40 {
        let guess = format!("guess number {number}");
        let fields = [("current", &*guess), ("new", "another horse")];
        statuses.push(owner.post("/account/password", &fields).await?.status);
    }
    assert!(statuses[0] == 400 || statuses[0] == 422, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    Ok(())
}

#[tokio::test]
async fn a_sign_on_link_works_only_when_followed_on_purpose() -> Result<()> {
    let server = shared(Options::from(backend()).with("SIMPLE_SSO_ENABLED", "1")).await?;
    let admin = server.admin();
    let issued = admin.get("/v1/users/1/issue-auth-token").await?.ok()?;
    let token = issued["token"].as_str().context("no token")?;
    let page = format!("/sso/simple?token={token}");
    let mut visitor = Visitor::new(admin)?;
    for path in [&page, &format!("/api/request-token/sso/simple?token={token}")] {
        let head_request = visitor.request(Method::HEAD, path);
        assert_eq!(visitor.send(head_request).await?.header("set-cookie"), "", "{path}");
    }
    let anonymous = admin.anonymous();
    let foreign = anonymous.request(Method::GET, &page).header("sec-fetch-site", "cross-site");
    let confirmation = send(foreign).await?;
    assert_eq!((confirmation.status, confirmation.header("set-cookie")), (200, ""));
    // The link still works for its user.
    let followed = visitor.get(&page).await?;
    assert!(followed.header("set-cookie").starts_with("carrel_"), "{:?}", followed.headers);
    Ok(())
}

#[tokio::test]
async fn extreme_dates_and_odd_addresses_cause_no_failure() -> Result<()> {
    let server = shared(backend()).await?;
    let admin = server.admin();
    let mut visitor = signed_in(&server).await?;
    for date in ["+262142-12-31", "-262143-01-01", "9999-12-31", "0000-00-00", "x"] {
        let text = date.replace('+', "%2B");
        for path in ["/admin/chats", "/admin/chats/export"] {
            for field in ["from", "to"] {
                let page = visitor.get(&format!("{path}?{field}={text}")).await?;
                assert!(page.status < 500, "{path} {field} {date}: {}", page.status);
            }
        }
        for field in ["from", "to"] {
            let path = format!("/v1/system/export-chats?{field}={text}");
            assert!(admin.get(&path).await?.status < 500, "{path}");
            let body = json!({ field: date });
            let logged = admin.post("/v1/admin/workspace-chats", body).await?;
            assert!(logged.status < 500, "{field} {date}: {}", logged.body);
        }
        for path in ["/v1/admin/api-keys", "/v1/admin/invite/new"] {
            let made = admin.post(path, json!({ "expires_at": date })).await?;
            assert!(made.status < 500, "{path} {date}: {}", made.body);
        }
    }
    for next in ["/a%01b", "/%0d%0aset-cookie:%20a=b", "//evil.example", "/%5Cevil.example"] {
        let page = visitor.get(&format!("/sign-in?next={next}")).await?;
        assert_eq!((page.status, page.leads_to()), (303, "/"), "{next}");
        assert_eq!(page.header("set-cookie"), "");
    }
    let log = server.log()?;
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{log}");
    Ok(())
}

#[tokio::test]
async fn responses_with_secrets_are_not_cached() -> Result<()> {
    let server = shared(Options::from(backend()).with("SIMPLE_SSO_ENABLED", "1")).await?;
    let admin = server.admin();
    for mount in ["/v1", "/api/v1"] {
        let answers = [
            admin.post(&format!("{mount}/admin/invite/new"), json!({})).await?,
            admin.get(&format!("{mount}/admin/invites")).await?,
            admin.get(&format!("{mount}/users/1/issue-auth-token")).await?,
            admin.get(&format!("{mount}/system")).await?,
        ];
        for answer in answers {
            assert_eq!(answer.status, 200, "{mount} {}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store", "{mount} {}", answer.body);
        }
    }
    let made = admin.post("/v1/admin/api-keys", json!({ "name": "robot" })).await?;
    assert_eq!(made.header("cache-control"), "no-store");
    Ok(())
}

#[tokio::test]
async fn no_log_level_reveals_the_code_of_an_invite() -> Result<()> {
    let mut server = shared(Options::from(backend()).with("CARREL_LOG", "debug")).await?;
    let made = server.admin().post("/v1/admin/invite/new", json!({})).await?.ok()?;
    let code = made["invite"]["code"].as_str().context("no code")?.to_owned();
    let mut visitor = Visitor::new(server.admin())?;
    assert_eq!(visitor.get(&format!("/invite/{code}")).await?.status, 200);
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/invite/{code}");
        server.admin().anonymous().post(&path, json!({ "username": "x" })).await?;
    }
    server.stop().await?;
    let log = server.log()?;
    assert!(log.contains("/invite/"), "the request was not logged at all");
    assert!(!log.contains(&code), "{log}");
    Ok(())
}

/// The header of the request claims 256 files of 256 MiB.
#[tokio::test]
async fn a_form_of_too_many_large_files_is_refused_unread() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let address = server.admin().address().to_owned();
    let mut socket = TcpStream::connect(&address).await?;
    let head = format!(
        "POST /v1/document/upload HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: 68719476736\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let mut answer = [0; 64];
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut answer)).await??;
    let status = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(status.starts_with("HTTP/1.1 413"), "{status}");
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

async fn a_bound_key_places_only_documents_of_its_workspaces(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let mut locations = Vec::new();
    for name in ["Alpha", "Beta", "Gamma"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
        let into = [("addToWorkspaces", name)];
        let text = format!("The secret of {name}.");
        let added = admin.upload(&format!("{name}.txt"), text.as_bytes(), &into).await?.ok()?;
        let location = added["documents"][0]["location"].as_str().context("no location")?;
        locations.push(location.to_owned());
    }
    let made = json!({ "workspace_ids": [1, 2] });
    let made = admin.post("/v1/admin/api-keys", made).await?.ok()?;
    let bound = admin.with_key(made["api_key"]["secret"].as_str().context("no key")?);
    let titles = async || -> Result<Vec<String>> {
        let shown = admin.get("/v1/workspace/alpha").await?.ok()?;
        let documents = shown["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
        let mut paths: Vec<_> =
            documents.iter().filter_map(|row| row["docpath"].as_str().map(str::to_owned)).collect();
        paths.sort();
        Ok(paths)
    };
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/workspace/alpha/update-embeddings");
        for query in ["", "?later=true"] {
            let body = json!({ "adds": [locations[2], "custom-documents/none.json"] });
            let answer = bound.post(&format!("{path}{query}"), body).await?;
            assert!(answer.status < 500, "{mount}{query} {}", answer.body);
            // Documents of other workspaces do not exist for this key.
            let response_text = answer.body.to_string();
            let same = |location: &str| response_text.matches(location).count();
            assert_eq!(
                same(&locations[2]) > 0,
                same("none.json") > 0,
                "{mount}{query} {response_text}"
            );
        }
    }
    let (alpha, beta) = (locations[0].clone(), locations[1].clone());
    assert_eq!(titles().await?, std::slice::from_ref(&alpha));
    // Documents of the key's other workspaces can be placed.
    let body = json!({ "adds": [beta] });
    bound.post("/v1/workspace/alpha/update-embeddings", body).await?.ok()?;
    let mut both = vec![alpha, beta];
    both.sort();
    assert_eq!(titles().await?, both);
    let query = json!({ "query": "The secret of Gamma", "scoreThreshold": 0, "topN": 10 });
    let found = bound.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    let texts: Vec<_> = found["results"].as_array().into_iter().flatten().collect();
    let says = |value: &&Value| value.to_string().contains("secret of Gamma");
    assert!(!texts.is_empty() && !texts.iter().any(says), "{found}");
    Ok(())
}
