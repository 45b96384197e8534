//! Wires the services for documents and questions together from one database and its adapters.
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::chat::Chats;
use carrel_domain::document::{DocumentFiles, Extractor, Splitter};
use carrel_domain::embedding::EmbeddingCache;
use carrel_domain::filter::FilterRows;
use carrel_domain::folder::Folders;
use carrel_domain::job::Jobs;
use carrel_domain::job::queue::JobQueue;
use carrel_domain::job::recordings::JobRecordings;
use carrel_domain::lexical::Lexical;
use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::link::{LinkFetcher, PageReader};
use carrel_domain::memory::Memories;
use carrel_domain::model::{Models, Tokenizer};
use carrel_domain::pin::Pins;
use carrel_domain::prompt_variable::PromptVariables;
use carrel_domain::settings::Settings;
use carrel_domain::slash_command::SlashCommands;
use carrel_domain::speech::SpeechUsage;
use carrel_domain::thread_file::ThreadFiles;
use carrel_domain::upload::Uploads;
use carrel_domain::user::MessageQuota;
use carrel_domain::vector::VectorIndex;

use crate::background::BackgroundTasks;
use crate::chat::Conversations;
use crate::indexer::Indexer;
use crate::ingestion::Ingestion;
use crate::jobs::Workers;
use crate::library::Library;
use crate::meter::Meter;
use crate::originals::Originals;
use crate::pending_recordings::PendingRecordings;
use crate::search::Search;
use crate::speech::{SettingLookup, SpeechMeter};

/// Declares [`Repository`] from one list of ports.
macro_rules! repository {
    ($($port:ident),+ $(,)?) => {
        /// A database that implements every port these services need.
        pub trait Repository: $($port +)+ 'static {}

        impl<T> Repository for T where T: $($port +)+ 'static {}
    };
}

repository!(
    Chats,
    Documents,
    EmbeddingCache,
    FilterRows,
    Folders,
    JobQueue,
    JobRecordings,
    Jobs,
    Lexical,
    Memories,
    MessageQuota,
    Pins,
    PromptVariables,
    Settings,
    SlashCommands,
    SpeechUsage,
    ThreadFiles,
    Uploads,
    WorkspaceDocuments,
);

/// The other dependencies of these services.
pub struct Adapters {
    /// Selects the language model and the embedder.
    pub models: Arc<dyn Models>,
    /// Finds passages by vector.
    pub index: Arc<dyn VectorIndex>,
    /// The document files.
    pub files: Arc<dyn DocumentFiles>,
    /// The originals, stored if a setting enables them.
    pub originals: Originals,
    /// Extracts text from files.
    pub extractor: Arc<dyn Extractor>,
    /// Splits texts into chunks.
    pub splitter: Arc<dyn Splitter>,
    /// Counts tokens.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Fetches web pages.
    pub fetcher: Arc<dyn LinkFetcher>,
    /// Extracts text from web pages.
    pub reader: Arc<dyn PageReader>,
    /// A directory for temporary files.
    pub scratch: PathBuf,
    /// A directory for recordings to be transcribed.
    pub recordings: PathBuf,
    /// Looks up the limits of transcription.
    pub settings: SettingLookup,
    /// The maximum size of the embedding cache, in bytes. 0 disables it.
    pub embedding_cache: u64,
    /// Counts the work of jobs.
    pub meter: Arc<Meter>,
}

/// Adds documents, finds their passages and answers questions from them. Cheap to clone.
#[derive(Clone)]
pub struct DocumentServices {
    /// The library.
    pub library: Library,
    /// Runs indexing jobs.
    pub workers: Workers,
    /// Adds documents to the library.
    pub ingestion: Ingestion,
    /// Finds relevant passages.
    pub search: Search,
    /// Answers questions.
    pub conversations: Conversations,
}

impl DocumentServices {
    /// Wires the services. Must be called within the tokio runtime that runs the indexing. The
    /// caller must run [`Workers::work`], which processes jobs that no request waits for.
    pub fn new<R: Repository>(database: &Arc<R>, adapters: Adapters) -> Self {
        let Adapters {
            models,
            index,
            files,
            originals,
            extractor,
            splitter,
            tokenizer,
            fetcher,
            reader,
            scratch,
            recordings,
            settings,
            embedding_cache,
            meter,
        } = adapters;
        let indexer = Indexer {
            splitter,
            settings: database.clone(),
            models: models.clone(),
            cache: database.clone(),
            cache_limit: embedding_cache,
            lengths: Arc::default(),
        };
        let search = Search {
            models: models.clone(),
            lengths: indexer.lengths.clone(),
            index: index.clone(),
            lexical: database.clone(),
            workspace_documents: database.clone(),
            filter_rows: database.clone(),
        };
        let library = Library {
            documents: database.clone(),
            uploads: database.clone(),
            folders: database.clone(),
            workspace_documents: database.clone(),
            files: files.clone(),
            originals,
            extractor: extractor.clone(),
            recordings: PendingRecordings::new(recordings),
            speech: SpeechMeter { usage: database.clone(), settings },
            tokenizer: tokenizer.clone(),
            index,
            indexer,
            tasks: BackgroundTasks::new(),
        };
        let workers = Workers::new(library.clone(), database, meter);
        let ingestion = Ingestion {
            library: library.clone(),
            workers: workers.clone(),
            fetcher,
            reader,
            directory: scratch.clone(),
        };
        let conversations = Conversations {
            search: search.clone(),
            models,
            chats: database.clone(),
            quota: database.clone(),
            pins: database.clone(),
            commands: database.clone(),
            variables: database.clone(),
            memories: database.clone(),
            thread_files: database.clone(),
            files,
            extractor,
            tokenizer,
            scratch,
            limits: Default::default(),
            tasks: library.tasks.clone(),
        };
        Self { library, workers, ingestion, search, conversations }
    }
}
