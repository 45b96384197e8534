//! Typed access to settings, with defaults and limits.
use std::collections::BTreeMap;

use carrel_domain::Result;
use carrel_domain::document::Splitting;
use carrel_domain::model::EmbeddingModel;
use carrel_domain::settings::{Settings, names};

/// The default overlap of chunks, in UTF-16 code units.
const DEFAULT_OVERLAP: usize = 20;

/// The default system prompt. Existing clients know this text and compare with it.
pub const SYSTEM_PROMPT: &str = "Given the following conversation, relevant context, and a follow \
    up question, reply with an answer to the current question the user is asking. The current date \
    and time is {datetime}. Return only your response to the question given the above information \
    following the users instructions as needed.";

/// The settings at one moment.
pub struct Preferences(BTreeMap<String, String>);

impl Preferences {
    /// Reads the stored settings. Absent or invalid values get their defaults.
    pub async fn read(settings: &dyn Settings) -> Result<Self> {
        Ok(Self(settings.all().await?))
    }

    /// Returns the system prompt of workspaces without their own.
    pub fn system_prompt(&self) -> &str {
        self.text(names::SYSTEM_PROMPT).unwrap_or(SYSTEM_PROMPT)
    }

    /// Returns the splitter settings for `model`. Chunks never exceed the maximum length of the
    /// model.
    pub fn splitting(&self, model: &EmbeddingModel) -> Splitting {
        let max_chunk = model.longest_text.max(1);
        let size = self.number(names::CHUNK_SIZE).filter(|size| *size > 0);
        let size = size.unwrap_or(max_chunk).min(max_chunk);
        let overlap = self.number(names::CHUNK_OVERLAP).unwrap_or(DEFAULT_OVERLAP);
        Splitting { size, overlap: overlap.min(size - 1) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitting(size: &str, overlap: &str) -> (usize, usize) {
        let settings = [(names::CHUNK_SIZE, size), (names::CHUNK_OVERLAP, overlap)];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let model = EmbeddingModel { name: "m".into(), identity: "m".into(), longest_text: 1000 };
        let Splitting { size, overlap } = Preferences(settings.into()).splitting(&model);
        (size, overlap)
    }

    #[test]
    fn chunks_never_exceed_the_model_limit() {
        assert_eq!(splitting("", ""), (1000, 20));
        assert_eq!(splitting("500", "50"), (500, 50));
        assert_eq!(splitting("9999", "0"), (1000, 0));
        assert_eq!(splitting("0", "x"), (1000, 20));
        assert_eq!(splitting("10", "400"), (10, 9));
        assert_eq!(splitting("1", "20"), (1, 0));
    }
}
