//! The browser interface: server-rendered pages, forms that work without scripts, and streamed
//! answers for browsers with scripts. It uses the same services as the API and contains no business
//! logic.
mod http;
mod live;
mod pages;
mod session;
mod site;
mod view;
mod widget;

use actix_web::guard;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, scope, to};

pub use site::{Options, Site};

/// First path segments that belong to the API, the chat widget and monitoring.
const RESERVED_SEGMENTS: [&str; 5] = ["v1", "api", "embed", "metrics", "health"];

/// Registers all pages. Paths of the API are left to services that are registered later.
pub fn configure(site: Data<Site>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        widget::configure(config, &site);
        let page_guard = guard::fn_guard(|request| is_page_path(request.head().uri.path()));
        let pages = scope("")
            .guard(page_guard)
            .wrap(from_fn(http::middleware::handle))
            .app_data(site)
            .configure(pages::configure)
            .default_service(to(pages::not_found));
        config.service(pages);
    }
}

fn is_page_path(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !RESERVED_SEGMENTS.iter().any(|name| first.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_page_path;

    #[test]
    fn the_api_keeps_its_paths() {
        for path in ["/", "/sign-in", "/w/v1", "/apiary", "/v10"] {
            assert!(is_page_path(path), "{path}");
        }
        for path in ["/v1", "/v1/", "/v1/nope", "/api/v1/auth", "/API/V1/AUTH", "//api/x"] {
            assert!(!is_page_path(path), "{path}");
        }
    }
}
