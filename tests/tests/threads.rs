//! Threads: creating, listing, renaming and deleting them; and their history.
use anyhow::Result;
use e2e::{Backend, Mode, TestServer, in_both_modes, on_both_databases};
use serde_json::{Value, json};

in_both_modes!(
    a_thread_is_found_by_a_part_of_its_name,
    the_history_contains_the_exchanges,
    several_threads_are_deleted_together_or_not_at_all,
    a_branch_copies_a_conversation_up_to_an_exchange,
    a_thread_is_archived_and_taken_out_again,
);

// This test creates its own users.
on_both_databases!(a_thread_lives_in_its_workspace);

async fn server(backend: Backend, mode: Mode) -> Result<TestServer> {
    let server = TestServer::start_for(backend, mode).await?;
    for name in ["Alpha", "Beta"] {
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    Ok(server)
}

async fn a_thread_lives_in_its_workspace(backend: Backend) -> Result<()> {
    let server = server(backend, Mode::Owner).await?;
    let admin = server.admin();
    let body = json!({ "name": "Support", "slug": "My.Thread", "userId": 7 });
    let made = admin.post("/v1/workspace/alpha/thread/new", body.clone()).await?.ok()?;
    let thread = &made["thread"];
    assert_eq!((&thread["name"], &thread["slug"]), (&json!("Support"), &json!("My-dot-Thread")));
    // There is only one user, so the thread has no owner id.
    assert_eq!((&thread["user_id"], &made["message"]), (&json!(null), &json!(null)));
    let again = admin.post("/v1/workspace/beta/thread/new", body).await?;
    assert_eq!((again.status, &again.body["thread"]), (409, &json!(null)));
    let unnamed = admin.post("/v1/workspace/alpha/thread/new", json!({})).await?.ok()?;
    assert_eq!(unnamed["thread"]["name"], "Thread");

    let page = admin.get("/v1/workspace/alpha/threads?limit=1").await?.ok()?;
    assert_eq!((&page["threads"][0], &page["has_more"]), (thread, &json!(true)));
    let next = format!("/v1/workspace/alpha/threads?after={}", thread["id"]);
    let page = admin.get(&next).await?.ok()?;
    assert_eq!((&page["threads"], &page["has_more"]), (&json!([unnamed["thread"]]), &json!(false)));
    assert_eq!(admin.get("/v1/workspace/alpha/threads?limit=0").await?.status, 400);
    let listed = admin.get("/v1/workspaces").await?.ok()?;
    assert_eq!(listed["workspaces"][0]["threads"][0]["slug"], "My-dot-Thread");
    assert_eq!(listed["workspaces"][1]["threads"], json!([]));
    let found = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(found["workspace"][0]["threads"].as_array().map(Vec::len), Some(2));

    for path in ["beta/thread/My-dot-Thread", "alpha/thread/nope", "nope/thread/My-dot-Thread"] {
        let update = format!("/v1/workspace/{path}/update");
        assert_eq!(admin.post(&update, json!({ "name": "X" })).await?.status, 404, "{path}");
        assert_eq!(admin.get(&format!("/v1/workspace/{path}/chats")).await?.status, 404, "{path}");
        let gone = admin.delete(&format!("/v1/workspace/{path}"), json!({})).await?;
        assert_eq!(gone.status, 404, "{path}");
    }
    let update = "/v1/workspace/alpha/thread/My-dot-Thread/update";
    assert_eq!(admin.post(update, json!({ "name": 5 })).await?.status, 400);
    let renamed = admin.post(update, json!({ "name": "Other" })).await?.ok()?;
    assert_eq!(renamed["thread"]["name"], "Other");
    let gone = admin.delete("/v1/workspace/alpha/thread/My-dot-Thread", json!({})).await?.ok()?;
    assert_eq!(gone, json!({ "success": true, "error": null }));
    assert_eq!(admin.post(update, json!({ "name": "X" })).await?.status, 404);
    Ok(())
}

async fn a_thread_is_found_by_a_part_of_its_name(backend: Backend, mode: Mode) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    for name in ["Über 50 %", "über alles", "Anderes"] {
        let body = json!({ "name": name });
        admin.post("/v1/workspace/alpha/thread/new", body).await?.ok()?;
    }
    for mount in ["/v1", "/api/v1"] {
        let list = format!("{mount}/workspace/alpha/threads");
        for (search, expected, more) in [
            ("search=%C3%9CBER", &["Über 50 %", "über alles"][..], false),
            ("search=%C3%9CBER&limit=1", &["Über 50 %"], true),
            ("search=%25", &["Über 50 %"], false),
            ("search=nobody", &[], false),
            ("search=", &["Über 50 %", "über alles", "Anderes"], false),
        ] {
            let page = admin.get(&format!("{list}?{search}")).await?.ok()?;
            let threads = page["threads"].as_array().cloned().unwrap_or_default();
            let names: Vec<_> = threads.iter().filter_map(|one| one["name"].as_str()).collect();
            assert_eq!((names.as_slice(), &page["has_more"]), (expected, &json!(more)), "{search}");
        }
        let long = "a".repeat(201);
        assert_eq!(admin.get(&format!("{list}?search={long}")).await?.status, 400, "{mount}");
        let longest = &long[1..];
        assert_eq!(admin.get(&format!("{list}?search={longest}")).await?.status, 200, "{mount}");
    }
    Ok(())
}

async fn the_history_contains_the_exchanges(backend: Backend, mode: Mode) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    for (message, session) in [("One?", None), ("Two?", None), ("Three?", Some("s-1"))] {
        let body = json!({ "message": message, "sessionId": session });
        admin.post("/v1/workspace/alpha/chat", body).await?.ok()?;
    }
    let questions_in = |history: &Value| -> Vec<String> {
        let turns = history["history"].as_array().cloned().unwrap_or_default();
        let users = turns.iter().filter(|turn| turn["role"] == "user");
        users.map(|turn| turn["content"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let all = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(questions_in(&all), ["One?", "Two?"]);
    let (user, assistant) = (&all["history"][0], &all["history"][1]);
    assert_eq!((&user["attachments"], &user["chatId"]), (&json!([]), &assistant["chatId"]));
    assert!(user["sentAt"].as_i64().is_some_and(|sent| sent > 1_700_000_000));
    assert_eq!((&assistant["type"], &assistant["role"]), (&json!("chat"), &json!("assistant")));
    assert!(assistant["content"].is_string() && assistant["metrics"]["total_tokens"].is_number());
    assert_eq!(assistant["feedbackScore"], json!(null));
    let newest = admin.get("/v1/workspace/alpha/chats?orderBy=desc&limit=1").await?.ok()?;
    assert_eq!(questions_in(&newest), ["Two?"]);
    let second = admin.get("/v1/workspace/alpha/chats?offset=1").await?.ok()?;
    assert_eq!(questions_in(&second), ["Two?"]);
    let session = admin.get("/v1/workspace/alpha/chats?apiSessionId=s-1").await?.ok()?;
    assert_eq!(questions_in(&session), ["Three?"]);
    let elsewhere = admin.get("/v1/workspace/beta/chats?apiSessionId=s-1").await?.ok()?;
    assert_eq!(elsewhere, json!({ "history": [] }));
    assert_eq!(admin.get("/v1/workspace/alpha/chats?limit=x").await?.status, 400);
    let odd = admin.get("/api/v1/workspace/alpha/chats?limit=1&limit=2").await?.ok()?;
    assert_eq!(questions_in(&odd), ["One?"]);
    Ok(())
}

#[tokio::test]
async fn threads_are_refused_as_existing_clients_expect() -> Result<()> {
    let server = server(Backend::Sqlite, Mode::Owner).await?;
    let admin = server.admin();
    let new = "/api/v1/workspace/alpha/thread/new";
    admin.post(new, json!({ "slug": "one" })).await?.ok()?;
    let taken = admin.post(new, json!({ "slug": "one" })).await?.ok()?;
    assert_eq!(taken["thread"], json!(null));
    assert!(taken["message"].is_string());
    let missing = admin.post("/api/v1/workspace/nope/thread/new", json!({})).await?;
    assert_eq!((missing.status, missing.body), (400, json!("Bad Request")));
    let update = "/api/v1/workspace/alpha/thread/one/update";
    let unnamed = admin.post(update, json!({ "name": null })).await?.ok()?;
    assert_eq!(unnamed["thread"], json!(null));
    for (path, message) in
        [("nope/thread/one", "Workspace not found"), ("alpha/thread/nope", "Thread not found")]
    {
        let path = format!("/api/v1/workspace/{path}");
        let refused = admin.post(&format!("{path}/update"), json!({ "name": "X" })).await?;
        assert_eq!((refused.status, refused.body), (404, json!({ "message": message })));
        let refused = admin.get(&format!("{path}/chats")).await?;
        assert_eq!((refused.status, refused.body), (404, json!({ "message": message })));
    }
    for _ in 0..2 {
        let gone = admin.delete("/api/v1/workspace/alpha/thread/one", json!({})).await?;
        assert_eq!((gone.status, gone.body), (200, json!("OK")));
    }
    let missing = admin.delete("/api/v1/workspace/nope/thread/one", json!({})).await?;
    assert_eq!((missing.status, missing.body), (400, json!("Bad Request")));
    Ok(())
}

async fn several_threads_are_deleted_together_or_not_at_all(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    for (workspace, slug) in
        [("alpha", "one"), ("alpha", "two"), ("alpha", "three"), ("beta", "four")]
    {
        let path = format!("/v1/workspace/{workspace}/thread/new");
        admin.post(&path, json!({ "name": slug, "slug": slug })).await?.ok()?;
    }
    let left = async || -> Result<usize> {
        let page = admin.get("/v1/workspace/alpha/threads").await?.ok()?;
        Ok(page["threads"].as_array().map_or(0, Vec::len))
    };
    let delete = async |slugs: Value| {
        admin.delete("/v1/workspace/alpha/threads", json!({ "slugs": slugs })).await
    };
    let many: Vec<_> = (0..101).map(|number| number.to_string()).collect();
    for (slugs, status) in [
        (json!(["one", "nope"]), 404),
        (json!(["one", "four"]), 404),
        (json!([]), 400),
        (json!(["one", 5]), 400),
        (json!("one"), 400),
        (json!(null), 400),
        (json!(many), 400),
    ] {
        assert_eq!(delete(slugs.clone()).await?.status, status, "{slugs}");
        assert_eq!(left().await?, 3, "{slugs}");
    }
    let gone = delete(json!(["one", "two", "one"])).await?.ok()?;
    assert_eq!(gone, json!({ "success": true, "error": null }));
    assert_eq!(left().await?, 1);
    let body = json!({ "slugs": ["three"] });
    admin.delete("/api/v1/workspace/alpha/threads", body).await?.ok()?;
    assert_eq!(left().await?, 0);
    admin.get("/v1/workspace/beta/thread/four/chats").await?.ok()?;
    Ok(())
}

async fn a_branch_copies_a_conversation_up_to_an_exchange(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    admin
        .upload("tide.md", b"The tide turns at noon.", &[("addToWorkspaces", "alpha")])
        .await?
        .ok()?;
    admin.post("/v1/workspace/alpha/thread/new", json!({ "slug": "tides" })).await?.ok()?;
    let mut ids = Vec::new();
    for question in ["When does the tide turn?", "And at night?", "And later?"] {
        let body = json!({ "message": question });
        let answer = admin.post("/v1/workspace/alpha/thread/tides/chat", body).await?.ok()?;
        ids.push(answer["chatId"].clone());
    }
    let branch = format!("/v1/workspace/alpha/chats/{}/branch", ids[1]);
    let made = admin.post(&branch, json!({})).await?.ok()?;
    assert_eq!(made["thread"]["name"], "Branch of When does the tide turn?");
    let slug = made["thread"]["slug"].as_str().unwrap_or_default();
    let questions = async |slug: &str| -> Result<Vec<Value>> {
        let history = admin.get(&format!("/v1/workspace/alpha/thread/{slug}/chats")).await?.ok()?;
        let messages = history["history"].as_array().cloned().unwrap_or_default();
        let user_messages = messages.into_iter().filter(|message| message["role"] == "user");
        Ok(user_messages.map(|message| message["content"].clone()).collect())
    };
    assert_eq!(questions(slug).await?, ["When does the tide turn?", "And at night?"]);
    assert_eq!(questions("tides").await?.len(), 3);
    let named = json!({ "name": "Other way", "slug": "other-way" });
    let made = admin.post(&format!("/api{branch}"), named.clone()).await?.ok()?;
    assert_eq!(made["thread"]["slug"], "other-way");
    assert_eq!(admin.post(&branch, named).await?.status, 409);
    assert_eq!(admin.post(&branch, json!({ "name": 5 })).await?.status, 400);
    for missing in ["alpha/chats/999999", "beta/chats/1", "alpha/chats/x"] {
        let path = format!("/v1/workspace/{missing}/branch");
        assert_eq!(admin.post(&path, json!({})).await?.status, 404, "{missing}");
    }
    Ok(())
}

async fn a_thread_is_archived_and_taken_out_again(backend: Backend, mode: Mode) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    let new = "/v1/workspace/alpha/thread/new";
    let made = admin.post(new, json!({ "slug": "one" })).await?.ok()?;
    assert_eq!(made["thread"]["archivedAt"], json!(null));
    let update = "/v1/workspace/alpha/thread/one/update";
    let body = json!({ "archived": true, "name": "Done with" });
    let archived = admin.post(update, body).await?.ok()?;
    let archived = &archived["thread"];
    assert!(archived["archivedAt"].is_string() && archived["name"] == "Done with", "{archived}");
    // Doing it again does not change when it was done.
    let again = admin.post(update, json!({ "archived": true })).await?.ok()?;
    assert_eq!(again["thread"]["archivedAt"], archived["archivedAt"]);
    assert_eq!(admin.post(update, json!({ "archived": "yes" })).await?.status, 400);
    let refused = admin.post(update, json!({ "archived": false, "name": 5 })).await?;
    assert_eq!(refused.status, 400);
    let listed = admin.get("/v1/workspace/alpha/threads").await?.ok()?;
    assert_eq!(listed["threads"][0]["archivedAt"], archived["archivedAt"], "nothing was applied");
    let back = admin.post(update, json!({ "archived": false })).await?.ok()?;
    assert_eq!(back["thread"]["archivedAt"], json!(null));
    Ok(())
}
