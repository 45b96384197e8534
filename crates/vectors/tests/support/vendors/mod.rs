//! Stand-ins for databases that other companies run, or that cannot be had here. Each is as strict as its vendor
//! documents: unknown fields, wrong types and exceeded limits are refused.
pub mod astra;
pub mod chroma_cloud;
mod filter;
mod graphql;
pub mod milvus;
pub mod pinecone;
pub mod weaviate;
