//! The command line: commands, their arguments, and the help.
mod audit;
mod export;
mod import;
mod people;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use carrel_domain::api_key::Scope;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::config::{Flags, parse, variables};

pub use audit::AuditCommand;
pub use export::{ExportArchiveArgs, ExportCommand, ExportFolderArgs};
pub use import::{AnythingllmArgs, ImportArchiveArgs, ImportCommand};
pub use people::{MultiUserCommand, NewUserArgs, RecoveryLinkArgs, UserCommand};

/// The subcommand with which this program starts the worker processes that read files.
pub const PARSE_WORKER: &str = "parse-worker";

const EXAMPLES: &str = "\
First steps:
  carrel model fetch                          download the embedding model, once
  carrel add handbook docs/*.md               add documents to the workspace `handbook`
  carrel ask handbook \"How do I reset it?\"    ask a question; the answer names its sources
  carrel api-key create --name laptop         create a key for programs
  carrel serve                                run the server on http://127.0.0.1:3001

Settings come from flags, then from the environment, then from the database (if they can be changed
there), then from the file .env in the storage directory. `carrel config check` shows all settings
and their sources.";

const BACKUP_EXAMPLES: &str = "\
The file is a tar archive with the database as of one moment, the documents, and the key that opens
the secrets in the database, so protect it like the storage directory itself. It contains neither the
models nor a PostgreSQL database; use pg_dump for that.

Example, every night:
  carrel backup /mnt/backups/carrel-$(date +%F).tar";

/// A self-hosted server that answers questions about your documents.
#[derive(Debug, Parser)]
#[command(name = "carrel", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: CommonArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct CommonArgs {
    /// Directory of the database, documents and models [env: CARREL_STORAGE] [default:
    /// ~/.local/share/carrel]
    #[arg(long, global = true, value_name = "DIR")]
    pub storage: Option<String>,
    /// Database, if it is not in the storage directory: sqlite:///path or
    /// postgres://user:password@host/name [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Log level: error, warn, info, debug, trace, or a filter such as info,carrel_api=debug
    /// [env: CARREL_LOG]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// Log format: human or json [env: CARREL_LOG_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Address to listen on; port 0 picks a free one [env: CARREL_LISTEN] [default: 127.0.0.1:3001]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    #[command(after_help = "\
The first SIGTERM or Ctrl-C stops the server once running requests are answered; a second one stops
it at once.

Example, reachable from other machines:
  carrel serve --listen 0.0.0.0:3001 --storage /srv/carrel")]
    Serve(ListenArgs),
    /// Add files to a workspace, which is created if it does not exist
    #[command(after_help = "\
Each document is added whole or not at all. Files that fail are reported with the reason, the others
are added, and the exit code is 1. Directories are searched for files of the known types; a file that
you name is tried whatever its type. A server may be running on the same storage directory.

Examples:
  carrel add handbook docs/ notes.md
  carrel add \"R&D papers\" *.txt")]
    Add(AddArgs),
    /// Ask a workspace, and print the answer and its sources
    #[command(after_help = "\
Examples:
  carrel ask handbook \"Who signs off a release?\"
  carrel ask handbook --json \"Who signs off a release?\" | jq -r .sources[].title
  carrel ask handbook --session monday \"And who signs off a hotfix?\"")]
    Ask(AskArgs),
    /// Create, list and revoke API keys for programs
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Create users and recovery links
    #[command(subcommand)]
    User(UserCommand),
    /// Switch from one user to many
    #[command(subcommand)]
    MultiUser(MultiUserCommand),
    /// Print a link to set the server up in a browser, or to reset the owner's password
    #[command(after_help = "\
The link works once, for 24 hours. A server that is not set up prints one when it starts.

Example:
  carrel setup-link --storage /srv/carrel")]
    SetupLink,
    /// List and verify the log of all changes
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Back up everything to one file; a server may be running
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(BackupArgs),
    /// Restore a backup to a storage directory that is empty or does not exist
    #[command(after_help = "\
Example:
  carrel restore carrel.tar --storage /srv/carrel && carrel verify --storage /srv/carrel")]
    Restore(RestoreArgs),
    /// Import the data of another server
    #[command(subcommand)]
    Import(ImportCommand),
    /// Export the data for another server; this server may be running
    #[command(subcommand)]
    Export(ExportCommand),
    /// List the newest jobs and the progress of their recordings
    Jobs,
    /// Check that database, documents, vectors and audit log agree; exits with 1 if they do not
    Verify,
    /// Fetch and quantize the models that run inside this program
    #[command(subcommand)]
    Model(ModelCommand),
    /// Change settings while a server runs
    #[command(subcommand)]
    Setting(SettingCommand),
    /// Check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Read one document's file; the server starts this command itself
    #[command(name = PARSE_WORKER, hide = true)]
    ParseWorker { job: String },
    /// Print the OpenAPI description of the server
    Openapi,
    /// Print a completion script for a shell
    #[command(after_help = "\
Example:
  carrel completions bash > ~/.local/share/bash-completion/completions/carrel")]
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Name or slug
    pub workspace: String,
    /// Files, and directories to search
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AskArgs {
    /// Slug or name
    pub workspace: String,
    pub question: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Continue the conversation of this name [default: a new conversation]
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Create a key and print it; it is shown only once
    #[command(after_help = "\
Only the key goes to standard output:
  KEY=$(carrel api-key create --name backup --scope read --expires-in 90d)
  curl -H \"Authorization: Bearer $KEY\" http://127.0.0.1:3001/v1/auth

A key that may ask in two workspaces, at most ten times a minute:
  carrel api-key create --scope chat --workspace handbook --workspace press --rate-limit 10")]
    Create(NewKeyArgs),
    /// List all keys without their secrets, including revoked ones
    List,
    /// Revoke a key by its id in the list; a running server refuses it within a second
    Revoke { id: i32 },
}

#[derive(Debug, Args)]
pub struct NewKeyArgs {
    /// What the key is for
    #[arg(long)]
    pub name: Option<String>,
    /// Scope of the key; may be repeated [default: full access]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope())]
    pub scopes: Vec<Scope>,
    /// Slug of a workspace that the key may use; may be repeated [default: all]
    #[arg(long = "workspace", value_name = "SLUG")]
    pub workspaces: Vec<String>,
    /// Maximum number of requests a minute [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_limit: Option<u32>,
    /// User who owns the key; it does not work while the user is suspended, and is deleted with the user
    #[arg(long, value_name = "USER")]
    pub owner: Option<String>,
    /// Lifetime, such as 12h or 90d [default: until revoked]
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub expires_in: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// File to write; must not exist yet
    pub file: PathBuf,
    /// Leave out the secret key and the file .env
    #[arg(long)]
    pub without_secrets: bool,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Backup to read
    pub file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum SettingCommand {
    /// Set a value; a running server applies it within seconds
    #[command(after_help = "\
Examples:
  carrel setting set OLLAMA_BASE_PATH http://127.0.0.1:11434
  carrel setting set OLLAMA_MODEL_PREF llama3.1
  carrel setting set LLM_PROVIDER ollama
  pass show openai | carrel setting set OPEN_AI_KEY")]
    Set(SettingArgs),
}

#[derive(Debug, Args)]
pub struct SettingArgs {
    /// Name in the API or in the environment, such as LLMProvider or LLM_PROVIDER
    pub name: String,
    /// The value [default: the first line of standard input, which keeps a secret out of the shell history]
    pub value: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Download a model, or copy it from a directory, and check every file
    #[command(after_help = "\
Without a name, the command fetches the model in use. It does not fetch existing files again.
Models:
  multilingual-e5-small   multilingual, 100 languages, 72 MB
  all-MiniLM-L6-v2        English, fastest, 91 MB
  bge-small-en-v1.5       English, more accurate, 133 MB
  nomic-embed-text-v1.5   English, long texts, 547 MB
  ocr                     reads the text in pictures and scans, 31 MB
  whisper-base            transcribes recordings, 146 MB
  piper                   a voice that reads aloud (with the program espeak-ng), 63 MB
Without internet access, copy the model's files to this machine and name their directory:
  carrel model fetch all-MiniLM-L6-v2 --from /media/usb/all-MiniLM-L6-v2")]
    Fetch(FetchArgs),
    /// Quantize a model in full precision, and compare the two
    #[command(after_help = "\
Example:
  carrel model quantize /srv/models/bge-small-en-v1.5 --bits 8 --into /srv/models/bge-small-q8")]
    Quantize(QuantizeArgs),
}

#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Names of models [default: the model in use]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Directory with the model's files
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Mirror of the Hugging Face hub
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    pub mirror: Option<String>,
}

#[derive(Debug, Args)]
pub struct QuantizeArgs {
    /// Directory of the model in full precision
    pub from: PathBuf,
    /// Bits of each weight
    #[arg(long, value_parser = ["4", "8"])]
    pub bits: String,
    /// Directory for the smaller model
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting and its source; lists all problems and exits with 1 if there are any
    Check(ListenArgs),
}

impl Cli {
    /// Returns the flags that set variables.
    pub fn flags(&self) -> Flags {
        let CommonArgs { storage, database_url, log, log_format } = &self.common;
        let listen = match &self.command {
            Command::Serve(ListenArgs { listen })
            | Command::Config(ConfigCommand::Check(ListenArgs { listen })) => listen,
            _ => &None,
        };
        let flags_given = [
            (&variables::STORAGE, storage),
            (&variables::DATABASE_URL, database_url),
            (&variables::LOG, log),
            (&variables::LOG_FORMAT, log_format),
            (&variables::LISTEN, listen),
        ];
        let flags = flags_given
            .into_iter()
            .filter_map(|(variable, value)| Some((variable.flag?, value.clone()?)));
        flags.collect::<BTreeMap<_, _>>()
    }
}

fn scope() -> impl TypedValueParser<Value = Scope> {
    let names = PossibleValuesParser::new(Scope::ALL.map(Scope::as_str));
    names.try_map(|name| Scope::parse(&name).ok_or("unknown"))
}

/// Parses a lifetime of at most a hundred years, so that the expiry is a valid date.
fn expiry(text: &str) -> Result<Duration, String> {
    let century = Duration::from_secs(100 * 365 * 86_400);
    let duration = parse::duration(text).filter(|time| !time.is_zero() && *time <= century);
    duration.ok_or_else(|| "must be a whole number with a unit, such as 30m, 12h or 90d".to_owned())
}

#[cfg(test)]
mod tests;
