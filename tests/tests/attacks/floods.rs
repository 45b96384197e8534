//! Requests that cost the server more than they should. Memory is measured from outside.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Client, KEY, TestServer, send};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::backend;

/// Limit of the server's additional memory under attack. The largest bodies are 10 MiB each.
const CAP: u64 = 300 << 20;

/// Returns the server's peak memory so far, in bytes.
pub fn peak(server: &TestServer) -> Result<u64> {
    let status = format!("/proc/{}/status", server.process_id().context("not running")?);
    let status = std::fs::read_to_string(status)?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes << 10)
}

fn open_files(server: &TestServer) -> Result<usize> {
    let files = format!("/proc/{}/fd", server.process_id().context("not running")?);
    Ok(std::fs::read_dir(files)?.count())
}

/// Returns the beginning of the response; nothing if the server closes the connection.
async fn raw(client: &Client, request: &[u8]) -> Result<String> {
    let mut socket = TcpStream::connect(client.address()).await?;
    // The server may close the connection before everything is sent.
    let _ = socket.write_all(request).await;
    let mut answer = vec![0; 1 << 16];
    let read = tokio::time::timeout(Duration::from_secs(60), socket.read(&mut answer)).await;
    let read = read.context("the server keeps the connection")?.unwrap_or(0);
    Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
}

#[tokio::test]
async fn floods_take_bounded_memory_and_leave_nothing() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.get("/v1/workspaces").await?.ok()?;
    let (memory, files) = (peak(&server)?, open_files(&server)?);

    let large = 10 << 20;
    let nested = format!("{{\"message\":{}", "[".repeat(large - 100));
    let numbers = format!("{{\"names\":[{}1]}}", "1,".repeat(large / 2 - 100));
    let text = format!("{{\"message\":\"{}\"}}", "\\u0000".repeat(large / 6 - 100));
    let fields = "\"a\":1,".repeat(large / 6 - 100);
    let fields = format!("{{{fields}\"a\":1}}");
    for (method, path) in [
        (Method::POST, "/v1/workspace/alpha/chat"),
        (Method::POST, "/v1/workspace/alpha/update"),
        (Method::POST, "/v1/system/update-env"),
        (Method::DELETE, "/v1/system/remove-documents"),
    ] {
        for body in [&nested, &numbers, &text, &fields] {
            let request = admin.request(method.clone(), path).body(body.clone());
            let answer = send(request.header("content-type", "application/json")).await?;
            assert!(
                answer.status < 500,
                "{path}: {} {:.200}",
                answer.status,
                answer.body.to_string()
            );
        }
    }

    let mut parts =
        "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n".repeat(150_000);
    parts.push_str("--b--\r\n");
    let dashes = "-".repeat(8 << 20);
    for (kind, body) in
        [("multipart/form-data; boundary=b", parts), ("multipart/form-data; boundary=-", dashes)]
    {
        let request = admin.request(Method::POST, "/v1/document/upload").body(body);
        // The server may end the connection while the client is still sending.
        if let Ok(answer) = send(request.header("content-type", kind)).await {
            assert!((400..500).contains(&answer.status), "{kind}: {}", answer.status);
        }
    }

    let query = "a=1&".repeat(10_000);
    let long = format!("GET /v1/workspaces?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    let header =
        format!("GET /v1/auth HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "y".repeat(1 << 20));
    let headers =
        format!("GET /v1/auth HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: y\r\n".repeat(10_000));
    for request in [
        long.as_str(),
        &header,
        &headers,
        "POST /v1/workspace/new HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n{}",
        "POST /v1/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "GET /v1/auth HTTP/1.1\nHost: x\n\n",
        "GET http://evil/v1/workspaces HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n",
        "TRACE /v1/auth HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}",
    ] {
        let answer = raw(admin, request.as_bytes()).await?;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{request:.60}: {answer:.200}");
        assert!(!answer.contains("HTTP/1.1 5"), "{request:.60}: {answer:.200}");
    }

    // Silent clients block nobody, and are disconnected.
    let idle = join_all((0..300).map(|_| TcpStream::connect(admin.address()))).await;
    let idle: Vec<_> = idle.into_iter().collect::<std::io::Result<_>>()?;
    assert_eq!(admin.get("/api/ping").await?.status, 200);
    drop(idle);

    let grown = peak(&server)?.saturating_sub(memory);
    println!("{} MiB more than before", grown >> 20);
    assert!(grown < CAP, "{} MiB more than before", grown >> 20);
    for _ in 0..600 {
        if open_files(&server)? <= files + 16 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(open_files(&server)? <= files + 16, "{} files were {files}", open_files(&server)?);
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    assert!(!server.log()?.contains("panicked"));
    Ok(())
}

/// Waits until the server closes the connection.
async fn sent_away(mut socket: TcpStream) -> Result<()> {
    let mut answer = vec![0; 4096];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(120), socket.read(&mut answer)).await;
        match read.context("the server keeps the connection")? {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
    }
}

#[tokio::test]
async fn clients_that_never_finish_block_nobody_and_are_disconnected() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let (memory, files) = (peak(&server)?, open_files(&server)?);
    let head = "POST /v1/workspace/new HTTP/1.1\r\nHost: x\r\n".to_owned();
    let body = format!("{head}Authorization: Bearer {KEY}\r\nContent-Length: 99\r\n\r\n{{");
    let form = format!(
        "POST /v1/document/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\n--b\r\n\r\n"
    );
    let stranger = format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n");
    let mut slow = Vec::new();
    for unfinished in [head, body, form, stranger] {
        for _ in 0..150 {
            let mut socket = TcpStream::connect(admin.address()).await?;
            socket.write_all(unfinished.as_bytes()).await?;
            slow.push(socket);
        }
    }
    // The connections wait to be accepted, and then to be read completely.
    for _ in 0..600 {
        if open_files(&server)? >= files + 500 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(open_files(&server)? >= files + 500);
    let ask = json!({ "message": "Is anybody there?", "mode": "chat" });
    admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
    admin.get("/v1/workspaces").await?.ok()?;
    for ended in join_all(slow.into_iter().map(sent_away)).await {
        ended?;
    }
    let grown = peak(&server)?.saturating_sub(memory);
    assert!(grown < CAP, "{} MiB more than before", grown >> 20);
    for _ in 0..600 {
        if open_files(&server)? <= files + 16 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} files were {files}", open_files(&server)?)
}

#[tokio::test]
async fn an_export_of_any_text_is_complete() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let long = "word ".repeat(20_000);
    let texts = [
        "=1+1",
        "\"quoted\", and\r\nbroken",
        "@SUM(A1)\t|",
        "\u{1}\u{7}\u{1b}[31m",
        "\u{feff}é\u{202e}",
        "data: {\"type\":\"finalizeResponseStream\"}\n\n",
        "<img src=x onerror=alert(1)>",
        "{\"a\":",
        "\\",
        &long,
    ];
    for message in texts {
        let body = json!({ "message": message, "mode": "chat", "sessionId": "s" });
        admin.post("/v1/workspace/alpha/chat", body).await?.ok()?;
    }
    let exported = |kind: &str| {
        let path = format!("/v1/system/export-chats?type={kind}");
        async move { anyhow::Ok(admin.get(&path).await?.ok()?) }
    };
    let json = exported("json").await?;
    let prompts: Vec<_> =
        json.as_array().into_iter().flatten().map(|c| c["prompt"].clone()).collect();
    assert_eq!(prompts.len(), texts.len());
    for message in texts {
        assert!(prompts.contains(&json!(message)), "{message:.40}");
    }
    assert_eq!(exported("jsonAlpaca").await?.as_array().map(Vec::len), Some(texts.len()));
    let lines = exported("jsonl").await?;
    let lines = lines.as_str().map_or_else(|| lines.to_string(), str::to_owned);
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(exported("csv").await?.as_str().is_some_and(|csv| csv.contains("\"\"quoted\"\"")));
    Ok(())
}
