//! Pictures that are asked for.
use carrel_domain::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
pub struct ImageBody {
    /// What the picture is to show.
    #[serde(default)]
    #[schema(value_type = String)]
    prompt: Option<Value>,
}

impl ImageBody {
    pub fn prompt(self) -> Result<String> {
        match self.prompt {
            Some(Value::String(prompt)) if !prompt.trim().is_empty() => Ok(prompt),
            _ => Err(Error::invalid("prompt", "A prompt is required.")),
        }
    }
}
