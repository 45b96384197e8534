//! Shared by the requests and responses of all pages: middleware, forms, uploads, addresses, assets
//! and errors. Nothing here knows a particular page.
pub mod addresses;
pub mod assets;
pub mod chat_form;
pub mod fonts;
pub mod form;
pub mod fragment;
pub mod image;
pub mod ingest;
pub mod middleware;
pub mod page_error;
pub mod pwa;
pub mod redirect;
pub mod response;
pub mod upload;
