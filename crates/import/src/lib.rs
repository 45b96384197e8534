//! Importing an installation of AnythingLLM: its SQLite or PostgreSQL database, the files of its
//! storage folder and its environment file.
//!
//! The source is only read. Documents' files are written first, noted as pending; then everything
//! else goes into the database in one transaction. A run that is killed leaves the database as it
//! was, and files that the next start removes.
//!
//! [`export`] leads back: it writes what is here to a folder.
mod chats;
mod configuration;
mod documents;
mod dotenv;
mod export;
mod extension_keys;
mod files;
mod leftovers;
mod people;
mod pictures;
mod placements;
mod plan;
mod prompts;
mod recovery;
mod report;
mod row;
mod run;
mod small_tables;
mod source;
pub mod surrogates;
mod tables;
mod thread_files;
mod vectors;
mod workspaces;

pub use export::{ExportSummary, NotExported, OpenFiles, export};
pub use report::{Report, TableReport};
pub use run::{ImportOutcome, Importer, Options};
