//! Workspaces: creating, listing, finding and deleting them.
use anyhow::Result;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

on_both_databases!(
    a_new_workspace_is_found_by_its_slug,
    names_repeat_and_slugs_do_not,
    a_deleted_workspace_is_gone_with_its_vectors,
    settings_change_and_the_slug_stays
);

async fn a_new_workspace_is_found_by_its_slug(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let body =
        json!({ "name": "C++ & (x) v1.0!", "openAiTemp": 0.7, "topN": 6, "chatMode": "query" });
    let made = server.admin().post("/v1/workspace/new", body).await?.ok()?;
    assert_eq!(made["message"], json!(null));
    let workspace = &made["workspace"];
    assert_eq!(workspace["slug"], "c-plus-plus-and-x-v1-dot-0-bang");
    assert_eq!((&workspace["openAiTemp"], &workspace["topN"]), (&json!(0.7), &json!(6)));
    assert_eq!(
        (&workspace["chatMode"], &workspace["similarityThreshold"]),
        (&json!("query"), &json!(0.25))
    );
    let found = server.admin().get("/v1/workspace/c-plus-plus-and-x-v1-dot-0-bang").await?.ok()?;
    let found = &found["workspace"][0];
    assert_eq!(found["id"], workspace["id"]);
    assert_eq!((&found["documents"], &found["threads"]), (&json!([]), &json!([])));
    let listed = server.admin().get("/api/v1/workspaces").await?.ok()?;
    assert_eq!(listed["workspaces"][0]["name"], "C++ & (x) v1.0!");
    Ok(())
}

async fn names_repeat_and_slugs_do_not(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let admin = server.admin().clone();
            tokio::spawn(async move {
                admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await
            })
        })
        .collect();
    let mut slugs = std::collections::HashSet::new();
    for task in tasks {
        let made = task.await??.ok()?;
        slugs.insert(made["workspace"]["slug"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(slugs.len(), 20);
    assert!(slugs.contains("alpha"));
    Ok(())
}

async fn a_deleted_workspace_is_gone_with_its_vectors(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("a.txt", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?, json!({ "vectorCount": 1 }));
    let gone = admin.delete("/v1/workspace/alpha", json!(null)).await?.ok()?;
    assert_eq!(gone, json!({ "success": true, "error": null }));
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?, json!({ "vectorCount": 0 }));
    assert_eq!(admin.get("/v1/workspace/alpha").await?.status, 404);
    assert_eq!(admin.get("/api/v1/workspace/alpha").await?.ok()?, json!({ "workspace": [] }));
    assert_eq!(server.document_files()?.len(), 1);
    let again = admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    assert_eq!(again["workspace"]["slug"], "alpha");
    let empty =
        admin.post("/v1/workspace/alpha/vector-search", json!({ "query": "honey" })).await?.ok()?;
    assert_eq!(empty["results"], json!([]));
    Ok(())
}

async fn settings_change_and_the_slug_stays(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha", "topN": 6 })).await?.ok()?;
    let body = json!({ "name": "Beta", "openAiTemp": 0.5, "slug": "hax", "chatMode": "query" });
    let changed = admin.post("/v1/workspace/alpha/update", body).await?.ok()?;
    assert_eq!(changed["message"], json!(null));
    let row = &changed["workspace"];
    assert_eq!((&row["name"], &row["slug"]), (&json!("Beta"), &json!("alpha")));
    assert_eq!((&row["topN"], &row["openAiTemp"]), (&json!(6), &json!(0.5)));
    let found = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(found["workspace"][0]["chatMode"], "query");
    for wrong in [json!({ "topN": "many" }), json!({ "name": "" }), json!({ "foo": 1 }), json!({})]
    {
        let refused = admin.post("/v1/workspace/alpha/update", wrong.clone()).await?;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    assert_eq!(admin.get("/v1/workspace/alpha").await?.ok()?, found);
    let missing = admin.post("/v1/workspace/nope/update", json!({ "name": "X" })).await?;
    assert_eq!(missing.status, 404);
    let left = admin.post("/api/v1/workspace/alpha/update", json!({ "foo": 1 })).await?.ok()?;
    let id = &row["id"];
    assert_eq!(left, json!({ "workspace": { "id": id }, "message": "No valid fields to update!" }));
    let loose = admin.post("/api/v1/workspace/alpha/update", json!({ "topN": "x" })).await?.ok()?;
    assert_eq!(loose["workspace"]["topN"], 4);
    Ok(())
}

#[tokio::test]
async fn the_other_mount_confirms_a_deletion_in_text() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    server
        .admin()
        .post("/api/v1/workspace/new", json!({ "name": "Alpha", "topN": "many" }))
        .await?
        .ok()?;
    let gone = server.admin().delete("/api/v1/workspace/alpha", json!({})).await?;
    assert_eq!((gone.status, gone.body), (200, json!("OK")));
    let missing = server.admin().delete("/api/v1/workspace/alpha", json!({})).await?;
    assert_eq!((missing.status, missing.body), (400, json!("Bad Request")));
    Ok(())
}
