//! Chat requests at `/api/v1`: invalid fields are ignored.
use carrel_domain::Result;
use carrel_services::chat::Attachment;
use serde_json::Value;

use crate::compat::values::{is_something, to_user};
use crate::v1::conversations::attachment::attachment;
use crate::v1::conversations::wire::{ChatBody, QuestionRequest, model, passages, temperature};

/// Converts a body to a question.
pub fn parse(body: ChatBody) -> Result<QuestionRequest> {
    let mut parsed = repair(body).read()?;
    parsed.question.skips_unreadable = true;
    Ok(parsed)
}

// quirk(values-as-text): a name, bio or role may be of any type and is converted to text (`null`
// becomes `"null"`); any truthy value counts as true
// native: values have the documented types
// test: `compat::users_are_parsed_loosely_and_refused_with_200`
fn repair(body: ChatBody) -> ChatBody {
    ChatBody {
        message: body.message.filter(Value::is_string),
        reset: body.reset.map(|reset| is_something(&reset).into()),
        user_id: body.user_id.map(to_user),
        attachments: body.attachments.and_then(readable),
        top_n: body.top_n.filter(|value| passages(value).is_some()),
        temperature: body.temperature.filter(|value| temperature(value).is_some()),
        model: body.model.filter(|value| model(value).is_some()),
        sources: body.sources.filter(Value::is_boolean),
        ..body
    }
}

/// Keeps the attachments that can be read.
fn readable(attachments: Value) -> Option<Value> {
    let Value::Array(list) = attachments else { return None };
    let attachments = list.into_iter().filter_map(|item| attachment(item).ok());
    // Attachments may be large, so they are moved instead of copied.
    let value = |Attachment { name, mime, content }| {
        let fields = [("name", name), ("mime", mime), ("contentString", content)];
        fields.map(|(name, text)| (name.to_owned(), Value::String(text))).into_iter().collect()
    };
    Some(Value::Array(attachments.map(value).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> QuestionRequest {
        parse(serde_json::from_value(body).unwrap()).unwrap()
    }

    #[test]
    fn invalid_attachments_are_ignored() {
        let image = json!({ "contentString": "data:image/png;base64,iVBORw0KGgo=" });
        for (attachments, count) in [(json!("x"), 0), (json!([5, { "name": "a" }, image]), 1)] {
            let parsed = read(json!({ "message": "Hi", "attachments": attachments }));
            assert_eq!(parsed.question.attachments.len(), count);
        }
    }

    #[test]
    fn invalid_fields_count_as_absent() {
        let parsed = read(json!({
            "message": 5, "reset": "no", "userId": "x", "topN": 0, "temperature": "hot", "model": "",
            "sources": "none",
        }));
        assert!(parsed.is_reset_only() && parsed.with_sources && parsed.user.is_none());
        assert_eq!(parsed.question.overrides.passages, None);
        assert!(!read(json!({ "message": "Hi", "reset": 0 })).reset);
        let with_user = read(json!({ "message": "Hi", "userId": "7" }));
        assert_eq!(with_user.user.map(|user| user.0), Some(7));
    }
}
