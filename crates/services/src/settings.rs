//! Settings that an operator changes while the server runs: the list of settings, validation,
//! secrets, and reading, changing, showing and exporting values.
pub mod check;
pub mod choices;
mod companions;
mod destinations;
pub mod dotenv;
pub mod dump;
pub mod imported;
pub mod key;
pub mod preferences;
mod preview;
pub mod registry;
pub mod secrets;
pub mod store;
mod update;
mod visible;

pub use preview::Preview;
pub use store::{SettingLayers, SettingsStore, Versions};
pub use update::{Leniency, Updated};
pub use visible::{Facts, visible_settings};

#[cfg(test)]
mod tests;
