//! The form that sends a question: multipart with images and documents, or any other form without
//! them.
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::{ChatId, Error, Result};
use carrel_http::body::Limits;
use carrel_http::multipart::{FRAMING, Multipart};
use carrel_services::chat::{Attachment, MAX_ATTACHMENTS, MAX_QUESTION_BYTES};

use crate::http::form::PageForm;
use crate::http::image;
use crate::site::Site;

/// Maximum size of an attached file in bytes, unless the upload limit is lower.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// Maximum size of all attached files in bytes. They are held in memory.
const MAX_TOTAL_BYTES: u64 = 32 << 20;
/// Maximum number of documents to which a question can be limited.
const MAX_DOCUMENTS: usize = 50;
/// Maximum length of the name of a document or a model, in bytes.
const MAX_NAME_LENGTH: usize = 2_000;
/// Maximum number of files and fields of one form.
const MAX_PARTS: usize = MAX_ATTACHMENTS + MAX_DOCUMENTS + 8;

/// A question that has not been read yet.
pub struct ChatForm {
    request: HttpRequest,
    payload: Payload,
}

/// A submitted question.
#[derive(Debug, Default)]
pub struct ChatSubmission {
    pub text: String,
    /// The exchange that the new one replaces.
    pub instead_of: Option<ChatId>,
    pub attachments: Vec<Attachment>,
    /// The model for this question, if not the workspace's.
    pub model: Option<String>,
    /// The documents to which the question is limited, as `folder/file.json`; all if empty.
    pub documents: Vec<String>,
    /// True if documents among the attachments become files of the thread.
    pub keeps_files: bool,
}

impl FromRequest for ChatForm {
    type Error = actix_web::Error;
    type Future = std::future::Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl ChatForm {
    /// Reads as much of the question as possible, and returns it with the error, if there is one.
    pub async fn read(self) -> (ChatSubmission, Result<()>) {
        let content_type = self
            .request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|content_type| content_type.to_str().ok());
        let mut submission = ChatSubmission::default();
        let result =
            match content_type.is_some_and(|content_type| content_type.starts_with("multipart/")) {
                true => self.parts(&mut submission).await,
                false => self.fields(&mut submission).await,
            };
        (submission, result)
    }

    async fn fields(mut self, submission: &mut ChatSubmission) -> Result<()> {
        let form = PageForm::from_request(&self.request, &mut self.payload).await;
        let form = form.map_err(|error| Error::invalid("form", error.to_string()))?.read().await?;
        form.pairs().try_for_each(|(name, value)| set_field(submission, name, value.to_owned()))
    }

    async fn parts(self, submission: &mut ChatSubmission) -> Result<()> {
        let site = self.request.app_data::<Data<Site>>().cloned();
        let site = site.ok_or_else(|| Error::internal("the pages are not wired"))?;
        let (max_file_bytes, directory) =
            (site.options.upload_limit.min(MAX_FILE_BYTES), &site.options.upload_dir);
        let bytes = MAX_TOTAL_BYTES + MAX_QUESTION_BYTES as u64 + FRAMING;
        let limits = Limits { bytes, what: "what is attached", is_upload: true };
        let mut parts =
            Multipart::new(&self.request, self.payload, limits, MAX_PARTS, "attachments")?;
        let (mut total_bytes, mut first_error) = (0, None);
        while let Some(mut part) = parts.next().await? {
            match part.file_name().map(str::to_owned) {
                // A form without a selected file sends a part with an empty name.
                Some(name) if name.is_empty() => {}
                Some(name) => {
                    let content_type = part.content_type();
                    let file = part.save(directory, max_file_bytes, "an attached file").await?;
                    total_bytes += file.bytes;
                    if total_bytes > MAX_TOTAL_BYTES {
                        let limit = MAX_TOTAL_BYTES;
                        return Err(Error::TooLarge { what: "what is attached", limit });
                    }
                    let bytes = tokio::fs::read(file.content.path()).await;
                    // The text may follow this part, and must not be lost because of an invalid
                    // file.
                    match attachment(name, &content_type, &bytes.map_err(Error::of_file)?) {
                        Ok(attachment) => submission.attachments.push(attachment),
                        Err(error) => first_error = first_error.or(Some(error)),
                    }
                }
                None => {
                    let field = part.name().to_owned();
                    set_field(submission, &field, part.text(MAX_QUESTION_BYTES).await?)?;
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

fn set_field(submission: &mut ChatSubmission, field: &str, text: String) -> Result<()> {
    match field {
        "message" => submission.text = text.trim().replace("\r\n", "\n"),
        "keep" => submission.keeps_files = !text.is_empty(),
        "instead_of" if !text.is_empty() => {
            let id = text.parse().map_err(|_| Error::invalid("instead_of", "must be a number"))?;
            submission.instead_of = Some(ChatId(id));
        }
        "model" | "document" if text.len() > MAX_NAME_LENGTH => {
            return Err(Error::invalid("model", "is too long"));
        }
        "model" if !text.is_empty() => submission.model = Some(text),
        "document" if submission.documents.len() == MAX_DOCUMENTS => {
            let reason = format!("one question can be limited to {MAX_DOCUMENTS} documents");
            return Err(Error::invalid("document", reason));
        }
        "document" if !text.is_empty() => submission.documents.push(text),
        _ => {}
    }
    Ok(())
}

/// Returns a file as an image if models accept its type, otherwise as a document.
fn attachment(name: String, media_type: &str, bytes: &[u8]) -> Result<Attachment> {
    if bytes.is_empty() {
        return Err(Error::unprocessable(format!("{name} is empty")));
    }
    if let Some(detected_type) = image::media_type(bytes) {
        return Ok(Attachment::new(name, detected_type.to_owned(), bytes));
    }
    if media_type.starts_with("image/") {
        let reason = format!("{name} must be a PNG, JPEG, GIF or WebP picture");
        return Err(Error::unprocessable(reason));
    }
    let media_type = if media_type.is_empty() { "application/octet-stream" } else { media_type };
    Ok(Attachment::new(name, media_type.to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_a_model_and_documents_within_limits() {
        let mut submission = ChatSubmission::default();
        for (name, value) in [("model", "m"), ("document", "a/b.json"), ("document", "")] {
            set_field(&mut submission, name, value.to_owned()).unwrap();
        }
        assert_eq!(submission.model.as_deref(), Some("m"));
        assert_eq!(submission.documents, ["a/b.json"]);
        set_field(&mut submission, "model", "m".repeat(MAX_NAME_LENGTH + 1)).unwrap_err();
        for _ in 1..MAX_DOCUMENTS {
            set_field(&mut submission, "document", "a/b.json".to_owned()).unwrap();
        }
        set_field(&mut submission, "document", "a/b.json".to_owned()).unwrap_err();
    }

    #[test]
    fn the_content_of_a_file_determines_its_type() {
        let picture = attachment("a.txt".into(), "text/plain", b"\x89PNG\r\n\x1a\nrest").unwrap();
        assert!(picture.is_image() && picture.mime == "image/png");
        let document = attachment("a.txt".into(), "text/plain", b"words").unwrap();
        assert!(!document.is_image());
        assert_eq!(document.bytes().unwrap(), b"words");
        for (declared_type, bytes) in
            [("image/png", &b"words"[..]), ("image/svg+xml", b"<svg/>"), ("", b"")]
        {
            let error = attachment("a.png".into(), declared_type, bytes).unwrap_err();
            assert!(error.to_string().starts_with("a.png "), "{error}");
        }
    }
}
