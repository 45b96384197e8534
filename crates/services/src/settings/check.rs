//! Validation of values: pure functions with the messages that clients expect.
use carrel_domain::Error;
use carrel_domain::image::ImageSize;
use url::Url;

use super::choices::Choices;

/// The maximum length of a value, in bytes.
pub const MAX_BYTES: usize = 32 * 1024;

/// A rule for the values of a setting. Visible messages are those of `AnythingLLM` 1.16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The value is not empty.
    NotEmpty,
    /// An integer.
    Number,
    /// An integer above zero.
    Positive,
    /// An integer above zero, or empty.
    EmptyOrPositive,
    /// The value begins with the first text. The second text names the owner of the key.
    StartsWith(&'static str, &'static str),
    /// An `http` or `https` URL.
    Url,
    /// A URL without a trailing slash.
    BaseUrl {
        /// Whether the URL must contain `v1`.
        v1: bool,
    },
    /// The value does not end with a slash. The text names the owner of the address.
    NoSlash(&'static str),
    /// An address with or without a scheme.
    Address,
    /// A PostgreSQL URL with a database name.
    PostgresUrl,
    /// An image size in pixels, `auto`, or empty.
    Size,
    /// A value of this kind in [`Choices`].
    Choice(&'static str),
    /// The setting cannot be changed through the API.
    ReadOnly,
    /// Letters, digits and some symbols.
    Password,
}

impl Check {
    /// Parses a rule in the form of the settings table.
    pub fn parse(text: &'static str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(match (word, rest) {
            ("non-empty", "") => Self::NotEmpty,
            ("number", "") => Self::Number,
            ("positive", "") => Self::Positive,
            ("empty-or-positive", "") => Self::EmptyOrPositive,
            ("starts-with", rest) => {
                let (start, owner) = rest.split_once(' ')?;
                Self::StartsWith(start, owner)
            }
            ("url", "") => Self::Url,
            ("base-url", "") => Self::BaseUrl { v1: false },
            ("base-url-v1", "") => Self::BaseUrl { v1: true },
            ("no-slash", owner) if !owner.is_empty() => Self::NoSlash(owner),
            ("address", "") => Self::Address,
            ("postgres-url", "") => Self::PostgresUrl,
            ("size", "") => Self::Size,
            ("choice", kind) if !kind.is_empty() => Self::Choice(kind),
            ("read-only", "") => Self::ReadOnly,
            ("password", "") => Self::Password,
            _ => return None,
        })
    }

    /// Returns the error message for `text`, if it is invalid.
    pub fn violation(self, text: &str, choices: &Choices) -> Option<String> {
        let violation_unless = |is_valid: bool, words: &str| (!is_valid).then(|| words.to_owned());
        match self {
            Self::NotEmpty => violation_unless(!text.is_empty(), "Value cannot be empty"),
            Self::Number => number(text, false),
            Self::Positive => number(text, true),
            Self::EmptyOrPositive if text.is_empty() => None,
            Self::EmptyOrPositive => number(text, true),
            Self::StartsWith(start, owner) => violation_unless(
                text.starts_with(start),
                &format!("{owner} Key must start with {start}"),
            ),
            Self::Url => violation_unless(is_web_address(text), "URL is not a valid URL."),
            Self::BaseUrl { .. } if !is_web_address(text) => Some("Not a valid URL".to_owned()),
            Self::BaseUrl { v1: true } if !text.contains("v1") => {
                Some("URL must include /v1".to_owned())
            }
            Self::BaseUrl { .. } => {
                violation_unless(!text.ends_with('/'), "URL cannot end with a slash")
            }
            Self::NoSlash(owner) => violation_unless(
                !text.ends_with('/'),
                &format!("{owner} URL should not end in a slash."),
            ),
            Self::Address => violation_unless(is_address(text), "URL is not a valid URL."),
            Self::PostgresUrl => postgres(text),
            Self::Size => match ImageSize::chosen(text) {
                Err(Error::Invalid { reason, .. }) => Some(format!("Value {reason}, or auto")),
                _ => None,
            },
            Self::Choice(kind) => {
                choices.find(kind, text).is_none().then(|| choices.refusal(kind, text))
            }
            Self::ReadOnly => Some("Cannot set this setting.".to_owned()),
            Self::Password => violation_unless(
                is_password(text),
                "Your password has restricted characters in it. Allowed symbols are \
                 _,-,!,@,$,%,^,&,*,(,),;",
            ),
        }
    }
}

/// Returns the error message for text that no setting accepts. A line break could turn a value into
/// a second setting in line-based files.
pub fn format_violation(text: &str) -> Option<String> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Some("Value must not contain line breaks or control characters".to_owned());
    }
    (text.len() > MAX_BYTES).then(|| format!("Value must not be longer than {MAX_BYTES} bytes"))
}

fn number(text: &str, positive: bool) -> Option<String> {
    let text = text.trim();
    // Clients of the other product treat an empty text as zero.
    let text = if text.is_empty() { "0" } else { text };
    let words = match text.parse::<i64>() {
        Ok(number) if positive && number <= 0 => "Value must be greater than zero",
        Ok(_) => return None,
        Err(_) => match text.parse::<f64>() {
            Ok(number) if positive && number <= 0.0 => "Value must be greater than zero",
            Ok(number) if number.is_finite() => "Value must be a whole number",
            _ => "Value must be a number",
        },
    };
    Some(words.to_owned())
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Returns whether `text` is a web address, or a host with a port.
fn is_address(text: &str) -> bool {
    is_web_address(text) || (!text.contains('/') && is_web_address(&format!("http://{text}")))
}

fn postgres(text: &str) -> Option<String> {
    if !text.starts_with("postgresql://") {
        return Some("Invalid Postgres connection string. It must start with postgresql://".into());
    }
    let words = "Invalid Postgres connection string. It must not contain spaces.";
    text.contains(' ').then(|| words.to_owned())
}

fn is_password(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-!@$%^&*();".contains(c);
    !text.is_empty() && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::super::registry::Registry;

    fn violations(name: &str, text: &str) -> String {
        let registry = Registry::new().unwrap();
        registry.violations(registry.by_name(name).unwrap(), text).join("\n")
    }

    #[test]
    fn refusals_have_the_messages_that_clients_expect() {
        for (name, text, words) in [
            ("GenericOpenAiTokenLimit", "lots", "Value must be a number"),
            ("GenericOpenAiTokenLimit", "0", "Value must be greater than zero"),
            ("GenericOpenAiTokenLimit", "-2.5", "Value must be greater than zero"),
            ("GenericOpenAiTokenLimit", "", "Value must be greater than zero"),
            ("GenericOpenAiTokenLimit", "1.5", "Value must be a whole number"),
            ("GenericOpenAiTokenLimit", "inf", "Value must be a number"),
            ("GenericOpenAiTokenLimit", "NaN", "Value must be a number"),
            ("OpenAiKey", "nope", "OpenAI Key must start with sk-"),
            ("OpenAiKey", "", "Value cannot be empty\nOpenAI Key must start with sk-"),
            ("AnthropicApiKey", "sk-1", "Anthropic Key must start with sk-ant-"),
            ("LLMProvider", "nope", "nope is not a valid LLM provider."),
            ("LLMProvider", "", "Value cannot be empty\n is not a valid LLM provider."),
            (
                "VectorDB",
                "nope",
                "Invalid VectorDB type. Must be one of chroma, chromacloud, pinecone, lancedb, \
                 weaviate, qdrant, milvus, zilliz, astra, pgvector.",
            ),
            (
                "EmbeddingEngine",
                "nope",
                "Invalid Embedding model type. Must be one of openai, azure, gemini, localai, \
                 native, ollama, lmstudio, cohere, voyageai, litellm, generic-openai, mistral, \
                 openrouter, lemonade.",
            ),
            ("GenericOpenAiBasePath", "not a url", "URL is not a valid URL."),
            ("GenericOpenAiBasePath", "javascript:alert(1)", "URL is not a valid URL."),
            ("LMStudioBasePath", "http://a/", "URL must include /v1"),
            ("LMStudioBasePath", "http://a/v1/", "URL cannot end with a slash"),
            ("OllamaLLMBasePath", "a", "Not a valid URL"),
            ("ChromaEndpoint", "http://a/", "Chroma URL should not end in a slash."),
            (
                "ImageGenerationDimensions",
                "512",
                "Value must be a width and a height of 16 to 8192 pixels, such as 1024x768, or auto",
            ),
            ("JWTSecret", "x", "Cannot set this setting."),
            (
                "AuthToken",
                "",
                "Cannot set this setting.\nYour password has restricted characters in it. \
                 Allowed symbols are _,-,!,@,$,%,^,&,*,(,),;",
            ),
            ("AuthToken", "abc", "Cannot set this setting."),
        ] {
            assert_eq!(violations(name, text), words, "{name}={text}");
        }
    }

    #[test]
    fn valid_values_pass() {
        for (name, text) in [
            ("GenericOpenAiTokenLimit", "8192"),
            ("OpenAiKey", "sk-test-000"),
            ("LLMProvider", "generic-openai"),
            ("VectorDB", "lancedb"),
            ("GenericOpenAiBasePath", "http://127.0.0.1:18999/v1/"),
            ("LMStudioBasePath", "http://127.0.0.1:1234/v1"),
            ("MilvusAddress", "localhost:19530"),
            ("PGVectorConnectionString", "postgresql://u:p@h/d"),
            ("DisableTelemetry", "banana"),
            ("EmbeddingOutputDimensions", ""),
            ("ImageGenerationDimensions", ""),
            ("ImageGenerationDimensions", "auto"),
            ("ImageGenerationDimensions", "1024x768"),
            ("OpenAiModelPref", "'\"`#$(id)${HOME} é"),
        ] {
            assert_eq!(violations(name, text), "", "{name}={text}");
        }
    }

    #[test]
    fn line_breaks_and_control_characters_are_refused_in_every_setting() {
        let registry = Registry::new().unwrap();
        for row in registry.settings() {
            for sign in ["\n", "\r", "\r\n", "\u{2028}", "\u{2029}", "\u{85}", "\0", "\u{1b}", "\t"]
            {
                let messages = registry.violations(row, &format!("a{sign}EVIL=1"));
                assert_eq!(messages.len(), 1, "{} {sign:?}", row.name);
                assert!(messages[0].contains("control characters"), "{} {sign:?}", row.name);
            }
        }
        assert!(
            violations("OpenAiModelPref", &"x".repeat(super::MAX_BYTES + 1)).contains("longer")
        );
    }
}
