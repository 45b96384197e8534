//! Normalizes requests below `/api` to the form that the router and the guards expect.
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};

use super::{ROOT, spelling};

/// Corrects the path, then the `Authorization` header.
pub fn correct(request: &mut ServiceRequest) {
    spelling::correct(request);
    if request.path().starts_with(ROOT) {
        correct_key(request);
    }
}

/// Ignores the scheme, drops whatever follows the key, and uses the first of two headers.
// quirk(any-scheme): any scheme before the key is accepted; the first of two headers counts
// native: `Authorization: Bearer <key>` only, given once
// test: `protocol::both_mounts_confirm_a_valid_key`
fn correct_key(request: &mut ServiceRequest) {
    let Some(header_sent) = request.headers().get(AUTHORIZATION).cloned() else { return };
    let key = || Some(header_sent.to_str().ok()?.split_once(' ')?.1.split(' ').next()?.to_owned());
    let bearer = |key: String| HeaderValue::from_str(&format!("Bearer {key}")).ok();
    let header = key().and_then(bearer).unwrap_or_else(|| header_sent.clone());
    request.headers_mut().insert(AUTHORIZATION, header);
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn corrected_headers(path: &str, headers: &[&'static str]) -> Vec<String> {
        let request = TestRequest::with_uri(path);
        let add = |request: TestRequest, header: &&'static str| {
            request.append_header((AUTHORIZATION, *header))
        };
        let mut request = headers.iter().fold(request, add).to_srv_request();
        correct(&mut request);
        let all = request.headers().get_all(AUTHORIZATION);
        all.filter_map(|header| header.to_str().ok().map(str::to_owned)).collect()
    }

    #[test]
    fn the_first_word_after_any_scheme_is_the_key() {
        for (headers, expected) in [
            (&["Bearer abc"][..], &["Bearer abc"][..]),
            (&["Token abc def", "Bearer other"], &["Bearer abc"]),
            (&["abc"], &["abc"]),
            (&[], &[]),
        ] {
            assert_eq!(corrected_headers("/api/v1/auth", headers), expected, "{headers:?}");
        }
        assert_eq!(corrected_headers("/v1/auth", &["Token abc def"]), ["Token abc def"]);
    }
}
