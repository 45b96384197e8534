//! Downloads of generated files, whole or in part.
use anyhow::Result;
use e2e::{Backend, Client, TestServer, send};
use reqwest::Method;
use serde_json::json;

const NAME: &str = "text-00000000-0000-4000-8000-000000000000.html";

async fn part(client: &Client, range: &str) -> Result<e2e::Answer> {
    let path = format!("/v1/document/generated-files/{NAME}");
    send(client.request(Method::GET, &path).header("range", range)).await
}

#[tokio::test]
async fn a_file_is_downloaded_completely_or_in_part() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let directory = server.storage().join("generated-files");
    std::fs::create_dir(&directory)?;
    std::fs::write(directory.join(NAME), "<b>0123456789</b>")?;
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/document/generated-files/{NAME}");
        let whole = admin.get(&path).await?;
        assert_eq!((whole.status, &whole.body), (200, &json!("<b>0123456789</b>")));
        assert!(whole.header("content-type").starts_with("text/html"));
        let disposition = format!("attachment; filename=\"{NAME}\"");
        assert_eq!(whole.header("content-disposition"), disposition);
        assert_eq!(whole.header("x-content-type-options"), "nosniff");
        assert_eq!(whole.header("content-length"), "17");
        let head = send(admin.request(Method::HEAD, &path)).await?;
        assert_eq!((head.status, head.header("content-length")), (200, "17"));
    }
    let some = part(admin, "bytes=3-5").await?;
    assert_eq!((some.status, &some.body), (206, &json!("012")), "{some:?}");
    assert_eq!(some.header("content-range"), "bytes 3-5/17");
    let last = part(admin, "bytes=-4").await?;
    assert_eq!((last.status, &last.body), (206, &json!("</b>")));
    let beyond = part(admin, "bytes=17-").await?;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */17"));
    Ok(())
}

#[tokio::test]
async fn names_lead_to_no_other_file() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let directory = server.storage().join("generated-files");
    std::fs::create_dir(&directory)?;
    let id = "00000000-0000-4000-8000-000000000000";
    std::fs::write(server.storage().join(format!("pdf-{id}.pdf")), "outside")?;
    let link = format!("zip-{id}.zip");
    #[cfg(unix)]
    std::os::unix::fs::symlink(server.storage().join("carrel.db"), directory.join(&link))?;
    std::fs::create_dir(directory.join(format!("dir-{id}.dir")))?;
    for (name, status, error) in [
        ("foo.txt", 400, "Invalid filename format"),
        ("..%2Fx", 400, "Invalid filename format"),
        (&format!("..%2Fpdf-{id}.pdf"), 400, "Invalid filename format"),
        (&format!("pdf-{id}.pdf%00"), 400, "Invalid filename format"),
        (&format!("pdf-{id}.pdf"), 404, "File not found"),
        (&link, 404, "File not found"),
        (&format!("dir-{id}.dir"), 404, "File not found"),
    ] {
        for mount in ["/v1", "/api/v1"] {
            let refused = admin.get(&format!("{mount}/document/generated-files/{name}")).await?;
            assert_eq!((refused.status, &refused.body["error"]), (status, &json!(error)), "{name}");
        }
    }
    // The files may belong to any workspace.
    let alpha = admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let bound = json!({ "workspace_ids": [alpha["workspace"]["id"]] });
    let bound = admin.post("/v1/admin/api-keys", bound).await?.ok()?["api_key"]["secret"].take();
    let bound = admin.with_key(bound.as_str().unwrap_or_default());
    let path = format!("/v1/document/generated-files/pdf-{id}.pdf");
    assert_eq!(bound.get(&path).await?.status, 403);
    Ok(())
}
