//! Bodies, read by the handler: after the caller is known, and never more than allowed.
mod json;
mod params;
mod pictures;
mod upload;

pub use json::{JsonBody, LooseBody};
pub use params::Params;
pub use pictures::{Order, Ordered, REFERENCES};
pub use upload::{MultipartForm, ReceivedUpload};
