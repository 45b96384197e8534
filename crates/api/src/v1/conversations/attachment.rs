//! JSON of attachments.
use carrel_domain::{Error, Result};
use carrel_services::chat::Attachment;
use serde_json::Value;
use utoipa::ToSchema;

/// An image for the model, or a document to read.
#[derive(ToSchema)]
#[schema(as = Attachment)]
#[expect(dead_code, reason = "describes what `attachments` reads")]
pub struct AttachmentBody {
    /// File name. Its extension gives the type of a document.
    name: Option<String>,
    /// Media type, such as `image/png` or `application/pdf`; `application/anythingllm-document` for
    /// a document of any type. The type of the data URL if absent.
    mime: Option<String>,
    /// A data URL, or plain base64.
    #[schema(rename = "contentString")]
    content_string: String,
}

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Reads the attachments of a question.
pub fn attachments(value: Option<Value>) -> Result<Vec<Attachment>> {
    let invalid = |reason| Error::invalid("attachments", reason);
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            list.into_iter().map(|item| attachment(item).map_err(invalid)).collect()
        }
        Some(_) => Err(invalid("must be a list")),
    }
}

pub fn attachment(mut value: Value) -> Result<Attachment, &'static str> {
    // The content may be large, so it is moved instead of copied.
    let content_text = ["contentString", "content_string"].into_iter().find_map(|name| {
        let content = value.get_mut(name).filter(|content| content.is_string())?;
        Some(content.take())
    });
    let Some(Value::String(content)) = content_text else {
        return Err("each must have a contentString");
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let declared = || content.strip_prefix("data:")?.split([';', ',']).next();
    let mime = text("mime").filter(|mime| !mime.is_empty()).or_else(declared);
    let mime = mime.filter(|mime| !mime.is_empty()).unwrap_or("application/octet-stream");
    let name = text("name").filter(|name| !name.is_empty()).unwrap_or("attachment.txt");
    if name.len() > MAX_NAME_BYTES || mime.len() > MAX_NAME_BYTES {
        return Err("the name and mime of each must not be longer than 255 bytes");
    }
    let (name, mime) = (name.to_owned(), mime.to_owned());
    let attachment = Attachment { name, mime, content };
    match attachment.is_readable() {
        true => Ok(attachment),
        false => Err("the contentString of each must be base64 or a data URL of base64"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_attachments_are_refused() {
        for nonsense in [
            json!("x"),
            json!([5]),
            json!([{ "name": "a" }]),
            json!([{ "contentString": 5 }]),
            json!([{ "contentString": "data:image/png;base64,?" }]),
        ] {
            assert!(attachments(Some(nonsense.clone())).is_err(), "{nonsense}");
        }
        let read =
            attachments(Some(json!([{ "contentString": "data:image/png;base64,iVBORw0KGgo=" }])));
        assert_eq!(read.unwrap()[0].mime, "image/png");
    }
}
