//! Corrects the spelling of paths below `/api`, where case and a trailing slash do not matter.
use std::sync::LazyLock;

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

use super::{MOUNT, operations};
use crate::routes::register::Row;

/// The segments of every path of this contract. A segment in braces matches any text.
static PATHS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let mut rows = Vec::new();
    operations(&mut rows);
    let segments =
        |row: Row| format!("{MOUNT}{}", row.path).split('/').map(str::to_owned).collect();
    rows.into_iter().map(segments).collect()
});

/// Rewrites the path of a request to the spelling of the routes, if one matches.
// quirk(any-spelling): case and a trailing slash do not matter
// native: paths are as documented
// test: `compat::addresses_and_bodies_may_be_spelled_in_many_ways`
pub fn correct(request: &mut ServiceRequest) {
    let Some(path) = corrected_path(request.path()) else { return };
    let query = request.query_string();
    let target = if query.is_empty() { path } else { format!("{path}?{query}") };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// Returns `None` for a path that is correct already, or that matches no route.
fn corrected_path(path: &str) -> Option<String> {
    let slashed = path.ends_with('/');
    let is_ours = path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("/api/"));
    if !is_ours || !(slashed || path.bytes().any(|byte| byte.is_ascii_uppercase())) {
        return None;
    }
    let segments: Vec<_> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    let names = |pattern: &&Vec<String>| {
        let matches = |(template, segment): (&String, &&str)| {
            (template.starts_with('{') && !segment.is_empty())
                || template.eq_ignore_ascii_case(segment)
        };
        pattern.len() == segments.len() && pattern.iter().zip(&segments).all(matches)
    };
    let fixed =
        |pattern: &&Vec<String>| pattern.iter().filter(|part| !part.starts_with('{')).count();
    let pattern = PATHS.iter().filter(names).max_by_key(fixed)?;
    let parts = pattern.iter().zip(segments);
    let parts =
        parts.map(|(template, segment)| if template.starts_with('{') { segment } else { template });
    let corrected_path = parts.collect::<Vec<_>>().join("/");
    (corrected_path != path).then_some(corrected_path)
}

#[cfg(test)]
mod tests {
    use super::corrected_path;

    #[test]
    fn paths_match_in_any_case_and_with_a_trailing_slash() {
        for (requested, path) in [
            ("/api/v1/auth/", Some("/api/v1/auth")),
            ("/API/V1/AUTH", Some("/api/v1/auth")),
            ("/api/v1/Workspace/My-Slug/chat", Some("/api/v1/workspace/My-Slug/chat")),
            ("/api/v1/workspace/NEW", Some("/api/v1/workspace/new")),
            ("/api/v1/workspace/My-Slug", None),
            ("/api/v1/auth", None),
            ("/api/v1/auth//", None),
            ("/api/v1/nope/", None),
            ("/V1/AUTH", None),
            ("/v1/auth/", None),
            ("/é/", None),
        ] {
            assert_eq!(corrected_path(requested).as_deref(), path, "{requested}");
        }
    }
}
