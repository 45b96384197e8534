//! Where each provider lists its models.
use super::{Base, Provider};
use crate::catalog::Catalog;
use crate::engines::Engine;

/// Where a provider lists its models, and how it wants to be sent the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// The base address, where it is not that of its models.
    pub base: Option<Base>,
    pub catalog: Catalog,
    /// The header of the key; empty where it is the usual one.
    pub key_header: &'static str,
}

const USUAL: Listing = Listing { base: None, catalog: Catalog(&["models"]), key_header: "" };

/// Ollama knows what it has pulled; so does whatever stands in for it behind `/v1`.
const OLLAMA: Listing = Listing { catalog: Catalog(&["api/tags", "v1/models"]), ..USUAL };

/// Tells what kind each model is, and the window of each, at a place of its own.
const LM_STUDIO: Listing = Listing { catalog: Catalog(&["api/v0/models", "v1/models"]), ..USUAL };

const COHERE: Listing = Listing { base: Some(Base::Fixed("https://api.cohere.ai/v1")), ..USUAL };

impl Provider {
    pub fn catalog(&self) -> Listing {
        match self.name {
            "ollama" => Listing { base: Some(Base::Root("OLLAMA_BASE_PATH")), ..OLLAMA },
            "lmstudio" => Listing { base: Some(Base::Root("LMSTUDIO_BASE_PATH")), ..LM_STUDIO },
            "anthropic" => Listing {
                catalog: Catalog(&["models?limit=1000"]),
                key_header: "x-api-key",
                ..USUAL
            },
            "gemini" => Listing {
                catalog: Catalog(&["models?pageSize=1000"]),
                key_header: "x-goog-api-key",
                ..USUAL
            },
            "bedrock" => Listing {
                base: Some(Base::Region(
                    "AWS_BEDROCK_LLM_REGION",
                    "https://bedrock.{}.amazonaws.com",
                )),
                catalog: Catalog(&["foundation-models"]),
                ..USUAL
            },
            "textgenwebui" => {
                Listing { catalog: Catalog(&["internal/model/list", "models"]), ..USUAL }
            }
            "cohere" => Listing { catalog: Catalog(&["models?page_size=1000"]), ..COHERE },
            _ => USUAL,
        }
    }
}

impl Engine {
    pub fn catalog(&self) -> Listing {
        match self.name {
            "ollama" => Listing { base: Some(Base::Root("EMBEDDING_BASE_PATH")), ..OLLAMA },
            "lmstudio" => Listing { base: Some(Base::Root("EMBEDDING_BASE_PATH")), ..LM_STUDIO },
            "cohere" => {
                Listing { catalog: Catalog(&["models?page_size=1000&endpoint=embed"]), ..COHERE }
            }
            _ => USUAL,
        }
    }
}
