//! Addresses of the model lists of providers.
use super::{Base, Provider};
use crate::catalog::Catalog;
use crate::engines::Engine;

/// The address of a provider's model list, and the header for the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// The base address, if it differs from that of the models.
    pub base: Option<Base>,
    pub catalog: Catalog,
    /// The header for the key; empty for the usual one.
    pub key_header: &'static str,
}

const USUAL: Listing = Listing { base: None, catalog: Catalog(&["models"]), key_header: "" };

/// Ollama lists the models it has pulled; compatible servers list theirs at `/v1`.
const OLLAMA: Listing = Listing { catalog: Catalog(&["api/tags", "v1/models"]), ..USUAL };

/// LM Studio lists the type and context window of each model at its own path.
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
