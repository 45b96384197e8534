//! Request bodies, read by handlers: after authorization, and within limits.
mod json;
mod params;
mod pictures;
mod upload;

pub use json::{JsonBody, LooseBody};
pub use params::Params;
pub use pictures::{Order, Ordered, REFERENCES};
pub use upload::{MultipartForm, ReceivedUpload};
