//! Uploads at `/api/v1/document/*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, post};
use carrel_domain::Result;
use carrel_services::Ports;
use serde_json::Value;

use crate::authorized::{Authorized, scope};
use crate::compat::error::documents::{NoDocuments, NoLink};
use crate::compat::{JsonBody, names};
use crate::error::{ApiResult, ErrorResponse};
use crate::read::{MultipartForm, Params, ReceivedUpload};
use crate::v1::documents::added::DocumentsAdded;
use crate::v1::documents::incoming::{AnswerQuery, LinkBody, RawTextBody, UploadForm};
use crate::v1::documents::uploads;

/// Upload a file.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(AnswerQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/upload")]
pub async fn upload_document(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<AnswerQuery>,
    form: MultipartForm,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let query = params.read()?;
    let upload = read(form).await?;
    let added = uploads::add_file(&ports, &caller, &request, upload, None, names::added).await?;
    Ok(Json(query.apply(added)))
}

/// Upload a file into a folder.
///
/// The folder is created if it does not exist.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(AnswerQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/upload/{folderName}")]
pub async fn upload_into_folder(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    name: Path<String>,
    params: Params<AnswerQuery>,
    form: MultipartForm,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let folder = super::folders::parse(&name)?;
    let query = params.read()?;
    let upload = read(form).await?;
    let added =
        uploads::add_file(&ports, &caller, &request, upload, Some(folder), names::added).await?;
    Ok(Json(query.apply(added)))
}

async fn read(form: MultipartForm) -> Result<ReceivedUpload> {
    let upload = form.read().await?;
    Ok(ReceivedUpload { name: last_part(&upload.name), ..upload })
}

/// Returns the last path segment of a file name.
// quirk(safe-names)
fn last_part(name: &str) -> String {
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Add a text.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(AnswerQuery),
    request_body = RawTextBody,
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/raw-text")]
pub async fn add_raw_text(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<AnswerQuery>,
    body: JsonBody<RawTextBody>,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let query = params.read()?;
    let (body, digest) = body.read_whole().await?;
    // quirk(blank-text): it is accepted
    // native: a text of white space only is refused
    // test: `cargo xtask conformance`
    let (raw, slugs) = body.into_text(digest)?;
    let added =
        uploads::add_text(&ports, &caller, &request, raw, slugs, digest, names::added).await?;
    Ok(Json(query.apply(added)))
}

/// Add a web page.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(AnswerQuery),
    request_body = LinkBody,
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoLink>))]
#[post("/document/upload-link")]
pub async fn upload_link(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<AnswerQuery>,
    body: JsonBody<LinkBody>,
) -> ApiResult<Json<DocumentsAdded>, NoLink> {
    let query = params.read()?;
    let (mut body, digest) = body.read_whole().await?;
    body.scraper_headers = body.scraper_headers.and_then(texts);
    let (mut link, slugs) = body.into_request()?;
    // quirk(error-pages): it is added like any page
    // native: a page with an error status is refused
    // test: `providers::links` (unit test)
    link.take_errors = true;
    let added =
        uploads::add_link(&ports, &caller, &request, link, slugs, digest, names::added).await?;
    Ok(Json(query.apply(added)))
}

/// Keeps the headers whose value is a non-empty string.
// quirk(odd-headers): values that are not strings are dropped
// native: `scraperHeaders` is an object of strings
// test: `cargo xtask conformance`
fn texts(headers: Value) -> Option<Value> {
    let Value::Object(mut headers) = headers else { return None };
    headers.retain(|name, value| {
        let says_something = |value: &str| !name.trim().is_empty() && !value.trim().is_empty();
        value.as_str().is_some_and(says_something)
    });
    Some(Value::Object(headers))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn file_names_cannot_leave_the_library() {
        assert_eq!(last_part("../../evil.txt"), "evil.txt");
        assert_eq!(last_part("evil.txt"), "evil.txt");
    }

    #[test]
    fn headers_that_are_not_strings_are_left_out() {
        let headers = json!({ "a": "x", "b": 5, "": "x", "c": " " });
        assert_eq!(texts(headers), Some(json!({ "a": "x" })));
        assert_eq!(texts(json!([1])), None);
    }
}
