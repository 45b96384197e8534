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

/// Largest attached file, in bytes, unless the upload limit is lower.
pub const LARGEST_FILE: u64 = 16 << 20;
/// Most bytes of all attached files, which are held in memory.
const LARGEST_TOGETHER: u64 = 32 << 20;
/// Most documents to which a question can be limited.
const MOST_DOCUMENTS: usize = 50;
/// Longest name of a document or a model, in bytes.
const LONGEST_NAME: usize = 2_000;
/// Most files and fields of one form.
const MOST_PARTS: usize = MAX_ATTACHMENTS + MOST_DOCUMENTS + 8;

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
        let kind = self.request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut asked = ChatSubmission::default();
        let read = match kind.is_some_and(|kind| kind.starts_with("multipart/")) {
            true => self.parts(&mut asked).await,
            false => self.fields(&mut asked).await,
        };
        (asked, read)
    }

    async fn fields(mut self, asked: &mut ChatSubmission) -> Result<()> {
        let form = PageForm::from_request(&self.request, &mut self.payload).await;
        let form = form.map_err(|error| Error::invalid("form", error.to_string()))?.read().await?;
        form.pairs().try_for_each(|(name, value)| take(asked, name, value.to_owned()))
    }

    async fn parts(self, asked: &mut ChatSubmission) -> Result<()> {
        let site = self.request.app_data::<Data<Site>>().cloned();
        let site = site.ok_or_else(|| Error::internal("the pages are not wired"))?;
        let (largest, directory) =
            (site.options.upload_limit.min(LARGEST_FILE), &site.options.upload_dir);
        let bytes = LARGEST_TOGETHER + MAX_QUESTION_BYTES as u64 + FRAMING;
        let limits = Limits { bytes, what: "what is attached", is_upload: true };
        let mut parts =
            Multipart::new(&self.request, self.payload, limits, MOST_PARTS, "attachments")?;
        let (mut together, mut refusal) = (0, None);
        while let Some(mut part) = parts.next().await? {
            match part.file_name().map(str::to_owned) {
                // A form without a selected file sends a part with an empty name.
                Some(name) if name.is_empty() => {}
                Some(name) => {
                    let kind = part.content_type();
                    let saved = part.save(directory, largest, "an attached file").await?;
                    together += saved.bytes;
                    if together > LARGEST_TOGETHER {
                        let limit = LARGEST_TOGETHER;
                        return Err(Error::TooLarge { what: "what is attached", limit });
                    }
                    let bytes = tokio::fs::read(saved.content.path()).await;
                    // The text may follow this part, and must not be lost because of an invalid file.
                    match attachment(name, &kind, &bytes.map_err(Error::of_file)?) {
                        Ok(attachment) => asked.attachments.push(attachment),
                        Err(error) => refusal = refusal.or(Some(error)),
                    }
                }
                None => {
                    let field = part.name().to_owned();
                    take(asked, &field, part.text(MAX_QUESTION_BYTES).await?)?;
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}

fn take(asked: &mut ChatSubmission, field: &str, text: String) -> Result<()> {
    match field {
        "message" => asked.text = text.trim().replace("\r\n", "\n"),
        "keep" => asked.keeps_files = !text.is_empty(),
        "instead_of" if !text.is_empty() => {
            let id = text.parse().map_err(|_| Error::invalid("instead_of", "must be a number"))?;
            asked.instead_of = Some(ChatId(id));
        }
        "model" | "document" if text.len() > LONGEST_NAME => {
            return Err(Error::invalid("model", "is too long"));
        }
        "model" if !text.is_empty() => asked.model = Some(text),
        "document" if asked.documents.len() == MOST_DOCUMENTS => {
            let reason = format!("one question can be limited to {MOST_DOCUMENTS} documents");
            return Err(Error::invalid("document", reason));
        }
        "document" if !text.is_empty() => asked.documents.push(text),
        _ => {}
    }
    Ok(())
}

/// Returns a file as an image if models accept its type, otherwise as a document.
fn attachment(name: String, kind: &str, bytes: &[u8]) -> Result<Attachment> {
    if bytes.is_empty() {
        return Err(Error::unprocessable(format!("{name} is empty")));
    }
    if let Some(kind) = image::kind(bytes) {
        return Ok(Attachment::new(name, kind.to_owned(), bytes));
    }
    if kind.starts_with("image/") {
        let reason = format!("{name} must be a PNG, JPEG, GIF or WebP picture");
        return Err(Error::unprocessable(reason));
    }
    let kind = if kind.is_empty() { "application/octet-stream" } else { kind };
    Ok(Attachment::new(name, kind.to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_a_model_and_documents_within_limits() {
        let mut asked = ChatSubmission::default();
        for (name, value) in [("model", "m"), ("document", "a/b.json"), ("document", "")] {
            take(&mut asked, name, value.to_owned()).unwrap();
        }
        assert_eq!(asked.model.as_deref(), Some("m"));
        assert_eq!(asked.documents, ["a/b.json"]);
        take(&mut asked, "model", "m".repeat(LONGEST_NAME + 1)).unwrap_err();
        for _ in 1..MOST_DOCUMENTS {
            take(&mut asked, "document", "a/b.json".to_owned()).unwrap();
        }
        take(&mut asked, "document", "a/b.json".to_owned()).unwrap_err();
    }

    #[test]
    fn the_content_of_a_file_determines_its_type() {
        let picture = attachment("a.txt".into(), "text/plain", b"\x89PNG\r\n\x1a\nrest").unwrap();
        assert!(picture.is_image() && picture.mime == "image/png");
        let document = attachment("a.txt".into(), "text/plain", b"words").unwrap();
        assert!(!document.is_image());
        assert_eq!(document.bytes().unwrap(), b"words");
        for (kind, bytes) in [("image/png", &b"words"[..]), ("image/svg+xml", b"<svg/>"), ("", b"")]
        {
            let refused = attachment("a.png".into(), kind, bytes).unwrap_err();
            assert!(refused.to_string().starts_with("a.png "), "{refused}");
        }
    }
}
