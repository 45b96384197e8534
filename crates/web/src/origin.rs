//! Whether a change comes from a page of this server. The session's cookie is not sent along from
//! elsewhere anyway (`SameSite=Strict`); this is the second lock.
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::ORIGIN;
use url::Url;

/// Reading changes nothing; all else must say that it comes from here.
pub fn is_trusted(request: &ServiceRequest) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        return true;
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    // Browsers leave it out where the connection is neither encrypted nor local.
    if let Some(site) = header("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = header(ORIGIN.as_str()).and_then(|origin| Url::parse(origin).ok());
    let host = request.connection_info().host().to_owned();
    origin.is_some_and(|origin| is_of(&host, &origin))
}

/// Whether an address is of the host that a request came to.
pub fn is_of(host: &str, address: &Url) -> bool {
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    address.host_str().is_some_and(|name| format!("{name}{port}") == without_usual_port(host))
}

/// A browser leaves the usual port out of an origin, and a proxy may have added it to the host.
fn without_usual_port(host: &str) -> &str {
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
        is_trusted(&request.to_srv_request())
    }

    #[test]
    fn changes_come_from_pages_of_this_server_only() {
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
