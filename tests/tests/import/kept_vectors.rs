//! `--keep-vectors`: texts whose vectors the other server cached are not embedded again.
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use e2e::model_server::{self, embedding};
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

use super::{fixture, import, report};

on_both_databases!(cached_vectors_are_kept_for_the_same_model_only);

/// A text of the installation that is one passage.
const RULES: &str = "Reservations are kept for seven days. A lost book is replaced.";

/// Copies the installation, with a cached vector for [`RULES`] and an embedder in its settings.
fn installation(folder: &Path, base: &str, model: &str) -> Result<()> {
    copy(&fixture(), folder)?;
    let text =
        format!("<document_metadata>\nsourceDocument: rules\n</document_metadata>\n\n{RULES}");
    let chunk =
        json!({ "id": "1", "values": embedding::vector(RULES, 64), "metadata": { "text": text } });
    fs::write(folder.join("vector-cache/rules.json"), json!([[chunk]]).to_string())?;
    let settings = format!(
        "EMBEDDING_ENGINE=generic-openai\nEMBEDDING_BASE_PATH={base}\nEMBEDDING_MODEL_PREF={model}\n"
    );
    Ok(fs::write(folder.join(".env"), settings)?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => _ = fs::copy(entry.path(), target)?,
        }
    }
    Ok(())
}

/// Waits until a condition holds.
async fn eventually(condition: impl Fn() -> bool) -> Result<()> {
    for _ in 0..300 {
        if condition() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the condition never held")
}

async fn cached_vectors_are_kept_for_the_same_model_only(backend: Backend) -> Result<()> {
    for keeps_vectors in [true, false] {
        let model = model_server::start().await?;
        let mut server = TestServer::start(backend).await?;
        let source = tempfile::tempdir()?;
        installation(source.path(), &model.base_url(), "echo")?;
        let more: &[&str] = if keeps_vectors { &["--keep-vectors"] } else { &[] };
        let output = import(&mut server, source.path(), more).await?;
        assert_eq!(output.code, Some(0), "{output:?}");
        // The cached vectors of this document have another length than those of the model.
        let embeds_again = || model.embedded().iter().any(|text| text.contains("ferry"));
        eventually(embeds_again).await?;
        server.admin().jobs_end().await?;
        let embedded = model.embedded();
        assert_eq!(embedded.iter().any(|text| text == RULES), !keeps_vectors, "{embedded:?}");
        let query = json!({ "query": "lost book replaced", "topN": 1, "searchMode": "vector" });
        let found =
            server.admin().post("/v1/workspace/harbour/vector-search", query).await?.ok()?;
        assert_eq!(found["results"][0]["metadata"]["title"], "rules.txt-1.json", "{found}");
        let report = report(&server)?;
        let imported = &report["tables"]["vector-cache/"]["imported"];
        assert_eq!(*imported, if keeps_vectors { json!(2) } else { json!(null) }, "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn vectors_of_another_embedder_are_left_out() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let output = import(&mut server, &fixture(), &["--keep-vectors"]).await?;
    assert_eq!(output.code, Some(0), "{output:?}");
    let left_out = report(&server)?["left_out"].to_string();
    assert!(left_out.contains("vector-cache/: the model inside the other server"), "{left_out}");
    Ok(())
}
