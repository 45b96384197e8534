//! Uploads that are repeated, replaced or skipped.
use anyhow::Result;
use e2e::{Answer, Backend, Client, Mode, TestServer, in_both_modes, send};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

in_both_modes!(
    a_request_with_an_idempotency_key_runs_once,
    an_upload_with_a_key_replaces_the_previous_one_everywhere,
    identical_content_is_skipped_on_request,
    concurrent_uploads_of_one_key_are_one_document,
);

async fn named(client: &Client, path: &str, name: &str, text: &str) -> Result<Answer> {
    let file = Part::bytes(text.as_bytes().to_vec()).file_name("a.txt");
    let request = client.request(Method::POST, path).header("idempotency-key", name);
    send(request.multipart(Form::new().part("file", file))).await
}

async fn count(client: &Client) -> Result<Value> {
    let folder = client.get("/v1/documents/folder/custom-documents?limit=1").await?.ok()?;
    Ok(folder["totalCount"].clone())
}

async fn a_request_with_an_idempotency_key_runs_once(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let (admin, upload) = (server.admin(), "/v1/document/upload");
    let first = named(admin, upload, "one", "Bees make honey.").await?.ok()?;
    let again = named(admin, upload, "one", "Bees make honey.").await?.ok()?;
    assert_eq!(first, again);
    let brief = named(admin, &format!("{upload}?content=false"), "one", "Bees make honey.").await?;
    let brief = brief.ok()?;
    assert_eq!(brief["documents"][0]["id"], first["documents"][0]["id"]);
    assert!(brief["documents"][0].get("pageContent").is_none());
    for (path, status) in [(upload, 422), ("/api/v1/document/upload", 422)] {
        let answer = named(admin, path, "one", "Something else.").await?;
        assert_eq!((answer.status, &answer.body["success"]), (status, &json!(false)));
    }
    // A failed request runs again.
    for _ in 0..2 {
        assert_eq!(named(admin, upload, "empty", "").await?.status, 422);
    }
    let other = server.carrel().run(&["api-key", "create"])?;
    let other = admin.with_key(other.stdout.trim());
    let of_other = named(&other, upload, "one", "Bees make honey.").await?.ok()?;
    assert_ne!(of_other["documents"][0]["id"], first["documents"][0]["id"]);
    assert_eq!(count(admin).await?, 2);
    for wrong in ["", &"x".repeat(256), "日本"] {
        assert_eq!(named(admin, upload, wrong, "x").await?.status, 400, "{wrong}");
    }
    let raw = json!({ "textContent": "t", "metadata": { "title": "t" } });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = admin.request(Method::POST, "/v1/document/raw-text").json(&raw);
        let added = send(request.header("idempotency-key", "raw")).await?.ok()?;
        ids.push(added["documents"][0]["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let at_once: Vec<_> = (0..10)
        .map(|_| {
            let admin = admin.clone();
            tokio::spawn(async move { named(&admin, "/v1/document/upload", "many", "Many.").await })
        })
        .collect();
    let mut made = std::collections::HashSet::new();
    for each in at_once {
        let answer = each.await??;
        match answer.status {
            200 => _ = made.insert(answer.body["documents"][0]["id"].to_string()),
            status => assert_eq!(status, 409, "{}", answer.body),
        }
    }
    assert_eq!((made.len(), count(admin).await?), (1, json!(4)));
    // A repeated request returns the same response even if its document was deleted.
    let id = first["documents"][0]["id"].as_str().unwrap_or_default();
    admin.delete(&format!("/v1/document/id/{id}"), json!(null)).await?.ok()?;
    let again = named(admin, upload, "one", "Bees make honey.").await?.ok()?;
    assert_eq!((&again["documents"][0]["id"], count(admin).await?), (&json!(id), json!(3)));
    Ok(())
}

async fn an_upload_with_a_key_replaces_the_previous_one_everywhere(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let keyed = |into| [("externalId", "handbook/1"), ("addToWorkspaces", into)];
    let first = admin.upload("v1.txt", b"Bees make honey.", &keyed("alpha")).await?.ok()?;
    let place = admin.get("/v1/workspace/alpha").await?.ok()?;
    let place = place["workspace"][0]["documents"][0]["docId"].clone();
    let second = admin.upload("v2.txt", b"Cows make milk.", &keyed("beta")).await?.ok()?;
    let (old, new) = (&first["documents"][0], &second["documents"][0]);
    assert_eq!((&new["id"], &new["externalId"]), (&old["id"], &json!("handbook/1")));
    assert_ne!(new["location"], old["location"]);
    assert_eq!((count(admin).await?, server.document_files()?.len()), (json!(1), 1));
    for slug in ["alpha", "beta"] {
        let workspace = admin.get(&format!("/v1/workspace/{slug}")).await?.ok()?;
        let documents = &workspace["workspace"][0]["documents"];
        assert_eq!(documents.as_array().map(Vec::len), Some(1), "{slug}");
        assert_eq!(documents[0]["docpath"], new["location"], "{slug}");
        let query = json!({ "query": "honey", "topN": 10, "scoreThreshold": 0 });
        let path = format!("/v1/workspace/{slug}/vector-search");
        let found = admin.post(&path, query).await?.ok()?;
        let texts = found["results"].to_string();
        assert!(texts.contains("Cows") && !texts.contains("Bees"), "{texts}");
        if slug == "alpha" {
            assert_eq!(documents[0]["docId"], place);
        }
    }
    // A failed upload leaves no trace.
    assert_eq!(admin.upload("v3.txt", b"", &keyed("alpha")).await?.status, 422);
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 2);
    for wrong in ["", &"x".repeat(513), "a\u{7}b"] {
        let answer = admin.upload("a.txt", b"x", &[("externalId", wrong)]).await?;
        assert_eq!(answer.status, 400, "{wrong:?}");
    }
    let large = json!({ "title": "t", "x": "y".repeat(20_000) }).to_string();
    assert_eq!(admin.upload("a.txt", b"x", &[("metadata", &large)]).await?.status, 413);
    Ok(())
}

async fn identical_content_is_skipped_on_request(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let first = admin.upload("a.txt", b"Bees make honey.", &[]).await?.ok()?;
    let skip = [("skipIdentical", "true"), ("addToWorkspaces", "alpha")];
    let again = admin.upload("other.txt", b"Bees make honey.", &skip).await?.ok()?;
    assert_eq!(again["documents"][0]["id"], first["documents"][0]["id"]);
    assert_eq!(again["documents"][0]["existed"], true);
    assert_eq!(again["documents"][0]["pageContent"], "Bees make honey.");
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 1);
    admin.upload("a.txt", b"Cows make milk.", &skip).await?.ok()?;
    assert_eq!(count(admin).await?, 2);
    let answer = admin.upload("a.txt", b"x", &[("skipIdentical", "perhaps")]).await?;
    assert_eq!(answer.status, 400);
    Ok(())
}

async fn concurrent_uploads_of_one_key_are_one_document(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let uploads: Vec<_> = (0..8)
        .map(|number| {
            let admin = server.admin().clone();
            let text = format!("version {number}");
            let key = [("externalId", "k")];
            tokio::spawn(async move { admin.upload("a.txt", text.as_bytes(), &key).await })
        })
        .collect();
    for upload in uploads {
        let answer = upload.await??;
        assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.body);
    }
    assert_eq!((count(server.admin()).await?, server.document_files()?.len()), (json!(1), 1));
    Ok(())
}
