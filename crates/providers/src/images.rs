//! Image generation over HTTP: with OpenAI's images protocol, or as a chat whose answer contains an
//! image.
mod references;
mod sizes;

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use carrel_domain::image::{
    GeneratedImage, ImageFormat, ImageModel, ImageRequest, ImageSize, LARGEST_PICTURE,
};
use carrel_domain::{Error, Result};
use reqwest::multipart::Form;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::refusal::shortened;
use crate::table::{Base, Key};

pub(crate) const SERVICE: &str = "image generation";

/// Longest response, in bytes: the largest image in base64, and the JSON around it.
const LONGEST_ANSWER: usize = LARGEST_PICTURE / 3 * 4 + (1 << 20);

/// Base64 with optional padding, because some providers omit it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The protocol of an image provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// `images/generations`, and `images/edits` with reference images.
    OpenAi,
    /// `images/generations` only.
    PromptOnly,
    /// `chat/completions` with images as an output modality.
    Chat,
}

/// An image provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageProvider {
    /// Name in the setting `IMAGE_GEN_PROVIDER`.
    pub name: &'static str,
    protocol: Protocol,
    pub base: Base,
    pub key: Key,
    /// The default model.
    pub usual_model: Option<&'static str>,
}

pub(crate) const IMAGE_PROVIDERS: [ImageProvider; 4] = [
    ImageProvider {
        name: "openai",
        protocol: Protocol::OpenAi,
        base: Base::Fixed("https://api.openai.com/v1"),
        key: Key::Required("IMAGE_GEN_OPENAI_KEY"),
        usual_model: Some("gpt-image-1"),
    },
    ImageProvider {
        name: "openrouter",
        protocol: Protocol::Chat,
        base: Base::Fixed("https://openrouter.ai/api/v1"),
        key: Key::Required("IMAGE_GEN_OPENROUTER_API_KEY"),
        usual_model: None,
    },
    ImageProvider {
        name: "ollama",
        protocol: Protocol::PromptOnly,
        base: Base::Setting("IMAGE_GEN_OLLAMA_BASE_PATH", "/v1"),
        key: Key::Optional("IMAGE_GEN_OLLAMA_AUTH_TOKEN"),
        usual_model: None,
    },
    ImageProvider {
        name: "lemonade",
        protocol: Protocol::OpenAi,
        base: Base::Setting("IMAGE_GEN_LEMONADE_BASE_PATH", "/api/v1"),
        key: Key::Optional("IMAGE_GEN_LEMONADE_API_KEY"),
        usual_model: None,
    },
];

pub(crate) struct RemoteImages {
    pub endpoint: Endpoint,
    pub model: String,
    /// The default size from the settings.
    pub size: Option<ImageSize>,
    pub row: ImageProvider,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    b64_json: Option<String>,
    url: Option<String>,
}

impl RemoteImages {
    async fn by_images(&self, request: &ImageRequest, size: Option<ImageSize>) -> Result<Vec<u8>> {
        let mut fields = vec![("model", self.model.clone()), ("prompt", request.prompt.clone())];
        fields.extend(size.map(|size| ("size", size.to_string())));
        // OpenAI's newer models always respond with bytes and refuse this parameter.
        if self.row.name != "openai" || self.model.starts_with("dall-e") {
            fields.push(("response_format", "b64_json".to_owned()));
        }
        let response = match request.references.as_slice() {
            [] => {
                let fields =
                    fields.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
                let mut body = Value::Object(fields.collect());
                body["n"] = json!(1);
                self.endpoint.post("images/generations", &body).await?
            }
            some => {
                let mut form = fields
                    .into_iter()
                    .fold(Form::new(), |form, (name, value)| form.text(name, value));
                for part in references::parts(some)? {
                    form = form.part("image[]", part);
                }
                // A form can be sent only once.
                let form = Mutex::new(Some(form));
                let make = || {
                    let form = form.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let busy = || self.invalid_reply("its rate limit is reached; try again later");
                    let request = self.endpoint.http.post(self.endpoint.url("images/edits"));
                    form.map(|form| request.multipart(form)).ok_or_else(busy)
                };
                let sent = self.endpoint.try_send(make).await?;
                sent.map_err(|refused| self.endpoint.refused(&refused))?
            }
        };
        let reply: Reply = self.endpoint.json(response, LONGEST_ANSWER).await?;
        let item = reply.data.into_iter().next();
        let item = item.ok_or_else(|| self.invalid_reply("its answer contains no picture"))?;
        match (item.b64_json, item.url) {
            (Some(data), _) => self.decode(&data),
            (None, Some(url)) => self.decode_url(&url),
            (None, None) => Err(self.invalid_reply("its answer contains no picture")),
        }
    }

    async fn by_chat(&self, request: &ImageRequest) -> Result<Vec<u8>> {
        let mut content = vec![json!({ "type": "text", "text": request.prompt })];
        for url in references::urls(&request.references).await? {
            content.push(json!({ "type": "image_url", "image_url": { "url": url } }));
        }
        // Models that also produce text need both modalities; the others accept images only.
        let talks = ["google/", "openai/"].iter().any(|maker| self.model.starts_with(maker));
        let modalities = if talks { json!(["image", "text"]) } else { json!(["image"]) };
        let body = json!({
            "model": self.model, "modalities": modalities,
            "messages": [{ "role": "user", "content": content }],
        });
        let response = self.endpoint.post("chat/completions", &body).await?;
        let reply: Value = self.endpoint.json(response, LONGEST_ANSWER).await?;
        let message = &reply["choices"][0]["message"];
        match message["images"][0]["image_url"]["url"].as_str() {
            Some(url) => self.decode_url(url),
            None => {
                let text = shortened(message["content"].as_str().unwrap_or_default());
                let text = if text.is_empty() { text } else { format!(": {text}") };
                Err(self.invalid_reply(format!("its answer contains no picture{text}")))
            }
        }
    }

    /// Decodes a `data:` URL. Other URLs are not followed, because the provider could point them
    /// anywhere.
    fn decode_url(&self, url: &str) -> Result<Vec<u8>> {
        match url.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) {
            Some((_, data)) => self.decode(data),
            None => Err(self.invalid_reply("it answered with an address instead of a picture")),
        }
    }

    fn decode(&self, data: &str) -> Result<Vec<u8>> {
        let content = BASE64.decode(data.trim());
        let content = content.map_err(|_| self.invalid_reply("its picture is not base64"))?;
        if content.len() > LARGEST_PICTURE {
            let reason = format!("its picture is larger than {LARGEST_PICTURE} bytes");
            return Err(self.invalid_reply(reason));
        }
        Ok(content)
    }

    fn invalid_reply(&self, reason: impl Into<String>) -> Error {
        self.endpoint.unavailable(reason)
    }
}

#[async_trait]
impl ImageModel for RemoteImages {
    fn name(&self) -> String {
        self.model.clone()
    }

    async fn generate(&self, request: &ImageRequest) -> Result<GeneratedImage> {
        let (content, notice) = match self.row.protocol {
            Protocol::PromptOnly if !request.references.is_empty() => {
                let reason = format!("{} makes pictures only from a prompt", self.row.name);
                return Err(Error::invalid("image_references", reason));
            }
            Protocol::Chat => {
                let notice = request.size.map(|_| "openrouter takes no size".to_owned());
                (self.by_chat(request).await?, notice)
            }
            Protocol::OpenAi | Protocol::PromptOnly => {
                let requested = request.size.or(self.size);
                let size = match self.row.name {
                    "openai" => {
                        requested.map(|wanted_size| sizes::nearest(&self.model, wanted_size))
                    }
                    _ => requested,
                };
                let changed =
                    size.filter(|size| request.size.is_some_and(|asked_size| asked_size != *size));
                let notice = changed.map(|size| format!("{} makes it {size}", self.model));
                let notice = notice.filter(|notice| notice.is_ascii());
                (self.by_images(request, size).await?, notice)
            }
        };
        let kind = ImageFormat::of(&content)
            .ok_or_else(|| self.invalid_reply("its answer is not a PNG, JPEG or WebP picture"))?;
        Ok(GeneratedImage { kind, content, notice })
    }
}

#[cfg(test)]
mod tests;
