//! The cookie of a session, and where somebody goes who has none.
use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;
use carrel_services::sign_in::SESSION;

use crate::reply::segment;

/// Holds the token of a session; the same as the API's.
const NAME: &str = "carrel_session";

/// The token that a browser sent.
pub fn token(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get_all(COOKIE).filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// The cookie that signs a browser in.
pub fn open(request: &HttpRequest, token: &str) -> String {
    cookie(request, token, SESSION.num_seconds())
}

/// The cookie that signs a browser out.
pub fn closed(request: &HttpRequest) -> String {
    cookie(request, "", 0)
}

/// It stays on encrypted connections if it was given over one, to this server or to a proxy.
fn cookie(request: &HttpRequest, token: &str, seconds: i64) -> String {
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    format!("{NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Whether a link elsewhere led here, so that the browser kept the cookie back.
pub fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    header("sec-fetch-site") == Some("cross-site") && header("sec-fetch-mode") == Some("navigate")
}

/// The sign-in page, which leads back to where somebody wanted to go.
pub fn sign_in(request: &HttpRequest) -> String {
    match request.uri().path_and_query() {
        Some(to) if to.as_str() != "/" => format!("/sign-in?next={}", segment(to.as_str())),
        _ => "/sign-in".to_owned(),
    }
}

/// Where to go after signing in: a page of this server, whatever the address said.
pub fn safe_next(next: &str) -> &str {
    let own =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\n', '\r']);
    if own { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn signing_in_never_leads_elsewhere() {
        assert_eq!(safe_next("/w/alpha?x=1"), "/w/alpha?x=1");
        for bad in ["", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"]
        {
            assert_eq!(safe_next(bad), "/", "{bad}");
        }
    }
}
