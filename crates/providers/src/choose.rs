//! Creates models from settings: selects the provider and checks that all of its settings are
//! present.
pub(crate) mod speech;

use std::sync::Arc;
use std::time::Duration;

use carrel_domain::image::{ImageModel, ImageSize};
use carrel_domain::model::{ChatModel, Embedder, ModelChoice, ModelList, ModelName};
use carrel_domain::reranker::Reranker;
use carrel_domain::{Error, Result};

use crate::catalog::{self, RemoteList};
use crate::embeddings::{self, RemoteEmbedder};
use crate::endpoint::{Deadlines, Endpoint};
use crate::engines::ENGINES;
use crate::extractive::Extractive;
use crate::http::Http;
use crate::images::{self, IMAGE_PROVIDERS, RemoteImages};
use crate::native::Native;
use crate::ollama::Ollama;
use crate::openai::OpenAi;
use crate::refusal::Hints;
use crate::rerank::{self, RERANK_PROVIDERS, RemoteReranker};
use crate::table::listing::Listing;
use crate::table::{Base, EXTRACTIVE, Key, PROVIDERS, Protocol, provider_names};

pub(crate) const LANGUAGE_MODEL: &str = "the language model";

/// Looks up a setting by the name of its environment variable.
type Settings<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the model for `choice`. What it leaves open comes from the settings (`LLM_PROVIDER` and
/// those of the provider). Returns [`Extractive`] if neither names a provider.
///
/// An empty setting counts as absent.
///
/// # Errors
/// [`Error::Invalid`] for an unknown provider; [`Error::Unavailable`] with the name of a missing or
/// unusable setting.
pub fn chat_model(
    settings: &dyn Fn(&str) -> Option<String>,
    choice: &ModelChoice,
    http: &Http,
) -> Result<Arc<dyn ChatModel>> {
    let chosen = choice.provider.clone().filter(|name| !name.trim().is_empty());
    let field = if chosen.is_some() { "chatProvider" } else { "LLM_PROVIDER" };
    let Some(name) = chosen.or_else(|| value(settings, "LLM_PROVIDER")) else {
        return Ok(Arc::new(Extractive));
    };
    let name = name.trim();
    if name == EXTRACTIVE {
        return Ok(Arc::new(Extractive));
    }
    let Some(row) = PROVIDERS.iter().find(|row| row.name == name) else {
        return Err(unknown(field, name, provider_names()));
    };
    let model = match choice.model.clone().filter(|model| !model.trim().is_empty()) {
        Some(model) => model,
        None if row.model.is_empty() => "default".into(),
        None => required(settings, row.model, LANGUAGE_MODEL)?,
    };
    let window = number(settings, row.window, LANGUAGE_MODEL)?.unwrap_or(row.usual_window);
    let name = ModelName { provider: row.name.into(), model, window };
    let mut endpoint = endpoint(settings, row.base, row.key, LANGUAGE_MODEL, http)?;
    endpoint.deadlines = deadlines(settings, &LANGUAGE_MODEL_PACE, LANGUAGE_MODEL)?;
    if let Some(silence) = milliseconds(settings, row.silence(), LANGUAGE_MODEL)? {
        endpoint.deadlines.silence = silence;
    }
    Ok(match row.protocol {
        Protocol::OpenAi => {
            let is_reasoning = value(settings, row.kind).as_deref() == Some("reasoning");
            Arc::new(OpenAi::new(endpoint, name, is_reasoning))
        }
        Protocol::Ollama => {
            let keep_alive = value(settings, "OLLAMA_KEEP_ALIVE_TIMEOUT");
            let keep_alive = keep_alive.and_then(|seconds| seconds.trim().parse().ok());
            Arc::new(Ollama::new(endpoint, name, keep_alive))
        }
        Protocol::Native(protocol) => Arc::new(Native::new(endpoint, protocol, name)?),
    })
}

/// Returns the embedder that the settings name (`EMBEDDING_ENGINE`). Returns `None` if they name
/// the one inside this process, by an empty setting or `native`.
///
/// # Errors
/// The errors of [`chat_model`].
pub fn embedder(
    settings: &dyn Fn(&str) -> Option<String>,
    http: &Http,
) -> Result<Option<Arc<dyn Embedder>>> {
    let name = value(settings, "EMBEDDING_ENGINE").unwrap_or_default();
    if matches!(name.as_str(), "" | "native") {
        return Ok(None);
    }
    let Some(row) = ENGINES.iter().find(|row| row.name == name) else {
        let known = std::iter::once("native").chain(ENGINES.iter().map(|row| row.name));
        return Err(unknown("EMBEDDING_ENGINE", &name, known));
    };
    let service = embeddings::SERVICE;
    let count = |name| number(settings, name, service).map(|found| found.map(|n| n as usize));
    let mut endpoint = endpoint(settings, row.base, row.key, service, http)?;
    endpoint.deadlines = deadlines(settings, &EMBEDDER_PACE, service)?;
    let mut embedder = RemoteEmbedder::new(
        endpoint,
        row.name,
        required(settings, "EMBEDDING_MODEL_PREF", service)?,
    );
    embedder.longest_text = count("EMBEDDING_MODEL_MAX_CHUNK_LENGTH")?.unwrap_or(row.longest_text);
    embedder.dimensions = count("EMBEDDING_OUTPUT_DIMENSIONS")?;
    if let Some(batch) = count(row.batch)? {
        embedder.batch = batch;
    }
    if row.name == "generic-openai" {
        let prefix = |name| value(settings, name).unwrap_or_default();
        embedder.passage_prefix = prefix("GENERIC_OPEN_AI_EMBEDDING_PASSAGE_PREFIX");
        embedder.query_prefix = prefix("GENERIC_OPEN_AI_EMBEDDING_QUERY_PREFIX");
    }
    Ok(Some(Arc::new(embedder)))
}

/// Returns the list of models of a provider, named as in `LLM_PROVIDER`, or as in
/// `EMBEDDING_ENGINE` for embedding models. The settings need not name a model.
///
/// # Errors
/// The errors of [`chat_model`]; also if the provider has no list.
pub fn model_list(
    settings: &dyn Fn(&str) -> Option<String>,
    provider: &str,
    embeds: bool,
    http: &Http,
) -> Result<Arc<dyn ModelList>> {
    let (base, key, service, catalog) = match embeds {
        true => {
            let row = ENGINES.iter().find(|row| row.name == provider);
            let known = ENGINES.iter().map(|row| row.name);
            let row = row.ok_or_else(|| unknown("provider", provider, known))?;
            (row.base, row.key, embeddings::SERVICE, row.catalog())
        }
        false => {
            let row = PROVIDERS.iter().find(|row| row.name == provider);
            let known = PROVIDERS.iter().map(|row| row.name);
            let row = row.ok_or_else(|| unknown("provider", provider, known))?;
            (row.base, row.key, LANGUAGE_MODEL, row.catalog())
        }
    };
    let Listing { base: own_base, catalog, key_header } = catalog;
    let mut endpoint = endpoint(settings, own_base.unwrap_or(base), key, service, http)?;
    if !key_header.is_empty() {
        endpoint = endpoint.with_key_in(key_header);
    }
    endpoint.deadlines = catalog::DEADLINES;
    Ok(Arc::new(RemoteList { endpoint, catalog, embeds }))
}

/// Returns the image generator that the settings name (`IMAGE_GEN_PROVIDER` and those of the
/// provider).
///
/// # Errors
/// [`Error::Unavailable`] if they name none, or a setting is missing or unusable.
pub fn image_model(
    settings: &dyn Fn(&str) -> Option<String>,
    http: &Http,
) -> Result<Arc<dyn ImageModel>> {
    let service = images::SERVICE;
    let name = value(settings, "IMAGE_GEN_PROVIDER");
    let Some(row) = IMAGE_PROVIDERS.iter().find(|row| Some(row.name) == name.as_deref()) else {
        let reason = match name.as_deref().map(crate::refusal::shortened) {
            None => "none is set; choose one in ImageGenerationProvider".to_owned(),
            Some(name) => {
                format!("`{name}` is not an image provider; change ImageGenerationProvider")
            }
        };
        return Err(Error::unavailable(service, reason));
    };
    let model = match (value(settings, "IMAGE_GEN_MODEL_PREF"), row.usual_model) {
        (Some(model), _) => model,
        (None, Some(model)) => model.to_owned(),
        (None, None) => required(settings, "IMAGE_GEN_MODEL_PREF", service)?,
    };
    let size = value(settings, "IMAGE_GEN_SIZE_PREF").as_deref().map(ImageSize::chosen).transpose();
    let invalid_size = |_| {
        Error::unavailable(
            service,
            "IMAGE_GEN_SIZE_PREF must be a size, such as \
         512x512",
        )
    };
    let size = size.map_err(invalid_size)?.flatten();
    let endpoint = endpoint(settings, row.base, row.key, service, http)?;
    Ok(Arc::new(RemoteImages { endpoint, model, size, row: *row }))
}

/// Returns the reranker that the settings name (`RERANK_PROVIDER`). Returns `None` if they name the
/// one inside this process, by an empty setting or `native`.
///
/// # Errors
/// The errors of [`chat_model`].
pub fn reranker(
    settings: &dyn Fn(&str) -> Option<String>,
    http: &Http,
) -> Result<Option<Arc<dyn Reranker>>> {
    let name = value(settings, "RERANK_PROVIDER").unwrap_or_default();
    if matches!(name.as_str(), "" | "native") {
        return Ok(None);
    }
    let row = RERANK_PROVIDERS.iter().find(|row| row.name == name);
    let row = row.ok_or_else(|| rerank::unknown(&name))?;
    let service = rerank::SERVICE;
    let model = match row.needs_model {
        true => Some(required(settings, "RERANK_MODEL_PREF", service)?),
        false => value(settings, "RERANK_MODEL_PREF"),
    };
    let limit = milliseconds(settings, "RERANK_TIMEOUT_MS", service)?;
    let limit = limit.unwrap_or(rerank::USUAL_TIMEOUT);
    let mut endpoint = endpoint(settings, row.base, row.key, service, http)?;
    // Does not wait while the provider refuses requests, because the passages are ranked already.
    let patience = Duration::ZERO;
    endpoint.deadlines =
        Deadlines { first: limit, silence: limit, patience, ..Deadlines::default() };
    Ok(Some(Arc::new(RemoteReranker::new(endpoint, *row, model, limit))))
}

fn endpoint(
    settings: Settings<'_>,
    base: Base,
    key: Key,
    service: &'static str,
    http: &Http,
) -> Result<Endpoint> {
    let (address, base_setting) = match base {
        Base::Fixed(address) => (address.to_owned(), ""),
        Base::Setting(setting, path) => {
            let value = required(settings, setting, service)?;
            let value = value.trim().trim_end_matches('/');
            let path = if value.ends_with(path) { "" } else { path };
            (format!("{value}{path}"), setting)
        }
        Base::Root(setting) => {
            let value = required(settings, setting, service)?;
            let value = value.trim().trim_end_matches('/');
            let root = value.strip_suffix("/v1").or_else(|| value.strip_suffix("/api"));
            (root.unwrap_or(value).to_owned(), setting)
        }
        Base::Region(setting, address) => {
            let region = required(settings, setting, service)?;
            // The region becomes part of the host that receives the key.
            if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                let reason = format!("{setting} is not a region, such as eu-west-1");
                return Err(Error::unavailable(service, reason));
            }
            (address.replace("{}", &region), setting)
        }
    };
    let (key, key_setting) = match key {
        Key::Required(setting) => (Some(required(settings, setting, service)?), setting),
        Key::Optional(setting) => (value(settings, setting), setting),
        Key::None => (None, ""),
    };
    let key = key.map(|key| key.trim().to_owned());
    let hints = Hints { base: base_setting, key: key_setting };
    Endpoint::new(http, &address, key, service, hints)
}

/// The timeout and rate settings of one kind of provider.
struct PaceSettings {
    first: &'static str,
    silence: &'static str,
    whole: &'static str,
    patience: &'static str,
    a_minute: &'static str,
}

const LANGUAGE_MODEL_PACE: PaceSettings = PaceSettings {
    first: "LLM_FIRST_BYTE_TIMEOUT_MS",
    silence: "LLM_SILENCE_TIMEOUT_MS",
    whole: "LLM_TOTAL_TIMEOUT_MS",
    patience: "LLM_RETRY_WAIT_MS",
    a_minute: "LLM_REQUESTS_PER_MINUTE",
};

const EMBEDDER_PACE: PaceSettings = PaceSettings {
    first: "EMBEDDING_FIRST_BYTE_TIMEOUT_MS",
    silence: "EMBEDDING_SILENCE_TIMEOUT_MS",
    whole: "EMBEDDING_TOTAL_TIMEOUT_MS",
    patience: "EMBEDDING_RETRY_WAIT_MS",
    a_minute: "EMBEDDING_REQUESTS_PER_MINUTE",
};

fn deadlines(
    settings: Settings<'_>,
    names: &PaceSettings,
    service: &'static str,
) -> Result<Deadlines> {
    let usual = Deadlines::default();
    let time = |name| milliseconds(settings, name, service);
    Ok(Deadlines {
        first: time(names.first)?.unwrap_or(usual.first),
        silence: time(names.silence)?.unwrap_or(usual.silence),
        whole: time(names.whole)?,
        patience: time(names.patience)?.unwrap_or(usual.patience),
        a_minute: number(settings, names.a_minute, service)?
            .map(|number| number.min(MAX_A_MINUTE) as usize),
    })
}

/// Longest timeout, in milliseconds.
const LONGEST_WAIT: u64 = 24 * 60 * 60 * 1000;
const MAX_A_MINUTE: u64 = 1_000_000;

fn milliseconds(
    settings: Settings<'_>,
    name: &str,
    service: &'static str,
) -> Result<Option<Duration>> {
    let found = number(settings, name, service)?;
    Ok(found.map(|number| Duration::from_millis(number.min(LONGEST_WAIT))))
}

fn value(settings: Settings<'_>, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    settings(name).filter(|value| !value.trim().is_empty())
}

fn required(settings: Settings<'_>, name: &str, service: &'static str) -> Result<String> {
    value(settings, name).ok_or_else(|| Error::unavailable(service, format!("{name} is not set")))
}

/// Parses a whole number above zero.
fn number(settings: Settings<'_>, name: &str, service: &'static str) -> Result<Option<u64>> {
    let Some(value) = value(settings, name) else { return Ok(None) };
    match value.trim().parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(Error::unavailable(service, format!("{name} is not a whole number above zero"))),
    }
}

fn unknown(field: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> Error {
    let name = crate::refusal::shortened(name);
    let known = known.collect::<Vec<_>>().join(", ");
    Error::invalid(field, format!("there is no provider `{name}`; there are {known}"))
}

#[cfg(test)]
mod tests;
