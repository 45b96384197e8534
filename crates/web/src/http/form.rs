//! The forms of the pages, by how large they may be.
pub use carrel_http::form::Fields;
use carrel_http::form::Form as Bounded;

/// A form of somebody who is signed in. Files travel in an [`crate::http::upload::Upload`].
pub type PageForm = Bounded<{ 4 << 20 }>;

/// A form of a page that is open to strangers.
pub type PublicForm = Bounded<{ carrel_http::PUBLIC_BODY }>;
