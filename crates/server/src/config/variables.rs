//! The variables of the configuration: name, flag, allowed values, and how a value is shown.

use super::reader::RawConfig;

/// How a value is shown to people and in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Plainly,
    /// A URL whose password is hidden.
    WithoutPassword,
    Never,
}

#[derive(Debug)]
pub struct Variable {
    /// The name in the environment and in `.env`.
    pub name: &'static str,
    pub flag: Option<&'static str>,
    /// Completes "must be ...".
    pub allowed: &'static str,
    pub visibility: Visibility,
}

const fn variable(name: &'static str, allowed: &'static str) -> Variable {
    Variable { name, flag: None, allowed, visibility: Visibility::Plainly }
}

const fn flag(name: &'static str, flag: &'static str, allowed: &'static str) -> Variable {
    Variable { name, flag: Some(flag), allowed, visibility: Visibility::Plainly }
}

const SIZE: &str =
    "a whole number of bytes above zero, or one with a unit such as 500kB, 10MB or 2GiB";

pub const STORAGE: Variable = flag("CARREL_STORAGE", "--storage", "the path of a directory");
pub const LISTEN: Variable =
    flag("CARREL_LISTEN", "--listen", "an IP address and a port such as 127.0.0.1:3001 or [::]:80");
pub const DATABASE_URL: Variable = Variable {
    visibility: Visibility::WithoutPassword,
    ..flag(
        "DATABASE_URL",
        "--database-url",
        "sqlite:// with the path of a file, or a postgres:// URL",
    )
};
pub const API_KEY: Variable = Variable {
    visibility: Visibility::Never,
    ..variable("CARREL_API_KEY", "a text of 16 characters or more without white space")
};
pub const LOG: Variable = flag(
    "CARREL_LOG",
    "--log",
    "a level (error, warn, info, debug, trace) or a filter such as info,carrel_api=debug",
);
pub const LOG_FORMAT: Variable = flag("CARREL_LOG_FORMAT", "--log-format", "human or json");
pub const BODY_LIMIT: Variable = variable("CARREL_BODY_LIMIT", SIZE);
pub const UPLOAD_LIMIT: Variable = variable("CARREL_UPLOAD_LIMIT", SIZE);
pub const VECTOR_CACHE: Variable = variable("CARREL_VECTOR_CACHE", SIZE);
pub const EMBEDDING_CACHE: Variable = variable("CARREL_EMBEDDING_CACHE", SIZE);
pub const ORIGINALS_LIMIT: Variable = variable("CARREL_ORIGINALS_LIMIT", SIZE);
pub const PARSE_WORKERS: Variable = variable("CARREL_PARSE_WORKERS", "a number from 1 to 256");
pub const PARSE_TIMEOUT: Variable =
    variable("CARREL_PARSE_TIMEOUT", "a duration in whole seconds, at most 1h, such as 60s");
pub const PARSE_MEMORY: Variable =
    variable("CARREL_PARSE_MEMORY", "a number of bytes from 256MiB up, such as 1GiB");
pub const PARSE_INFLATED: Variable = variable("CARREL_PARSE_INFLATED", SIZE);
pub const OCR_TIMEOUT: Variable = variable(
    "CARREL_OCR_TIMEOUT",
    "a duration in whole seconds, at most 1h, such as 5m; 0s for none",
);
pub const TRANSCRIPTION_TIMEOUT: Variable = variable(
    "CARREL_TRANSCRIPTION_TIMEOUT",
    "a duration in whole seconds, at most 1h, such as 30m; 0s for none",
);
pub const OCR_ENGINE: Variable = variable("CARREL_OCR_ENGINE", "auto, native or tesseract");
pub const OCR_LANGUAGES: Variable = variable(
    "TARGET_OCR_LANG",
    "codes of at most 16 languages, separated by commas, such as eng,deu,chi_sim,jpn,ara",
);
pub const ALLOWED_ORIGINS: Variable = variable(
    "CARREL_ALLOWED_ORIGINS",
    "origins such as https://app.example.com, separated by commas, without paths or wildcards",
);
pub const TRUSTED_PROXIES: Variable = variable(
    "CARREL_TRUSTED_PROXIES",
    "addresses or networks such as 10.0.0.0/8, separated by commas",
);
pub const EMBED_RATE: Variable = variable(
    "CARREL_EMBED_RATE",
    "a number of requests a minute from 1 to 1000000, or 0 for no limit",
);
pub const DOCS: Variable = variable("CARREL_DOCS", "true or false");
pub const WORKERS: Variable = variable("CARREL_WORKERS", "a number from 1 to 256");
pub const EMBEDDER_THREADS: Variable =
    variable("CARREL_EMBEDDER_THREADS", "a number from 1 to 256");
pub const EMBEDDER_IDLE: Variable =
    variable("CARREL_EMBEDDER_IDLE", "never, or a duration such as 90s, 10m or 2h");
pub const LINK_HOSTS: Variable = variable(
    "CARREL_LINK_HOSTS",
    "hosts, addresses or networks such as intranet.example, 10.1.2.3 or fd00::/8, separated by commas",
);
pub const MODEL_DIR: Variable = variable("CARREL_MODEL_DIR", "the path of a directory");
pub const SHUTDOWN_TIMEOUT: Variable =
    variable("CARREL_SHUTDOWN_TIMEOUT", "a duration in whole seconds, at most 1h, such as 30s");
pub const METRICS_LISTEN: Variable =
    variable("CARREL_METRICS_LISTEN", "an IP address and a port such as 127.0.0.1:9300");
pub const AUDIT_DAYS: Variable = variable("CARREL_AUDIT_DAYS", "off, or a number from 1 to 36500");
pub const SECRET_KEY: Variable = Variable {
    visibility: Visibility::Never,
    ..variable("CARREL_SECRET_KEY", "64 hexadecimal digits, such as `openssl rand -hex 32` prints")
};
pub const ENV_DUMP_SECRETS: Variable = variable("CARREL_ENV_DUMP_SECRETS", "sealed or plain");
pub const APP_ENV: Variable =
    variable("APP_ENV", "production, for a server that writes its settings to .env, or another");
const LENGTH: &str = "a number of characters from 1 to 1000";
const CHARACTERS: &str = "a number of characters from 0 to 100";
pub const PASSWORD_SHORTEST: Variable = variable("PASSWORDMINCHAR", LENGTH);
pub const PASSWORD_LONGEST: Variable = variable("PASSWORDMAXCHAR", LENGTH);
pub const PASSWORD_LOWER_CASE: Variable = variable("PASSWORDLOWERCASE", CHARACTERS);
pub const PASSWORD_UPPER_CASE: Variable = variable("PASSWORDUPPERCASE", CHARACTERS);
pub const PASSWORD_DIGITS: Variable = variable("PASSWORDNUMERIC", CHARACTERS);
pub const PASSWORD_SYMBOLS: Variable = variable("PASSWORDSYMBOL", CHARACTERS);
pub const PASSWORD_KINDS: Variable =
    variable("PASSWORDREQUIREMENTS", "a number of kinds of characters from 0 to 4");
pub const VECTOR_DB: Variable = variable(
    "VECTOR_DB",
    match cfg!(feature = "lancedb") {
        true => {
            "lancedb (or not set) for LanceDB in the storage directory, pgvector, chroma, \
             chromacloud, qdrant, pinecone, weaviate, milvus, zilliz or astra"
        }
        false => {
            "lancedb (or not set) for the index inside this server (LanceDB itself is not in this \
             build), pgvector, chroma, chromacloud, qdrant, pinecone, weaviate, milvus, zilliz or \
             astra"
        }
    },
);
pub const LLM_PROVIDER: Variable =
    variable("LLM_PROVIDER", "the name of a language-model provider, such as generic-openai");

/// The variables with the prefix `CARREL_`, to which a misspelt name is compared.
pub const OWN: &[&Variable] = &[
    &METRICS_LISTEN,
    &STORAGE,
    &LISTEN,
    &API_KEY,
    &LOG,
    &LOG_FORMAT,
    &BODY_LIMIT,
    &UPLOAD_LIMIT,
    &VECTOR_CACHE,
    &EMBEDDING_CACHE,
    &ORIGINALS_LIMIT,
    &PARSE_WORKERS,
    &PARSE_TIMEOUT,
    &PARSE_MEMORY,
    &PARSE_INFLATED,
    &OCR_TIMEOUT,
    &OCR_ENGINE,
    &TRANSCRIPTION_TIMEOUT,
    &ALLOWED_ORIGINS,
    &TRUSTED_PROXIES,
    &EMBED_RATE,
    &DOCS,
    &WORKERS,
    &EMBEDDER_THREADS,
    &EMBEDDER_IDLE,
    &MODEL_DIR,
    &SHUTDOWN_TIMEOUT,
    &AUDIT_DAYS,
    &SECRET_KEY,
    &ENV_DUMP_SECRETS,
    &LINK_HOSTS,
];

/// The prefix of this program's own variables.
pub const PREFIX: &str = "CARREL_";

/// Returns the known name that `unknown` was probably meant to be.
pub fn closest_name(unknown: &str) -> Option<&'static str> {
    let distances = OWN.iter().map(|known| (distance(unknown, known.name), known.name));
    distances.min().filter(|(distance, _)| *distance <= 3).map(|(_, name)| name)
}

/// Returns the Levenshtein distance of two names, in bytes.
fn distance(one: &str, other: &str) -> usize {
    let other = other.as_bytes();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Describes every variable that has our prefix but is unknown.
pub fn misspelt(raw: &RawConfig) -> Vec<String> {
    let file = raw.file_path.display().to_string();
    let places = raw.environment.keys().map(|name| (name, "the environment"));
    let places = places.chain(raw.file.keys().map(|name| (name, file.as_str())));
    let unknown = places.filter(|(name, _)| {
        name.starts_with(PREFIX) && OWN.iter().all(|known| known.name != name.as_str())
    });
    let warn = |(name, place): (&String, &str)| match closest_name(name) {
        Some(closest) => format!("{name} in {place} is unknown; did you mean {closest}?"),
        None => format!("{name} in {place} is unknown"),
    };
    unknown.map(warn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_name_is_suggested_for_a_misspelt_one() {
        assert_eq!(closest_name("CARREL_LISTN"), Some("CARREL_LISTEN"));
        assert_eq!(closest_name("CARREL_BODYLIMIT"), Some("CARREL_BODY_LIMIT"));
        assert_eq!(closest_name("CARREL_SOMETHING_ELSE"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
