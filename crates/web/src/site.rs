//! The shared state of all pages.
use std::path::PathBuf;

use carrel_domain::Result;
use carrel_services::Ports;
use chrono::{DateTime, Utc};
use ipnet::IpNet;

use crate::live::answers::Answers;
use crate::live::failed_drafts::FailedDrafts;
use crate::live::rejected_files::RejectedFiles;
use crate::view::Renderer;
use crate::view::brand::Brand;

/// The operator's options, and facts about the process.
#[derive(Clone)]
pub struct Options {
    pub version: &'static str,
    /// Maximum size of an uploaded file, in bytes.
    pub upload_limit: u64,
    /// Directory for uploads, which are temporary files until they become documents.
    pub upload_dir: PathBuf,
    pub storage_dir: PathBuf,
    /// Name of the database, such as `SQLite`.
    pub database: &'static str,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Returns the resident memory of this process in bytes, if the system reports it.
    pub memory: fn() -> Option<u64>,
}

/// The ports and options that all pages share.
pub struct Site {
    pub ports: Ports,
    pub options: Options,
    /// Answers in progress in this process.
    pub answers: Answers,
    pub failed_drafts: FailedDrafts,
    /// Files of recent jobs that could not be read.
    pub rejected_files: RejectedFiles,
    /// Renders texts.
    pub renderer: Renderer,
    pub started_at: DateTime<Utc>,
}

impl Site {
    pub fn new(ports: Ports, options: Options) -> Self {
        let renderer = Renderer::default();
        let tasks = ports.conversations.tasks.clone();
        let (answers, started_at) = (Answers::new(renderer.clone(), tasks), Utc::now());
        let (failed_drafts, rejected_files) = (FailedDrafts::default(), RejectedFiles::default());
        Self { ports, options, answers, failed_drafts, rejected_files, renderer, started_at }
    }

    /// Returns the name and links of this installation.
    pub async fn brand(&self) -> Result<Brand> {
        Ok(Brand::from_settings(&self.ports.settings.all().await?))
    }
}
