//! Jobs: created, followed to their end, cancelled, retried.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::model_server::{self, ModelServer};
use e2e::{Backend, Client, Mode, Options, TestServer, in_both_modes};
use reqwest::Method;
use serde_json::{Value, json};

in_both_modes!(
    an_update_can_return_at_once_with_its_job,
    a_key_bound_to_a_workspace_sees_only_its_jobs,
    a_job_waits_for_an_unavailable_embedder_and_can_be_cancelled,
    failed_documents_are_retried,
);

/// Returns options with a model of this name as the embedder.
pub fn embedding_with(backend: Backend, base: &str, model: &str) -> Options {
    Options::from(backend)
        .with("EMBEDDING_ENGINE", "generic-openai")
        .with("EMBEDDING_BASE_PATH", base)
        .with("EMBEDDING_MODEL_PREF", model)
}

/// Adds documents to the library, but to no workspace.
pub async fn documents(admin: &Client, texts: &[&str]) -> Result<Vec<String>> {
    let mut places = Vec::new();
    for text in texts {
        let raw = json!({ "textContent": text, "metadata": { "title": "A text" } });
        let added = admin.post("/v1/document/raw-text", raw).await?.ok()?;
        let place = added["documents"][0]["location"].as_str().context("no location")?;
        places.push(place.to_owned());
    }
    Ok(places)
}

/// Places documents by a job and returns it.
pub async fn place_later(admin: &Client, slug: &str, adds: &[String]) -> Result<Value> {
    let path = format!("/v1/workspace/{slug}/update-embeddings?async=true");
    let answer = admin.post(&path, json!({ "adds": adds })).await?;
    assert_eq!(answer.status, 202, "{}", answer.body);
    Ok(answer.body["job"].clone())
}

/// Waits until a job meets a condition.
pub async fn until(
    admin: &Client,
    id: &Value,
    condition: impl Fn(&Value) -> bool,
) -> Result<Value> {
    for _ in 0..1200 {
        let found = admin.get(&format!("/v1/jobs/{id}")).await?.ok()?;
        if condition(&found["job"]) {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("never so: {}", admin.get(&format!("/v1/jobs/{id}")).await?.body)
}

pub fn is_over(job: &Value) -> bool {
    ["done", "failed", "cancelled"].iter().any(|state| job["state"] == *state)
}

/// Returns the events of a job until its end, each with id, name and data.
async fn events(admin: &Client, id: &Value, last: &str) -> Result<Vec<(String, String, Value)>> {
    let request = admin.request(Method::GET, &format!("/v1/jobs/{id}/events"));
    let answer = request.header("last-event-id", last).send().await?;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await?;
    let events = text.split("\n\n").filter(|event| event.starts_with("id: "));
    events
        .map(|event| {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.map(str::to_owned).context("a field is missing")
            };
            let data = serde_json::from_str(&field("data: ")?)?;
            Ok((field("id: ")?, field("event: ")?, data))
        })
        .collect()
}

async fn an_update_can_return_at_once_with_its_job(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let mut adds = documents(admin, &["Bees make honey.", "Mars has two moons."]).await?;
    adds.push("custom-documents/missing.json".into());
    let job = place_later(admin, "alpha", &adds).await?;
    assert_eq!(
        (&job["kind"], &job["workspace"]["slug"]),
        (&json!("update-embeddings"), &json!("alpha"))
    );
    let streamed = events(admin, &job["id"], "").await?;
    let (last, name, end) = streamed.last().context("nothing was told")?;
    assert_eq!((name.as_str(), &end["state"]), ("job", &json!("failed")));
    assert_eq!(
        end["progress"],
        json!({ "total": 3, "queued": 0, "done": 2, "failed": 1, "cancelled": 0 })
    );
    let mut items: Vec<_> = streamed.iter().filter(|(_, name, _)| name == "item").collect();
    items.sort_by_key(|(_, _, item)| item["number"].as_i64());
    assert_eq!(items.len(), 3, "{streamed:?}");
    assert_eq!(items[0].2["state"], "done");
    assert_eq!(items[2].2["reason"], "no document matches `custom-documents/missing.json`");

    // A client that reconnects gets the remaining events, or at least the end.
    let again = events(admin, &job["id"], &items[0].0).await?;
    assert!(again.iter().all(|(id, ..)| *id != items[0].0), "{again:?}");
    let path = format!("/v1/jobs/{}/events", job["id"]);
    let request = admin.request(Method::GET, &path).header("last-event-id", last);
    assert_eq!(e2e::send(request).await?.status, 204);

    let found = json!({ "query": "Who makes honey?", "topN": 1 });
    let found = admin.post("/v1/workspace/alpha/vector-search", found).await?.ok()?;
    assert!(found["results"][0]["text"].as_str().is_some_and(|text| text.contains("Bees")));
    let found = admin.get(&format!("/v1/jobs/{}?state=failed", job["id"])).await?.ok()?;
    assert_eq!(
        (found["items"].as_array().map(Vec::len), &found["has_more"]),
        (Some(1), &json!(false))
    );
    let page = admin.get(&format!("/v1/jobs/{}?after=0&limit=1", job["id"])).await?.ok()?;
    assert_eq!((&page["items"][0]["number"], &page["has_more"]), (&json!(1), &json!(true)));

    // The list contains the job that a client waited for.
    let body = json!({ "adds": adds[..1], "async": false });
    admin.post("/api/v1/workspace/alpha/update-embeddings", body).await?.ok()?;
    let listed = admin.get("/api/v1/jobs?kind=update-embeddings&workspace=alpha").await?.ok()?;
    let states: Vec<_> =
        listed["jobs"].as_array().into_iter().flatten().map(|job| &job["state"]).collect();
    assert_eq!(states, ["done", "failed"]);
    let older =
        admin.get(&format!("/v1/jobs?before={}&limit=1", listed["jobs"][0]["id"])).await?.ok()?;
    assert_eq!((&older["jobs"][0]["id"], &older["has_more"]), (&job["id"], &json!(false)));
    assert_eq!(admin.get("/v1/jobs?state=running").await?.ok()?["jobs"], json!([]));
    Ok(())
}

async fn a_key_bound_to_a_workspace_sees_only_its_jobs(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    let mut jobs = Vec::new();
    let adds = documents(admin, &["Bees make honey."]).await?;
    for name in ["alpha", "beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
        jobs.push(place_later(admin, name, &adds).await?["id"].clone());
    }
    let options = json!({ "workspace_ids": [1], "scopes": ["documents"] });
    let made = admin.post("/v1/admin/api-keys", options).await?.ok()?;
    let bound = admin.with_key(made["api_key"]["secret"].as_str().unwrap_or_default());
    let listed = bound.get("/v1/jobs").await?.ok()?;
    assert_eq!(
        (listed["jobs"].as_array().map(Vec::len), &listed["jobs"][0]["id"]),
        (Some(1), &jobs[0])
    );
    assert_eq!(bound.get("/v1/jobs?workspace=beta").await?.status, 404);
    assert_eq!(bound.get(&format!("/v1/jobs/{}", jobs[0])).await?.status, 200);
    for mount in ["/v1", "/api/v1"] {
        let hidden = format!("{mount}/jobs/{}", jobs[1]);
        let nothing = json!({ "error": format!("no job matches `{}`", jobs[1]) });
        for answer in [
            bound.get(&hidden).await?,
            bound.get(&format!("{hidden}/events")).await?,
            bound.post(&format!("{hidden}/cancel"), json!({})).await?,
            bound.post(&format!("{hidden}/retry"), json!({})).await?,
        ] {
            assert_eq!((answer.status, &answer.body), (404, &nothing));
        }
        assert_eq!(admin.get(&format!("{mount}/jobs/nope")).await?.status, 404);
        for wrong in ["state=odd", "kind=odd", "limit=0", "limit=x", "before=x"] {
            let answer = admin.get(&format!("{mount}/jobs?{wrong}")).await?;
            assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
        }
    }
    let reader = admin.post("/v1/admin/api-keys", json!({ "scopes": ["read"] })).await?.ok()?;
    let reader = admin.with_key(reader["api_key"]["secret"].as_str().unwrap_or_default());
    assert_eq!(reader.get("/v1/jobs").await?.status, 403);
    // A finished job can neither be cancelled nor, without failures, retried.
    until(admin, &jobs[0], is_over).await?;
    for what in ["cancel", "retry"] {
        let refused = admin.post(&format!("/v1/jobs/{}/{what}", jobs[0]), json!({})).await?;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
    admin.delete("/v1/workspace/alpha", json!({})).await?.ok()?;
    assert_eq!(admin.get(&format!("/v1/jobs/{}", jobs[0])).await?.status, 404);
    Ok(())
}

async fn a_job_waits_for_an_unavailable_embedder_and_can_be_cancelled(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server =
        TestServer::start_for(embedding_with(backend, "http://127.0.0.1:9/v1", "echo"), mode)
            .await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let adds = documents(admin, &["Bees make honey."]).await?;
    let job = place_later(admin, "alpha", &adds).await?;
    let waiting = until(admin, &job["id"], |job| job["attempts"].as_u64() > Some(0)).await?;
    let why = waiting["job"]["error"].as_str().unwrap_or_default();
    assert!(why.contains("the embedding service is unavailable"), "{why}");
    assert_eq!(
        (&waiting["job"]["state"], &waiting["items"][0]["state"]),
        (&json!("queued"), &json!("queued"))
    );
    assert!(waiting["job"]["nextAttemptAt"].is_string());
    // A waiting client gets the response at once.
    let body = json!({ "adds": adds });
    let done = admin.post("/v1/workspace/alpha/update-embeddings", body).await?.ok()?;
    assert_eq!(done["failedToEmbed"], json!(adds));
    assert!(done["errors"][0].as_str().is_some_and(|why| why.contains("unavailable")));
    let cancelled = admin.post(&format!("/v1/jobs/{}/cancel", job["id"]), json!({})).await?.ok()?;
    assert_eq!(cancelled["job"]["state"], "cancelled");
    assert_eq!(cancelled["job"]["progress"]["cancelled"], 1);
    Ok(())
}

async fn failed_documents_are_retried(backend: Backend, mode: Mode) -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start_for(embedding_with(backend, &model.base_url(), "picky"), mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let texts = ["Bees make honey.", "An unspeakable text.", "Mars has two moons."];
    let adds = documents(admin, &texts).await?;
    let job = place_later(admin, "alpha", &adds).await?;
    let over = until(admin, &job["id"], is_over).await?;
    assert_eq!(
        (&over["job"]["state"], &over["job"]["progress"]["done"]),
        (&json!("failed"), &json!(2))
    );
    let item = &over["items"][1];
    assert_eq!((&item["state"], &item["attempts"]), (&json!("failed"), &json!(1)));
    assert!(item["reason"].as_str().is_some_and(|why| why.contains("not to be said")), "{item}");
    let embedded = model.embedded().len();
    let retried = admin.post(&format!("/v1/jobs/{}/retry", job["id"]), json!({})).await?.ok()?;
    assert_eq!(retried["job"]["progress"]["failed"], 0);
    until(admin, &job["id"], is_over).await?;
    let again = model.embedded().split_off(embedded);
    assert!(!again.is_empty() && again.iter().all(|text| !text.contains("Bees")), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn malformed_paths_are_reported_to_existing_clients_like_unknown_ones() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let body = json!({ "adds": ["../../etc/passwd"], "deletes": ["nope"] });
    let path = "/api/v1/workspace/alpha/update-embeddings";
    let done = admin.post(path, body.clone()).await?.ok()?;
    assert_eq!(done["failedToEmbed"], json!(["../../etc/passwd"]));
    let started = admin.post(&format!("{path}?async=true"), body).await?;
    assert_eq!((started.status, &started.body["failedToEmbed"]), (202, &done["failedToEmbed"]));
    Ok(())
}

#[tokio::test]
async fn a_stop_releases_jobs_and_ends_their_event_streams() -> Result<()> {
    let model: ModelServer = model_server::start().await?;
    let options = embedding_with(Backend::Sqlite, &model.base_url(), "slow");
    let mut server = TestServer::start(options).await?;
    let admin = server.admin().clone();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let texts: Vec<_> = (0..100).map(|number| format!("Page number {number}.")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let adds = documents(&admin, &texts).await?;
    let job = place_later(&admin, "alpha", &adds).await?;
    let follower = {
        let (admin, id) = (admin.clone(), job["id"].clone());
        tokio::spawn(async move { events(&admin, &id, "").await })
    };
    until(&admin, &job["id"], |job| job["state"] == "running").await?;
    assert_eq!(server.stop().await?, Some(0));
    follower.await??;
    server.run().await?;
    let over = until(server.admin(), &job["id"], is_over).await?;
    assert_eq!(
        (&over["job"]["state"], &over["job"]["progress"]["done"]),
        (&json!("done"), &json!(100))
    );
    Ok(())
}
