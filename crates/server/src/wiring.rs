//! Every port and service, built once from the configuration and wired together.
mod importing;
mod maintenance;
mod opening;
mod parse_worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use carrel_documents::worker::Checkpoints;
use carrel_documents::{DocumentStore, FileExtractor, OriginalStore, RecursiveSplitter, WebPages};
use carrel_domain::model::Models;
use carrel_domain::user::Sessions;
use carrel_domain::vector::VectorIndex;
use carrel_export::ExportFormats;
use carrel_import::Importer;
use carrel_persistence::Database;
use carrel_providers::{LinkLimits, SystemLookup, WebFetcher};
use carrel_services::accounts::{Accounts, Passwords};
use carrel_services::api_keys::ApiKeyService;
use carrel_services::archive::Archives;
use carrel_services::backup::Backups;
use carrel_services::backup::check::IntegrityCheck;
use carrel_services::exports::Exports;
use carrel_services::failed_sign_ins::FailedSignIns;
use carrel_services::images::ImageService;
use carrel_services::invitations::Invitations;
use carrel_services::login_throttle::LoginThrottle;
use carrel_services::meter::Meter;
use carrel_services::model_lists::ModelLists;
use carrel_services::multi_user_mode::CachedMultiUserMode;
use carrel_services::originals::{MAX_PAGE_IMAGE_BYTES, Originals, PageImages};
use carrel_services::ownership::Ownership;
use carrel_services::pictures::PictureService;
use carrel_services::recovery::Recovery;
use carrel_services::settings::SettingsStore;
use carrel_services::settings::dump::Dump;
use carrel_services::sign_in::SignIn;
use carrel_services::sign_on::SignOn;
use carrel_services::speech::SpeechService;
use carrel_services::widgets::{VisitorLimiter, WidgetService};
use carrel_services::{Adapters, DocumentServices, Ports};
use chrono::{TimeDelta, Utc};

use crate::config::Config;
use crate::index::ConfiguredIndex;
use crate::metrics::MeasuredModels;
use crate::models::ConfiguredModels;
use crate::settings;
use crate::speech_models::ConfiguredSpeech;
use crate::storage::{self, Storage};

pub use opening::open_database;

/// After this time, a file without a document counts as left over, not as in progress. It is longer
/// than the largest upload or move takes to write its files and commit.
const SETTLED: TimeDelta = TimeDelta::hours(1);

/// The largest page or file fetched from a link, in bytes.
const LARGEST_PAGE: u64 = 32 << 20;

/// Time limit for fetching a link, with all redirects.
const LINK_TIME: Duration = Duration::from_secs(20);

/// An open storage directory and its database, with all services.
pub struct App {
    /// The services that the API, the pages and the commands use.
    pub ports: Ports,
    pub models: Arc<ConfiguredModels>,
    pub index: Arc<ConfiguredIndex>,
    pub importer: Importer,
    pub archives: Archives,
    database: Arc<Database>,
    files: DocumentStore,
    directory: PathBuf,
    /// Days that events of the audit log are kept; `None` keeps them for good.
    audit_days: Option<u32>,
    /// Holds the lock that tells other processes about this one.
    storage: Storage,
}

impl App {
    /// Opens the storage and the database, creates them if needed, and cleans up after an earlier
    /// process. Several processes can have the same storage open.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let storage = Storage::open(&config.storage)?;
        let (database, key) = open_database(config, settings::key).await?;
        let database = Arc::new(database);
        opening::look_at_seal(&*database, &config.storage.audit_mark()).await;
        let store = settings::open(&config.raw, database.clone(), &key).await;
        let store = store.context("failed to read the settings")?;
        // A process that is alone in the directory is alone in its SQLite database too. A database
        // server may have other clients with work in progress.
        let now = Utc::now();
        let left_over = storage.is_alone() && database.is_sqlite();
        let before = if left_over { now } else { now - SETTLED };
        let room = config.limits.vector_cache;
        let lancedb = config.storage.lancedb();
        let index = ConfiguredIndex::open(store.clone(), database.clone(), room, lancedb).await;
        let index = index.context("failed to read the database")?;
        let mut app = Self::wire(config, database, store, Arc::new(index), storage)?;
        app.reconcile(before).await;
        if left_over {
            // The processes that held their leases are gone.
            app.ports.workers.release(now).await.context("failed to resume jobs")?;
        }
        app.storage.share().context("failed to share the storage directory")?;
        Ok(app)
    }

    fn wire(
        config: &Config,
        database: Arc<Database>,
        store: Arc<SettingsStore>,
        chosen: Arc<ConfiguredIndex>,
        storage: Storage,
    ) -> anyhow::Result<Self> {
        let configured = Arc::new(ConfiguredModels::new(&config.model, store.clone()));
        let meter = Arc::new(Meter::default());
        let models = MeasuredModels { models: configured.clone(), meter: meter.clone() };
        let models: Arc<dyn Models> = Arc::new(models);
        let index: Arc<dyn VectorIndex> = chosen.clone();
        let readers = parse_worker::readers(config)?;
        // The body limits text sent as text, the upload limit text from files.
        let upload = config.limits.upload;
        let text = upload.max(config.limits.body as u64);
        let inflated = config.parsing.inflated;
        let limits = carrel_documents::Limits { file: upload, text, inflated };
        let speech_models = ConfiguredSpeech::new(
            configured.clone(),
            config.model.clone(),
            readers.clone(),
            limits,
        );
        let speech_models = Arc::new(speech_models);
        let files = DocumentStore::local(&config.storage.documents())
            .context("failed to open the documents directory")?
            .with_largest_text(text);
        let checkpoints = Checkpoints::open(config.storage.transcripts())
            .context("failed to open the directory of unfinished transcripts")?;
        let extractor = FileExtractor::new(limits, readers);
        let extractor =
            Arc::new(extractor.with_speech(speech_models.clone()).with_checkpoints(checkpoints));
        let originals = OriginalStore::local(&config.storage.originals())
            .context("failed to open the directory of originals")?;
        let page_images = PageImages {
            renderer: extractor.clone(),
            directory: config.storage.page_images(),
            room: MAX_PAGE_IMAGE_BYTES,
        };
        let quota = config.limits.originals;
        let originals = Originals::new(&database, Arc::new(originals), page_images, quota);
        let pictures = PictureService { pictures: database.clone(), converter: extractor.clone() };
        let largest_page = upload.min(LARGEST_PAGE);
        let fetcher = WebFetcher::new(
            Arc::new(SystemLookup),
            config.link_hosts.clone(),
            LinkLimits { bytes: largest_page, time: LINK_TIME },
        );
        let adapters = Adapters {
            models: models.clone(),
            index: index.clone(),
            files: Arc::new(files.clone()),
            originals,
            extractor,
            splitter: Arc::new(RecursiveSplitter),
            tokenizer: Arc::new(carrel_providers::Cl100k::default()),
            fetcher: Arc::new(fetcher),
            reader: Arc::new(WebPages::new(largest_page)),
            scratch: config.storage.uploads(),
            recordings: config.storage.recordings(),
            settings: Arc::new({
                let store = store.clone();
                move |variable: &str| store.lookup(variable)
            }),
            embedding_cache: config.limits.embedding_cache,
            meter: meter.clone(),
        };
        let DocumentServices { library, workers, ingestion, search, conversations } =
            DocumentServices::new(&database, adapters);
        let widgets = WidgetService {
            widgets: database.clone(),
            chats: database.clone(),
            conversations: conversations.clone(),
            rate_limiter: Arc::new(VisitorLimiter::new(config.api.embed_rate)),
        };
        let api_keys = Arc::new(ApiKeyService::new(database.clone()));
        let multi_user = Arc::new(CachedMultiUserMode::new(database.clone()));
        let accounts = Accounts {
            users: database.clone(),
            multi_user: multi_user.clone(),
            api_keys: api_keys.clone(),
            passwords: Passwords::new(config.passwords),
        };
        let sessions: Arc<dyn Sessions> = database.clone();
        let failed_sign_ins = FailedSignIns::new(database.clone());
        let throttle = LoginThrottle::new(database.clone());
        let ownership = Ownership::new(
            database.clone(),
            database.clone(),
            accounts.clone(),
            failed_sign_ins.clone(),
            throttle.clone(),
        );
        let passwords = accounts.passwords.clone();
        let sign_in = SignIn::new(
            database.clone(),
            failed_sign_ins.clone(),
            passwords.clone(),
            throttle.clone(),
        );
        let sign_in = Arc::new(sign_in);
        let recovery = Recovery {
            codes: database.clone(),
            links: database.clone(),
            sessions: database.clone(),
            passwords,
            failed_sign_ins: failed_sign_ins.clone(),
            throttle,
            sign_in: sign_in.clone(),
        };
        let invitations = Invitations { invites: database.clone(), accounts: accounts.clone() };
        let exports = Exports {
            chats: database.clone(),
            formatters: Arc::new(ExportFormats),
            audit: database.clone(),
        };
        let backups = Backups::new(database.clone(), database.clone(), storage::to_keep(config));
        let dump = Dump::new(
            store.clone(),
            database.clone(),
            config.storage.settings_file(),
            config.production,
            config.dumped_secrets,
        );
        let root = config.storage.root().to_owned();
        let scratch = config.storage.uploads();
        let tasks = conversations.tasks.clone();
        let places = (root.as_path(), scratch.as_path());
        let speech =
            SpeechService::new(speech_models.clone(), library.speech.clone(), places, tasks);
        let images = ImageService::new(models.clone(), &root, scratch);
        let importer = Importer {
            target: database.clone(),
            documents: database.clone(),
            files: Arc::new(files.clone()),
            splitter: library.indexer.splitter.clone(),
            indexer: library.indexer.clone(),
            settings: store.clone(),
            passwords: accounts.passwords.clone(),
            pictures: pictures.converter.clone(),
            root: config.storage.root().to_owned(),
            scratch: config.storage.uploads(),
        };
        let archives = Archives {
            store: database.clone(),
            audit: database.clone(),
            documents: database.clone(),
            settings: store.clone(),
            paths: storage::to_archive(config),
        };
        let imports = importing::imports(importer.clone(), config, &conversations.tasks);
        let ports = Ports {
            api_keys,
            workspaces: database.clone(),
            workspace_documents: database.clone(),
            threads: database.clone(),
            thread_files: database.clone(),
            chats: database.clone(),
            chat_edits: database.clone(),
            chat_search: database.clone(),
            deletions: database.clone(),
            shares: database.clone(),
            pins: database.clone(),
            suggested_messages: database.clone(),
            slash_commands: database.clone(),
            memories: database.clone(),
            extension_keys: database.clone(),
            prompt_variables: database.clone(),
            prompt_history: database.clone(),
            settings: database.clone(),
            index,
            models: models.clone(),
            connection_test: configured.clone(),
            model_lists: Arc::new(ModelLists::new(configured.clone(), store.clone())),
            speech_connection_test: speech_models,
            index_connection_test: chosen.clone(),
            library,
            document_list: database.clone(),
            jobs: database.clone(),
            workers,
            ingestion,
            imports,
            idempotency_keys: database.clone(),
            search,
            conversations,
            images: Arc::new(images),
            pictures,
            speech: Arc::new(speech),
            users: database.clone(),
            sessions,
            multi_user,
            accounts,
            invites: database.clone(),
            invitations,
            members: database.clone(),
            chat_log: database.clone(),
            usages: database.clone(),
            audit: database.clone(),
            audit_seals: database.clone(),
            failed_sign_ins,
            exports,
            widgets,
            backups: Arc::new(backups),
            health: database.clone(),
            meter,
            settings_store: store,
            dump,
            sign_on: SignOn { tokens: database.clone(), sessions: database.clone() },
            sign_in,
            recovery,
            ownership: Arc::new(ownership),
        };
        let (directory, audit_days) = (config.storage.documents(), config.audit_days);
        let models = configured;
        Ok(Self {
            ports,
            models,
            importer,
            archives,
            index: chosen,
            database,
            files,
            directory,
            audit_days,
            storage,
        })
    }

    /// Returns a check of the consistency of all stored data.
    pub fn check(&self) -> IntegrityCheck {
        IntegrityCheck {
            inventory: self.database.clone(),
            documents: self.database.clone(),
            files: Arc::new(self.files.clone()),
            originals: self.ports.library.originals.clone(),
            audit: self.database.clone(),
            audit_seals: self.database.clone(),
            directory: self.directory.clone(),
        }
    }
}

/// Formats an error and its causes on one line, as a field of a log record.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    flat(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// Joins the lines of a text.
fn flat(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
