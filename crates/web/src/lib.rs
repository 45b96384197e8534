//! The browser interface: pages made on the server, forms that work without scripts, answers that
//! stream where there are some. Over the same services as the API; decides nothing itself.
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

/// First parts of paths that belong to the API, to what is embedded elsewhere and to who watches the server.
const NOT_OURS: [&str; 5] = ["v1", "api", "embed", "metrics", "health"];

/// Registers every page. Paths of the API are left to whoever is registered next.
pub fn configure(site: Data<Site>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        widget::configure(config, &site);
        let ours = guard::fn_guard(|request| is_ours(request.head().uri.path()));
        let pages = scope("")
            .guard(ours)
            .wrap(from_fn(http::middleware::handle))
            .app_data(site)
            .configure(pages::configure)
            .default_service(to(pages::nowhere));
        config.service(pages);
    }
}

fn is_ours(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !NOT_OURS.iter().any(|name| first.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn the_api_keeps_its_paths() {
        for path in ["/", "/sign-in", "/w/v1", "/apiary", "/v10"] {
            assert!(is_ours(path), "{path}");
        }
        for path in ["/v1", "/v1/", "/v1/nope", "/api/v1/auth", "/API/V1/AUTH", "//api/x"] {
            assert!(!is_ours(path), "{path}");
        }
    }
}
