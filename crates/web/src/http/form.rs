//! Forms of pages, by their size limits.
pub use carrel_http::form::Fields;
use carrel_http::form::Form as Bounded;

/// A form of a signed-in user. Files need a [`crate::http::upload::FileForm`].
pub type PageForm = Bounded<{ 4 << 20 }>;

/// A form of a page that is open to everyone.
pub type PublicForm = Bounded<{ carrel_http::PUBLIC_BODY }>;
