//! `/api/v1/document*`: the library.
pub mod catalogue;
pub mod folders;
pub mod uploads;
