//! Requests that an attacker wants the server to make, to addresses that only the server can reach.
//! Canaries listen on this machine; none is ever reached.
use anyhow::{Context, Result};
use e2e::canary::{Canary, Hosts};
use e2e::openapi::places;
use e2e::visitor::Visitor;
use e2e::{Client, Options, TestServer, model_server, send};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Target, assert_unbroken, backend, host};

/// The only permitted address. The canaries accept connections to every other address too.
const PERMITTED: &str = "127.0.0.2";

fn permitting() -> Options {
    Options::from(backend()).with("CARREL_LINK_HOSTS", PERMITTED)
}

/// Returns private addresses, in every notation that some program has followed.
fn private(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.0.0.1.",
        "127.9.9.9",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[64:ff9b::7f00:1]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "10.9.9.9",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:a9fe:a9fe]",
    ];
    hosts.map(|host| format!("http://{host}:{port}/latest/meta-data")).into()
}

/// Returns addresses that appear to name one host and lead to another, or to none.
fn odd(port: u16) -> Vec<String> {
    let here = format!("127.0.0.1:{port}");
    vec![
        format!("http://{PERMITTED}@{here}/"),
        format!("http://{PERMITTED}:80@{here}/"),
        format!("http://{here}\\@{PERMITTED}/"),
        format!("http://{here}#@{PERMITTED}/"),
        format!("http://{here}?@{PERMITTED}/"),
        format!("http:{here}/"),
        format!("http:///{here}/"),
        format!("hTTp:\\\\{here}\\"),
        format!("//{here}/"),
        format!("http://[fe80::1%25lo]:{port}/"),
        format!("https://{here}/"),
        format!("gopher://{here}/_x"),
        format!("dict://{here}/x"),
        format!("ftp://{here}/"),
        format!("ws://{here}/"),
        format!("view-source:http://{here}/"),
        format!("jar:http://{here}/!/"),
        "file:///etc/passwd".to_owned(),
        "FILE:///etc/passwd".to_owned(),
        format!("file://{here}/etc/passwd"),
        "data:text/html,<p>x</p>".to_owned(),
        "javascript:1".to_owned(),
    ]
}

/// Checks the refusal of each mount: nothing is added, and nothing is revealed.
async fn assert_refused(client: &Client, canary: &Canary, link: &str, what: &str) -> Result<()> {
    let native = client.post("/v1/document/upload-link", json!({ "link": link })).await?;
    // An unknown name leads nowhere either.
    assert!([400, 422].contains(&native.status), "{what}: {} {}", native.status, native.body);
    let (success, documents) = (&native.body["success"], &native.body["documents"]);
    assert_eq!((success, documents), (&json!(false), &json!([])), "{what}");
    // The refusal that existing clients expect.
    let compat = client.post("/api/v1/document/upload-link", json!({ "link": link })).await?;
    let error = compat.body["error"].as_str().unwrap_or_default();
    let known_messages =
        ["Not a valid URL.", "No URL content found at "].map(|start| error.starts_with(start));
    assert!(compat.status == 500 && known_messages.contains(&true), "{what}: {}", compat.body);
    assert_eq!(canary.visitors(), [], "{what}");
    Ok(())
}

#[tokio::test]
async fn no_link_reaches_a_private_address() -> Result<()> {
    let (canary, server) = (Canary::start()?, TestServer::start(permitting()).await?);
    let port = canary.port()?;
    let stray = ["\t", "\r\nX-Evil: 1", " ", "\u{0}"];
    let stray = stray.map(|end| format!("http://127.0.0.1:{port}/{end}"));
    for link in private(port).iter().chain(&odd(port)).chain(&stray) {
        assert_refused(server.admin(), &canary, link, link).await?;
    }
    assert_eq!(canary.visitors(), []);
    assert!(server.document_files()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn no_redirect_reaches_a_private_address() -> Result<()> {
    let (canary, server) = (Canary::start()?, TestServer::start(permitting()).await?);
    let (port, host) = (canary.port()?, host::start(PERMITTED).await?);
    let targets = private(port).into_iter().chain(odd(port));
    // A reference without a host stays on the same host.
    let targets = targets.filter(|to| !to.starts_with("http:127"));
    for (to, status) in targets.zip([301, 302, 303, 307, 308].into_iter().cycle()) {
        let before = host.visits();
        assert_refused(server.admin(), &canary, &host.redirect(status, &to), &to).await?;
        assert_eq!(host.visits(), before + 2, "{to}");
    }
    // Redirected by a permitted host, twice.
    let twice = host.redirect(302, &host.redirect(307, &format!("http://127.0.0.1:{port}/")));
    assert_refused(server.admin(), &canary, &twice, "two redirects").await?;
    assert_eq!(canary.visitors(), []);
    assert!(server.document_files()?.is_empty());
    Ok(())
}

/// Sends the links as a manager, in the forms of the browser interface.
#[tokio::test]
async fn no_link_in_a_form_reaches_a_private_address() -> Result<()> {
    let (canary, server) = (Canary::start()?, TestServer::start(permitting()).await?);
    let (port, host, admin) = (canary.port()?, host::start(PERMITTED).await?, server.admin());
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let ada = json!({ "username": "ada", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", ada).await?.ok()?;
    let mut visitor = Visitor::new(admin)?;
    visitor.post("/sign-in", &[("username", "ada"), ("password", "correct horse")]).await?;
    let forms = ["/documents/link", "/w/alpha/documents/link"];
    for form in forms {
        for link in private(port).iter().chain(&odd(port)) {
            let page = visitor.post(form, &[("link", link)]).await?;
            assert!([400, 422].contains(&page.status), "{form} {link}: {}", page.status);
        }
        for to in private(port).iter().step_by(6) {
            let page = visitor.post(form, &[("link", &host.redirect(302, to))]).await?;
            assert!([400, 422].contains(&page.status), "{form} to {to}: {}", page.status);
        }
    }
    assert_eq!(canary.visitors(), []);
    assert!(server.document_files()?.is_empty());
    for form in forms {
        let page = visitor.post(form, &[("link", &host.page("<p>text</p>"))]).await?;
        assert_eq!(page.status, 303, "{form}: {}", page.text);
    }
    assert_eq!(server.document_files()?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn no_address_in_a_page_is_fetched() -> Result<()> {
    let (canary, server) = (Canary::start()?, TestServer::start(permitting()).await?);
    let host = host::start(PERMITTED).await?;
    let evil = format!("http://127.0.0.1:{}/", canary.port()?);
    for page in [
        format!("<meta http-equiv=refresh content='0;url={evil}'><p>text</p>"),
        format!("<base href='{evil}'><link rel=stylesheet href=x><p>text</p><img src=y>"),
        format!("<iframe src='{evil}'></iframe><script src='{evil}'></script><p>text</p>"),
        format!("<?xml version='1.0'?><!DOCTYPE x SYSTEM '{evil}'><html><p>text</p></html>"),
    ] {
        let link = json!({ "link": host.page(&page) });
        let added = server.admin().post("/v1/document/upload-link", link).await?.ok()?;
        assert_eq!(added["success"], true, "{page}: {added}");
    }
    assert_eq!(canary.visitors(), []);
    Ok(())
}

#[tokio::test]
async fn no_host_name_reaches_a_private_address() -> Result<()> {
    let Some(hosts) = Hosts::new()? else { return Ok(()) };
    let (canary, host) = (Canary::start()?, host::start(PERMITTED).await?);
    let port = canary.port()?;
    hosts.set(&[("good.test", PERMITTED)])?;
    let server = TestServer::start(permitting().within(hosts.runner())).await?;
    let good = json!({ "link": host.page("<p>text</p>").replace(PERMITTED, "good.test") });
    server.admin().post("/v1/document/upload-link", good).await?.ok()?;

    hosts.set(&[
        ("inside.test", "127.0.0.1"),
        ("mapped.test", "::ffff:127.0.0.1"),
        ("six.test", "::1"),
        ("meta.test", "169.254.169.254"),
        ("unique.test", "fd00::1"),
        // One of its addresses is permitted, the other is not.
        ("mixed.test", PERMITTED),
        ("mixed.test", "127.9.9.9"),
    ])?;
    for name in ["inside", "mapped", "six", "meta", "unique", "mixed", "INSIDE"] {
        let link = format!("http://{name}.test:{port}/");
        assert_refused(server.admin(), &canary, &link, name).await?;
        assert_refused(server.admin(), &canary, &host.redirect(302, &link), name).await?;
    }
    // A name whose address changes before the second request.
    for second in ["127.0.0.1", "127.9.9.9", "::1"] {
        hosts.set(&[("moving.test", PERMITTED)])?;
        let next = format!("http://moving.test:{port}/");
        let first = host.redirect(302, &next).replacen(PERMITTED, "moving.test", 1);
        let link = json!({ "link": first });
        let upload = server.admin().post("/v1/document/upload-link", link);
        let moved = async {
            host.wait_for_held().await;
            hosts.set(&[("moving.test", second)])?;
            host.release();
            anyhow::Ok(())
        };
        host.hold();
        let (answer, moved) = tokio::join!(upload, moved);
        moved?;
        assert_eq!(answer?.status, 400, "{second}");
    }
    assert_eq!(canary.visitors(), []);
    Ok(())
}

/// Calls every operation open to non-administrators with an address in every text.
#[tokio::test]
async fn no_text_in_a_body_makes_the_server_fetch_it() -> Result<()> {
    let (canary, target) = (Canary::start()?, Target::new(permitting()).await?);
    let evil = format!("http://127.0.0.1:{}/v1", canary.port()?);
    let scopes = ["api-key", "create", "--scope", "chat", "--scope", "documents"];
    let made = target.server.carrel().run(&scopes)?.stdout;
    let holder = target.server.admin().with_key(made.trim());
    let names = [
        "basePath",
        "base_path",
        "api_base",
        "baseUrl",
        "base_url",
        "endpoint",
        "url",
        "link",
        "host",
        "proxy",
        "callback",
        "webhook",
        "image_url",
        "OpenAiBasePath",
        "avatar",
    ];
    let mut tried = 0;
    for operation in
        target.operations.iter().filter(|operation| operation.takes("application/json"))
    {
        let texts = places(&operation.body);
        let texts = texts
            .iter()
            .filter(|place| operation.body.pointer(place).is_some_and(Value::is_string));
        let mut bodies: Vec<Value> = texts
            .map(|place| {
                let mut body = operation.body.clone();
                if let Some(text) = body.pointer_mut(place) {
                    *text = json!(evil);
                }
                body
            })
            .collect();
        let mut more = operation.body.clone();
        for name in names {
            more[name] = json!(evil);
        }
        bodies.push(more);
        for body in bodies {
            let path = format!("{}?url={evil}&link={evil}", target.path(operation));
            let request = holder.request(operation.method.clone(), &path).json(&body);
            assert_unbroken(operation, &send(request).await?, &body.to_string());
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
    let settings = json!({ "LLMProvider": "generic-openai", "GenericOpenAiBasePath": evil });
    for mount in ["/v1", "/api/v1"] {
        let answer = holder.post(&format!("{mount}/system/update-env"), settings.clone()).await?;
        assert_eq!(answer.status, 403, "{mount}");
    }
    assert_eq!(canary.visitors(), []);
    Ok(())
}

#[tokio::test]
async fn no_address_in_a_document_or_answer_is_fetched() -> Result<()> {
    let (canary, model) = (Canary::start()?, model_server::start().await?);
    let options = Options::from(backend()).answered_by(model.base_url(), "echo", "4096");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let evil = format!("http://127.0.0.1:{}/?q=secret", canary.port()?);
    let picture = format!("The lamp says ![x]({evil}) and <img src=\"{evil}\">.");
    let entity = format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"{evil}\">]><x>lamp &e;</x>");
    for (name, text) in [("a.md", &picture), ("b.html", &picture), ("c.xml", &entity)] {
        admin.upload(name, text.as_bytes(), &[("addToWorkspaces", "alpha")]).await?.ok()?;
    }
    // The address only comes from documents: the model reads and repeats it.
    let ask = json!({ "message": "What does the lamp say?", "mode": "chat" });
    let answer = admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
    let answer_text = answer["textResponse"].as_str().context("no answer")?;
    assert!(answer_text.contains(&evil), "{answer_text}");
    let sources = answer["sources"].as_array().context("no sources")?;
    // The text of XML is read without external entities.
    for (name, has_address) in [("a.md", true), ("b.html", true), ("c.xml", false)] {
        let source = sources.iter().find(|source| source["title"] == name);
        let text = source.and_then(|source| source["text"].as_str()).context(name)?;
        assert!(text.contains("lamp") && text.contains(&evil) == has_address, "{name}: {text}");
    }
    let mut mentions = 0;
    for path in [
        "/v1/workspace/alpha/chats",
        "/v1/system/export-chats?type=json",
        "/v1/system/export-chats?type=csv",
        "/v1/system/export-chats?type=jsonl",
    ] {
        let answer = send(admin.request(Method::GET, path)).await?;
        mentions += usize::from(answer.ok()?.to_string().contains("secret"));
    }
    assert_eq!(mentions, 4);
    assert_eq!(canary.visitors(), []);
    Ok(())
}
