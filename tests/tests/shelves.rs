//! The library: lists, folders, moves, and documents by their ids.
use anyhow::Result;
use e2e::{Answer, Backend, Client, Mode, TestServer, in_both_modes, send};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

in_both_modes!(
    lists_show_every_document_in_its_folder,
    folders_are_created_and_removed_with_their_documents,
    documents_are_moved_completely_or_not_at_all,
    documents_are_found_and_removed_by_id,
    a_folder_removed_during_uploads_is_complete_or_gone,
);

async fn upload_into(client: &Client, folder: &str, name: &str) -> Result<Answer> {
    let file = Part::bytes(name.as_bytes().to_vec()).file_name(name.to_owned());
    let request = client.request(Method::POST, &format!("/v1/document/upload/{folder}"));
    send(request.multipart(Form::new().part("file", file))).await
}

fn of(added: &Value, key: &str) -> String {
    added["documents"][0][key].as_str().unwrap_or_default().to_owned()
}

fn titles(documents: &Value) -> Vec<&str> {
    let documents = documents.as_array().map(Vec::as_slice).unwrap_or_default();
    documents.iter().filter_map(|document| document["title"].as_str()).collect()
}

async fn lists_show_every_document_in_its_folder(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    let empty = admin.get("/v1/documents").await?.ok()?;
    let default = json!({ "name": "custom-documents", "type": "folder", "items": [] });
    let expected = json!({ "name": "documents", "type": "folder", "items": [default] });
    assert_eq!(empty, json!({ "localFiles": expected }));
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let metadata = json!({ "title": "A", "team": { "id": 7, "日本": [null, 1.5] } });
    let text = metadata.to_string();
    let fields = [("addToWorkspaces", "alpha"), ("metadata", text.as_str())];
    let added = admin.upload("a.txt", b"Bees make honey.", &fields).await?.ok()?;
    assert_eq!(added["documents"][0]["metadata"], metadata);
    for name in ["b.txt", "c.txt", "d.txt"] {
        admin.upload(name, b"text", &[]).await?.ok()?;
    }
    upload_into(admin, "zoo", "z.txt").await?.ok()?;
    admin.post("/v1/document/create-folder", json!({ "name": "empty" })).await?.ok()?;
    for mount in ["/v1", "/api/v1"] {
        let tree = admin.get(&format!("{mount}/documents")).await?.ok()?;
        let folders = tree["localFiles"]["items"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = folders.iter().map(|folder| folder["name"].clone()).collect();
        assert_eq!(names, ["custom-documents", "empty", "zoo"]);
        let first = &folders[0]["items"][0];
        assert_eq!(
            (&first["id"], &first["name"]),
            (&json!(of(&added, "id")), &json!(of(&added, "name")))
        );
        assert_eq!((&first["type"], &first["cached"]), (&json!("file"), &json!(true)));
        assert_eq!((&first["metadata"], &first["pinnedWorkspaces"]), (&metadata, &json!([])));
        assert_eq!((&first["watched"], &first["canWatch"]), (&json!(false), &json!(false)));
        assert!(first.get("pageContent").is_none(), "{first}");
        assert_eq!(titles(&folders[0]["items"]), ["A", "b.txt", "c.txt", "d.txt"]);
        assert_eq!(folders[0]["items"][1]["cached"], false);
        let page = format!("{mount}/documents?folder=custom-documents&offset=1&limit=2");
        let page = admin.get(&page).await?.ok()?;
        assert_eq!(titles(&page["documents"]), ["b.txt", "c.txt"]);
        assert_eq!((&page["totalCount"], &page["hasMore"]), (&json!(4), &json!(true)));
        assert_eq!((&page["code"], &page["error"]), (&json!(200), &json!(null)));
        let all = admin.get(&format!("{mount}/documents/folder/custom-documents?offset=3")).await?;
        let all = all.ok()?;
        assert_eq!(titles(&all["documents"]), ["d.txt"]);
        assert_eq!((&all["hasMore"], all.get("code")), (&json!(false), None));
        for missing in ["nope", "..%2F..", "%00", ".x", "custom-documents%2F.."] {
            let path = format!("{mount}/documents/folder/{missing}");
            let answer = admin.get(&path).await?;
            assert_eq!((answer.status, &answer.body["documents"]), (404, &json!([])), "{path}");
            let path = format!("{mount}/documents?folder={missing}");
            let answer = admin.get(&path).await?;
            assert_eq!((answer.status, &answer.body["code"]), (404, &json!(404)), "{path}");
        }
    }
    for query in ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=x", "limit=1&limit=2"] {
        let path = format!("/v1/documents?folder=custom-documents&{query}");
        assert_eq!(admin.get(&path).await?.status, 400, "{query}");
    }
    let loosely = admin.get("/api/v1/documents?folder=custom-documents&offset=x&limit=-2").await?;
    assert_eq!(titles(&loosely.ok()?["documents"]).len(), 4);
    Ok(())
}

async fn folders_are_created_and_removed_with_their_documents(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let name = json!({ "name": "報告 2026" });
    let made = admin.post("/v1/document/create-folder", name.clone()).await?.ok()?;
    assert_eq!(made, json!({ "success": true, "message": null }));
    let again = admin.post("/v1/document/create-folder", name.clone()).await?;
    assert_eq!((again.status, &again.body["success"]), (409, &json!(false)));
    let again = admin.post("/api/v1/document/create-folder", name.clone()).await?;
    let message = json!({ "success": false, "message": "Folder by that name already exists" });
    assert_eq!((again.status, again.body), (500, message));
    let added = upload_into(admin, "%E5%A0%B1%E5%91%8A%202026", "a.txt").await?.ok()?;
    let place = json!({ "adds": [of(&added, "location")] });
    admin.post("/v1/workspace/alpha/update-embeddings", place).await?.ok()?;
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 1);
    for refused in ["custom-documents", "nope", "../..", "", ".", "a/b", "..\\x", "a\0"] {
        let name = json!({ "name": refused });
        let answer = admin.delete("/v1/document/remove-folder", name.clone()).await?;
        assert!(matches!(answer.status, 400 | 404), "{refused}: {}", answer.body);
        let answer = admin.delete("/api/v1/document/remove-folder", name).await?.ok()?;
        assert_eq!(
            (&answer["success"], &answer["removed"]),
            (&json!(true), &json!(0)),
            "{refused}"
        );
    }
    for wrong in [json!(5), json!([]), json!({ "a": 1 })] {
        let name = json!({ "name": wrong });
        for mount in ["/v1", "/api/v1"] {
            let path = format!("{mount}/document/remove-folder");
            let answer = admin.delete(&path, name.clone()).await?;
            assert_eq!(answer.body["success"], false, "{wrong}");
            let answer =
                admin.post(&format!("{mount}/document/create-folder"), name.clone()).await?;
            assert_eq!(answer.body["success"], false, "{wrong}");
        }
    }
    assert_eq!(server.document_files()?.len(), 1);
    let removed = admin.delete("/v1/document/remove-folder", name).await?.ok()?;
    assert_eq!((&removed["success"], &removed["removed"]), (&json!(true), &json!(1)));
    assert_eq!(admin.get("/v1/system/vector-count").await?.ok()?["vectorCount"], 0);
    assert!(server.document_files()?.is_empty());
    let left = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(left["workspace"][0]["documents"], json!([]));
    Ok(())
}

async fn documents_are_moved_completely_or_not_at_all(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.post("/v1/document/create-folder", json!({ "name": "new" })).await?.ok()?;
    let into = [("addToWorkspaces", "alpha")];
    let placed = admin.upload("a.txt", b"Bees make honey.", &into).await?.ok()?;
    let loose = admin.upload("b.txt", b"Two.", &[]).await?.ok()?;
    let (placed, loose) = (of(&placed, "location"), of(&loose, "location"));
    let moved = |path: &str| path.replace("custom-documents/", "new/");
    let files = |files: &[(&str, &str)]| {
        let files: Vec<_> =
            files.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        json!({ "files": files })
    };
    let elsewhere = moved(&loose).replace("new/", "nowhere/");
    for (wrong, status) in [
        (files(&[(&loose, &moved(&loose)), ("custom-documents/no.json", "new/no.json")]), 404),
        (files(&[(&loose, &elsewhere)]), 404),
        (files(&[(&loose, &placed)]), 409),
        (files(&[(&loose, "new/x.json"), (&placed, "new/x.json")]), 400),
        (files(&[(&loose, "../../x.json")]), 400),
        (files(&[("../carrel.db", "new/x.json")]), 400),
        (files(&[(&loose, "new/x")]), 400),
        (json!({ "files": [{ "from": loose }] }), 400),
        (json!({ "files": "x" }), 400),
        (json!({ "files": [5] }), 400),
        (json!({}), 400),
    ] {
        let answer = admin.post("/v1/document/move-files", wrong.clone()).await?;
        assert_eq!((answer.status, &answer.body["success"]), (status, &json!(false)), "{wrong}");
        let answer = admin.post("/api/v1/document/move-files", wrong.clone()).await?;
        assert_eq!((answer.status, &answer.body["success"]), (500, &json!(false)), "{wrong}");
        let tree = admin.get("/v1/documents").await?.ok()?;
        let items = &tree["localFiles"]["items"];
        assert_eq!(
            (titles(&items[0]["items"]), titles(&items[1]["items"])),
            (vec!["a.txt", "b.txt"], vec![])
        );
    }
    // The other dialect does not move documents that are in a workspace.
    let both = files(&[(&placed, &moved(&placed)), (&loose, &moved(&loose))]);
    let moved_one = admin.post("/api/v1/document/move-files", both).await?.ok()?;
    let message = "1/2 files not moved. Unembed them from all workspaces.";
    assert_eq!(moved_one, json!({ "success": true, "message": message }));
    let one = files(&[(&placed, &moved(&placed))]);
    let moved_all = admin.post("/v1/document/move-files", one).await?.ok()?;
    assert_eq!(moved_all, json!({ "success": true, "message": null }));
    let workspace = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(workspace["workspace"][0]["documents"][0]["docpath"], json!(moved(&placed)));
    for path in [moved(&placed), moved(&loose)] {
        assert!(server.storage().join("documents").join(path).is_file());
    }
    assert_eq!(server.document_files()?.len(), 2);
    let query = json!({ "query": "honey" });
    let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1));
    Ok(())
}

async fn documents_are_found_and_removed_by_id(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    let added = admin.upload("a.txt", b"Bees make honey.", &[]).await?.ok()?;
    let (id, name) = (of(&added, "id"), of(&added, "name"));
    for path in [format!("/document/{name}"), format!("/document/id/{id}")] {
        for mount in ["/v1", "/api/v1"] {
            let found = admin.get(&format!("{mount}{path}")).await?.ok()?;
            let document = &found["document"];
            assert_eq!((&document["id"], &document["name"]), (&json!(id), &json!(name)));
            assert_eq!((&document["type"], &document["cached"]), (&json!("file"), &json!(false)));
            for absent in ["pageContent", "canWatch", "watched", "pinnedWorkspaces"] {
                assert!(document.get(absent).is_none(), "{absent}");
            }
        }
    }
    let found = admin.get(&format!("/v1/document/id/{id}?content=true")).await?.ok()?;
    assert_eq!(found["document"]["pageContent"], "Bees make honey.");
    for missing in ["nope.json", "..%2F..%2Fetc%2Fpasswd", "%00", "id", "custom-documents"] {
        let native = admin.get(&format!("/v1/document/{missing}")).await?;
        assert_eq!(native.status, 404, "{missing}");
        assert!(native.body["error"].is_string(), "{missing}");
        let other = admin.get(&format!("/api/v1/document/{missing}")).await?;
        assert_eq!((other.status, other.body), (404, json!("Not Found")), "{missing}");
    }
    for missing in ["nope", "..%2F", "00000000-0000-4000-8000-000000000000"] {
        let path = format!("/v1/document/id/{missing}");
        assert_eq!(admin.get(&path).await?.status, 404, "{missing}");
        assert_eq!(admin.delete(&path, json!(null)).await?.status, 404, "{missing}");
    }
    let path = format!("/v1/document/id/{id}");
    assert_eq!(admin.delete(&path, json!(null)).await?.ok()?["success"], true);
    assert_eq!(admin.get(&path).await?.status, 404);
    assert!(server.document_files()?.is_empty());
    Ok(())
}

async fn a_folder_removed_during_uploads_is_complete_or_gone(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let uploads: Vec<_> = (0..20)
        .map(|number| {
            let admin = server.admin().clone();
            tokio::spawn(async move { upload_into(&admin, "busy", &format!("{number}.txt")).await })
        })
        .collect();
    let mut removed = 0;
    for _ in 0..5 {
        let gone = json!({ "name": "busy" });
        let answer = server.admin().delete("/api/v1/document/remove-folder", gone).await?.ok()?;
        removed += answer["removed"].as_u64().unwrap_or_default();
    }
    for upload in uploads {
        upload.await??.ok()?;
    }
    let left = server.admin().get("/v1/documents").await?.ok()?;
    let items = left["localFiles"]["items"].as_array().cloned().unwrap_or_default();
    let busy = items.iter().find(|folder| folder["name"] == "busy");
    let left = busy.and_then(|folder| folder["items"].as_array()).map_or(0, Vec::len);
    assert_eq!((removed as usize + left, server.document_files()?.len()), (20, left));
    Ok(())
}

#[tokio::test]
async fn long_lists_are_complete() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let count = 1_100;
    for number in 0..count {
        let metadata = json!({ "title": format!("n{number}"), "filler": "x".repeat(300) });
        let raw = json!({ "textContent": "t", "metadata": metadata });
        admin.post("/v1/document/raw-text?content=false", raw).await?.ok()?;
    }
    upload_into(admin, "zoo", "z.txt").await?.ok()?;
    let tree = admin.get("/v1/documents").await?.ok()?;
    let items = &tree["localFiles"]["items"];
    assert_eq!((titles(&items[0]["items"]).len(), titles(&items[1]["items"]).len()), (count, 1));
    for query in ["documents/folder/custom-documents?x=1", "documents?folder=custom-documents"] {
        let page = admin.get(&format!("/v1/{query}&limit=all&offset=3")).await?.ok()?;
        assert_eq!(page["documents"].as_array().map(Vec::len), Some(count - 3));
        assert_eq!((&page["totalCount"], &page["hasMore"]), (&json!(count), &json!(false)));
    }
    let page = admin.get("/api/v1/documents?folder=custom-documents&limit=5000").await?.ok()?;
    assert_eq!((titles(&page["documents"]).len(), &page["hasMore"]), (1_000, &json!(true)));
    Ok(())
}
