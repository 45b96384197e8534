//! Imports an installation of AnythingLLM: its SQLite or PostgreSQL database, the files of its
//! storage folder and its environment file.
//!
//! The source is only read. The files of documents are written first and recorded as pending;
//! everything else then enters the database in one transaction. A killed run leaves the database
//! unchanged, and the next start removes its files.
//!
//! [`export`] writes the data of this server back to a folder.
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
