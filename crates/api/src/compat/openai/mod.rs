//! OpenAI's protocol as existing clients of `/api/v1/openai/*` use it.
mod answer;
mod body;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_services::Ports;
use chrono::Utc;

use self::answer::{CompletionStream, Heading};
use super::JsonBody;
use super::error::openai::{NoImage, OpenAi};
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse};
use crate::read::{Order, Ordered, Params};
use crate::streaming::Listener;
use crate::v1::openai as native;
use crate::v1::openai::wire::answer::Completion;
use crate::v1::openai::wire::chat::CompletionBody;
use crate::v1::openai::wire::embeddings::{Embeddings, EmbeddingsBody};
use crate::v1::openai::wire::images::{self, ImageBody, ImageForm, Images};
use crate::v1::openai::wire::{StorePage, StoreParams, VectorStores};
use crate::wire::{Binary, ServerSentEvent};

/// List the workspaces as vector stores.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), params(StoreParams),
    responses((status = 200, body = VectorStores), ErrorResponse<OpenAi>))]
#[get("/openai/vector_stores")]
pub async fn list_vector_stores(
    caller: Authorized<scope::Read>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<VectorStores>, OpenAi> {
    // quirk(no-parts-of-lists): a request with any parameter gets an empty list
    // native: `after` and `limit` select a page of vector stores
    // test: `openai::the_other_mount_responds_as_its_clients_expect`
    if !request.query_string().is_empty() {
        return Ok(Json(VectorStores::none()));
    }
    let page = StorePage::read(&params.read()?)?;
    Ok(Json(
        native::stores(
            &caller,
            &*ports.workspaces,
            &*ports.workspace_documents,
            &ports.settings_store,
            &page,
        )
        .await?,
    ))
}

/// Answer a conversation from the documents of a workspace.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = CompletionBody,
    responses((status = 200, content((Completion = "application/json"), (ServerSentEvent = "text/event-stream"))), ErrorResponse<OpenAi>))]
#[post("/openai/chat/completions")]
pub async fn complete_chat(
    caller: Authorized<scope::Chat>,
    request: HttpRequest,
    ports: Data<Ports>,
    body: JsonBody<CompletionBody>,
) -> ApiResult<HttpResponse, OpenAi> {
    let body = body::repair_body(body.read().await?);
    let workspace =
        match native::requested_workspace(&caller, &*ports.workspaces, &body.model()?).await? {
            Ok(workspace) => workspace,
            Err(refusal) => return Ok(refusal),
        };
    let (manner, mut question) = (body.manner()?, body.question()?);
    let is_empty = ports.index.count(Some(workspace.id)).await? == 0;
    let heading = Heading::new(workspace.slug.to_string(), Utc::now().timestamp(), is_empty);
    if !manner.streams {
        let reply = ports.conversations.ask(&workspace, question, &caller.by()).await?;
        return Ok(HttpResponse::Ok().json(heading.completion(reply)));
    }
    question.separates_reasoning = true;
    let listener = Listener::new(&request, &caller, &workspace)?;
    let events = ports.conversations.stream(&workspace, question, &caller.by()).await?;
    let mut completion = CompletionStream::new(heading);
    let encode = move |event| completion.encode(event);
    Ok(native::chat::streamed(events, String::new(), encode, listener).await?)
}

/// Embed texts.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = EmbeddingsBody,
    responses((status = 200, body = Embeddings), ErrorResponse<OpenAi>))]
#[post("/openai/embeddings")]
pub async fn embed_texts(
    _caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    body: JsonBody<EmbeddingsBody>,
) -> ApiResult<Json<Embeddings>, OpenAi> {
    let body = body::repair_texts(body.read().await?);
    Ok(Json(native::embeddings::embed(&*ports.models, body).await?))
}

/// Generate an image.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    request_body(content((ImageBody = "application/json"), (ImageForm = "multipart/form-data"))),
    responses((status = 200, content((Images = "application/json"), (inline(Binary) = "image/png"))), ErrorResponse<NoImage>))]
#[post("/openai/images/generations")]
pub async fn generate_image(
    _caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    order: Order,
) -> ApiResult<HttpResponse, NoImage> {
    if order.is_form() {
        ports.images.check_available()?;
    }
    let Ordered { mut body, references, files: _files } = order.read::<ImageBody, true>().await?;
    // quirk(any-format): any value other than `blob` means `b64_json`; there is no `created`
    // native: `response_format` of an image is `b64_json` or `blob`
    // test: `pictures::any_other_response_format_is_base64_to_existing_clients`
    body.response_format = body.response_format.filter(|format| format == "blob");
    let format = body.format()?;
    let image = ports.images.generate(&body.into_request(references)?).await?;
    Ok(images::answer(image, format, None))
}
