//! What can be imported.
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Import an installation of AnythingLLM: people, keys, workspaces, documents, chats, settings
    #[command(after_help = "\
Stop the other server first; its files are only read. Ids, slugs, paths, passwords, API keys and
invite codes stay what they are. This server's storage directory must be a new one.

Examples:
  carrel import anythingllm /srv/anythingllm --dry-run
  carrel import anythingllm /srv/anythingllm --storage /srv/carrel
  carrel import anythingllm /srv/anythingllm --source-database postgres://user:password@host/name")]
    Anythingllm(AnythingllmArgs),
    /// Import an archive that `carrel export archive` wrote
    #[command(after_help = "\
Stop the server first, and give this one an empty storage directory and database. Everything comes, or
nothing. Copy secret.key of the other server into the storage directory first, or the keys of providers
must be set again.

Example:
  carrel import archive /mnt/archive --storage /srv/carrel")]
    Archive(ImportArchiveArgs),
}

#[derive(Debug, Args)]
pub struct ImportArchiveArgs {
    /// Folder of the archive
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct AnythingllmArgs {
    /// Its storage folder, which holds anythingllm.db and documents/
    #[arg(value_name = "FOLDER")]
    pub source: PathBuf,
    /// Its database, if that is PostgreSQL
    #[arg(long, value_name = "URL")]
    pub source_database: Option<String>,
    /// Its environment file [default: .env in the storage folder or in the one above]
    #[arg(long, value_name = "FILE")]
    pub env: Option<PathBuf>,
    /// Reuse the vectors of its cache where this server embeds with the same model of a provider
    #[arg(long)]
    pub keep_vectors: bool,
    /// Say what would come and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}
