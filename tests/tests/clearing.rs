//! Exchanges deleted by a filter, and the usage report.
use anyhow::Result;
use e2e::{Backend, Mode, TestServer, in_both_modes, on_both_databases};
use serde_json::{Value, json};

in_both_modes!(exchanges_are_deleted_by_a_filter, a_deletion_must_name_its_exchanges,);

// This test creates its own users.
on_both_databases!(tokens_are_summed);

const LOG: &str = "/v1/admin/workspace-chats";

async fn server(backend: Backend, mode: Mode) -> Result<TestServer> {
    let server = TestServer::start_for(backend, mode).await?;
    for name in ["Alpha", "Beta"] {
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    Ok(server)
}

async fn ask(server: &TestServer, slug: &str, session: &str) -> Result<()> {
    let question = json!({ "message": "What was it?", "sessionId": session });
    server.admin().post(&format!("/v1/workspace/{slug}/chat"), question).await?.ok()?;
    Ok(())
}

async fn left(server: &TestServer) -> Result<Vec<(i64, String)>> {
    let page = server.admin().post(LOG, json!({})).await?.ok()?;
    let rows = page["chats"].as_array().cloned().unwrap_or_default();
    let session = |row: &Value| row["api_session_id"].as_str().unwrap_or_default().to_owned();
    let mut left: Vec<_> =
        rows.iter().map(|row| (row["workspace_id"].as_i64().unwrap_or(0), session(row))).collect();
    left.sort();
    Ok(left)
}

async fn exchanges_are_deleted_by_a_filter(backend: Backend, mode: Mode) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    for slug in ["alpha", "beta"] {
        for session in ["s0", "s0", "s1"] {
            ask(&server, slug, session).await?;
        }
    }
    let delete = async |filter: &str| -> Result<Value> {
        admin.delete(&format!("{LOG}?{filter}"), Value::Null).await?.ok()
    };
    let deleted = |number: u64| json!({ "deleted": number, "has_more": false, "error": null });
    for filter in ["to=2020-01-01", "user_id=7", "session=s9", "rating=up", "thread_id=1"] {
        assert_eq!(delete(filter).await?, deleted(0), "{filter}");
    }
    assert_eq!(delete("workspace=alpha&session=s0&from=2020-01-01").await?, deleted(2));
    let rest = [(1, "s1"), (2, "s0"), (2, "s0"), (2, "s1")].map(|(id, of)| (id, of.to_owned()));
    assert_eq!(left(&server).await?, rest);
    let events = admin.get("/v1/admin/event-logs?limit=1").await?.ok()?;
    let event = &events["events"][0];
    assert_eq!(event["event"], "api_chats_deleted");
    let event_text = event.to_string();
    for part in ["workspaceId", "s0", "2020-01-01", "deleted"] {
        assert!(event_text.contains(part), "{part} is missing in {event_text}");
    }
    assert_eq!(delete("workspace=beta").await?, deleted(3));
    assert_eq!(delete("all=true").await?, deleted(1));
    assert_eq!(left(&server).await?, []);
    assert_eq!(delete("all=true").await?, deleted(0));
    ask(&server, "alpha", "s0").await?;
    assert_eq!(left(&server).await?.len(), 1);
    let verified = server.carrel().run(&["audit", "verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    Ok(())
}

async fn a_deletion_must_name_its_exchanges(backend: Backend, mode: Mode) -> Result<()> {
    let server = server(backend, mode).await?;
    let admin = server.admin();
    ask(&server, "alpha", "s0").await?;
    for wrong in [
        "",
        "?",
        "?all=false",
        "?all=true&workspace=alpha",
        "?all=perhaps",
        "?workspace=alpha&form=2020-01-01",
        "?workspace=alpha&workspace=beta",
        "?from=yesterday",
        "?to=",
        "?rating=5",
        "?user_id=somebody",
        "?thread_id=99999999999999999999",
    ] {
        let refused = admin.delete(&format!("{LOG}{wrong}"), Value::Null).await?;
        assert_eq!((refused.status, refused.body["error"].is_string()), (400, true), "{wrong}");
    }
    let unknown = admin.delete(&format!("{LOG}?workspace=nope"), Value::Null).await?;
    assert_eq!(unknown.status, 404);
    assert_eq!(left(&server).await?.len(), 1);
    // The other mount behaves in the same way.
    let elsewhere = admin.delete("/api/v1/admin/workspace-chats", Value::Null).await?;
    assert_eq!(elsewhere.status, 400);
    assert_eq!(left(&server).await?.len(), 1);
    Ok(())
}

async fn tokens_are_summed(backend: Backend) -> Result<()> {
    let server = server(backend, Mode::Owner).await?;
    let admin = server.admin();
    let usage = async |query: &str| -> Result<Value> {
        admin.get(&format!("/v1/admin/usage{query}")).await?.ok()
    };
    assert_eq!(usage("").await?, json!({ "usage": [], "has_more": false }));
    let user = json!({ "username": "admin", "password": "correct-horse" });
    admin.post("/v1/admin/enable-multi-user", user).await?.ok()?;
    let thread = json!({ "name": "T", "slug": "t" });
    admin.post("/v1/workspace/alpha/thread/new", thread).await?.ok()?;
    let question = json!({ "message": "What was it?", "userId": 1 });
    let mut tokens_used = 0;
    for path in ["alpha/thread/t/chat", "alpha/thread/t/chat", "beta/chat"] {
        let question = match path {
            "beta/chat" => json!({ "message": "What was it?" }),
            _ => question.clone(),
        };
        let answer = admin.post(&format!("/v1/workspace/{path}"), question).await?.ok()?;
        tokens_used += answer["metrics"]["total_tokens"].as_u64().unwrap_or_default();
    }
    assert!(tokens_used > 0);
    let total = |page: &Value| -> u64 {
        let rows = page["usage"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["totalTokens"].as_u64()).sum()
    };
    let by_user = usage("").await?;
    let (first, second) = (&by_user["usage"][0], &by_user["usage"][1]);
    assert_eq!((&first["user_id"], &first["username"]), (&json!(1), &json!("admin")));
    assert_eq!((&first["exchanges"], &first["unknownExchanges"]), (&json!(2), &json!(0)));
    let parts = first["promptTokens"].as_u64().zip(first["completionTokens"].as_u64());
    assert_eq!(parts.map(|(question, answer)| question + answer), first["totalTokens"].as_u64());
    assert_eq!((&second["user_id"], &second["username"]), (&Value::Null, &Value::Null));
    let by_workspace = usage("?by=workspace&limit=1").await?;
    assert_eq!(
        (&by_workspace["usage"][0]["slug"], &by_workspace["has_more"]),
        (&json!("alpha"), &json!(true))
    );
    let next = usage("?by=workspace&limit=1&offset=1").await?;
    assert_eq!((&next["usage"][0]["slug"], &next["has_more"]), (&json!("beta"), &json!(false)));
    let by_day = usage("?by=day&from=2020-01-01").await?;
    assert_eq!(by_day["usage"][0]["day"].as_str().map(str::len), Some(10));
    assert_eq!(
        [total(&by_user), total(&by_workspace) + total(&next), total(&by_day)],
        [tokens_used; 3]
    );
    assert_eq!(usage("?to=2020-01-01").await?["usage"], json!([]));
    for wrong in ["by=week", "limit=0", "limit=501", "from=x", "to=x", "offset=-1", "limit=x"] {
        let refused = admin.get(&format!("/v1/admin/usage?{wrong}")).await?;
        assert_eq!((refused.status, refused.body["error"].is_string()), (400, true), "{wrong}");
    }
    admin.delete(&format!("{LOG}?user_id=1"), Value::Null).await?.ok()?;
    assert_eq!(usage("").await?["usage"].as_array().map(Vec::len), Some(1));
    Ok(())
}
