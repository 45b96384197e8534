//! Configuration, from flags, then the environment, then `<storage>/.env`, then defaults. No other
//! module reads the environment.
pub mod parse;
pub mod reader;
pub mod variables;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carrel_documents::Languages;
use carrel_documents::worker::OcrEngine;
use carrel_providers::Exempt;
use carrel_services::accounts::PasswordRules;
use carrel_services::settings::dump::DumpedSecrets;
use carrel_services::settings::key::Key;
use ipnet::IpNet;
use reader::Reader;
pub use reader::{EffectiveValue, Environment, Flags, LookupResult, RawConfig, ValueSource};
use variables as var;

use crate::storage_layout::StorageLayout;

#[derive(Clone, Debug)]
pub struct ListenConfig {
    pub address: SocketAddr,
    /// Threads that answer requests.
    pub workers: usize,
}

#[derive(Clone)]
pub struct DatabaseConfig {
    /// Contains the password; must not be shown.
    pub url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

#[derive(Clone, Debug)]
pub struct LogConfig {
    /// A filter for `tracing-subscriber`; `None` if the operator set none.
    pub filter: Option<String>,
    pub format: LogFormat,
}

/// Limits in bytes.
#[derive(Clone, Debug)]
pub struct LimitsConfig {
    /// The largest body of a request that is not an upload.
    pub body: usize,
    pub upload: u64,
    /// Memory for the codes of vectors.
    pub vector_cache: usize,
    /// The size of the embedding cache in the database.
    pub embedding_cache: u64,
    /// The total size of the originals.
    pub originals: u64,
}

/// Limits for reading a document's file.
#[derive(Clone, Debug)]
pub struct ParsingConfig {
    /// The number of files read at once, each in its own process.
    pub workers: usize,
    /// Time limit for each file.
    pub timeout: Duration,
    /// Memory limit of each process, in bytes.
    pub memory: u64,
    /// The largest unpacked size of an archive, in bytes.
    pub inflated: u64,
    /// Time limit for recognising the text in one file's pictures; zero switches OCR off.
    pub ocr_timeout: Duration,
    pub ocr_languages: Languages,
    pub ocr_engine: OcrEngine,
    pub transcription_timeout: Duration,
}

/// The embedder inside this process.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The directory of the model, if the operator names one.
    pub directory: Option<PathBuf>,
    /// The default directory of models, with one subdirectory for each model.
    pub models: PathBuf,
    pub threads: usize,
    /// The model is unloaded after this idle time; `None` keeps it loaded.
    pub idle: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Origins of web pages that may call this server from a browser.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a minute that one address may make to widgets; zero means no limit.
    pub embed_rate: u32,
    /// Whether the OpenAPI description and its page are served.
    pub docs: bool,
}

#[derive(Clone, Debug)]
pub struct ShutdownConfig {
    /// Time that requests in progress have to finish.
    pub timeout: Duration,
}

#[derive(Clone)]
pub struct Config {
    pub listen: ListenConfig,
    pub storage: StorageLayout,
    pub database: DatabaseConfig,
    /// A key chosen by the operator, in the clear.
    pub api_key: Option<String>,
    pub log: LogConfig,
    pub limits: LimitsConfig,
    pub parsing: ParsingConfig,
    pub model: ModelConfig,
    /// The environment and the `.env` file, from which settings take values that the database does
    /// not have.
    pub raw: RawConfig,
    /// Encrypts stored secrets; read from a file if the operator gives none.
    pub secret_key: Option<Key>,
    pub passwords: PasswordRules,
    /// Whether the effective settings are written to the `.env` file.
    pub production: bool,
    /// How secrets are written to the `.env` file.
    pub dumped_secrets: DumpedSecrets,
    pub api: ApiConfig,
    /// Private hosts that links may lead to.
    pub link_hosts: Vec<Exempt>,
    pub shutdown: ShutdownConfig,
    /// The address at which metrics are served without a key; `None` serves none.
    pub metrics: Option<SocketAddr>,
    /// Days that events of the audit log are kept; `None` keeps them for good.
    pub audit_days: Option<u32>,
}

/// The result of reading the configuration.
pub struct ConfigReport {
    /// The configuration, or every problem with it, one a line.
    pub config: Result<Config, Vec<String>>,
    /// The raw values, available even if the configuration is invalid.
    pub raw: RawConfig,
    pub effective: Vec<EffectiveValue>,
    /// Likely mistakes that do not prevent the start.
    pub warnings: Vec<String>,
}

/// Reads the whole configuration and reports all problems at once.
pub fn read(flags: Flags, environment: Environment) -> ConfigReport {
    let mut reader = Reader::new(flags, environment);
    let config = config(&mut reader);
    reader.warnings.extend(var::misspelt(&reader.raw));
    let Reader { problems, effective, warnings, raw, .. } = reader;
    let config = match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    };
    ConfigReport { config, raw, effective, warnings }
}

/// Returns `None` only after recording a problem. Reads every variable before it returns, so that
/// every problem is reported.
fn config(reader: &mut Reader) -> Option<Config> {
    let storage = storage(reader);
    let listen = listen(reader);
    let database = database(reader, storage.as_ref());
    let api_key = reader.optional(&var::API_KEY, parse::api_key).value();
    let log = log(reader);
    let limits = limits(reader);
    let parsing = parsing(reader);
    let model = model(reader, storage.as_ref());
    let api = api(reader);
    let link_hosts = reader.read(&var::LINK_HOSTS, "", parse::link_hosts);
    let timeout = reader.read(&var::SHUTDOWN_TIMEOUT, "30s", parse::deadline);
    let metrics = reader.optional(&var::METRICS_LISTEN, parse::address).value();
    let audit_days = reader.read(&var::AUDIT_DAYS, "off", parse::days);
    let secret_key = reader.optional(&var::SECRET_KEY, |text| Key::parse(text).ok()).value();
    let passwords = passwords(reader);
    let production = reader.optional(&var::APP_ENV, |text| Some(text == "production"));
    let dumped_secrets = reader.read(&var::ENV_DUMP_SECRETS, "sealed", parse::dumped_secrets);
    vector_index(reader);
    provider(reader);
    Some(Config {
        listen: listen?,
        storage: storage?,
        database: database?,
        api_key,
        log: log?,
        limits: limits?,
        parsing: parsing?,
        model: model?,
        raw: reader.raw.clone(),
        secret_key,
        passwords: passwords?,
        production: production.value().unwrap_or_default(),
        dumped_secrets: dumped_secrets?,
        api: api?,
        link_hosts: link_hosts?,
        shutdown: ShutdownConfig { timeout: timeout? },
        metrics,
        audit_days: audit_days?,
    })
}

/// Returns the storage directory, and reads the `.env` file in it for the variables that follow.
fn storage(reader: &mut Reader) -> Option<StorageLayout> {
    let default = default_storage(&reader.raw.environment);
    if default.is_none() && !reader.is_given(&var::STORAGE) {
        let problem = "CARREL_STORAGE must be set, because there is no home directory for the data";
        reader.problems.push(problem.to_owned());
        return None;
    }
    let root = reader.read(&var::STORAGE, &default.unwrap_or_default(), parse::path)?;
    if root.to_str().is_none() {
        reader.problems.push("CARREL_STORAGE must be a path in UTF-8".to_owned());
        return None;
    }
    let layout = StorageLayout::new(root);
    reader.read_file(&layout.settings_file());
    if reader.raw.file.contains_key(var::STORAGE.name) {
        let file = layout.settings_file();
        reader.warnings.push(format!(
            "CARREL_STORAGE has no effect in {}, because the file is in that directory",
            file.display()
        ));
    }
    Some(layout)
}

/// Returns `$XDG_DATA_HOME/carrel`, or its equivalent below the home directory.
fn default_storage(environment: &Environment) -> Option<String> {
    let absolute = |name: &str| {
        let value = environment.get(name)?.as_deref()?;
        Path::new(value).is_absolute().then_some(value)
    };
    if let Some(data) = absolute("XDG_DATA_HOME").or_else(|| absolute("LOCALAPPDATA")) {
        return Some(format!("{data}/carrel"));
    }
    absolute("HOME").map(|home| format!("{}/.local/share/carrel", home.trim_end_matches('/')))
}

fn listen(reader: &mut Reader) -> Option<ListenConfig> {
    let address = reader.read(&var::LISTEN, "127.0.0.1:3001", parse::address);
    let workers = reader.read(&var::WORKERS, &processors().min(4).to_string(), parse::threads);
    Some(ListenConfig { address: address?, workers: workers? })
}

fn database(reader: &mut Reader, storage: Option<&StorageLayout>) -> Option<DatabaseConfig> {
    let default = storage.map(|storage| format!("sqlite://{}", storage.database().display()));
    let url = match default {
        Some(default) => reader.read(&var::DATABASE_URL, &default, parse::database_url),
        None => reader.optional(&var::DATABASE_URL, parse::database_url).value(),
    };
    Some(DatabaseConfig { url: url? })
}

fn log(reader: &mut Reader) -> Option<LogConfig> {
    let is_filter =
        |text: &str| tracing_subscriber::EnvFilter::try_new(text).is_ok().then(|| text.to_owned());
    let filter = reader.optional(&var::LOG, is_filter);
    if matches!(filter, LookupResult::Nothing) {
        reader.describe("info for serve, warn for other commands");
    }
    let format = |text: &str| match text {
        "human" => Some(LogFormat::Human),
        "json" => Some(LogFormat::Json),
        _ => None,
    };
    let format = reader.read(&var::LOG_FORMAT, "human", format);
    Some(LogConfig { filter: filter.value(), format: format? })
}

fn limits(reader: &mut Reader) -> Option<LimitsConfig> {
    let body = reader.read(&var::BODY_LIMIT, "10MiB", parse::memory);
    let upload = reader.read(&var::UPLOAD_LIMIT, "256MiB", parse::size);
    let vector_cache = reader.read(&var::VECTOR_CACHE, "256MiB", parse::memory);
    let embedding_cache = reader.read(&var::EMBEDDING_CACHE, "256MiB", parse::size);
    let originals = reader.read(&var::ORIGINALS_LIMIT, "10GiB", parse::size);
    let (vector_cache, embedding_cache, originals) = (vector_cache?, embedding_cache?, originals?);
    Some(LimitsConfig { body: body?, upload: upload?, vector_cache, embedding_cache, originals })
}

fn parsing(reader: &mut Reader) -> Option<ParsingConfig> {
    let workers = processors().min(4).to_string();
    let workers = reader.read(&var::PARSE_WORKERS, &workers, parse::threads);
    let above_zero = |text: &str| parse::deadline(text).filter(|deadline| !deadline.is_zero());
    let timeout = reader.read(&var::PARSE_TIMEOUT, "60s", above_zero);
    let enough = |text: &str| parse::size(text).filter(|bytes| *bytes >= 256 << 20);
    let memory = reader.read(&var::PARSE_MEMORY, "1GiB", enough);
    let inflated = reader.read(&var::PARSE_INFLATED, "512MiB", parse::size);
    let ocr_timeout = reader.read(&var::OCR_TIMEOUT, "5m", parse::deadline);
    let ocr_languages = reader.read(&var::OCR_LANGUAGES, "", Languages::parse);
    let ocr_engine = reader.read(&var::OCR_ENGINE, "auto", OcrEngine::parse);
    let transcription = reader.read(&var::TRANSCRIPTION_TIMEOUT, "1h", parse::deadline);
    Some(ParsingConfig {
        workers: workers?,
        timeout: timeout?,
        memory: memory?,
        inflated: inflated?,
        ocr_timeout: ocr_timeout?,
        ocr_languages: ocr_languages?,
        ocr_engine: ocr_engine?,
        transcription_timeout: transcription?,
    })
}

fn model(reader: &mut Reader, storage: Option<&StorageLayout>) -> Option<ModelConfig> {
    let directory = reader.optional(&var::MODEL_DIR, parse::path);
    let models = storage.map(StorageLayout::models);
    let threads = processors().min(256).to_string();
    let threads = reader.read(&var::EMBEDDER_THREADS, &threads, parse::threads);
    let idle = reader.read(&var::EMBEDDER_IDLE, "never", parse::idle);
    let directory = match directory {
        LookupResult::Nothing => None,
        LookupResult::Value(path) => Some(path),
        LookupResult::Wrong => return None,
    };
    Some(ModelConfig { directory, models: models?, threads: threads?, idle: idle? })
}

fn api(reader: &mut Reader) -> Option<ApiConfig> {
    let allowed_origins = reader.read(&var::ALLOWED_ORIGINS, "", parse::origins);
    let trusted_proxies = reader.read(&var::TRUSTED_PROXIES, "", parse::networks);
    let embed_rate = reader.read(&var::EMBED_RATE, "120", parse::rate);
    let docs = reader.read(&var::DOCS, "true", |text| text.parse().ok());
    Some(ApiConfig {
        allowed_origins: allowed_origins?,
        trusted_proxies: trusted_proxies?,
        embed_rate: embed_rate?,
        docs: docs?,
    })
}

fn passwords(reader: &mut Reader) -> Option<PasswordRules> {
    let default = PasswordRules::default();
    let length = |text: &str| text.parse().ok().filter(|length| (1..=1000).contains(length));
    let min_length = reader.read(&var::PASSWORD_SHORTEST, &default.min_length.to_string(), length);
    let max_length = reader.read(&var::PASSWORD_LONGEST, &default.max_length.to_string(), length);
    let up_to = |maximum: usize| move |text: &str| text.parse().ok().filter(|n| *n <= maximum);
    let mut count = |kind, maximum| reader.read(kind, "0", up_to(maximum));
    let rules = PasswordRules {
        lower_case: count(&var::PASSWORD_LOWER_CASE, 100)?,
        upper_case: count(&var::PASSWORD_UPPER_CASE, 100)?,
        digits: count(&var::PASSWORD_DIGITS, 100)?,
        symbols: count(&var::PASSWORD_SYMBOLS, 100)?,
        kinds: count(&var::PASSWORD_KINDS, 4)?,
        min_length: min_length?,
        max_length: max_length?,
    };
    if rules.min_length > rules.max_length {
        let problem = "PASSWORDMINCHAR must not be above PASSWORDMAXCHAR";
        reader.problems.push(problem.to_owned());
    }
    Some(rules)
}

/// Refuses an unknown vector database if a flag or the environment names it. A value in the `.env`
/// file or the database is a setting: it can be changed while the server runs on the built-in
/// index.
fn vector_index(reader: &mut Reader) {
    let is_own = |text: &str| carrel_vectors::choose::NAMES.contains(&text);
    match reader.raw.find(var::VECTOR_DB.name) {
        Ok(Some((text, ValueSource::File { .. }))) if !is_own(text.trim()) => {}
        _ => _ = reader.optional(&var::VECTOR_DB, |text| is_own(text).then_some(())),
    }
}

/// Refuses an unknown provider and lists the known ones. A provider's other settings are checked
/// when it is first used.
fn provider(reader: &mut Reader) {
    let Some(provider_name) =
        reader.read(&var::LLM_PROVIDER, "extractive", |text| Some(text.to_owned()))
    else {
        return;
    };
    let mut names = carrel_providers::provider_names();
    if !names.any(|name| name == provider_name) {
        let names: Vec<_> = carrel_providers::provider_names().collect();
        let (names, displayed_name) = (names.join(", "), provider_name.escape_debug());
        reader
            .problems
            .push(format!("LLM_PROVIDER must be one of {names}, not `{displayed_name}`"));
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests;
