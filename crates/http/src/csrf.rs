//! Protection against cross-site request forgery: checks whether a page of this server sent a
//! change.
//!
//! Session cookies are `SameSite=Strict`; this check is a second line of defense.
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::ORIGIN;
use url::Url;

/// True if a request may use its session cookie. Read methods are always allowed; any other method
/// must come from this origin.
pub fn is_trusted(request: &HttpRequest) -> bool {
    let is_reading = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    is_reading || is_from_here(request)
}

/// True if the browser's headers say that a page of this origin sent the request.
pub fn is_from_here(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    // Browsers omit this header on connections that are neither encrypted nor local.
    if let Some(site) = header("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = header(ORIGIN.as_str()).and_then(|origin| Url::parse(origin).ok());
    let host = request.connection_info().host().to_owned();
    origin.is_some_and(|origin| is_of(&host, &origin))
}

/// True if the browser's headers say that a page of another origin sent this change. Other programs
/// send no such headers.
pub fn is_foreign(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let is_browser = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    is_browser && !is_trusted(request)
}

/// Like [`is_foreign`], for read requests that have an effect.
pub fn is_read_from_elsewhere(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let is_browser = headers.contains_key(ORIGIN) || site.is_some_and(|site| site != "none");
    is_browser && !is_from_here(request)
}

/// True if the browser opens the URL as a page; false if a script fetches it.
pub fn is_navigation(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    header("sec-fetch-mode") == Some("navigate")
        || header("accept").is_some_and(|accept| accept.contains("text/html"))
}

/// True if a URL has the host to which the request was sent.
pub fn is_of(host: &str, address: &Url) -> bool {
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    address.host_str().is_some_and(|name| format!("{name}{port}") == without_default_port(host))
}

/// Browsers omit the default port from an origin; proxies may add it to the host.
fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn trusted(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let request = TestRequest::default().method(method);
        let request =
            headers.iter().fold(request, |request, header| request.insert_header(*header));
        is_trusted(&request.to_http_request())
    }

    #[test]
    fn requests_of_programs_are_not_foreign() {
        let foreign = |headers: &[(&'static str, &'static str)]| {
            let request = TestRequest::default().method(Method::POST);
            let request =
                headers.iter().fold(request, |request, header| request.insert_header(*header));
            is_foreign(&request.to_http_request())
        };
        let host = ("host", "desk.example");
        assert!(!foreign(&[host]));
        assert!(!foreign(&[host, ("origin", "http://desk.example")]));
        assert!(foreign(&[host, ("origin", "http://evil.example")]));
        assert!(foreign(&[host, ("origin", "null")]));
        assert!(foreign(&[host, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn only_pages_of_this_server_may_send_changes() {
        let host = ("host", "desk.example:3001");
        assert!(trusted(Method::GET, &[host, ("origin", "https://evil.example")]));
        assert!(trusted(Method::POST, &[host, ("origin", "http://desk.example:3001")]));
        assert!(trusted(Method::POST, &[host, ("sec-fetch-site", "same-origin")]));
        assert!(trusted(
            Method::POST,
            &[("host", "desk.example:443"), ("origin", "https://desk.example")]
        ));
        assert!(trusted(
            Method::POST,
            &[
                ("host", "127.0.0.1:3001"),
                ("x-forwarded-host", "desk.example"),
                ("origin", "https://desk.example")
            ]
        ));
        for headers in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "http://desk.example:3002")],
            &[host, ("origin", "http://desk.example")],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "http://desk.example:3001")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(!trusted(Method::POST, headers), "{headers:?}");
            assert!(!trusted(Method::DELETE, headers), "{headers:?}");
        }
    }
}
