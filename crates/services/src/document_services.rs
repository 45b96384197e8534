//! The services around documents and questions, wired together from one database and its adapters.
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

/// Declares [`Repository`] with the ports it has, so that they are listed once.
macro_rules! repository {
    ($($port:ident),+ $(,)?) => {
        /// A database that implements every port these services store things in.
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

/// Everything else that these services need.
pub struct Adapters {
    /// Chooses the language model and the embedder.
    pub models: Arc<dyn Models>,
    /// Finds passages by vector.
    pub index: Arc<dyn VectorIndex>,
    /// The texts of documents, a file each.
    pub files: Arc<dyn DocumentFiles>,
    /// Keeps the files that documents were made of, where a setting says so.
    pub originals: Originals,
    /// Makes text of files.
    pub extractor: Arc<dyn Extractor>,
    /// Cuts texts.
    pub splitter: Arc<dyn Splitter>,
    /// Counts tokens.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Gets pages of other hosts.
    pub fetcher: Arc<dyn LinkFetcher>,
    /// Makes text of pages.
    pub reader: Arc<dyn PageReader>,
    /// A directory for temporary files.
    pub scratch: PathBuf,
    /// A directory for recordings that are not transcribed yet.
    pub recordings: PathBuf,
    /// Finds what limits transcribing.
    pub settings: SettingLookup,
    /// How many bytes of vectors are kept for texts that come again; none with 0.
    pub embedding_cache: u64,
    /// Counts what jobs do.
    pub meter: Arc<Meter>,
}

/// Takes documents in, finds their passages and answers questions from them. Cheap to clone.
#[derive(Clone)]
pub struct DocumentServices {
    /// Keeps documents and removes them.
    pub library: Library,
    /// Index documents.
    pub workers: Workers,
    /// Takes documents in.
    pub ingestion: Ingestion,
    /// Finds the passages that bear on a question.
    pub search: Search,
    /// Answers questions.
    pub conversations: Conversations,
}

impl DocumentServices {
    /// Must be called within the tokio runtime in which documents are to be indexed. Jobs that no
    /// request waits for are done by [`Workers::work`], which the caller runs.
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
            places: database.clone(),
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
