//! The session cookie, and the redirect to the sign-in page.
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HeaderMap};
use carrel_services::sign_in::SESSION_TTL;
use url::{Position, Url};

use carrel_http::csrf;

use crate::http::fragment::is_fragment;
use crate::http::redirect::segment;

/// Cookie with the session token; the API uses the same.
const NAME: &str = "carrel_session";

/// Returns the session token that the browser sent.
pub fn token(request: &HttpRequest) -> Option<&str> {
    cookie_value(request.headers(), NAME)
}

/// Returns the value of a cookie that the browser sent.
pub fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Returns the cookie that signs a browser in.
pub fn sign_in_cookie(request: &HttpRequest, token: &str) -> String {
    cookie(request, NAME, token, SESSION_TTL.num_seconds())
}

/// Returns the cookie that signs a browser out.
pub fn sign_out_cookie(request: &HttpRequest) -> String {
    cookie(request, NAME, "", 0)
}

/// Returns a cookie. It is restricted to encrypted connections if it was set over one, to this
/// server or to a proxy.
pub fn cookie(request: &HttpRequest, name: &str, value: &str, seconds: i64) -> String {
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// True if the browser followed a link on another site and therefore withheld the cookie.
pub fn is_cross_site(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    header("sec-fetch-site") == Some("cross-site") && header("sec-fetch-mode") == Some("navigate")
}

/// Returns the address of the sign-in page, which leads back to the requested or current page.
pub fn sign_in_address(request: &HttpRequest) -> String {
    match safe_next(&requested_page(request).unwrap_or_default()) {
        "/" => "/sign-in".to_owned(),
        next => format!("/sign-in?next={}", segment(next)),
    }
}

/// Returns the requested page. Form targets and script requests are not pages; the page they come
/// from is.
fn requested_page(request: &HttpRequest) -> Option<String> {
    if request.method() == Method::GET && !is_fragment(request.headers()) {
        return request.uri().path_and_query().map(ToString::to_string);
    }
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let page = Url::parse(header("hx-current-url").or_else(|| header("referer"))?).ok()?;
    let is_same_host = csrf::is_of(request.connection_info().host(), &page);
    is_same_host.then(|| page[Position::BeforePath..Position::AfterQuery].to_owned())
}

/// True if an address leads to a page of this server, however browsers interpret it.
pub fn is_local_address(address: &str) -> bool {
    address.starts_with('/')
        && !address.starts_with("//")
        // Headers contain only visible ASCII. Browsers drop or reinterpret some other characters.
        && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Returns the page after sign-in: always a page of this server.
pub fn safe_next(next: &str) -> &str {
    if is_local_address(next) { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn sign_in_never_leads_to_another_site() {
        assert_eq!(safe_next("/w/alpha?x=1"), "/w/alpha?x=1");
        for address in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/a\u{1}b",
            "/a\u{7f}b",
            "/a b",
            "/\u{e9}",
            "javascript:x",
        ] {
            assert_eq!(safe_next(address), "/", "{address}");
        }
    }

    #[test]
    fn sign_in_leads_to_a_page_and_never_to_a_form_target() {
        let fragment = ("hx-request", "true");
        let current_url = |page| ("hx-current-url", page);
        let page = "http://desk.example:3001/w/a?x=1#turn-3";
        for (method, headers, expected) in [
            (Method::GET, vec![], "/sign-in?next=%2Fw%2Fa%2Fask"),
            (Method::POST, vec![], "/sign-in"),
            (Method::POST, vec![("referer", page)], "/sign-in?next=%2Fw%2Fa%3Fx%3D1"),
            (Method::POST, vec![fragment, current_url(page)], "/sign-in?next=%2Fw%2Fa%3Fx%3D1"),
            (Method::GET, vec![fragment, current_url(page)], "/sign-in?next=%2Fw%2Fa%3Fx%3D1"),
            (Method::GET, vec![fragment], "/sign-in"),
            (Method::POST, vec![fragment, current_url("http://evil.example/w/a")], "/sign-in"),
            (Method::POST, vec![fragment, current_url("http://desk.example/w/a")], "/sign-in"),
            (
                Method::POST,
                vec![fragment, current_url("http://desk.example:3001//evil")],
                "/sign-in",
            ),
            (Method::POST, vec![fragment, current_url("data:text/html,x")], "/sign-in"),
        ] {
            let request = TestRequest::with_uri("/w/a/ask").method(method.clone());
            let request = request.insert_header(("host", "desk.example:3001"));
            let request =
                headers.iter().fold(request, |request, header| request.insert_header(*header));
            assert_eq!(
                sign_in_address(&request.to_http_request()),
                expected,
                "{method} {headers:?}"
            );
        }
    }
}
