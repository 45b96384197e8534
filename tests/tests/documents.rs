//! Adding files and texts to the library.
use std::collections::HashSet;

use anyhow::Result;
use e2e::{Backend, Mode, TestServer, in_both_modes, send};
use reqwest::Method;
use serde_json::{Value, json};

in_both_modes!(
    twenty_uploads_of_one_name_are_twenty_documents,
    removing_a_document_removes_all_its_data
);

fn locations(uploaded: &Value) -> Vec<String> {
    let documents = uploaded["documents"].as_array().cloned().unwrap_or_default();
    let location = |document: &Value| document["location"].as_str().unwrap_or_default().to_owned();
    documents.iter().map(location).collect()
}

#[tokio::test]
async fn every_kind_of_text_becomes_a_document() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for (name, content, text) in [
        ("a.txt", "Mars has two moons.", "Mars has two moons."),
        ("b.md", "# Mars\n\nIt has *two* moons.", "# Mars\n\nIt has *two* moons."),
        ("c.json", "{\"k\":\"v\"}", "{\"k\":\"v\"}"),
        ("d.csv", "planet,moons\nMars,2\n", "planet,moons\nMars,2"),
        ("e.html", "<title>T</title><p>Two <b>moons</b></p><script>x()</script>", "Two moons"),
        ("f.log", "just some log lines", "just some log lines"),
    ] {
        let added = server.admin().upload(name, content.as_bytes(), &[]).await?.ok()?;
        let document = &added["documents"][0];
        assert_eq!((&added["success"], &added["error"]), (&json!(true), &json!(null)));
        assert_eq!(document["pageContent"].as_str().unwrap_or_default().trim(), text, "{name}");
        assert_eq!(document["docSource"], "a text file uploaded by the user.");
        assert_eq!(document["isDirectUpload"], false);
        let location = document["location"].as_str().unwrap_or_default();
        let stored = server.storage().join("documents").join(location);
        let stored: Value = serde_json::from_slice(&std::fs::read(stored)?)?;
        for key in ["id", "url", "title", "docAuthor", "published", "wordCount", "pageContent"] {
            assert_eq!(stored[key], document[key], "{name} {key}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn names_and_titles_are_kept_in_every_script() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for name in ["日本語.txt", "Übung – naïve (1).txt", "отчёт №5.txt", "100% #1.txt"]
    {
        let added = server.admin().upload(name, b"some text", &[]).await?.ok()?;
        assert_eq!(added["documents"][0]["title"], name);
    }
    // The name as raw UTF-8 and in the encoding of RFC 5987, which is preferred.
    for header in [
        "filename=\"Журнал.txt\"",
        "filename=\"x.txt\"; filename*=UTF-8''%D0%96%D1%83%D1%80%D0%BD%D0%B0%D0%BB.txt",
    ] {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; {header}\r\n\r\ntext\r\n--b--\r\n"
        );
        let request = server.admin().request(Method::POST, "/v1/document/upload").body(body);
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let added = send(request).await?.ok()?;
        assert_eq!(added["documents"][0]["title"], "Журнал.txt");
    }
    let raw = json!({ "textContent": "abc", "metadata": { "title": "第3四半期 Plan v2" } });
    let native = server.admin().post("/v1/document/raw-text", raw.clone()).await?.ok()?;
    assert_eq!(native["documents"][0]["title"], "第3四半期 Plan v2");
    let other = server.admin().post("/api/v1/document/raw-text", raw).await?.ok()?;
    assert_eq!(other["documents"][0]["title"], "3-plan-v2.txt");
    Ok(())
}

#[tokio::test]
async fn metadata_names_the_document() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let metadata =
        json!({ "title": "My Guide", "docAuthor": "Ann", "chunkSource": "x" }).to_string();
    let added = server.admin().upload("g.md", b"Guide.", &[("metadata", &metadata)]).await?.ok()?;
    let document = &added["documents"][0];
    assert_eq!((&document["title"], &document["docAuthor"]), (&json!("My Guide"), &json!("Ann")));
    let fields = [("metadata[title]", "Bracketed"), ("metadata[description]", "d")];
    let added = server.admin().upload("h.md", b"Guide.", &fields).await?.ok()?;
    let document = &added["documents"][0];
    assert_eq!((&document["title"], &document["description"]), (&json!("Bracketed"), &json!("d")));
    let raw = json!({ "textContent": "t", "metadata": "{\"title\":\"from text\",\"url\":\"http://x.test\"}" });
    let added = server.admin().post("/v1/document/raw-text", raw).await?.ok()?;
    assert_eq!(added["documents"][0]["url"], "http://x.test");
    Ok(())
}

async fn twenty_uploads_of_one_name_are_twenty_documents(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let uploads: Vec<_> = (0..20)
        .map(|number| {
            let admin = server.admin().clone();
            let text = format!("report number {number}");
            tokio::spawn(async move { admin.upload("report.txt", text.as_bytes(), &[]).await })
        })
        .collect();
    let (mut places, mut texts) = (HashSet::new(), HashSet::new());
    for upload in uploads {
        let added = upload.await??.ok()?;
        places.extend(locations(&added));
        texts.insert(added["documents"][0]["pageContent"].to_string());
    }
    assert_eq!((places.len(), texts.len(), server.document_files()?.len()), (20, 20, 20));
    Ok(())
}

async fn removing_a_document_removes_all_its_data(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let into = [("addToWorkspaces", "alpha, BETA")];
    let added = admin.upload("honey.txt", b"Bees make honey.", &into).await?.ok()?;
    let place = locations(&added).remove(0);
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 2);
    let names = json!({ "names": [place, "custom-documents/never-was.json"] });
    let removed = admin.delete("/v1/system/remove-documents", names).await?.ok()?;
    assert_eq!(
        removed,
        json!({ "success": true, "message": "Documents removed successfully; not found: custom-documents/never-was.json" })
    );
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 0);
    assert!(server.document_files()?.is_empty());
    let left = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(left["workspace"][0]["documents"], json!([]));
    Ok(())
}

#[tokio::test]
async fn placing_reports_the_documents_it_could_not_place() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let place = locations(&admin.upload("a.txt", b"Bees make honey.", &[]).await?.ok()?).remove(0);
    let update = json!({ "adds": [place, "custom-documents/missing.json"] });
    for _ in 0..2 {
        let done =
            admin.post("/v1/workspace/alpha/update-embeddings", update.clone()).await?.ok()?;
        assert_eq!(done["workspace"]["documents"].as_array().map(Vec::len), Some(1));
        assert_eq!(done["workspace"]["documents"][0]["docpath"], json!(place));
        assert_eq!(done["failedToEmbed"], json!(["custom-documents/missing.json"]));
        assert_eq!(done["errors"], json!(["no document matches `custom-documents/missing.json`"]));
    }
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 1);
    let taken_out = json!({ "deletes": [place] });
    let done = admin.post("/v1/workspace/alpha/update-embeddings", taken_out).await?.ok()?;
    assert_eq!(done["workspace"]["documents"], json!([]));
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 0);
    Ok(())
}

#[tokio::test]
async fn an_unknown_workspace_is_a_warning() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let added =
        server.admin().upload("a.txt", b"text", &[("addToWorkspaces", "nope")]).await?.ok()?;
    assert_eq!(added["warnings"], json!(["no workspace matches `nope`"]));
    Ok(())
}
