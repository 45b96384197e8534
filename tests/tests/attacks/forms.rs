//! Forms and bodies from strangers: compressed, with millions of fields, without an end.
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{TestServer, send};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::backend;
use super::floods::peak;

const URLENCODED: &str = "application/x-www-form-urlencoded";

/// Pages that read forms of visitors who are not signed in.
const OPEN_PAGES: [&str; 3] = ["/sign-in", "/setup", "/invite/abc"];

/// Limit of the server's additional memory, in bytes.
const CAP: u64 = 64 << 20;

fn gzipped(text: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text)?;
    Ok(encoder.finish()?)
}

#[tokio::test]
async fn a_compressed_body_is_refused_unread_everywhere() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let visitor = Visitor::new(server.admin())?;
    let before = peak(&server)?;
    let bomb = gzipped(&vec![b'&'; 512 << 20])?;
    for path in OPEN_PAGES {
        for encoding in ["gzip", "deflate", "br", "zstd", "x-gzip", "GZIP", "identity, gzip"] {
            let request = visitor.request(Method::POST, path).header("content-type", URLENCODED);
            let request = request.header("content-encoding", encoding).body(bomb.clone());
            let status = request.send().await?.status();
            assert_eq!(status, 415, "{path} {encoding}");
        }
    }
    let body = gzipped(b"{\"name\":\"Alpha\"}")?;
    for path in [
        "/v1/workspace/new",
        "/api/v1/workspace/new",
        "/v1/openai/embeddings",
        "/v1/document/upload",
        "/v1/session",
        "/api/embed/x/stream-chat",
    ] {
        let request = server.admin().request(Method::POST, path).body(body.clone());
        let request = request.header("content-type", "application/json");
        let answer = send(request.header("content-encoding", "gzip")).await?;
        assert_eq!(answer.status, 415, "{path} {}", answer.body);
        assert!(answer.body.to_string().contains("compressed"), "{path} {}", answer.body);
    }
    let plain =
        server.admin().request(Method::POST, "/v1/workspace/new").json(&json!({ "name": "A" }));
    send(plain.header("content-encoding", "identity")).await?.ok()?;
    let grown = peak(&server)?.saturating_sub(before);
    assert!(grown < CAP, "{} MiB more than before", grown >> 20);
    Ok(())
}

#[tokio::test]
async fn forms_with_millions_of_fields_cost_strangers_more_than_the_server() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let visitor = Visitor::new(server.admin())?;
    server.admin().get("/api/ping").await?;
    let before = peak(&server)?;
    let fields = "a&".repeat(2 << 20);
    let floods = (0..12).map(|at| {
        let path = OPEN_PAGES[at % OPEN_PAGES.len()];
        let request = visitor.request(Method::POST, path).header("content-type", URLENCODED);
        request.body(fields.clone()).send()
    });
    // The server may close the connection while a form is still being sent.
    for answer in join_all(floods).await.into_iter().flatten() {
        assert_eq!(answer.status(), 413);
    }
    let grown = peak(&server)?.saturating_sub(before);
    assert!(grown < CAP, "{} MiB more than before", grown >> 20);
    for (count, status) in [(1_001, 400), (1_000, 403)] {
        let request = visitor.request(Method::POST, "/sign-in").header("content-type", URLENCODED);
        let body = vec!["password=wrong"; count].join("&");
        let page = request.body(body).send().await?;
        let answered = page.status().as_u16();
        // Within the limit the form is read; then the password is wrong, or none is set yet.
        assert!(
            if count > 1_000 { answered == status } else { answered != 413 },
            "{count}: {answered}"
        );
        assert_eq!(page.text().await?.contains("more than 1000 fields"), count > 1_000);
    }
    Ok(())
}

#[tokio::test]
async fn a_form_that_never_ends_loses_its_connection() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let address = server.admin().address();
    let urlencoded = format!("content-type: {URLENCODED}\r\n");
    let multipart = "content-type: multipart/form-data; boundary=b\r\n".to_owned();
    let length = "content-length: 60000\r\n";
    let chunked = "transfer-encoding: chunked\r\n";
    let forms = [(&urlencoded, length), (&urlencoded, chunked), (&multipart, length)];
    let unfinished = forms.map(|(kind, framing)| {
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n\
             {kind}{framing}\r\n"
        );
        let is_chunked = framing == chunked;
        async move {
            let mut socket = TcpStream::connect(address).await?;
            socket.write_all(head.as_bytes()).await?;
            let (mut read, mut write) = socket.into_split();
            let trickle = tokio::spawn(async move {
                let piece: &[u8] = if is_chunked { b"1\r\na\r\n" } else { b"a" };
                while write.write_all(piece).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            });
            let (started, mut answer) = (Instant::now(), Vec::new());
            let ended = read.read_to_end(&mut answer);
            let ended = tokio::time::timeout(Duration::from_secs(100), ended).await;
            trickle.abort();
            let _ = ended.context("the server holds the connection")?;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            anyhow::Ok((answer, started.elapsed()))
        }
    });
    for exchange in join_all(unfinished).await {
        let (answer, _) = exchange?;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer:.200}");
        assert!(answer.contains("did not arrive in time"), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn bodies_of_strangers_are_limited_in_the_api_too() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let large = json!({ "username": "x".repeat(70_000), "password": "y" });
    for path in ["/v1/session", "/v1/invite/abc", "/api/v1/invite/abc"] {
        let answer = send(admin.request(Method::POST, path).json(&large)).await?;
        assert_eq!(answer.status, 413, "{path} {}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_other_sites_cannot_start_a_session() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first.clone()).await?.ok()?;
    let origin = format!("http://{}", admin.address());
    for (header, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("origin", origin.as_str(), 200),
        ("x-nothing", "", 200),
    ] {
        let request = admin.request(Method::POST, "/v1/session").json(&first);
        let answer = send(request.header(header, value)).await?;
        assert_eq!(answer.status, status, "{header} {value} {}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn lenient_json_is_read_at_both_mounts() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    for mount in ["/v1", "/api/v1"] {
        for (body, text) in [
            ("\u{feff}{\"textContent\":\"Bees.\",\"metadata\":{\"title\":\"a\"}}", "Bees."),
            (r#"{"textContent":"cut \ud83d","metadata":{"title":"b"}}"#, "cut \u{fffd}"),
            (r#"{"textContent":"\ude00 cut","metadata":{"title":"c"}}"#, "\u{fffd} cut"),
        ] {
            let request = admin.request(Method::POST, &format!("{mount}/document/raw-text"));
            let request = request.header("content-type", "application/json").body(body);
            let answer = send(request).await?.ok()?;
            assert_eq!(answer["documents"][0]["pageContent"], text, "{mount}");
        }
    }
    Ok(())
}
