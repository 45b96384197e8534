//! Export commands.
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Write documents in AnythingLLM's layout, and conversations, users and workspaces as JSON Lines
    #[command(after_help = "\
Documents are in the folder layout of AnythingLLM; README.md in the folder explains the other files.
Passwords and keys are not exported. The folder must be new or empty. Until the export is complete, it
is called FOLDER.partial. If some documents cannot be read, the others are exported and the exit code
is 1.

Example:
  carrel export anythingllm /mnt/export --storage /srv/carrel")]
    Anythingllm(ExportFolderArgs),
    /// Write everything to a folder, to import into an empty carrel on SQLite or PostgreSQL
    #[command(after_help = "\
The folder is readable for people: a JSON object for each row, a file for each document, and a README.md
that explains them. Provider keys stay sealed; to use them elsewhere, copy secret.key too. The folder must
be new or empty. Until the export is complete, it is called FOLDER.partial. If some documents have no
file, everything else is exported and the exit code is 1.

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
    /// Leave out the audit log
    #[arg(long)]
    pub without_audit_log: bool,
}

#[derive(Debug, Args)]
pub struct ExportFolderArgs {
    /// Folder to write
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
