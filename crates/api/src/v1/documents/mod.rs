//! `/document*`: the library. `incoming` and `added` hold the bodies and results of uploads,
//! `listing` the JSON of lists, and `files` serves files that the server generated.
pub mod added;
pub mod files;
pub mod folder;
pub mod folders;
pub mod incoming;
pub mod list;
pub mod listing;
pub mod originals;
pub mod uploads;
