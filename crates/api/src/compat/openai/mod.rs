//! `/api/v1/openai/*`: OpenAI's protocol as existing clients know it.
mod answer;
mod body;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::model::Models;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspaces;
use carrel_services::chat::Conversations;
use carrel_services::images::ImageService;
use carrel_services::settings::SettingsStore;
use chrono::Utc;

use self::answer::{CompletionStream, Heading};
use super::Body;
use super::failure::openai::{NoImage, OpenAi};
use crate::caller::{Asker, Caller, Reader};
use crate::failure::{Answer, Failure};
use crate::read::{Order, Ordered, Params};
use crate::streaming::Listener;
use crate::v1::openai as native;
use crate::v1::openai::wire::answer::Completion;
use crate::v1::openai::wire::chat::CompletionBody;
use crate::v1::openai::wire::embeddings::{Embeddings, EmbeddingsBody};
use crate::v1::openai::wire::images::{self, ImageBody, ImageForm, Images};
use crate::v1::openai::wire::{Page, StoreParams, VectorStores};
use crate::wire::{Binary, ServerSentEvent};

/// List the workspaces as stores of vectors.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), params(StoreParams),
    responses((status = 200, body = VectorStores), Failure<OpenAi>))]
#[get("/openai/vector_stores")]
pub async fn list_vector_stores(
    caller: Caller<Reader>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    placements: Data<dyn WorkspaceDocuments>,
    settings: Data<SettingsStore>,
    params: Params<Vec<(String, String)>>,
) -> Answer<Json<VectorStores>, OpenAi> {
    // quirk(no-parts-of-lists): whoever sends any parameter gets an empty list
    // native: vector stores after another one, so many of them
    // test: `openai::the_other_mount_speaks_as_its_clients_know_it`
    if !request.query_string().is_empty() {
        return Ok(Json(VectorStores::none()));
    }
    let page = Page::read(&params.read()?)?;
    Ok(Json(native::stores(&caller, &**workspaces, &**placements, &settings, &page).await?))
}

/// Answer a conversation from a workspace's documents.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = CompletionBody,
    responses((status = 200, content((Completion = "application/json"), (ServerSentEvent = "text/event-stream"))), Failure<OpenAi>))]
#[post("/openai/chat/completions")]
pub async fn complete_chat(
    caller: Caller<Asker>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    index: Data<dyn VectorIndex>,
    conversations: Data<Conversations>,
    body: Body<CompletionBody>,
) -> Answer<HttpResponse, OpenAi> {
    let body = body::repaired(body.read().await?);
    let workspace = match native::asked(&caller, &**workspaces, &body.model()?).await? {
        Ok(workspace) => workspace,
        Err(refusal) => return Ok(refusal),
    };
    let (manner, mut question) = (body.manner()?, body.question()?);
    let is_empty = index.count(Some(workspace.id)).await? == 0;
    let heading = Heading::new(workspace.slug.to_string(), Utc::now().timestamp(), is_empty);
    if !manner.streams {
        let reply = conversations.ask(&workspace, question, &caller.by()).await?;
        return Ok(HttpResponse::Ok().json(heading.completion(reply)));
    }
    question.separates_reasoning = true;
    let listener = Listener::new(&request, &caller, &workspace)?;
    let pieces = conversations.stream(&workspace, question, &caller.by()).await?;
    let mut told = CompletionStream::new(heading);
    let tell = move |piece| told.tell(piece);
    Ok(native::chat::streamed(pieces, String::new(), tell, listener).await?)
}

/// Turn texts into vectors.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = EmbeddingsBody,
    responses((status = 200, body = Embeddings), Failure<OpenAi>))]
#[post("/openai/embeddings")]
pub async fn embed_texts(
    _caller: Caller<Asker>,
    models: Data<dyn Models>,
    body: Body<EmbeddingsBody>,
) -> Answer<Json<Embeddings>, OpenAi> {
    let body = body::repaired_texts(body.read().await?);
    Ok(Json(native::embeddings::embed(&**models, body).await?))
}

/// Have a picture made.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    request_body(content((ImageBody = "application/json"), (ImageForm = "multipart/form-data"))),
    responses((status = 200, content((Images = "application/json"), (inline(Binary) = "image/png"))), Failure<NoImage>))]
#[post("/openai/images/generations")]
pub async fn generate_image(
    _caller: Caller<Asker>,
    pictures: Data<ImageService>,
    order: Order,
) -> Answer<HttpResponse, NoImage> {
    if order.is_form() {
        pictures.ready()?;
    }
    let Ordered { mut body, references, files: _files } = order.read::<ImageBody, true>().await?;
    // quirk(any-format): whatever is not `blob` is `b64_json`; there is no `created`
    // native: `response_format` of a picture is `b64_json` or `blob`
    // test: `pictures::whatever_is_no_blob_is_base64_to_existing_clients`
    body.response_format = body.response_format.filter(|format| format == "blob");
    let format = body.format()?;
    let made = pictures.make(&body.wanted(references)?).await?;
    Ok(images::answer(made, format, None))
}
