//! `/api/browser-extension/*`: the operations of the published browser extension. It has its own
//! kind of key, which gives access to nothing else.
use carrel_services::Ports;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use carrel_domain::audit::By;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result, WorkspaceId};
use carrel_http::status::status_of;
use carrel_services::extension_keys::{self, KeyHolder};
use carrel_services::ingestion::{Indexing, RawText};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};

use super::JsonBody;
use crate::authorized::address;
use crate::error::ApiError;
use crate::state;
use crate::widget;

/// The path of the extension's routes.
const PUBLIC: &str = "/api/browser-extension";

/// The title of a page without one.
const UNTITLED: &str = "Web page";

const FORBIDDEN: &str = "The user of this key may not add documents.";

pub fn routes(config: &mut ServiceConfig) {
    // Extensions run on pages of every site. These routes read no cookie.
    let scope = web::scope(PUBLIC)
        .wrap(widget::cors())
        .route("/check", web::get().to(check))
        .route("/disconnect", web::delete().to(disconnect))
        .route("/workspaces", web::get().to(list_workspaces))
        .route("/embed-content", web::post().to(embed_content))
        .route("/upload-content", web::post().to(upload_content));
    config.service(scope);
}

/// An extension with a valid key.
struct Extension {
    holder: KeyHolder,
    request: HttpRequest,
}

impl FromRequest for Extension {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let holder = holder(&request).await.map_err(ApiError::plain)?;
            let holder = holder.ok_or(ApiError::InvalidApiKey)?;
            Ok(Self { holder, request })
        })
    }
}

async fn holder(request: &HttpRequest) -> Result<Option<KeyHolder>> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, secret)) = header.and_then(|header| header.split_once(' ')) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let ports = state::ports(request)?;
    let is_multi_user = ports.multi_user.is_on().await?;
    extension_keys::holder(&*ports.extension_keys, secret.trim(), is_multi_user).await
}

impl Extension {
    fn by(&self) -> By {
        By { actor: self.holder.actor(), address: address(&self.request), at: Utc::now() }
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let ports = state::ports(&self.request)?;
        self.holder.workspaces(&*ports.workspaces, &*ports.members).await
    }

    /// Adds a page to the library and to the given workspaces.
    async fn add(&self, content: Content, into: Vec<Workspace>) -> Result<HttpResponse> {
        if !self.holder.can_add() {
            return Ok(failure(StatusCode::FORBIDDEN, FORBIDDEN));
        }
        let ports = state::ports(&self.request)?;
        let raw = content.into_text()?;
        ports.ingestion.add_text(raw, into, Indexing::Refuse, &self.by()).await?;
        Ok(HttpResponse::Ok().json(json!({ "success": true, "error": null })))
    }
}

#[derive(Deserialize)]
struct Content {
    #[serde(default, rename = "workspaceId")]
    workspace: Value,
    #[serde(default, rename = "textContent")]
    text: Value,
    #[serde(default)]
    metadata: Value,
}

impl Content {
    /// Returns the workspace's id, which may be a number or text.
    fn workspace(&self) -> Option<WorkspaceId> {
        let id = match &self.workspace {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_i64().and_then(|id| i32::try_from(id).ok()),
        };
        id.map(WorkspaceId)
    }

    fn into_text(self) -> Result<RawText> {
        let text = self.text.as_str().unwrap_or_default().to_owned();
        if text.trim().is_empty() {
            return Err(Error::invalid("textContent", "must hold text"));
        }
        let field = |name: &str| {
            let value = self.metadata[name].as_str().map(str::trim);
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let url = field("url");
        Ok(RawText {
            title: field("title").or_else(|| url.clone()).unwrap_or_else(|| UNTITLED.to_owned()),
            text,
            url,
            author: field("docAuthor"),
            description: field("description"),
            source: field("docSource"),
            chunk_source: field("chunkSource"),
            ..RawText::default()
        })
    }
}

fn failure(status: StatusCode, error: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "success": false, "error": error }))
}

/// Returns the response, or the error in the form that extensions read.
fn answer(result: Result<HttpResponse>) -> HttpResponse {
    result.unwrap_or_else(|error| {
        let status = status_of(&error);
        if status.is_server_error() {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "failed to serve a browser \
                 extension"
            );
        }
        failure(status, &error.to_string())
    })
}

fn workspace_rows(workspaces: Vec<Workspace>) -> Vec<Value> {
    let workspaces = workspaces.into_iter().map(|workspace| {
        let (id, slug) = (workspace.id.0, workspace.slug.as_str().to_owned());
        json!({ "id": id, "name": workspace.settings.name, "slug": slug })
    });
    workspaces.collect()
}

async fn check(extension: Extension) -> HttpResponse {
    answer(extension.workspaces().await.map(|workspaces| {
        HttpResponse::Ok().json(json!({
            "connected": true,
            "workspaces": workspace_rows(workspaces),
            "apiKeyId": extension.holder.key.0,
        }))
    }))
}

async fn list_workspaces(extension: Extension) -> HttpResponse {
    let workspaces = extension.workspaces().await;
    answer(workspaces.map(|workspaces| {
        HttpResponse::Ok().json(json!({ "workspaces": workspace_rows(workspaces) }))
    }))
}

/// Deletes the key of the extension.
async fn disconnect(extension: Extension, ports: Data<Ports>) -> HttpResponse {
    let result =
        extension_keys::delete(&*ports.extension_keys, extension.holder.key, &extension.by()).await;
    answer(result.map(|()| HttpResponse::Ok().json(json!({ "success": true, "error": null }))))
}

async fn embed_content(extension: Extension, body: JsonBody<Content>) -> HttpResponse {
    let embed = async {
        let content: Content = body.read().await?;
        let id = content.workspace();
        let into = extension.workspaces().await?.into_iter();
        let into: Vec<_> = into.filter(|workspace| Some(workspace.id) == id).collect();
        match into.is_empty() {
            true => Ok(failure(StatusCode::NOT_FOUND, "Workspace not found")),
            false => extension.add(content, into).await,
        }
    };
    answer(embed.await)
}

async fn upload_content(extension: Extension, body: JsonBody<Content>) -> HttpResponse {
    let upload = async { extension.add(body.read().await?, Vec::new()).await };
    answer(upload.await)
}
