//! Lists of the models that a provider offers.
use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::model::{ModelList, ModelPrice, OfferedModel};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::endpoint::{Deadlines, Endpoint};
use crate::json;

/// Longest list that is read, in bytes. The list of the largest provider has about 1 MB.
const LONGEST_LIST: usize = 8 << 20;
const MAX_MODELS: usize = 2_000;
/// Longest name of a model, in bytes.
const LONGEST_NAME: usize = 256;

/// Deadlines for a list. A person is waiting for it.
pub(crate) const DEADLINES: Deadlines = Deadlines {
    first: Duration::from_secs(10),
    silence: Duration::from_secs(10),
    whole: Some(Duration::from_secs(20)),
    patience: Duration::ZERO,
    a_minute: None,
};

/// Paths below a provider's base address that list its models, the most detailed first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Catalog(pub &'static [&'static str]);

pub(crate) struct RemoteList {
    pub endpoint: Endpoint,
    pub catalog: Catalog,
    /// True to list embedding models only.
    pub embeds: bool,
}

#[async_trait]
impl ModelList for RemoteList {
    fn identity(&self) -> String {
        let mut hash = Sha256::new();
        let secret = self.endpoint.key().unwrap_or_default();
        for part in [self.endpoint.base().as_str(), secret, self.catalog.0[0]] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("{digest} {}", self.embeds)
    }

    async fn models(&self) -> Result<Vec<OfferedModel>> {
        let mut refused = None;
        for path in self.catalog.0 {
            let body = match self.endpoint.try_get(path).await? {
                Ok(body) => body,
                Err(error) => {
                    refused = refused.or(Some(error));
                    continue;
                }
            };
            let content = self.endpoint.content(body, LONGEST_LIST).await?;
            let list = json::parse(&content).map_err(|error| {
                self.endpoint.unavailable(format!("its answer is not the JSON expected: {error}"))
            })?;
            let models = models(&list, self.embeds);
            let nothing = || {
                self.endpoint.unavailable(
                    "it lists no models; type the name of a \
                 model",
                )
            };
            return models.filter(|models| !models.is_empty()).ok_or_else(nothing);
        }
        let nothing = self.endpoint.unavailable("it lists no models; type the name of a model");
        Err(refused.map_or(nothing, |refused| self.endpoint.refused(&refused)))
    }
}

/// Returns the models in a list of any provider; `None` if it is not a list.
fn models(list: &Value, embeds: bool) -> Option<Vec<OfferedModel>> {
    let names = ["data", "models", "modelSummaries", "model_names"];
    let of = |value: &Value| value.as_array().cloned();
    let entries = of(list).or_else(|| names.iter().find_map(|name| of(&list[*name])))?;
    let offered = entries.iter().filter(|entry| has_capability(entry, embeds)).filter_map(model);
    let by_name: BTreeMap<_, _> =
        offered.take(MAX_MODELS).map(|model| (model.id.clone(), model)).collect();
    Some(by_name.into_values().collect())
}

fn model(entry: &Value) -> Option<OfferedModel> {
    let id = ["id", "modelId", "model", "name"].iter().find_map(|name| entry[*name].as_str());
    // Google's names are paths.
    let id = id.or_else(|| entry.as_str())?.trim();
    let id = id.strip_prefix("models/").unwrap_or(id);
    if id.is_empty() || id.len() > LONGEST_NAME || id.contains(char::is_control) {
        return None;
    }
    let names = [
        "max_context_length",
        "context_length",
        "context_window",
        "max_model_len",
        "inputTokenLimit",
    ];
    let window = names.iter().find_map(|name| entry[*name].as_u64()).filter(|window| *window > 0);
    Some(OfferedModel { id: id.to_owned(), window, price: price(&entry["pricing"]) })
}

/// Parses a price: OpenRouter reports dollars per token, Together dollars per million tokens. Returns
/// `None` for 0 and -1, which mean that the model is free or its price varies.
fn price(pricing: &Value) -> Option<ModelPrice> {
    let number = |name: &str| {
        let value = &pricing[name];
        value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    let of = |input: &str, output: &str, tokens: f64| {
        let whole = |name: &str| {
            let millionths = (number(name)? * tokens).round();
            (1.0..1e12).contains(&millionths).then_some(millionths as u64)
        };
        Some(ModelPrice { input: whole(input)?, output: whole(output)? })
    };
    of("prompt", "completion", 1e12).or_else(|| of("input", "output", 1e6))
}

/// True if a model has the wanted capability, or the provider does not report capabilities.
fn has_capability(entry: &Value, embeds: bool) -> bool {
    if let Some(methods) = entry["supportedGenerationMethods"].as_array() {
        let method = if embeds { "embedContent" } else { "generateContent" };
        return methods.iter().any(|one| one == method);
    }
    let kind = entry["type"].as_str().unwrap_or_default();
    match kind {
        "embeddings" | "embedding" => embeds,
        "llm" | "vlm" | "chat" | "language" => !embeds,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Hints;
    use crate::testing::{Reply, Server, response};

    fn list(base: &str, paths: &'static [&'static str]) -> RemoteList {
        let hints = Hints { base: "THE_BASE", key: "THE_KEY" };
        let (http, service) = (crate::Http::new().unwrap(), "the language model");
        let key = Some("sk-0123456789".to_owned());
        let mut endpoint = Endpoint::new(&http, base, key, service, hints).unwrap();
        endpoint.deadlines = DEADLINES;
        RemoteList { endpoint, catalog: Catalog(paths), embeds: false }
    }

    async fn listed(
        replies: Vec<Reply>,
        paths: &'static [&'static str],
    ) -> Result<Vec<OfferedModel>> {
        let server = Server::start(replies).await;
        list(&server.url, paths).models().await
    }

    fn ok(body: &str) -> Reply {
        response("200 OK", "application/json", body)
    }

    fn offered(id: &str, window: Option<u64>) -> OfferedModel {
        OfferedModel { id: id.into(), window, price: None }
    }

    #[test]
    fn prices_are_read_if_the_provider_reports_them() {
        for (pricing, expected) in [
            (r#"{"prompt":"0.0000025","completion":"0.00001"}"#, Some((2_500_000, 10_000_000))),
            (r#"{"input":0.18,"output":0.59,"hourly":0}"#, Some((180_000, 590_000))),
            (r#"{"prompt":"0","completion":"0"}"#, None),
            (r#"{"prompt":"-1","completion":"-1"}"#, None),
            (r#"{"prompt":"free"}"#, None),
            ("null", None),
        ] {
            let read = price(&serde_json::from_str(pricing).unwrap());
            let read = read.map(|ModelPrice { input, output }| (input, output));
            assert_eq!(read, expected, "{pricing}");
        }
    }

    #[tokio::test]
    async fn lists_of_every_form_are_read() {
        for (body, expected) in [
            (
                r#"{"data":[{"id":"b","context_length":9},{"id":"a"},{"id":"a"}]}"#,
                vec![offered("a", None), offered("b", Some(9))],
            ),
            (
                r#"{"models":[{"name":"a:latest","model":"a:latest"}]}"#,
                vec![offered("a:latest", None)],
            ),
            (
                r#"{"data":[{"id":"e","type":"embeddings"},{"id":"a","type":"llm","max_context_length":4}]}"#,
                vec![offered("a", Some(4))],
            ),
            (
                r#"{"models":[{"name":"models/g","inputTokenLimit":7,"supportedGenerationMethods":["generateContent"]},
                {"name":"models/e","supportedGenerationMethods":["embedContent"]}]}"#,
                vec![offered("g", Some(7))],
            ),
            (r#"{"modelSummaries":[{"modelId":"amazon.x"}]}"#, vec![offered("amazon.x", None)]),
            (r#"["a"]"#, vec![offered("a", None)]),
        ] {
            assert_eq!(listed(vec![ok(body)], &["models"]).await.unwrap(), expected, "{body}");
        }
    }

    #[tokio::test]
    async fn the_next_path_is_tried_if_there_is_no_list() {
        let replies =
            vec![response("404 Not Found", "text/plain", "?"), ok(r#"{"data":[{"id":"a"}]}"#)];
        let server = Server::start(replies).await;
        let models = list(&server.url, &["api/v0/models", "v1/models"]).models().await.unwrap();
        assert_eq!(models, [offered("a", None)]);
        let paths: Vec<_> = server
            .requests()
            .iter()
            .map(|request| request.split(' ').nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(paths, ["/api/v0/models", "/v1/models"]);
    }

    #[tokio::test]
    async fn a_failed_list_reports_the_reason() {
        for (reply, words) in [
            (
                response(
                    "401 Unauthorized",
                    "application/json",
                    r#"{"error":"bad sk-0123456789"}"#,
                ),
                "check THE_KEY (status 401: bad [key])",
            ),
            (ok("{}"), "lists no models"),
            (ok(r#"{"data":[]}"#), "lists no models"),
            (ok("<html>"), "a web page"),
            (
                Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b' '; 1 << 20]),
                "longer than",
            ),
        ] {
            let error = listed(vec![reply], &["models"]).await.unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
