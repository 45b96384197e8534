//! Images of questions. A stored answer references them; their contents are stored separately.
use carrel_domain::chat::Chat;
use serde_json::Value;

use super::read;
use crate::exchange::Attachment;

pub(super) const ATTACHMENTS: &str = "attachments";

/// The field with the content of an image. Earlier versions and imported servers store it inside
/// the answer.
pub(super) const CONTENT: &str = "contentString";

/// Separates the images from a stored answer. Returns `None` if there are none or one has an
/// unusual form.
pub fn split_images(response: &str) -> Option<(String, Vec<String>)> {
    let mut record: Value = serde_json::from_str(response).ok()?;
    let attachments = record.get_mut(ATTACHMENTS)?.as_array_mut()?;
    let mut images = Vec::with_capacity(attachments.len());
    for attachment in attachments {
        match attachment.as_object_mut()?.shift_remove(CONTENT)? {
            Value::String(content) => images.push(content),
            _ => return None,
        }
    }
    (!images.is_empty()).then(|| (record.to_string(), images))
}

/// Inserts the images of an exchange into its stored answer, as clients expect it.
pub fn join_images(chat: &mut Chat) {
    let images = std::mem::take(&mut chat.images);
    if images.is_empty() {
        return;
    }
    let Ok(mut record) = serde_json::from_str::<Value>(&chat.response) else { return };
    put_images(&mut record, images);
    chat.response = record.to_string();
}

/// Inserts images into a parsed stored answer.
pub fn put_images(record: &mut Value, images: Vec<String>) {
    let attachments = record.get_mut(ATTACHMENTS).and_then(Value::as_array_mut);
    for (attachment, content) in attachments.into_iter().flatten().zip(images) {
        if let Some(attachment) = attachment.as_object_mut() {
            attachment.entry(CONTENT).or_insert(content.into());
        }
    }
}

/// Returns whether a stored answer may reference images.
pub fn has_images(chat: &Chat) -> bool {
    chat.response.contains("\"mime\"")
}

/// Returns the readable images of an exchange, with contents.
pub fn images_of(mut chat: Chat) -> Vec<Attachment> {
    join_images(&mut chat);
    let mut images = read(&chat.response).unwrap_or_default().images;
    images.retain(Attachment::is_readable);
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_separated_from_an_answer_and_restored() {
        let stored = r#"{"text":"x","attachments":[{"name":"a","mime":"image/png","contentString":"AAAA"}],"other":1}"#;
        let (rest, images) = split_images(stored).unwrap();
        assert_eq!(images, ["AAAA"]);
        assert!(!rest.contains("AAAA") && read(&rest).unwrap().images[0].name == "a");
        let mut record = serde_json::from_str::<Value>(&rest).unwrap();
        put_images(&mut record, images);
        assert_eq!(record.to_string(), stored);
        for response in ["nonsense", "{}", r#"{"attachments":[]}"#, r#"{"attachments":[5]}"#] {
            assert_eq!(split_images(response), None, "{response}");
        }
        // Contents that are still inside the answer are not replaced.
        let mut record = serde_json::from_str::<Value>(stored).unwrap();
        put_images(&mut record, vec!["BBBB".into()]);
        assert_eq!(record.to_string(), stored);
    }
}
