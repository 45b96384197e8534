//! The addresses to which secrets are sent. A change that would send a stored secret to another
//! server is refused. Otherwise, anyone who can change settings could redirect a sealed secret to
//! their own server.
use std::collections::BTreeSet;

use url::Url;

use super::registry::{Destination, Setting};
use super::store::{SettingsStore, Snapshot};
use super::update::Plan;

/// Returns the refusals of a change that redirects secrets, by the public name of the address or
/// engine concerned. A secret that the request includes may be sent anywhere.
pub(super) fn redirected_secrets(
    store: &SettingsStore,
    planned: &Plan<'_>,
    changed: &BTreeSet<&'static str>,
    current: &Snapshot,
) -> Vec<(&'static str, Vec<String>)> {
    let updated = current.with_changes(planned);
    let mut refusals = Vec::new();
    for secret in store.registry().variables().filter(|row| !row.destinations.is_empty()) {
        let is_set = store.explicit_value(&updated, secret.variable).is_some();
        if !is_set || changed.contains(secret.variable) {
            continue;
        }
        let current_servers = servers_of(store, secret, current);
        let new = servers_of(store, secret, &updated)
            .into_iter()
            .find(|(server, _)| current_servers.iter().all(|(current, _)| current != server));
        let Some((_, destination)) = new else { continue };
        // Either the address or the engine that uses it was changed.
        let at_fault = [destination.variable, ENGINE];
        let at_fault = at_fault.into_iter().find(|variable| planned.contains_key(variable));
        let row = at_fault.and_then(|variable| store.registry().by_variable(variable));
        let name = row.map_or(secret.name, |row| row.name);
        let reason = format!(
            "would send {} to another server; give {} again in the same request",
            secret.name, secret.name
        );
        refusals.push((name, vec![reason]));
    }
    refusals
}

fn servers_of<'a>(
    store: &SettingsStore,
    secret: &'a Setting,
    snapshot: &Snapshot,
) -> Vec<(String, &'a Destination)> {
    let engine = store.lookup_in(snapshot, ENGINE);
    let is_used = |destination: &&Destination| {
        destination.engine.is_none_or(|engine_name| engine.as_deref() == Some(engine_name))
    };
    let destinations = secret.destinations.iter().filter(is_used);
    destinations
        .filter_map(|destination| {
            Some((server(&store.lookup_in(snapshot, destination.variable)?), destination))
        })
        .collect()
}

const ENGINE: &str = "EMBEDDING_ENGINE";

/// Returns the scheme, host and port of an address, or the text itself if it is not a URL.
fn server(address: &str) -> String {
    let text = address.trim().to_lowercase();
    let url = Url::parse(&text).ok().filter(Url::has_host);
    url.map_or(text, |url| {
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        format!("{scheme}://{host}:{}", url.port_or_known_default().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use carrel_domain::audit::By;
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::fakes::FakeSettings;
    use crate::settings::key::Key;
    use crate::settings::secrets::Sealer;
    use crate::settings::{Leniency, Preview, SettingLayers};

    async fn store(fixed: &[(&str, &str)]) -> SettingsStore {
        let fixed = fixed.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let layers =
            SettingLayers { fixed: fixed.collect::<BTreeMap<_, _>>(), ..SettingLayers::default() };
        let settings = Arc::new(FakeSettings::default());
        SettingsStore::open(settings, layers, Sealer::new(&Key::random())).await.unwrap()
    }

    async fn refusal_of(
        store: &SettingsStore,
        changes: Value,
        leniency: Leniency,
    ) -> Option<String> {
        let by = By::operator(DateTime::UNIX_EPOCH);
        match store.update(changes.as_object().unwrap(), leniency, &by).await {
            Ok(updated) => updated.error,
            Err(error) => Some(error.to_string()),
        }
    }

    #[tokio::test]
    async fn a_stored_secret_is_not_sent_to_another_server() {
        for secret in store(&[]).await.registry().settings() {
            for to in &secret.destinations {
                let store = store(&[]).await;
                let address = store.registry().by_variable(to.variable).unwrap().name;
                let url = |host: &str| match to.variable {
                    "MILVUS_ADDRESS" => format!("{host}:19530"),
                    _ => format!("http://{host}:1/v1"),
                };
                let mut first =
                    json!({ secret.name: "s3cret-value", address: url("good.example") });
                if let Some(engine) = to.engine {
                    first["EmbeddingEngine"] = json!(engine);
                    first["EmbeddingModelPref"] = json!("m");
                }
                assert_eq!(refusal_of(&store, first, Leniency::Strict).await, None, "{address}");
                let evil = json!({ address: url("evil.example") });
                for leniency in [Leniency::Strict, Leniency::Lenient] {
                    for change in [
                        evil.clone(),
                        json!({ address: url("evil.example"), secret.name: "******" }),
                    ] {
                        let refusal =
                            refusal_of(&store, change, leniency).await.unwrap_or_default();
                        assert!(refusal.contains(secret.name), "{address}: {refusal}");
                    }
                }
                assert!(Preview::new(&store, evil.as_object().unwrap()).is_err(), "{address}");
                let with_secret =
                    json!({ address: url("evil.example"), secret.name: "s3cret-value" });
                assert_eq!(
                    refusal_of(&store, with_secret, Leniency::Strict).await,
                    None,
                    "{address}"
                );
            }
        }
    }

    #[tokio::test]
    async fn selecting_an_engine_can_redirect_a_secret() {
        let store = store(&[]).await;
        let first = json!({ "OllamaLLMBasePath": "http://good.example:1",
            "OllamaLLMAuthToken": "s3cret-value", "EmbeddingModelPref": "m" });
        assert_eq!(refusal_of(&store, first, Leniency::Strict).await, None);
        // No secret is sent there yet.
        let base = json!({ "EmbeddingBasePath": "http://evil.example:1" });
        assert_eq!(refusal_of(&store, base, Leniency::Strict).await, None);
        let engine = json!({ "EmbeddingEngine": "ollama" });
        let refusal = refusal_of(&store, engine, Leniency::Strict).await.unwrap_or_default();
        assert!(refusal.contains("OllamaLLMAuthToken"), "{refusal}");
        let with_same_server = json!({ "EmbeddingEngine": "ollama",
            "EmbeddingBasePath": "http://GOOD.example:1/api" });
        assert_eq!(refusal_of(&store, with_same_server, Leniency::Strict).await, None);
    }

    #[tokio::test]
    async fn a_stored_secret_without_an_address_is_protected() {
        let store = store(&[("QDRANT_API_KEY", "from-the-environment")]).await;
        let evil = json!({ "QdrantEndpoint": "http://evil.example:6333" });
        assert!(refusal_of(&store, evil, Leniency::Strict).await.is_some());
        let with_secret = json!({ "QdrantEndpoint": "http://good.example:6333",
            "QdrantApiKey": "from-the-environment" });
        assert_eq!(refusal_of(&store, with_secret, Leniency::Strict).await, None);
    }
}
