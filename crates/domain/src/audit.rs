//! The audit log: who changed what and from where, in a hash chain that reveals tampering.
mod seal;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::{ApiKeyId, Result, UserId};

pub use seal::{Anchor, AuditKey, AuditSeals, ChainEnds, ChainPoint, HeadSeal, SealKind};

/// The author of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A program, identified by its API key.
    Key(ApiKeyId),
    /// A person, identified by their account.
    User(UserId),
    /// The owner of a server without users.
    Owner,
    /// The person who runs commands on the server's machine.
    Operator,
    /// Someone without an account, such as the holder of an invite.
    Stranger,
    /// The server itself, for example in maintenance.
    Server,
}

/// The kind of an [`Actor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// An API key.
    Key,
    /// A user of a server for a team.
    User,
    /// The owner of a server without users.
    Owner,
    /// The person who runs commands on the server's machine.
    Operator,
    /// Someone without an account or a key.
    Stranger,
    /// The server itself, for example in maintenance.
    Server,
}

text_enum!(ActorKind {
    Key = "key",
    User = "user",
    Owner = "owner",
    Operator = "operator",
    Stranger = "stranger",
    Server = "server",
});

impl Actor {
    /// Splits an actor into its kind and its id. Kinds with a single member have no id.
    pub fn kind(self) -> (ActorKind, Option<i32>) {
        match self {
            Self::Key(id) => (ActorKind::Key, Some(id.0)),
            Self::User(id) => (ActorKind::User, Some(id.0)),
            Self::Owner => (ActorKind::Owner, None),
            Self::Operator => (ActorKind::Operator, None),
            Self::Stranger => (ActorKind::Stranger, None),
            Self::Server => (ActorKind::Server, None),
        }
    }

    /// Returns the text form: `key:7`, `user:1`, `owner`, `operator`, `stranger` or `server`.
    pub fn to_text(self) -> String {
        match self.kind() {
            (kind, Some(id)) => format!("{}:{id}", kind.as_str()),
            (kind, None) => kind.as_str().to_owned(),
        }
    }

    /// Parses the text form written by [`Actor::to_text`].
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = match text.split_once(':') {
            Some((kind, id)) => (kind, Some(id.parse().ok()?)),
            None => (text, None),
        };
        Some(match (ActorKind::parse(kind)?, id) {
            (ActorKind::Key, Some(id)) => Self::Key(ApiKeyId(id)),
            (ActorKind::User, Some(id)) => Self::User(UserId(id)),
            (ActorKind::Owner, None) => Self::Owner,
            (ActorKind::Operator, None) => Self::Operator,
            (ActorKind::Stranger, None) => Self::Stranger,
            (ActorKind::Server, None) => Self::Server,
            (ActorKind::Key | ActorKind::User, None) | (_, Some(_)) => return None,
        })
    }
}

/// The author, address and time of a change. Every mutating port method receives them and writes an
/// event in the transaction of the change.
#[derive(Clone, Debug, PartialEq)]
pub struct By {
    /// The actor.
    pub actor: Actor,
    /// The network address of the client. Absent for commands on the server's machine.
    pub address: Option<String>,
    /// The time of the change, in UTC.
    pub at: DateTime<Utc>,
}

impl By {
    /// Returns the operator on the command line, at the given time.
    pub fn operator(at: DateTime<Utc>) -> Self {
        Self { actor: Actor::Operator, address: None, at }
    }

    /// Creates an event caused by this caller. `details` is a JSON object as text and must not hold
    /// secrets.
    pub fn event(&self, name: &'static str, details: impl Into<String>) -> Event {
        Event { name, details: details.into(), by: self.clone() }
    }
}

/// A change to be recorded in the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The kind of event, such as `api_workspace_created`. Clients filter by it.
    pub name: &'static str,
    /// Facts about the change, as a JSON object in text form.
    pub details: String,
    /// Actor, address and time of the change.
    pub by: By,
}

/// An event stored in the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// The id. Ids increase; rolled-back transactions leave gaps.
    pub id: i64,
    /// The kind of change, such as `workspace_created`.
    pub name: String,
    /// See [`Event::details`].
    pub details: String,
    /// The actor in the form of [`Actor::to_text`].
    pub actor: String,
    /// The network address of the client, if known.
    pub address: Option<String>,
    /// The time of the change, in UTC.
    pub at: DateTime<Utc>,
    /// The chain digest of this event. See [`link`].
    pub digest: [u8; 32],
}

/// Returns the digest that links an event to its predecessor: SHA-256 over the predecessor's digest
/// (zeros before the first event) and every field, each prefixed by its length.
pub fn link(before: [u8; 32], event: &LoggedEvent) -> [u8; 32] {
    let LoggedEvent { id, name, details, actor, address, at, digest: _ } = event;
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(id.to_be_bytes());
    hash.update(at.timestamp_micros().to_be_bytes());
    for field in [name, details, actor, address.as_deref().unwrap_or("\0")] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().into()
}

/// The audit log. Events are only added, by the ports that make the changes.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Records an event for an operation that does not change the database, such as an export or a
    /// search.
    async fn add(&self, event: Event) -> Result<()>;
    /// Returns events newest first: `limit` events with ids below `before`, after skipping
    /// `offset`. Starts at the newest event if `before` is absent.
    async fn page(&self, before: Option<i64>, offset: u64, limit: u32) -> Result<Vec<LoggedEvent>>;
    /// Returns the number of events, excluding those removed because of their age.
    async fn count(&self) -> Result<u64>;
    /// Returns `limit` events with ids above `after`, oldest first.
    async fn since(&self, after: i64, limit: u32) -> Result<Vec<LoggedEvent>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_survive_a_round_trip() {
        for kind in ActorKind::ALL {
            let texts = [kind.as_str().to_owned(), format!("{}:7", kind.as_str())];
            let actors: Vec<_> = texts.iter().filter_map(|text| Actor::parse(text)).collect();
            assert_eq!(actors.len(), 1, "{kind:?} is read with an id or without one, not both");
            assert_eq!(actors[0].kind().0, kind);
            assert_eq!(Actor::parse(&actors[0].to_text()), Some(actors[0]));
        }
        for wrong in ["key:x", "user:", "owner:", "somebody", "", "Owner"] {
            assert_eq!(Actor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_changed_byte_breaks_the_chain() {
        let event = LoggedEvent {
            id: 1,
            name: "api_workspace_created".into(),
            details: "{}".into(),
            actor: "key:1".into(),
            address: None,
            at: DateTime::UNIX_EPOCH,
            digest: [0; 32],
        };
        let digest = link([0; 32], &event);
        for changed in [
            LoggedEvent { id: 2, ..event.clone() },
            LoggedEvent {
                name: "api_workspace_create".into(),
                details: "d{}".into(),
                ..event.clone()
            },
            LoggedEvent { actor: "key:2".into(), ..event.clone() },
            LoggedEvent { address: Some(String::new()), ..event.clone() },
            LoggedEvent { at: DateTime::from_timestamp_micros(1).unwrap(), ..event.clone() },
        ] {
            assert_ne!(link([0; 32], &changed), digest);
        }
        assert_ne!(link([1; 32], &event), digest);
    }
}
