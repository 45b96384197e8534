//! Redirects addresses of AnythingLLM's pages, which may be in bookmarks and mails after a
//! migration, to this server's pages.
use actix_web::HttpResponse;
use actix_web::web::{Path, ServiceConfig, get, resource};

use crate::http::response::{redirect_to, segment};

/// Settings pages of AnythingLLM, and the corresponding pages of this server.
const SETTINGS: &[(&str, &str)] = &[
    ("api-keys", "/admin/keys"),
    ("appearance", "/admin/appearance"),
    ("branding", "/admin/appearance"),
    ("chat", "/admin/settings"),
    ("default-system-prompt", "/admin/appearance"),
    ("embedding-preference", "/admin/models/embedding"),
    ("event-logs", "/admin/audit"),
    ("interface", "/admin/appearance"),
    ("invites", "/admin/invites"),
    ("llm-preference", "/admin/models/language"),
    ("security", "/account"),
    ("system-prompt-variables", "/admin/variables"),
    ("text-splitter-preference", "/admin/settings"),
    ("users", "/admin/users"),
    ("vector-database", "/admin/models/vectors"),
    ("workspace-chats", "/admin/chats"),
    ("workspaces", "/"),
];

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(resource(["/login", "/onboarding", "/onboarding/{step:.*}"]).get(sign_in))
        .route("/accept-invite/{code}", get().to(invite))
        .route("/workspace/{slug}", get().to(workspace))
        .route("/workspace/{slug}/t/{thread}", get().to(thread))
        .route("/workspace/{slug}/settings/{page:.*}", get().to(workspace_settings))
        .service(resource(["/settings", "/settings/{page:.*}"]).get(settings));
}

async fn sign_in() -> HttpResponse {
    redirect_to("/sign-in")
}

async fn invite(code: Path<String>) -> HttpResponse {
    redirect_to(&format!("/invite/{}", segment(&code)))
}

async fn workspace(slug: Path<String>) -> HttpResponse {
    redirect_to(&format!("/w/{}", segment(&slug)))
}

async fn thread(path: Path<(String, String)>) -> HttpResponse {
    let (slug, thread) = path.into_inner();
    redirect_to(&format!("/w/{}/t/{}", segment(&slug), segment(&thread)))
}

async fn workspace_settings(path: Path<(String, String)>) -> HttpResponse {
    let (slug, page) = path.into_inner();
    let page = if page == "members" { "members" } else { "settings" };
    redirect_to(&format!("/w/{}/{page}", segment(&slug)))
}

async fn settings(request: actix_web::HttpRequest) -> HttpResponse {
    let page = request.match_info().get("page").unwrap_or_default();
    let first = page.split('/').next().unwrap_or_default();
    let entry = SETTINGS.iter().find(|(name, _)| *name == first);
    redirect_to(entry.map_or("/admin", |(_, address)| address))
}
