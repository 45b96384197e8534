//! Attachments and options of questions, the stored exchanges, and later actions on them.
use anyhow::Result;
use e2e::{Answer, Backend, Client, Mode, Options, TestServer, in_both_modes, model_server, send};
use reqwest::Method;
use serde_json::{Value, json};

in_both_modes!(
    a_pinned_document_comes_first,
    a_pinned_document_is_not_retrieved_again,
    an_exchange_is_edited_rated_and_removed,
    sessions_are_listed_in_pages
);

async fn workspaces(server: &TestServer) -> Result<&Client> {
    for name in ["Alpha", "Beta"] {
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    Ok(server.admin())
}

async fn patch(client: &Client, path: &str, body: Value) -> Result<Answer> {
    send(client.request(Method::PATCH, path).json(&body)).await
}

async fn a_pinned_document_comes_first(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = workspaces(&server).await?;
    let into = [("addToWorkspaces", "alpha")];
    let bees = admin.upload("bees.txt", b"Bees make honey from nectar.", &into).await?.ok()?;
    admin.upload("cows.txt", b"Cows make milk from grass.", &into).await?.ok()?;
    let location = &bees["documents"][0]["location"];
    let pin = "/v1/workspace/alpha/update-pin";
    let pinned = admin.post(pin, json!({ "docPath": location, "pinStatus": true })).await?.ok()?;
    assert_eq!(pinned, json!({ "message": "Pin status updated successfully" }));
    let found = admin.get("/v1/workspace/alpha").await?.ok()?;
    let documents = found["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
    let marks: Vec<_> = documents.iter().map(|document| &document["pinned"]).collect();
    assert_eq!(marks, [&json!(true), &json!(false)]);

    let ask = json!({ "message": "Who makes milk?", "mode": "chat" });
    let answer = admin.post("/v1/workspace/alpha/chat", ask.clone()).await?.ok()?;
    let sources = answer["sources"].as_array().cloned().unwrap_or_default();
    let titles: Vec<_> = sources.iter().map(|source| &source["title"]).collect();
    assert_eq!(titles, [&json!("bees.txt"), &json!("cows.txt")]);
    assert_eq!(
        sources[0]["text"],
        "Bees make honey from nectar....continued on in source document..."
    );
    assert!(sources[0].get("score").is_none() && sources[1]["score"].is_number());
    let mut quiet = ask.clone();
    quiet["sources"] = json!(false);
    let answer = admin.post("/v1/workspace/alpha/chat", quiet).await?.ok()?;
    assert_eq!(answer["sources"], json!([]));

    admin.post(pin, json!({ "docPath": location })).await?.ok()?;
    let answer = admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
    assert_eq!(answer["sources"][0]["title"], "cows.txt");
    for (path, body, status) in [
        ("alpha", json!({}), 400),
        ("alpha", json!({ "docPath": location, "pinStatus": "yes" }), 400),
        ("alpha", json!({ "docPath": "custom-documents/none.json", "pinStatus": true }), 404),
        ("alpha", json!({ "docPath": "../x" }), 404),
        ("beta", json!({ "docPath": location, "pinStatus": true }), 404),
        ("nope", json!({ "docPath": location, "pinStatus": true }), 404),
    ] {
        let refused = admin.post(&format!("/v1/workspace/{path}/update-pin"), body.clone()).await?;
        assert_eq!(refused.status, status, "{body}");
    }
    let compat = "/api/v1/workspace/alpha/update-pin";
    let refused = admin.post(compat, json!({ "docPath": "nope" })).await?;
    assert_eq!((refused.status, refused.body), (404, json!("Not Found")));
    Ok(())
}

async fn a_pinned_document_is_not_retrieved_again(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = workspaces(&server).await?;
    let into = [("addToWorkspaces", "alpha")];
    let bees = admin.upload("bees.txt", b"Bees make honey from nectar.", &into).await?.ok()?;
    admin.upload("cows.txt", b"Cows make milk from grass.", &into).await?.ok()?;
    let pin = json!({ "docPath": bees["documents"][0]["location"], "pinStatus": true });
    admin.post("/v1/workspace/alpha/update-pin", pin).await?.ok()?;
    for mode in ["vector", "lexical", "hybrid", "rerank"] {
        let set = json!({ "vectorSearchMode": mode, "topN": 1, "similarityThreshold": 0 });
        admin.post("/v1/workspace/alpha/update", set).await?.ok()?;
        // The single requested passage is not the nearest one, because that one is pinned.
        let ask = json!({ "message": "Who make honey from nectar?", "mode": "chat" });
        let answer = admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
        let sources = answer["sources"].as_array().cloned().unwrap_or_default();
        let titles: Vec<_> = sources.iter().map(|source| &source["title"]).collect();
        assert_eq!(titles, [&json!("bees.txt"), &json!("cows.txt")], "{mode}");
    }
    Ok(())
}

async fn an_exchange_is_edited_rated_and_removed(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = workspaces(&server).await?;
    let history = "/v1/workspace/alpha/chats";
    let answer = admin.post("/v1/workspace/alpha/chat", json!({ "message": "Hi" })).await?.ok()?;
    let id = answer["chatId"].as_i64().unwrap_or_default();
    let chat = format!("{history}/{id}");
    let feedback = format!("/v1/workspace/alpha/chat-feedback/{id}");
    let done = json!({ "success": true, "error": null });
    let edited = patch(admin, &chat, json!({ "prompt": "Hello", "response": "Good day." })).await?;
    assert_eq!(edited.ok()?, done);
    for (score, stored) in
        [(json!(true), json!(true)), (json!(null), json!(null)), (json!(false), json!(false))]
    {
        assert_eq!(admin.post(&feedback, json!({ "feedback": score })).await?.ok()?, done);
        let turns = admin.get(history).await?.ok()?;
        assert_eq!(turns["history"][0]["content"], "Hello");
        assert_eq!(turns["history"][1]["content"], "Good day.");
        assert_eq!(turns["history"][1]["feedbackScore"], stored);
    }
    for body in
        [json!({}), json!({ "prompt": " " }), json!({ "response": "" }), json!({ "prompt": 5 })]
    {
        assert_eq!(patch(admin, &chat, body.clone()).await?.status, 400, "{body}");
    }
    for body in [json!({}), json!({ "feedback": "up" })] {
        assert_eq!(admin.post(&feedback, body.clone()).await?.status, 400, "{body}");
    }
    // An exchange of another workspace does not exist here.
    for other in
        [format!("/v1/workspace/beta/chats/{id}"), format!("{history}/99"), format!("{history}/x")]
    {
        assert_eq!(patch(admin, &other, json!({ "prompt": "X" })).await?.status, 404, "{other}");
        assert_eq!(admin.delete(&other, json!({})).await?.status, 404, "{other}");
    }
    let elsewhere = format!("/v1/workspace/beta/chat-feedback/{id}");
    assert_eq!(admin.post(&elsewhere, json!({ "feedback": true })).await?.status, 404);
    assert_eq!(admin.delete(&chat, json!({})).await?.ok()?, done);
    assert_eq!(admin.delete(&chat, json!({})).await?.status, 404);
    assert_eq!(admin.get(history).await?.ok()?["history"], json!([]));
    let events = admin.get("/v1/admin/event-logs?limit=50").await?.ok()?.to_string();
    for event in ["api_chat_edited", "api_chat_rated", "api_chat_deleted"] {
        assert!(events.contains(event), "{event}: {events}");
    }
    Ok(())
}

async fn sessions_are_listed_in_pages(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = workspaces(&server).await?;
    for session in ["b", "a", "b", "c"] {
        let body = json!({ "message": "Hi", "sessionId": session });
        admin.post("/v1/workspace/alpha/chat", body).await?.ok()?;
    }
    let path = "/v1/workspace/alpha/sessions";
    let page = admin.get(&format!("{path}?limit=2")).await?.ok()?;
    let session =
        |index: usize| (&page["sessions"][index]["sessionId"], &page["sessions"][index]["chats"]);
    assert_eq!((session(0), session(1)), ((&json!("a"), &json!(1)), (&json!("b"), &json!(2))));
    assert_eq!(page["has_more"], true);
    let rest = admin.get(&format!("{path}?after=b")).await?.ok()?;
    assert_eq!(
        (&rest["sessions"][0]["sessionId"], &rest["has_more"]),
        (&json!("c"), &json!(false))
    );
    assert_eq!(admin.get("/v1/workspace/beta/sessions").await?.ok()?["sessions"], json!([]));
    assert_eq!(admin.get("/v1/workspace/nope/sessions").await?.status, 404);
    assert_eq!(admin.get(&format!("{path}?limit=0")).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn pictures_are_sent_to_the_model_and_documents_are_added_to_the_context() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = workspaces(&server).await?;
    let picture = "data:image/png;base64,iVBORw0KGgo=";
    let body = json!({
        "message": "Look",
        "mode": "query",
        "model": "reasoning",
        "temperature": 0.5,
        "attachments": [
            { "name": "a.png", "mime": "image/png", "contentString": picture },
            { "name": "sky.txt", "contentString": "data:text/plain;base64,VGhlIHNreSBpcyBncmVlbi4=" },
        ],
    });
    let answer = admin.post("/v1/workspace/alpha/chat", body.clone()).await?.ok()?;
    assert!(answer["textResponse"].as_str().is_some_and(|text| text.contains("The sky is green.")));
    assert_eq!(answer["sources"][0]["title"], "sky.txt");
    let request = &model.requests()[0];
    assert_eq!((&request["model"], &request["temperature"]), (&json!("reasoning"), &json!(0.5)));
    let parts =
        &request["messages"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    assert_eq!(parts["content"][1]["image_url"]["url"], picture);
    let history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    let stored = json!([{ "name": "a.png", "mime": "image/png", "contentString": picture }]);
    assert_eq!(history["history"][0]["attachments"], stored);

    let unreadable =
        json!([{ "name": "a.xyz", "mime": "application/x-nothing", "contentString": "AAEC/w==" }]);
    for (attachments, status) in [
        (json!("x"), 400),
        (json!([{ "name": "a" }]), 400),
        (json!([{ "name": "a.png", "contentString": "data:image/png;base64,%%%" }]), 400),
        (json!([{ "name": "../a.txt", "contentString": "AAAA" }]), 400),
        (unreadable.clone(), 422),
        (json!(vec![json!({ "mime": "image/png", "contentString": "AAAA" }); 17]), 400),
    ] {
        let body = json!({ "message": "Look", "attachments": attachments });
        let refused = admin.post("/v1/workspace/alpha/chat", body).await?;
        assert_eq!(refused.status, status, "{attachments}: {}", refused.body);
    }
    // The other mount skips unreadable attachments.
    for attachments in [json!("x"), unreadable] {
        let body = json!({ "message": "Look", "mode": "chat", "attachments": attachments });
        admin.post("/api/v1/workspace/alpha/chat", body).await?.ok()?;
    }
    for (field, value) in
        [("topN", json!(0)), ("temperature", json!(9)), ("model", json!("")), ("sources", json!(1))]
    {
        let mut body = json!({ "message": "Hi" });
        body[field] = value;
        assert_eq!(
            admin.post("/v1/workspace/alpha/chat", body.clone()).await?.status,
            400,
            "{body}"
        );
        body["mode"] = json!("chat");
        admin.post("/api/v1/workspace/alpha/chat", body).await?.ok()?;
    }
    Ok(())
}

#[tokio::test]
async fn an_automatic_answer_looks_like_that_of_an_agent_to_existing_clients() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = workspaces(&server).await?;
    let (old, new) = ("/api/v1/workspace/alpha", "/v1/workspace/alpha");
    let answer = admin.post(&format!("{old}/chat"), json!({ "message": "Hello" })).await?.ok()?;
    assert_eq!((&answer["thoughts"], &answer["outputs"]), (&json!([]), &json!([])));
    assert_eq!(answer["metrics"]["provider"], "GenericOpenAiProvider");
    let called = json!({ "message": "@agent Hello", "mode": "chat" });
    let answer = admin.post(&format!("{old}/chat"), called).await?.ok()?;
    assert!(
        answer["textResponse"].as_str().is_some_and(|text| text.starts_with("You asked: Hello"))
    );
    assert!(answer["thoughts"].is_array());
    let answer = admin.post(&format!("{new}/chat"), json!({ "message": "Hello" })).await?.ok()?;
    assert!(answer.get("thoughts").is_none());

    let request = admin.request(Method::POST, &format!("{old}/stream-chat"));
    let text = request.json(&json!({ "message": "Hello" })).send().await?.text().await?;
    let events = text.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: "));
    let events: Vec<Value> = events.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let types: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        types[types.len() - 3..],
        ["usageMetrics", "textResponse", "finalizeResponseStream"]
    );
    let parts = &events[..events.len() - 3];
    let text: String = parts.iter().filter_map(|part| part["textResponse"].as_str()).collect();
    assert!(parts.iter().all(|part| part["id"].is_string() && part["error"].is_null()));
    let whole = &events[events.len() - 2];
    assert_eq!((&whole["textResponse"], &whole["close"]), (&json!(text), &json!(true)));
    let last = &events[events.len() - 1];
    assert_eq!((&last["textResponse"], &last["uuid"]), (&json!(text), &whole["id"]));
    Ok(())
}

#[tokio::test]
async fn a_long_conversation_still_fits_the_model() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "2000")).await?;
    let admin = workspaces(&server).await?;
    let moons = "Mars has two moons, which are called Phobos and Deimos. ".repeat(500);
    let into = [("addToWorkspaces", "alpha")];
    let upload = admin.upload("moons.txt", moons.as_bytes(), &into).await?.ok()?;
    let pin = json!({ "docPath": upload["documents"][0]["location"], "pinStatus": true });
    admin.post("/v1/workspace/alpha/update-pin", pin).await?.ok()?;
    for number in 0..6 {
        let message = format!("Question {number}: {}", "tell me of the moons ".repeat(60));
        admin.post("/v1/workspace/alpha/chat", json!({ "message": message })).await?.ok()?;
    }
    let requests = model.requests();
    let messages = requests[requests.len() - 1]["messages"].as_array().cloned().unwrap_or_default();
    let texts: Vec<_> = messages.iter().filter_map(|message| message["content"].as_str()).collect();
    // An English token has four letters or more.
    let size: usize = texts.iter().map(|text| text.len()).sum();
    assert!(size > 3000 && size < 2000 * 6, "{size}");
    assert!(texts[texts.len() - 1].starts_with("Question 5"));
    assert!(texts[0].contains("Phobos") && texts.iter().any(|text| text.starts_with("Question 4")));
    assert!(!texts.iter().any(|text| text.starts_with("Question 0")));
    Ok(())
}
