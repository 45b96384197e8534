//! Attachments of questions on the wire.
use carrel_domain::{Error, Result};
use carrel_services::chat::Attachment;
use serde_json::Value;
use utoipa::ToSchema;

use crate::mount::Mount;

/// A picture for the model to see, or a document to read.
#[derive(ToSchema)]
#[schema(as = Attachment)]
#[expect(dead_code, reason = "describes what `attachments` reads")]
pub struct AttachmentBody {
    /// With an extension, which tells the type of a document.
    name: Option<String>,
    /// Such as `image/png` or `application/pdf`; `application/anythingllm-document` for a document
    /// of any type. That of the data URL when absent.
    mime: Option<String>,
    /// A data URL, or base64 alone.
    #[schema(rename = "contentString")]
    content_string: String,
}

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// Reads attachments. At `/api/v1` whatever cannot be one is passed over.
pub fn attachments(value: Option<Value>, mount: Mount) -> Result<Vec<Attachment>> {
    let wrong = |reason| match mount {
        Mount::Native => Err(Error::invalid("attachments", reason)),
        Mount::Compat => Ok(Vec::new()),
    };
    let list = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return wrong("must be a list"),
    };
    let mut read = Vec::with_capacity(list.len().min(64));
    for item in list {
        match attachment(item) {
            Ok(attachment) => read.push(attachment),
            Err(reason) => drop(wrong(reason)?),
        }
    }
    Ok(read)
}

fn attachment(mut value: Value) -> Result<Attachment, &'static str> {
    // Taken and not copied, as it may be large.
    let taken = ["contentString", "content_string"].into_iter().find_map(|name| {
        let content = value.get_mut(name).filter(|content| content.is_string())?;
        Some(content.take())
    });
    let Some(Value::String(content)) = taken else {
        return Err("each must have a contentString");
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let declared = || content.strip_prefix("data:")?.split([';', ',']).next();
    let mime = text("mime").filter(|mime| !mime.is_empty()).or_else(declared);
    let mime = mime.filter(|mime| !mime.is_empty()).unwrap_or("application/octet-stream");
    let name = text("name").filter(|name| !name.is_empty()).unwrap_or("attachment.txt");
    if name.len() > LONGEST || mime.len() > LONGEST {
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
    fn what_is_no_attachment_is_refused_natively_and_passed_over_elsewhere() {
        for nonsense in [
            json!("x"),
            json!([5]),
            json!([{ "name": "a" }]),
            json!([{ "contentString": 5 }]),
            json!([{ "contentString": "data:image/png;base64,?" }]),
        ] {
            assert!(attachments(Some(nonsense.clone()), Mount::Native).is_err(), "{nonsense}");
            let read = attachments(Some(nonsense.clone()), Mount::Compat).unwrap();
            assert!(read.is_empty(), "{nonsense}");
        }
        let read = attachments(
            Some(json!([{ "contentString": "data:image/png;base64,iVBORw0KGgo=" }])),
            Mount::Native,
        );
        assert_eq!(read.unwrap()[0].mime, "image/png");
    }
}
