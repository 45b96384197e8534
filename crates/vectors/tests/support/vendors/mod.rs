//! Stubs of vector databases that are cloud services or not available here. Each is as strict as
//! its vendor's documentation and refuses unknown fields, wrong types and exceeded limits.
pub mod astra;
pub mod chroma_cloud;
mod filter;
mod graphql;
pub mod milvus;
pub mod pinecone;
pub mod weaviate;
