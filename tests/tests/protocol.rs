//! HTTP itself: unknown paths, wrong methods, ids, origins, the OpenAPI document.
use anyhow::Result;
use e2e::{Backend, Options, TestServer, send};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_refused_in_json() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for path in ["/v1", "/v1/nope", "/api/v1/nope", "/api/v/x", "/v1/workspace/a/b/c/d"] {
        let answer = server.admin().get(path).await?;
        assert_eq!((answer.status, answer.body.get("error").is_some()), (404, true), "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "/v1/auth", "GET"),
        ("PUT", "/v1/workspace/alpha", "DELETE, GET"),
        ("GET", "/api/v1/workspace/alpha/chat", "POST"),
        ("TRACE", "/v1/auth", "GET"),
    ] {
        let answer =
            send(server.admin().request(Method::from_bytes(method.as_bytes())?, path)).await?;
        assert_eq!(
            (answer.status, answer.body.get("error").is_some()),
            (405, true),
            "{method} {path}"
        );
        let mut methods: Vec<_> = answer.header("allow").split(", ").collect();
        methods.sort();
        assert_eq!(methods.join(", "), allowed);
    }
    Ok(())
}

#[tokio::test]
async fn head_and_options_describe_a_path_without_side_effects() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for mount in ["/v1", "/api/v1"] {
        let head = server.admin().request(Method::HEAD, &format!("{mount}/auth"));
        let head = send(head).await?;
        assert_eq!((head.status, &head.body), (200, &json!("")));
        assert!(head.header("content-type").starts_with("application/json"));
        let export = server.admin().request(Method::HEAD, &format!("{mount}/system/export-chats"));
        assert_eq!(send(export).await?.status, 200);
        let stranger = server.admin().anonymous().request(Method::HEAD, &format!("{mount}/auth"));
        assert_eq!(send(stranger).await?.status, 403);
        let options = server.admin().anonymous().request(Method::OPTIONS, &format!("{mount}/auth"));
        let options = send(options).await?;
        assert_eq!((options.status, options.header("allow")), (204, "GET"));
        let nowhere = server.admin().request(Method::OPTIONS, &format!("{mount}/nope"));
        assert_eq!(send(nowhere).await?.status, 404);
    }
    Ok(())
}

#[tokio::test]
async fn every_response_has_an_id_and_forbids_sniffing() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let (one, other) = (server.admin().get("/v1/auth").await?, server.admin().get("/nope").await?);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert_eq!(
        (one.header("x-request-id").len(), other.header("x-content-type-options")),
        (16, "nosniff")
    );
    let with_id =
        server.admin().request(Method::GET, "/v1/auth").header("x-request-id", "proxy-1.2");
    assert_eq!(send(with_id).await?.header("x-request-id"), "proxy-1.2");
    let forged = server.admin().request(Method::GET, "/v1/auth").header("x-request-id", "a b{}\"");
    assert_eq!(send(forged).await?.header("x-request-id").len(), 16);
    Ok(())
}

#[tokio::test]
async fn only_named_origins_are_allowed() -> Result<()> {
    let options = Options::from(Backend::Sqlite);
    let options = options.with("CARREL_ALLOWED_ORIGINS", "https://app.example.com");
    let open = TestServer::start(options).await?;
    let closed = TestServer::start(Backend::Sqlite).await?;
    for (server, origin, allowed) in [
        (&open, "https://app.example.com", "https://app.example.com"),
        (&open, "https://evil.example.com", ""),
        (&closed, "https://app.example.com", ""),
    ] {
        let request = server.admin().request(Method::GET, "/v1/auth").header("origin", origin);
        let answer = send(request).await?;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    Ok(())
}

#[tokio::test]
async fn the_document_served_is_the_one_checked_in() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let served = server.admin().anonymous().get("/v1/openapi.json").await?.ok()?;
    let here = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let file = std::fs::read(here.join("../docs/openapi.json"))?;
    let checked_in: serde_json::Value = serde_json::from_slice(&file)?;
    assert!(served == checked_in, "docs/openapi.json is out of date: run `cargo xtask openapi`");
    let page = server.admin().anonymous().get("/v1/docs").await?;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    Ok(())
}

#[tokio::test]
async fn both_mounts_confirm_a_valid_key() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for path in ["/v1/auth", "/api/v1/auth"] {
        let answer = server.admin().get(path).await?;
        assert!(answer.header("content-type").starts_with("application/json"));
        assert_eq!(answer.ok()?, json!({ "authenticated": true }));
    }
    // Only the other mount accepts any authentication scheme.
    for (path, status) in [("/v1/auth", 403), ("/api/v1/auth", 200)] {
        let basic = format!("Basic {}", e2e::KEY);
        let request =
            server.admin().anonymous().request(Method::GET, path).header("authorization", basic);
        assert_eq!(send(request).await?.status, status, "{path}");
    }
    Ok(())
}
