//! What every page's request and response need: the middleware, forms, uploads, addresses, assets and the
//! errors that become pages. Nothing here knows a page.
pub mod addresses;
pub mod assets;
pub mod chat_form;
pub mod form;
pub mod image;
pub mod ingest;
pub mod middleware;
pub mod page_error;
pub mod response;
pub mod upload;
