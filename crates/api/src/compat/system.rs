//! `DELETE /api/v1/system/remove-documents`.
use actix_web::delete;
use actix_web::web::{Data, Json};
use carrel_domain::DocumentPath;
use carrel_services::Ports;
use serde_json::Value;

use super::JsonBody;
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::NoSuccess};
use crate::v1::system::wire::{DocumentsRemoved, RemoveDocuments};

/// Remove documents from the library and from every workspace.
///
/// Names of documents that do not exist are ignored.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = RemoveDocuments,
    responses((status = 200, body = DocumentsRemoved), ErrorResponse<NoSuccess>))]
#[delete("/system/remove-documents")]
pub async fn remove_documents(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<RemoveDocuments>,
) -> ApiResult<Json<DocumentsRemoved>, NoSuccess> {
    let paths = repair(body.read().await?).into_paths()?;
    ports.library.remove(paths, &caller.by()).await?;
    Ok(Json(DocumentsRemoved::done()))
}

fn repair(body: RemoveDocuments) -> RemoveDocuments {
    let names = body.names.map(|names| match names {
        // quirk(names-as-text): a string removes nothing and succeeds
        // native: `names` must be an array of `folder/file.json`
        // test: `bad_input::names_that_could_leave_the_library_are_refused`
        Value::String(_) => Value::Array(Vec::new()),
        // quirk(unknown-names): unknown names are ignored; those in `adds` are listed in
        // `failedToEmbed`
        // native: one wrong name refuses the call, in `names` as in `adds` and `deletes`
        // test: `jobs::malformed_paths_are_reported_to_existing_clients_like_unknown_ones`
        Value::Array(mut names) => {
            names.retain(|name| name.as_str().is_none_or(|name| DocumentPath::parse(name).is_ok()));
            Value::Array(names)
        }
        names => names,
    });
    RemoveDocuments { names }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_names_are_ignored_and_other_values_are_refused() {
        let read = |names: Value| repair(RemoveDocuments { names: Some(names) }).into_paths();
        assert_eq!(read(json!("a/b.json")).unwrap(), []);
        assert_eq!(read(json!(["../x", "a/b.json"])).unwrap().len(), 1);
        assert!(read(json!([5])).is_err() && read(json!({})).is_err());
    }
}
