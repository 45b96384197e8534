//! Attempts to sign in, counted so that guessing is slow.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use carrel_domain::audit::By;
use chrono::{DateTime, TimeDelta, Utc};

/// How many failed attempts for one name, or from one address, are answered in [`WINDOW`].
const ATTEMPTS: usize = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// The most names and addresses remembered.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub struct Attempts(Mutex<HashMap<String, Vec<DateTime<Utc>>>>);

impl Attempts {
    /// Counts an attempt. `Err` says after how many seconds the next one is looked at.
    pub fn admit(&self, name: &str, by: &By) -> Result<(), u64> {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() > REMEMBERED {
            attempts.retain(|_, times| times.last().is_some_and(|last| by.at - *last < WINDOW));
        }
        let keys = counted(name, by);
        for key in &keys {
            let times = attempts.entry(key.clone()).or_default();
            times.retain(|time| by.at - *time < WINDOW);
            if let Some(first) = times.first().filter(|_| times.len() >= ATTEMPTS) {
                let wait = (*first + WINDOW - by.at).num_seconds();
                return Err(u64::try_from(wait).unwrap_or(0) + 1);
            }
        }
        for key in keys {
            attempts.entry(key).or_default().push(by.at);
        }
        Ok(())
    }

    /// Takes an attempt back that was none: somebody knew the password.
    pub fn forgive(&self, name: &str, by: &By) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in counted(name, by) {
            let Some(times) = attempts.get_mut(&key) else { continue };
            if let Some(place) = times.iter().position(|time| *time == by.at) {
                times.remove(place);
            }
        }
    }
}

/// What an attempt is counted for: the address it came from, and the name.
fn counted(name: &str, by: &By) -> Vec<String> {
    let address = by.address.iter().map(|address| format!("address {address}"));
    address.chain([format!("name {name:.64}")]).collect()
}
