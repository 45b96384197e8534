//! `/api/v1/document*`: the library.
pub mod folders;
pub mod list;
pub mod uploads;
