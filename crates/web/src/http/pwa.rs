//! Makes the pages an installable application: a manifest, icons, and a service worker that shows
//! an offline page when the server cannot be reached.
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use askama::Template;
use serde_json::json;

use crate::http::assets;
use crate::http::response::{self, PageResult};
use crate::session::current_user::OptionalUser;
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::language;

/// The assets of the offline page.
const CACHED_ASSETS: [&str; 5] = ["app.css", "latin.woff2", "theme.js", "app.js", "mark.svg"];

/// Size and purpose of the icons.
const ICONS: [(&str, &str, &str); 3] = [
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("maskable-512.png", "512x512", "maskable"),
];

pub async fn manifest(visitor: OptionalUser) -> PageResult {
    let brand = visitor.site.brand().await?;
    let language = language::current();
    let icon = |(name, sizes, purpose): (&str, &str, &str)| json!({ "src": assets::address(name), "sizes": sizes, "type": "image/png", "purpose": purpose });
    let manifest = json!({
        "id": "/",
        "name": brand.name,
        "short_name": brand.name,
        "lang": language.code,
        "dir": language.direction(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#faf9f6",
        "theme_color": "#14604c",
        "icons": ICONS.map(icon),
    });
    Ok(HttpResponse::Ok()
        .content_type("application/manifest+json")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(manifest.to_string()))
}

/// The script with the addresses of this version's assets. The script of another version differs,
/// so browsers replace their cached files after an update.
static SERVICE_WORKER: LazyLock<String> = LazyLock::new(|| {
    let addresses = json!(CACHED_ASSETS.map(assets::address)).to_string();
    let version = assets::digest(addresses.as_bytes());
    let script = include_str!("../../assets/pwa/service-worker.js");
    script.replace("%NEEDED%", &addresses).replace("%VERSION%", &version)
});

pub async fn service_worker() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(SERVICE_WORKER.as_str())
}

#[derive(Template)]
#[template(path = "offline.html")]
struct OfflinePage {
    brand: Brand,
}

/// Shows the offline page, which the service worker caches. It contains no personal data.
pub async fn offline(visitor: OptionalUser) -> PageResult {
    let brand = visitor.site.brand().await?;
    response::page(&visitor.request, &OfflinePage { brand })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_worker_caches_one_page_and_its_assets() {
        for name in CACHED_ASSETS {
            assert!(SERVICE_WORKER.contains(&assets::address(name)), "{name}");
        }
        assert!(!SERVICE_WORKER.contains('%'));
        assert_eq!(SERVICE_WORKER.matches("addAll").count(), 1);
        assert!(!SERVICE_WORKER.contains(".put("));
        for (name, ..) in ICONS {
            assert_ne!(assets::address(name), format!("/assets/{name}"), "{name} is not there");
        }
    }
}
