//! Parts of a request that a provider refuses although it could answer without them.
use std::collections::BTreeSet;

use serde_json::Value;

use crate::endpoint::Refused;

/// A change to all further requests to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Adaptation {
    /// Omit the parameter of this name.
    Without(&'static str),
    /// Send `max_completion_tokens` instead of `max_tokens`.
    MaxCompletionTokens,
    /// Put the system prompt into the first user message.
    NoSystemRole,
    /// Merge consecutive messages with the same role.
    AlternatingRoles,
}

pub(super) type Adaptations = BTreeSet<Adaptation>;

/// Parameters that this program adds itself and may omit.
const OPTIONAL: [&str; 3] = ["stream_options", "temperature", "stream"];

/// Parameters that are sent only if the client requests them.
const OF_THE_CLIENT: [&str; 6] =
    ["response_format", "frequency_penalty", "presence_penalty", "top_p", "seed", "stop"];

/// Words in refusals of a parameter's name or value.
const REFUSAL_WORDS: [&str; 16] = [
    "unsupported",
    "not support",
    "unrecognized",
    "unknown",
    "not permitted",
    "extra_forbidden",
    "extra fields",
    "unexpected",
    "not allowed",
    "not available",
    "not implemented",
    "deprecated",
    "invalid",
    "not valid",
    "cannot be used",
    "only the default",
];

/// Returns the change with which the provider may accept the request; `None` if none would help.
pub(super) fn adaptation(
    refused: &Refused,
    body: &Value,
    known: &Adaptations,
) -> Option<Adaptation> {
    if !concerns_the_request(refused) {
        return None;
    }
    let message = refused.message.to_ascii_lowercase();
    let new = |adaptation: Adaptation| (!known.contains(&adaptation)).then_some(adaptation);
    let is_sent = |name: &str| body.get(name).is_some();
    if is_sent("stream_options") && (message.is_empty() || names(&message, "stream_options")) {
        return new(Adaptation::Without("stream_options"));
    }
    if is_sent("max_tokens") && names(&message, "max_completion_tokens") {
        return new(Adaptation::MaxCompletionTokens);
    }
    let refuses = |name: &str| is_sent(name) && refuses(&message, name);
    if refuses("max_tokens") {
        return new(Adaptation::MaxCompletionTokens);
    }
    if refuses("max_completion_tokens") {
        return new(Adaptation::Without("max_completion_tokens"));
    }
    if let Some(name) = OPTIONAL.into_iter().find(|name| refuses(name)) {
        return new(Adaptation::Without(name));
    }
    if message.contains("alternate") {
        return new(Adaptation::AlternatingRoles);
    }
    let names_system =
        ["system role", "system message", "system prompt", "role: system", "'system'"];
    if names_system.iter().any(|name| message.contains(name)) && is_refusal(&message) {
        return new(Adaptation::NoSystemRole);
    }
    None
}

/// Returns the client's parameter that the provider refuses.
pub(super) fn client_parameter(refused: &Refused, body: &Value) -> Option<&'static str> {
    let message = refused.message.to_ascii_lowercase();
    let is_refused = |name: &&str| body.get(*name).is_some() && names(&message, name);
    concerns_the_request(refused).then(|| OF_THE_CLIENT.into_iter().find(is_refused)).flatten()
}

/// True if the status is about the request. Some servers report requests that they do not
/// understand as server errors.
fn concerns_the_request(refused: &Refused) -> bool {
    matches!(refused.status.as_u16(), 400 | 405 | 415 | 422 | 500 | 501)
}

fn refuses(message: &str, name: &str) -> bool {
    names(message, name) && is_refusal(message)
}

fn is_refusal(message: &str) -> bool {
    REFUSAL_WORDS.iter().any(|word| message.contains(word))
}

/// True if `message` contains `name` as a word.
fn names(message: &str, name: &str) -> bool {
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    message.match_indices(name).any(|(at, _)| {
        !message[..at].ends_with(is_part) && !message[at + name.len()..].starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    fn refused(status: u16, message: &str) -> Refused {
        Refused { status: StatusCode::from_u16(status).unwrap(), message: message.into() }
    }

    #[test]
    fn refusals_determine_the_adaptation() {
        use Adaptation::{AlternatingRoles, MaxCompletionTokens, NoSystemRole, Without};
        let body =
            json!({ "stream": true, "stream_options": {}, "temperature": 1, "max_tokens": 9 });
        for (status, message, expected) in [
            (
                400,
                "Unrecognized request argument supplied: stream_options",
                Some(Without("stream_options")),
            ),
            (
                422,
                "body.stream_options: Extra inputs are not permitted",
                Some(Without("stream_options")),
            ),
            (400, "", Some(Without("stream_options"))),
            (
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                'max_completion_tokens' instead.",
                Some(MaxCompletionTokens),
            ),
            (
                400,
                "'temperature' does not support 0.7 with this model.",
                Some(Without("temperature")),
            ),
            (400, "stream is not supported", Some(Without("stream"))),
            (400, "max_tokens is too large: 9", None),
            (400, "context length exceeded", None),
            (400, "Conversation roles must alternate user/assistant", Some(AlternatingRoles)),
            (500, "System role not supported", Some(NoSystemRole)),
            (401, "unsupported: stream_options", None),
        ] {
            let found = adaptation(&refused(status, message), &body, &Adaptations::new());
            assert_eq!(found, expected, "{message}");
        }
        let known = Adaptations::from([Without("stream_options")]);
        let without = json!({ "stream": true });
        assert_eq!(adaptation(&refused(400, "stream_options"), &without, &known), None);
    }

    #[test]
    fn refused_client_parameters_are_named() {
        let body = json!({ "top_p": 1, "stop": ["a"] });
        let found = |message| client_parameter(&refused(400, message), &body);
        assert_eq!(found("unknown parameter `top_p`"), Some("top_p"));
        assert_eq!(found("seed is not supported"), None, "it was not sent");
        assert_eq!(found("nonstop"), None);
    }
}
