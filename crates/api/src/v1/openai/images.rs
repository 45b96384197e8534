//! `POST /openai/images/generations`.
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use carrel_services::Ports;
use chrono::Utc;

use crate::authorized::{Authorized, scope};
use crate::error::openai::OpenAi;
use crate::error::{ApiResult, ErrorResponse};
use crate::read::{Order, Ordered};
use crate::v1::openai::wire::images as wire;
use crate::wire::Binary;

/// Generate an image.
///
/// Uses the provider in the setting `ImageGenerationProvider`. A form may contain reference images.
/// The image is kept for 30 days.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    request_body(content((wire::ImageBody = "application/json"), (wire::ImageForm = "multipart/form-data"))),
    responses((status = 200, content((wire::Images = "application/json"), (inline(Binary) = "image/png"))), ErrorResponse<OpenAi>))]
#[post("/openai/images/generations")]
pub async fn generate_image(
    _caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    order: Order,
) -> ApiResult<HttpResponse, OpenAi> {
    if order.is_form() {
        ports.images.check_available()?;
    }
    let Ordered { body, references, files: _files } =
        order.read::<wire::ImageBody, false>().await?;
    let format = body.format()?;
    let image = ports.images.generate(&body.into_request(references)?).await?;
    Ok(wire::answer(image, format, Some(Utc::now())))
}
