//! JSON of image generation requests and responses.
use actix_web::HttpResponse;
use actix_web::http::header::{
    CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carrel_domain::image::{ImageRequest, ImageSize, LONGEST_PROMPT, ReferenceImage};
use carrel_domain::{Error, Result};
use carrel_services::images::StoredImage;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::wire::Binary;

/// `n`, `model` and `quality`, which OpenAI's clients send, are ignored.
#[derive(Deserialize, ToSchema)]
pub struct ImageBody {
    /// Description of the image, at most 32,000 bytes.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    prompt: Option<Value>,
    /// Width and height in pixels, each from 16 to 8192, such as `1024x768`. If it is `auto` or
    /// absent, the server's setting applies. Providers with fixed sizes use the most similar one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    size: Option<Value>,
    /// `b64_json`, or `blob` to receive the image's bytes as the response.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub response_format: Option<Value>,
}

/// Like [`ImageBody`], with reference images.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for the OpenAPI document")]
pub struct ImageForm {
    prompt: String,
    size: Option<String>,
    response_format: Option<String>,
    /// Reference images, at most 10; PNG, JPEG or WebP of at most 25 MiB each, or the upload limit
    /// if that is lower.
    #[schema(inline)]
    image_references: Option<Vec<Binary>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    Json,
    Bytes,
}

impl ImageBody {
    pub fn format(&self) -> Result<OutputFormat> {
        match &self.response_format {
            Some(Value::String(name)) if name == "blob" => Ok(OutputFormat::Bytes),
            None | Some(Value::Null) => Ok(OutputFormat::Json),
            Some(Value::String(name)) if name == "b64_json" => Ok(OutputFormat::Json),
            Some(_) => Err(Error::invalid("response_format", "must be b64_json or blob")),
        }
    }

    pub fn into_request(self, references: Vec<ReferenceImage>) -> Result<ImageRequest> {
        let prompt = match self.prompt {
            Some(Value::String(prompt)) if !prompt.trim().is_empty() => prompt,
            _ => return Err(Error::invalid("prompt", "A prompt is required.")),
        };
        if prompt.len() > LONGEST_PROMPT {
            let reason = format!("must not be longer than {LONGEST_PROMPT} bytes");
            return Err(Error::invalid("prompt", reason));
        }
        let size = match self.size {
            None | Some(Value::Null) => None,
            Some(Value::String(size)) => ImageSize::chosen(&size)?,
            Some(_) => return Err(Error::invalid("size", "must be a text")),
        };
        Ok(ImageRequest { prompt, size, references })
    }
}

/// A generated image.
#[derive(Serialize, ToSchema)]
pub struct Images {
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    data: [Image; 1],
    /// How the image differs from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Image {
    b64_json: String,
    /// Name for `GET /document/generated-files/{filename}`, valid for 30 days.
    filename: String,
}

/// Builds the response with a generated image.
pub fn answer(
    stored: StoredImage,
    format: OutputFormat,
    created: Option<DateTime<Utc>>,
) -> HttpResponse {
    let (filename, image) = (stored.file.as_str().to_owned(), stored.image);
    match format {
        OutputFormat::Json => HttpResponse::Ok().json(Images {
            created: created.map(|at| at.timestamp()),
            data: [Image { b64_json: STANDARD.encode(&image.content), filename }],
            notice: image.notice,
        }),
        OutputFormat::Bytes => {
            let disposition = ContentDisposition {
                disposition: DispositionType::Inline,
                parameters: vec![DispositionParam::Filename(filename)],
            };
            let mut answer = HttpResponse::Ok();
            answer.content_type(image.kind.mime());
            answer.insert_header((CONTENT_DISPOSITION, disposition));
            if let Some(notice) = image.notice {
                answer.insert_header(("X-Image-Notice", notice));
            }
            answer.body(image.content)
        }
    }
}
