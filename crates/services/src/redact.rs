//! Removal of secrets from paths in logs and traces.
use std::borrow::Cow;

/// Replaces invite codes and the sessions of widget visitors by an ellipsis.
pub fn path(path: &str) -> Cow<'_, str> {
    // Every request passes here, and most paths contain neither.
    if !path.contains("invite/") && !path.starts_with("/api/embed/") {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<_> = path.split('/').collect();
    let mut hidden = false;
    for index in 1..segments.len() {
        let is_invite = segments[index - 1] == "invite" && !segments[..index].contains(&"admin");
        let is_session = index == 4 && segments[..3] == ["", "api", "embed"];
        if (is_invite || is_session) && segments[index] != "stream-chat" {
            segments[index] = "\u{2026}";
            hidden = true;
        }
    }
    if hidden { Cow::Owned(segments.join("/")) } else { Cow::Borrowed(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invite_codes_are_redacted() {
        for (given_path, redacted) in [
            ("/invite/c0de", "/invite/\u{2026}"),
            ("/v1/invite/c0de", "/v1/invite/\u{2026}"),
            ("/api/v1/invite/c0de/x", "/api/v1/invite/\u{2026}/x"),
            ("/v1/admin/invite/7", "/v1/admin/invite/7"),
            ("/v1/admin/invite/new", "/v1/admin/invite/new"),
            ("/api/embed/u-u-i-d/s-e-s", "/api/embed/u-u-i-d/\u{2026}"),
            ("/api/embed/u-u-i-d/stream-chat", "/api/embed/u-u-i-d/stream-chat"),
            ("/v1/workspaces", "/v1/workspaces"),
            ("/", "/"),
        ] {
            assert_eq!(path(given_path), redacted);
        }
    }
}
