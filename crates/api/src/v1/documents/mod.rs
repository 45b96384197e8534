//! `/document*`: the library. What becomes of an upload is in `incoming` and `added`, what is listed in
//! `listing`; files that the server made are in `files`.
pub mod added;
pub mod files;
pub mod folder;
pub mod folders;
pub mod incoming;
pub mod list;
pub mod listing;
pub mod uploads;
