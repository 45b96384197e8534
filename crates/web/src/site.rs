//! What the pages are wired to.
use std::path::PathBuf;

use carrel_domain::Result;
use carrel_services::Ports;
use chrono::{DateTime, Utc};
use ipnet::IpNet;

use crate::live::answers::Answers;
use crate::live::failed_drafts::FailedDrafts;
use crate::live::rejected_files::RejectedFiles;
use crate::view::Renderer;
use crate::view::layout::Brand;

/// What the operator decided, and facts about the process.
#[derive(Clone)]
pub struct Options {
    pub version: &'static str,
    /// The largest uploaded file, in bytes.
    pub upload_limit: u64,
    /// Where uploads wait, as temporary files, until they are documents.
    pub upload_dir: PathBuf,
    pub storage_dir: PathBuf,
    /// Such as `SQLite`.
    pub database: &'static str,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The memory this process holds, in bytes, if the system tells.
    pub memory: fn() -> Option<u64>,
}

/// The ports and options, shared by every page.
pub struct Site {
    pub ports: Ports,
    pub options: Options,
    /// Those that are being given by this process.
    pub answers: Answers,
    pub failed_drafts: FailedDrafts,
    /// Files of recent jobs that could not be read.
    pub rejected_files: RejectedFiles,
    /// Where texts are rendered.
    pub renderer: Renderer,
    pub started: DateTime<Utc>,
}

impl Site {
    pub fn new(ports: Ports, options: Options) -> Self {
        let renderer = Renderer::default();
        let tasks = ports.conversations.tasks.clone();
        let (answers, started) = (Answers::new(renderer.clone(), tasks), Utc::now());
        let (failed_drafts, rejected_files) = (FailedDrafts::default(), RejectedFiles::default());
        Self { ports, options, answers, failed_drafts, rejected_files, renderer, started }
    }

    /// What this installation calls itself.
    pub async fn brand(&self) -> Result<Brand> {
        Ok(Brand::of(&self.ports.settings.all().await?))
    }
}
