//! Pictures that are asked for, and how they are handed over.
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

/// `n`, `model` and `quality`, which clients of OpenAI send, are not looked at.
#[derive(Deserialize, ToSchema)]
pub struct ImageBody {
    /// What the picture is to show, at most 32,000 bytes.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    prompt: Option<Value>,
    /// Width and height in pixels, each from 16 to 8192, such as `1024x768`; `auto` or nothing for what
    /// the settings say. Providers that know certain sizes only make the one most like it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    size: Option<Value>,
    /// `b64_json`, or `blob` for the bytes of the picture as the answer.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub response_format: Option<Value>,
}

/// As [`ImageBody`], with pictures to go by.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for the OpenAPI document")]
pub struct ImageForm {
    prompt: String,
    size: Option<String>,
    response_format: Option<String>,
    /// At most 10, of 25 MiB each or as much as an upload may have, if that is less; PNG, JPEG or WebP.
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

    pub fn wanted(self, references: Vec<ReferenceImage>) -> Result<ImageRequest> {
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

/// A picture that was made.
#[derive(Serialize, ToSchema)]
pub struct Images {
    /// In seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    data: [Image; 1],
    /// What was done otherwise than asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Image {
    b64_json: String,
    /// For `GET /document/generated-files/{filename}`, for 30 days.
    filename: String,
}

/// A picture on its way out.
pub fn answer(
    made: StoredImage,
    format: OutputFormat,
    created: Option<DateTime<Utc>>,
) -> HttpResponse {
    let (filename, picture) = (made.file.as_str().to_owned(), made.picture);
    match format {
        OutputFormat::Json => HttpResponse::Ok().json(Images {
            created: created.map(|at| at.timestamp()),
            data: [Image { b64_json: STANDARD.encode(&picture.content), filename }],
            notice: picture.notice,
        }),
        OutputFormat::Bytes => {
            let disposition = ContentDisposition {
                disposition: DispositionType::Inline,
                parameters: vec![DispositionParam::Filename(filename)],
            };
            let mut answer = HttpResponse::Ok();
            answer.content_type(picture.kind.mime());
            answer.insert_header((CONTENT_DISPOSITION, disposition));
            if let Some(notice) = picture.notice {
                answer.insert_header(("X-Image-Notice", notice));
            }
            answer.body(picture.content)
        }
    }
}
