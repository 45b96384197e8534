//! Settings as the rest of the program wants them: typed, with defaults, within bounds.
use std::collections::BTreeMap;

use carrel_domain::Result;
use carrel_domain::document::Splitting;
use carrel_domain::model::EmbeddingModel;
use carrel_domain::settings::{Settings, names};

/// How much one chunk repeats of the one before unless set, in UTF-16 code units.
const OVERLAP: usize = 20;

/// The prompt of workspaces where nobody has set another. Its words are those that clients of
/// servers of this kind know and compare with.
pub const SYSTEM_PROMPT: &str = "Given the following conversation, relevant context, and a follow \
    up question, reply with an answer to the current question the user is asking. The current date \
    and time is {datetime}. Return only your response to the question given the above information \
    following the users instructions as needed.";

/// A reading of the settings at one moment.
pub struct Preferences(BTreeMap<String, String>);

impl Preferences {
    /// Reads them from stored settings. What is absent or unreadable has its default.
    pub async fn read(settings: &dyn Settings) -> Result<Self> {
        Ok(Self(settings.all().await?))
    }

    /// The instructions of a workspace that has none of its own.
    pub fn system_prompt(&self) -> &str {
        self.text(names::SYSTEM_PROMPT).unwrap_or(SYSTEM_PROMPT)
    }

    /// How text is cut for `model`: by the settings, but never into more than the model takes.
    pub fn splitting(&self, model: &EmbeddingModel) -> Splitting {
        let longest = model.longest_text.max(1);
        let size = self.number(names::CHUNK_SIZE).filter(|size| *size > 0);
        let size = size.unwrap_or(longest).min(longest);
        let overlap = self.number(names::CHUNK_OVERLAP).unwrap_or(OVERLAP);
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
    fn chunks_fit_the_model_whatever_is_set() {
        assert_eq!(splitting("", ""), (1000, 20));
        assert_eq!(splitting("500", "50"), (500, 50));
        assert_eq!(splitting("9999", "0"), (1000, 0));
        assert_eq!(splitting("0", "x"), (1000, 20));
        assert_eq!(splitting("10", "400"), (10, 9));
        assert_eq!(splitting("1", "20"), (1, 0));
    }
}
