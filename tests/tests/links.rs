//! Web pages served by a host of the test.
use anyhow::Result;
use e2e::{Backend, Options, TestServer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PAGE: &str = "<html><head><title>Moons</title></head><body><nav>Home</nav>\
    <h1>Of Mars</h1><p>Mars has two moons.</p></body></html>";

/// Starts a host with a page, a file, and a redirect to a forbidden address. Returns its address.
async fn host() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, kind, body) = match path {
                "/page" => ("200 OK", "text/html", PAGE),
                "/data.csv" => ("200 OK", "text/csv", "planet,moons\nMars,2\n"),
                "/picture" => ("200 OK", "image/gif", "GIF89a"),
                "/inside" => ("302 Found\r\nlocation: http://10.0.0.1/", "text/plain", ""),
                _ => ("404 Not Found", "text/plain", "the host's own words"),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    Ok(format!("http://{address}"))
}

#[tokio::test]
async fn a_page_becomes_a_document() -> Result<()> {
    let host = host().await?;
    let options = Options::from(Backend::Sqlite).with("CARREL_LINK_HOSTS", "127.0.0.1");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let link = json!({ "link": format!("{host}/page"), "addToWorkspaces": "alpha" });
    let added = admin.post("/v1/document/upload-link", link).await?.ok()?;
    let document = &added["documents"][0];
    assert_eq!(document["title"], "Moons");
    assert_eq!(document["pageContent"], "Moons\n\n# Of Mars\n\nMars has two moons.");
    assert_eq!(document["chunkSource"], format!("link://{host}/page"));
    assert_eq!(document["docSource"], "URL link uploaded by the user.");
    // The title, and the text below the heading.
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 2);
    let other = json!({ "link": format!("{host}/page") });
    let added = admin.post("/api/v1/document/upload-link", other.clone()).await?.ok()?;
    assert_eq!(added["documents"][0]["title"], "127.0.0.1_page.html");
    let titled = json!({ "link": format!("{host}/page"), "metadata": { "title": "Mine", "n": 1 } });
    let added = admin.post("/api/v1/document/upload-link", titled).await?.ok()?;
    assert_eq!(added["documents"][0]["title"], "Mine");
    assert_eq!(added["documents"][0]["metadata"]["n"], 1);
    let file = json!({ "link": format!("{host}/data.csv"), "externalId": "moons" });
    let added = admin.post("/v1/document/upload-link", file).await?.ok()?;
    let text = added["documents"][0]["pageContent"].as_str().unwrap_or_default();
    assert_eq!(text.trim(), "planet,moons\nMars,2");
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn forbidden_addresses_are_refused_by_name() -> Result<()> {
    let host = host().await?;
    let options = Options::from(Backend::Sqlite).with("CARREL_LINK_HOSTS", "127.0.0.1");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    for (link, status) in [
        ("http://10.0.0.1/".to_owned(), 400),
        ("http://[::1]/".to_owned(), 400),
        ("http://169.254.169.254/latest".to_owned(), 400),
        (format!("{host}/inside"), 400),
        ("file:///etc/passwd".to_owned(), 400),
        ("not a url".to_owned(), 400),
        (String::new(), 400),
        (format!("{host}/missing"), 422),
        (format!("{host}/picture"), 422),
        ("http://nohost.invalid/".to_owned(), 422),
    ] {
        let answer = admin.post("/v1/document/upload-link", json!({ "link": link })).await?;
        assert_eq!(answer.status, status, "{link}: {}", answer.body);
        assert_eq!(
            (&answer.body["success"], &answer.body["documents"]),
            (&json!(false), &json!([]))
        );
        assert!(!answer.body.to_string().contains("own words"), "{}", answer.body);
    }
    for (link, error) in [
        (json!("http://10.0.0.1/"), "Not a valid URL."),
        (json!(5), "Not a valid URL."),
        (json!("http://nohost.invalid/"), "No URL content found at http://nohost.invalid."),
    ] {
        let answer = admin.post("/api/v1/document/upload-link", json!({ "link": link })).await?;
        assert_eq!((answer.status, &answer.body["error"]), (500, &json!(error)));
    }
    let wrong = json!({ "link": format!("{host}/page"), "scraperHeaders": { "Host": "x" } });
    assert_eq!(admin.post("/v1/document/upload-link", wrong).await?.status, 400);
    assert!(server.document_files()?.is_empty());
    // Without the operator's permission, even this machine cannot be reached.
    let server = TestServer::start(Backend::Sqlite).await?;
    let link = json!({ "link": format!("{host}/page") });
    assert_eq!(server.admin().post("/v1/document/upload-link", link).await?.status, 400);
    Ok(())
}
