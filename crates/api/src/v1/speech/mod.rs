//! `/audio/voices`, `/audio/models` and `/workspace/{slug}/chat/{id}/speech`
mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use carrel_domain::Error;
use carrel_http::sound;
use carrel_services::{Ports, record};

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::NoChat};
use crate::read::Params;
use crate::v1::chat_edits::wire::chat_id;
use crate::wire::Binary;

/// List the voices for speech.
#[utoipa::path(tag = "Speech", security(("api_key" = [])),
    responses((status = 200, body = wire::Voices), ErrorResponse<crate::error::Plain>))]
#[get("/audio/voices")]
pub async fn list_voices(
    _caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::Voices>> {
    let model = ports.speech.synthesis_model()?;
    let (voices, formats) = ports.speech.voices().await?;
    Ok(Json(wire::Voices::of(model, voices, &formats)))
}

/// List the models for transcription and speech.
///
/// Models that are not configured are left out.
#[utoipa::path(tag = "Speech", security(("api_key" = [])),
    responses((status = 200, body = wire::SpeechModelList), ErrorResponse<crate::error::Plain>))]
#[get("/audio/models")]
pub async fn list_speech_models(
    _caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::SpeechModelList>> {
    Ok(Json(wire::SpeechModelList::of(
        ports.speech.transcription_model().ok(),
        ports.speech.synthesis_model().ok(),
    )))
}

/// Read an answer aloud.
///
/// Markdown and citations are left out. The first response is sent while the audio is made. Then
/// the audio is kept for 30 days and supports `Range` requests. An answer may have at most 50,000
/// characters.
#[utoipa::path(tag = "Speech", security(("api_key" = [])), params(wire::SpeechQuery),
    responses((status = 200, description = "The sound", content_type = "audio/mpeg", body = inline(Binary)),
        (status = 206, description = "The requested range of the audio."),
        (status = 416, description = "The range lies outside the audio."), ErrorResponse<NoChat>))]
#[get("/workspace/{slug}/chat/{id}/speech")]
pub async fn read_answer_aloud(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    request: HttpRequest,
    path: Path<(String, String)>,
    params: Params<wire::SpeechQuery>,
) -> ApiResult<HttpResponse, NoChat> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let id = chat_id(&path.1)?;
    let options = params.read()?.into_request()?;
    let chat = ports.chat_edits.chat(workspace.id, id).await?;
    let chat = chat.ok_or_else(|| Error::not_found("chat", &path.1))?;
    let answer = record::text_of(&chat.response).unwrap_or_default();
    let audio = ports.speech.read_aloud(&answer, options, &caller.by()).await?;
    Ok(sound::spoken(audio, &request).await?)
}
