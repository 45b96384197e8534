//! What can be exported.
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write documents as AnythingLLM keeps them, and conversations, users and workspaces as JSON Lines
    #[command(after_help = "\
Documents are in the folder layout of AnythingLLM; README.md in the folder explains the other files.
Passwords and keys are not exported. The folder must be a new or an empty one. Until everything is
written, it is called FOLDER.partial. The exit code is 1 if documents cannot be read; the others are
exported.

Example:
  carrel export anythingllm /mnt/export --storage /srv/carrel")]
    Anythingllm(ExportFolder),
}

#[derive(Debug, Args)]
pub struct ExportFolder {
    /// Folder to write
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}
