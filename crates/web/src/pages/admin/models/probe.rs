//! Tests the connection to the selected provider, and lists its models.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_services::connection_test;
use carrel_services::model_lists::ModelKind;
use carrel_services::settings::Preview;
use serde_json::{Map, Value, json};

use super::{Kind, changes, kind, page};
use crate::http::form::PageForm;
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::model_row::{ModelNames, ModelRow};
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "part/probe.html")]
pub struct Probe {
    pub message: String,
    pub is_ok: bool,
}

/// A colored dot that shows whether the current provider answers.
#[derive(Template)]
#[template(path = "part/status.html")]
struct StatusPart {
    probe: Probe,
}

/// Tests the connection with the submitted settings, which need not be saved, and shows the result.
pub async fn test(
    current_user: CurrentUser<role::Admin>,
    name: Path<String>,
    form: PageForm,
) -> PageResult {
    let kind = kind(&name)?;
    let store = &current_user.ports().settings_store;
    let submitted_values = changes(store, &form.read().await?);
    let preview = Preview::new(store, &submitted_values).ok();
    let provider = preview.and_then(|preview| preview.lookup(kind.variable));
    let details = json!({ "kind": kind.name, "provider": provider }).to_string();
    current_user.ports().audit.add(current_user.by().event("connection_tested", details)).await?;
    let probe = probe(&current_user, kind, &submitted_values).await;
    if is_fragment(current_user.request.headers()) {
        return response::page(&current_user.request, &probe);
    }
    let selector = store.registry().by_variable(kind.variable);
    let selected_provider = selector
        .and_then(|selector| submitted_values.get(selector.name)?.as_str().map(str::to_owned));
    page(&current_user, kind, selected_provider, &submitted_values, Some(probe)).await
}

/// Tests the connection with the saved settings. It creates no image, because that may cost money.
pub async fn status(current_user: CurrentUser<role::Admin>, name: Path<String>) -> PageResult {
    let kind = kind(&name)?;
    if !kind.has_connection_test {
        return Err(PageError::not_found("status", kind.name));
    }
    let probe = probe(&current_user, kind, &Map::new()).await;
    response::page(&current_user.request, &StatusPart { probe })
}

async fn probe(
    current_user: &CurrentUser<role::Admin>,
    kind: &Kind,
    submitted_values: &Map<String, Value>,
) -> Probe {
    match run_test(current_user, kind, submitted_values).await {
        Ok(message) => Probe { message, is_ok: true },
        Err(error) => Probe { message: PageError::from(error).to_string(), is_ok: false },
    }
}

async fn run_test(
    current_user: &CurrentUser<role::Admin>,
    kind: &Kind,
    submitted_values: &Map<String, Value>,
) -> Result<String, Error> {
    let ports = current_user.ports();
    let preview = Preview::new(&ports.settings_store, submitted_values)?;
    let lookup = |variable: &str| preview.lookup(variable);
    let result = match kind.name {
        "language" => {
            connection_test::language_model(ports.connection_test.language_model(&lookup)?).await?
        }
        "embedding" => {
            connection_test::embedder(ports.connection_test.embedding_model(&lookup)?).await?
        }
        "reranking" => match ports.connection_test.reranking_model(&lookup)? {
            Some(reranker) => connection_test::reranker(reranker).await?,
            None => return Ok(t("models.nothing-to-test").to_owned()),
        },
        "images" => {
            connection_test::image_model(ports.connection_test.image_model(&lookup)?).await?
        }
        "hearing" => {
            let model = ports.speech_connection_test.transcriber(&lookup)?;
            connection_test::transcriber(model).await?
        }
        "speaking" => {
            let model = ports.speech_connection_test.synthesizer(&lookup)?;
            connection_test::synthesizer(model).await?
        }
        _ => {
            let count = connection_test::index(ports.index_connection_test.index(&lookup)?).await?;
            return Ok(t("models.counted").replace("{count}", &count.to_string()));
        }
    };
    let template = match result.dimensions {
        Some(_) => t("models.embedded"),
        None => t("models.answered"),
    };
    let dimensions = result.dimensions.unwrap_or_default().to_string();
    let seconds = format!("{:.2}", result.seconds);
    let message = template.replace("{model}", &result.by).replace("{seconds}", &seconds);
    Ok(message.replace("{dimensions}", &dimensions))
}

/// Lists the models of the submitted provider, with the submitted or saved key. The list is empty
/// if the provider has none or does not answer.
pub async fn names(
    current_user: CurrentUser<role::Admin>,
    name: Path<String>,
    form: PageForm,
) -> PageResult {
    let selection = kind(&name)?;
    let kind = match selection.name {
        "language" => ModelKind::Language,
        "embedding" => ModelKind::Embedding,
        _ => return response::page(&current_user.request, &ModelNames { models: Vec::new() }),
    };
    let ports = current_user.ports();
    let mut submitted_values = changes(&ports.settings_store, &form.read().await?);
    // As a setting, the provider would require a model, which the user has yet to select from the
    // list.
    let selector = ports.settings_store.registry().by_variable(selection.variable);
    let provider = selector.and_then(|selector| submitted_values.remove(selector.name));
    let provider = provider.as_ref().and_then(Value::as_str).map(str::to_owned);
    submitted_values.retain(|_, value| value != "");
    let list = ports.model_lists.list(kind, provider, &submitted_values).await;
    response::page(&current_user.request, &ModelNames { models: ModelRow::from_list(list) })
}
