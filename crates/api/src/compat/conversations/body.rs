//! Chat requests at `/api/v1`: invalid fields are ignored.
use carrel_domain::Result;
use carrel_services::chat::Attachment;
use serde_json::Value;

use crate::compat::values::{is_something, to_user};
use crate::v1::conversations::attachment::attachment;
use crate::v1::conversations::wire::{AskedQuestion, ChatBody, model, passages, temperature};

/// Converts a body to a question.
pub fn asked(body: ChatBody) -> Result<AskedQuestion> {
    let mut asked = repaired(body).read()?;
    asked.question.passes_over_unreadable = true;
    Ok(asked)
}

// quirk(values-as-text): a name, bio or role may be of any type and is converted to text (`null`
// becomes `"null"`); any truthy value counts as true
// native: values have the documented types
// test: `compat::users_are_parsed_loosely_and_refused_with_200`
fn repaired(body: ChatBody) -> ChatBody {
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
    let known = list.into_iter().filter_map(|item| attachment(item).ok());
    // Attachments may be large, so they are moved instead of copied.
    let value = |Attachment { name, mime, content }| {
        let fields = [("name", name), ("mime", mime), ("contentString", content)];
        fields.map(|(name, text)| (name.to_owned(), Value::String(text))).into_iter().collect()
    };
    Some(Value::Array(known.map(value).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> AskedQuestion {
        asked(serde_json::from_value(body).unwrap()).unwrap()
    }

    #[test]
    fn invalid_attachments_are_ignored() {
        let image = json!({ "contentString": "data:image/png;base64,iVBORw0KGgo=" });
        for (given, kept) in [(json!("x"), 0), (json!([5, { "name": "a" }, image]), 1)] {
            let asked = read(json!({ "message": "Hi", "attachments": given }));
            assert_eq!(asked.question.attachments.len(), kept);
        }
    }

    #[test]
    fn invalid_fields_count_as_absent() {
        let asked = read(json!({
            "message": 5, "reset": "no", "userId": "x", "topN": 0, "temperature": "hot", "model": "",
            "sources": "none",
        }));
        assert!(asked.is_reset_only() && asked.with_sources && asked.user.is_none());
        assert_eq!(asked.question.overrides.passages, None);
        assert!(!read(json!({ "message": "Hi", "reset": 0 })).reset);
        let of_user = read(json!({ "message": "Hi", "userId": "7" }));
        assert_eq!(of_user.user.map(|user| user.0), Some(7));
    }
}
