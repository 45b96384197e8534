//! `POST /openai/images/generations`
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use carrel_services::images::ImageService;
use chrono::Utc;

use crate::caller::{Asker, Caller};
use crate::failure::openai::NoImage;
use crate::failure::{Answer, Failure};
use crate::mount::Mount;
use crate::read::{Order, Ordered};
use crate::v1::openai::wire::images as wire;
use crate::wire::Binary;

/// Have a picture made.
///
/// By the provider that the settings name (`ImageGenerationProvider`). A form may bring pictures to go
/// by. The picture is kept for 30 days.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    request_body(content((wire::ImageBody = "application/json"), (wire::ImageForm = "multipart/form-data"))),
    responses((status = 200, content((wire::Images = "application/json"), (inline(Binary) = "image/png"))), Failure<NoImage>))]
#[post("/openai/images/generations")]
pub async fn generate_image(
    _caller: Caller<Asker>,
    request: HttpRequest,
    pictures: Data<ImageService>,
    order: Order,
) -> Answer<HttpResponse, NoImage> {
    if order.is_form() {
        pictures.ready()?;
    }
    let (mount, order) = (Mount::of(&request), order.read::<wire::ImageBody>().await?);
    let Ordered { body, references, files: _files } = order;
    let format = body.format(mount)?;
    let made = pictures.make(&body.wanted(references)?).await?;
    Ok(wire::answer(made, format, mount, Utc::now()))
}
