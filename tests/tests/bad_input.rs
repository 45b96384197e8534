//! Invalid requests are refused in JSON with a 4xx, and change nothing.
use anyhow::Result;
use e2e::{Answer, Backend, Options, TestServer, on_both_databases, send};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(wrong_bodies_change_nothing);

/// Returns the library and the workspaces as a client sees them.
async fn snapshot(server: &TestServer) -> Result<(Value, Value, usize)> {
    let workspaces = server.admin().get("/v1/workspaces").await?.ok()?;
    let vectors = server.admin().get("/v1/system/vector-count").await?.ok()?;
    Ok((workspaces, vectors, server.document_files()?.len()))
}

fn assert_refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    let message = ["error", "message"].iter().find_map(|key| answer.body.get(key)?.as_str());
    assert!(message.is_some_and(|text| !text.is_empty()), "{what}: {}", answer.body);
}

const BODIES: [(&str, &str); 7] = [
    ("POST", "/workspace/new"),
    ("POST", "/workspace/alpha/update-embeddings"),
    ("POST", "/workspace/alpha/vector-search"),
    ("POST", "/workspace/alpha/chat"),
    ("POST", "/document/raw-text"),
    ("POST", "/document/upload"),
    ("DELETE", "/system/remove-documents"),
];

async fn wrong_bodies_change_nothing(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("a.txt", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let before = snapshot(&server).await?;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (method, path) in BODIES {
        for body in ["{\"a\": ", "nonsense", "[]", "5", "\"text\"", "null", "{} {}", "\u{0}", &deep]
        {
            let request = admin.request(method.parse()?, &format!("/v1{path}"));
            let request = request.header("content-type", "application/json").body(body.to_owned());
            assert_refused(&send(request).await?, &format!("{method} {path} {body:.20}"));
        }
    }
    for wrong in [
        json!(null),
        json!(true),
        json!(1.5),
        json!([]),
        json!({}),
        json!({ "not": "" }),
        json!({ "set": 1 }),
    ] {
        for (path, field) in [
            ("/workspace/new", "name"),
            ("/workspace/alpha/chat", "message"),
            ("/workspace/alpha/vector-search", "query"),
            ("/document/raw-text", "textContent"),
        ] {
            let mut body = json!({ "metadata": { "title": "t" } });
            body[field] = wrong.clone();
            let answer = admin.post(&format!("/v1{path}"), body).await?;
            assert_refused(&answer, &format!("{path} {field}={wrong}"));
        }
    }
    assert_eq!(snapshot(&server).await?, before);
    Ok(())
}

#[tokio::test]
async fn names_that_could_leave_the_library_are_refused() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let canary = server.storage().join("canary.json");
    std::fs::write(&canary, "{}")?;
    let long = format!("{}.txt", "x".repeat(10_000));
    for name in ["../evil.txt", "..", "a/b.txt", "a\\b.txt", "..\\evil.txt", &long] {
        assert_refused(&admin.upload(name, b"text", &[]).await?, name);
    }
    for raw in
        ["filename=\"a\u{0}b.txt\"", "filename=\"..\\evil.txt\"", "filename*=UTF-8''..%2Fevil.txt"]
    {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; {raw}\r\n\r\nx\r\n--b--\r\n"
        );
        let request = admin.request(Method::POST, "/v1/document/upload").body(body);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        assert_refused(&send(request).await?, raw);
    }
    let long = format!("custom-documents/{}.json", "x".repeat(10_000));
    for path in [
        "../canary.json",
        "custom-documents/../../canary.json",
        "/etc/passwd",
        "..\\canary.json",
        "custom-documents/..\\..\\canary.json",
        "custom-documents/\0.json",
        "carrel.db",
        ".env",
        "",
        &long,
    ] {
        let names = json!({ "names": [path] });
        assert_refused(&admin.delete("/v1/system/remove-documents", names).await?, path);
        for field in ["adds", "deletes"] {
            let update =
                admin.post("/v1/workspace/alpha/update-embeddings", json!({ field: [path] }));
            assert_refused(&update.await?, path);
        }
        // The other dialect ignores unknown names.
        let answer =
            admin.delete("/api/v1/system/remove-documents", json!({ "names": [path] })).await?;
        assert_eq!(answer.status, 200);
    }
    assert!(canary.exists() && server.document_files()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn unreadable_files_leave_nothing_behind() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
    for (name, content) in [
        ("empty.txt", &b""[..]),
        ("blank.md", b" \n\t "),
        ("x.exe", &binary),
        ("noextension", &binary),
        ("photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    ] {
        let answer = admin.upload(name, content, &[]).await?;
        assert_refused(&answer, name);
        assert_eq!((answer.status, &answer.body["documents"]), (422, &json!([])), "{name}");
    }
    let blank = json!({ "textContent": "  ", "metadata": { "title": "t" } });
    assert_refused(&admin.post("/v1/document/raw-text", blank).await?, "blank text");
    assert!(server.document_files()?.is_empty());
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused() -> Result<()> {
    let options = Options::from(Backend::Sqlite);
    let options = options.with("CARREL_BODY_LIMIT", "100KB").with("CARREL_UPLOAD_LIMIT", "200KB");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    let large = "x ".repeat(500_000);
    let body = json!({ "textContent": large, "metadata": { "title": "t" } });
    let answer = admin.post("/v1/document/raw-text", body).await?;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_refused(&answer, "json");
    let answer = admin.upload("large.txt", large.as_bytes(), &[]).await?;
    assert_eq!(answer.status, 413, "{}", answer.body);
    // Without a content length, no more than the limit is read.
    let stream = reqwest::Body::wrap_stream(endless());
    let request = admin.request(Method::POST, "/v1/document/raw-text").body(stream);
    let request = request.header("content-type", "application/json");
    // The server may end the connection while the client is still sending.
    if let Ok(answer) = send(request).await {
        assert_eq!(answer.status, 413);
    }
    assert!(server.document_files()?.is_empty());
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

fn endless() -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> {
    futures_util::stream::repeat_with(|| Ok(vec![b' '; 1 << 16])).take(1000)
}

#[tokio::test]
async fn uploads_that_are_not_uploads_are_refused() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let part = |name: &str, file: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\ntext\r\n")
    };
    let file = "; filename=\"a.txt\"";
    for (what, body) in [
        ("no file", format!("{}--b--\r\n", part("other", ""))),
        ("two files", format!("{0}{0}--b--\r\n", part("file", file))),
        ("another field", format!("{}--b--\r\n", part("files", file))),
        ("cut off", part("file", file)),
        ("not multipart", "nonsense".to_owned()),
        ("many parts", format!("{}--b--\r\n", part("x", "").repeat(10_000))),
        (
            "slugs twice",
            format!("{}{1}{1}--b--\r\n", part("file", file), part("addToWorkspaces", "")),
        ),
    ] {
        let request = admin.request(Method::POST, "/v1/document/upload").body(body);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        assert_refused(&send(request).await?, what);
    }
    for kind in ["multipart/form-data", "text/plain", "multipart/form-data; boundary="] {
        let request = admin.request(Method::POST, "/v1/document/upload").body("x");
        assert_refused(&send(request.header("content-type", kind)).await?, kind);
    }
    assert!(server.document_files()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn unknown_slugs_are_not_found() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let long = "x".repeat(5000);
    for slug in ["nope", "%00", "' OR 1=1 --", "..%2f..", "%E6%97%A5", &long] {
        let path = format!("/v1/workspace/{slug}");
        assert_eq!(server.admin().get(&path).await?.status, 404, "{slug:.20}");
        assert_eq!(server.admin().delete(&path, json!({})).await?.status, 404, "{slug:.20}");
        for (operation, body) in [
            ("chat", json!({ "message": "Hi" })),
            ("vector-search", json!({ "query": "Hi" })),
            ("update-embeddings", json!({})),
        ] {
            let answer = server.admin().post(&format!("{path}/{operation}"), body).await?;
            assert_eq!(answer.status, 404, "{slug:.20} {operation}");
        }
    }
    let refusal =
        server.admin().post("/api/v1/workspace/nope/chat", json!({ "message": "Hi" })).await?;
    assert_eq!(
        (refusal.status, &refusal.body["error"]),
        (400, &json!("Workspace nope is not a valid workspace."))
    );
    Ok(())
}
