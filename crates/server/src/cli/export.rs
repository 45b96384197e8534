//! What can be exported.
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Write documents as AnythingLLM keeps them, and conversations, users and workspaces as JSON Lines
    #[command(after_help = "\
Documents are in the folder layout of AnythingLLM; README.md in the folder explains the other files.
Passwords and keys are not exported. The folder must be a new or an empty one. Until everything is
written, it is called FOLDER.partial. The exit code is 1 if documents cannot be read; the others are
exported.

Example:
  carrel export anythingllm /mnt/export --storage /srv/carrel")]
    Anythingllm(ExportFolderArgs),
    /// Write everything to a folder that an empty carrel reads, on SQLite or PostgreSQL
    #[command(after_help = "\
People can read the folder: a JSON object for each row, a file for each document. README.md in it explains
the files. Keys of providers stay sealed; to use them elsewhere, copy secret.key too. The folder must be a
new or an empty one. Until everything is written, it is called FOLDER.partial. The exit code is 1 if
documents have no file; everything else is written.

Example, from SQLite to PostgreSQL:
  carrel export archive /mnt/archive --storage /srv/carrel
  mkdir -m 700 /srv/carrel-pg && cp /srv/carrel/secret.key /srv/carrel-pg/
  carrel import archive /mnt/archive --storage /srv/carrel-pg \\
    --database-url postgres://user:password@host/name")]
    Archive(ExportArchiveArgs),
}

#[derive(Debug, Args)]
pub struct ExportArchiveArgs {
    /// Folder to write
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Leave out the log of who changed what
    #[arg(long)]
    pub without_audit_log: bool,
}

#[derive(Debug, Args)]
pub struct ExportFolderArgs {
    /// Folder to write
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
