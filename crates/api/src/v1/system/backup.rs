//! `/v1/system/backup`.
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType,
};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, post};
use carrel_services::Ports;
use carrel_services::admission::download_while_admitted;
use carrel_services::backup::Secrets;
use chrono::Utc;
use futures_util::TryStreamExt;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::streaming::Holder;
use crate::wire::Binary;

/// Back up the server as one archive while it keeps running.
///
/// Returns a tar file of the database as it is now and of every file that cannot be recreated, with
/// their SHA-256 digests at the end. `carrel restore` turns it into a storage directory. The
/// archive does not contain the secret key that decrypts the secrets in the database. Only one
/// backup runs at a time. If the API key becomes invalid, the archive breaks off within a few
/// seconds.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, description = "The archive.", content_type = "application/x-tar", body = inline(Binary)), ErrorResponse<Plain>))]
#[post("/system/backup")]
pub async fn back_up(
    caller: Authorized<scope::Admin>,
    request: HttpRequest,
    ports: Data<Ports>,
) -> ApiResult<HttpResponse> {
    let holder = Holder::new(&request, &caller)?;
    let staged = ports.backups.stage(Secrets::Excluded, &caller.by()).await?;
    let name = format!("carrel-{}.tar", Utc::now().format("%Y-%m-%dT%H-%M-%SZ"));
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    let mut response = HttpResponse::Ok();
    response.content_type("application/x-tar").insert_header((CONTENT_DISPOSITION, disposition));
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(response
        .streaming(download_while_admitted(staged.into_stream().map_ok(Bytes::from), holder)))
}
