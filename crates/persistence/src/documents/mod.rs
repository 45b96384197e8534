//! Documents, their passages, vectors and words, and the workspaces they are indexed in.
pub(crate) mod embedding_cache;
pub(crate) mod filter_rows;
pub(crate) mod folders;
pub(crate) mod indexing;
pub(crate) mod lexical;
pub(crate) mod list;
pub(crate) mod list_rows;
pub(crate) mod passages;
pub(crate) mod pending_files;
pub(crate) mod pins;
pub(crate) mod query;
pub(crate) mod remove;
pub(crate) mod replace;
pub(crate) mod rows;
pub(crate) mod title_search;
pub(crate) mod vector_versions;
pub(crate) mod vectors;
