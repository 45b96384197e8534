//! Reranking by a provider: chosen while the server runs, in each protocol, and replaced by the
//! built-in method when it fails.
use anyhow::{Context, Result, ensure};
use e2e::visitor::Visitor;
use e2e::{Backend, Client, Mode, TestServer, in_both_modes, model_server};
use serde_json::{Value, json};

in_both_modes!(a_reranker_is_tested_before_it_is_saved);

const UPDATE: &str = "/v1/system/update-env";

const TEXTS: [&str; 3] = [
    "The lighthouse of Riga warns ships, and the lighthouse keeper of Riga keeps its lamp.",
    "A lighthouse in Riga.",
    "Ships come to Riga from the west, past one lighthouse.",
];

async fn library(admin: &Client) -> Result<()> {
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    for text in TEXTS {
        let metadata = json!({ "title": "coast" });
        let body = json!({ "textContent": text, "metadata": metadata, "addToWorkspaces": "alpha" });
        admin.post("/v1/document/raw-text", body).await?.ok()?;
    }
    Ok(())
}

/// Returns the passages of a search, best first, with their reranking scores.
async fn search(admin: &Client) -> Result<Vec<(String, Option<f64>)>> {
    let body = json!({ "query": "Which lighthouse keeper keeps the lamp?", "searchMode": "rerank",
        "scoreThreshold": 0 });
    let found = admin.post("/v1/workspace/alpha/vector-search", body).await?.ok()?;
    let hit = |hit: &Value| {
        let text = hit["text"].as_str().unwrap_or_default();
        let text = text.rsplit("\n\n").next().unwrap_or_default().trim().to_owned();
        (text, hit["why"]["rerankScore"].as_f64())
    };
    Ok(found["results"].as_array().map(|hits| hits.iter().map(hit).collect()).unwrap_or_default())
}

#[tokio::test]
async fn each_protocol_orders_passages_and_a_failure_leaves_them_in_the_built_in_order()
-> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    library(admin).await?;
    let built_in = search(admin).await?;
    assert_eq!(built_in[0].0, TEXTS[0]);
    let half = json!({ "RerankProvider": "tei" });
    assert_eq!(admin.post(UPDATE, half).await?.status, 400);
    let base = model.base_url();
    let root = base.trim_end_matches("/v1");
    let second = format!("{root}/v2");
    for (provider, name, address, path) in [
        ("localai", "short-first", root, "/v1/rerank"),
        ("generic", "", base.as_str(), "/v1/rerank"),
        ("generic", "short-first", second.as_str(), "/v2/rerank"),
        ("tei", "", root, "/rerank"),
    ] {
        let settings = json!({ "RerankProvider": provider, "RerankModelPref": name,
            "RerankBasePath": address, "RerankApiKey": "rerank-key-1" });
        admin.post(UPDATE, settings).await?.ok()?;
        let found = search(admin).await?;
        let texts: Vec<_> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, [TEXTS[1], TEXTS[2], TEXTS[0]], "{provider} {address}");
        let request = model.received().pop().context("nothing was asked")?;
        assert_eq!(
            (request.path.as_str(), request.authorization.as_deref()),
            (path, Some("Bearer rerank-key-1"))
        );
        ensure!(found.iter().all(|(_, score)| score.is_some_and(|score| score < 0.1)), "{found:?}");
    }
    let stored = admin.get("/v1/system").await?.ok()?["settings"].clone();
    assert_eq!((&stored["RerankApiKey"], &stored["RerankProvider"]), (&json!(true), &json!("tei")));
    for (name, timeout) in [("fail-500", "5000"), ("fail-401", "5000"), ("silent", "100")] {
        let settings = json!({ "RerankProvider": "generic", "RerankModelPref": name,
            "RerankBasePath": base, "RerankApiKey": "rerank-key-1", "RerankTimeout": timeout });
        admin.post(UPDATE, settings).await?.ok()?;
        let before = model.received().len();
        assert_eq!(search(admin).await?, built_in, "{name}");
        assert_eq!(model.received().len(), before + 1, "{name} was not asked");
    }
    // A reranker that was too slow is skipped for a while.
    let before = model.received().len();
    assert_eq!(search(admin).await?, built_in);
    assert_eq!(model.received().len(), before);
    admin.post(UPDATE, json!({ "RerankProvider": "native" })).await?.ok()?;
    assert_eq!(search(admin).await?, built_in);
    Ok(())
}

async fn a_reranker_is_tested_before_it_is_saved(backend: Backend, mode: Mode) -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(backend).await?;
    let mut ada = Visitor::first(&server, mode).await?;
    let page = ada.get("/admin/models/reranking?provider=tei").await?;
    assert!(page.says("RerankBasePath") && page.says("RerankApiKey"), "{}", page.text);
    let test = "/admin/models/reranking/test";
    assert!(ada.post(test, &[]).await?.says("no connection to test"));
    let base = model.base_url();
    for (name, words) in
        [("short-first", "short-first answered in"), ("fail-401", "RERANK_API_KEY")]
    {
        let fields = [
            ("RerankProvider", "localai"),
            ("RerankBasePath", base.as_str()),
            ("RerankModelPref", name),
            ("RerankApiKey", "rerank-key-1"),
        ];
        let tried = ada.post(test, &fields).await?;
        assert!(tried.says(words) && !tried.says("rerank-key-1"), "{}", tried.text);
    }
    Ok(())
}
