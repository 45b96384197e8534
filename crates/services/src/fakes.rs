//! Minimal implementations of ports for the tests of services.
pub mod documents;
mod job;
pub mod jobs;
pub mod originals;
pub mod recordings;
mod words;
pub mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use carrel_domain::api_key::{ApiKey, ApiKeys, KeyDigest, KeyOrigin, NewApiKey};
use carrel_domain::audit::{AuditLog, By, Event, LoggedEvent};
use carrel_domain::settings::Settings;
use carrel_domain::user::{Role, User};
use carrel_domain::workspace::{NewWorkspace, Workspace, WorkspaceSettings, Workspaces};
use carrel_domain::{ApiKeyId, Error, Result, Slug, UserId, WorkspaceId};
use chrono::{DateTime, Utc};

/// Returns the operator, at the current time.
pub fn by() -> By {
    By::operator(Utc::now())
}

pub fn user(id: i32, role: Role, daily_message_limit: Option<i32>) -> User {
    User {
        id: UserId(id),
        username: format!("user-{id}"),
        role,
        suspended: false,
        daily_message_limit,
        bio: String::new(),
        picture: None,
        seen_recovery_codes: false,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

pub fn workspace(name: &str) -> Workspace {
    Workspace {
        id: WorkspaceId(1),
        slug: Slug::of(name),
        settings: WorkspaceSettings::named(name),
        picture: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// Records the names and details of events.
#[derive(Default)]
pub struct FakeAudit {
    events: Mutex<Vec<(&'static str, String)>>,
    fails: std::sync::atomic::AtomicBool,
}

impl FakeAudit {
    pub fn names(&self) -> Vec<&'static str> {
        self.events.lock().unwrap().iter().map(|event| event.0).collect()
    }

    pub fn details(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|event| event.1.clone()).collect()
    }

    /// Sets whether writes fail.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, std::sync::atomic::Ordering::Relaxed);
    }
}

#[async_trait]
impl AuditLog for FakeAudit {
    async fn add(&self, event: Event) -> Result<()> {
        if self.fails.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::unavailable("the database", "it is told to fail"));
        }
        self.events.lock().unwrap().push((event.name, event.details));
        Ok(())
    }

    async fn page(&self, _: Option<i64>, _: u64, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }

    async fn count(&self) -> Result<u64> {
        Ok(0)
    }

    async fn since(&self, _: i64, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }
}

#[derive(Default)]
pub struct FakeKeys {
    keys: Mutex<Vec<(KeyDigest, ApiKey)>>,
    lookups: Mutex<Vec<KeyDigest>>,
    /// Delays the next lookup until the sender fires.
    pub paused: Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
}

impl FakeKeys {
    /// Returns the digests looked up, in order.
    pub fn lookups(&self) -> Vec<KeyDigest> {
        self.lookups.lock().unwrap().clone()
    }

    pub fn last_used(&self, id: ApiKeyId) -> Option<DateTime<Utc>> {
        let keys = self.keys.lock().unwrap();
        keys.iter().find(|(_, key)| key.id == id).and_then(|(_, key)| key.last_used_at)
    }
}

#[async_trait]
impl ApiKeys for FakeKeys {
    async fn create(&self, new: NewApiKey, _: Event) -> Result<ApiKey> {
        let mut keys = self.keys.lock().unwrap();
        let key = ApiKey {
            id: ApiKeyId(keys.len() as i32 + 1),
            name: new.name,
            prefix: new.prefix,
            origin: new.origin,
            scopes: new.scopes,
            workspaces: new.workspaces,
            rate_limit: new.rate_limit,
            created_by: new.created_by,
            is_suspended: false,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            created_at: new.created_at,
        };
        keys.push((new.digest, key.clone()));
        Ok(key)
    }

    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<ApiKey>> {
        self.lookups.lock().unwrap().push(digest);
        let keys = self.keys.lock().unwrap().clone();
        let paused = self.paused.lock().unwrap().take();
        if let Some(paused) = paused {
            paused.await.unwrap();
        }
        Ok(keys.into_iter().find(|(stored, _)| *stored == digest).map(|(_, key)| key))
    }

    async fn list(&self) -> Result<Vec<ApiKey>> {
        Ok(self.keys.lock().unwrap().iter().map(|(_, key)| key.clone()).collect())
    }

    async fn revoke(&self, id: ApiKeyId, event: Event) -> Result<bool> {
        let mut keys = self.keys.lock().unwrap();
        let key = keys.iter_mut().find(|(_, key)| key.id == id && key.revoked_at.is_none());
        Ok(key.map(|(_, key)| key.revoked_at = Some(event.by.at)).is_some())
    }

    async fn set_environment_key(&self, new: Option<NewApiKey>, event: Event) -> Result<()> {
        for (_, key) in self.keys.lock().unwrap().iter_mut() {
            if key.origin == KeyOrigin::Environment {
                key.revoked_at = Some(event.by.at);
            }
        }
        if let Some(new) = new {
            self.create(new, event).await?;
        }
        Ok(())
    }

    async fn used(&self, times: Vec<(ApiKeyId, DateTime<Utc>)>) -> Result<()> {
        for (_, key) in self.keys.lock().unwrap().iter_mut() {
            key.last_used_at = times.iter().find(|(id, _)| *id == key.id).map(|(_, time)| *time);
        }
        Ok(())
    }
}

#[derive(Default)]
pub struct FakeSettings(pub Mutex<BTreeMap<String, String>>);

#[async_trait]
impl Settings for FakeSettings {
    async fn all(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn set(&self, values: BTreeMap<String, Option<String>>, _: Event) -> Result<()> {
        let mut stored = self.0.lock().unwrap();
        for (name, value) in values {
            match value {
                Some(value) => stored.insert(name, value),
                None => stored.remove(&name),
            };
        }
        Ok(())
    }
}

#[derive(Default)]
pub struct FakeWorkspaces(Mutex<Vec<Workspace>>);

#[async_trait]
impl Workspaces for FakeWorkspaces {
    async fn create(&self, new: NewWorkspace, _: Event) -> Result<Workspace> {
        let mut all = self.0.lock().unwrap();
        if all.iter().any(|workspace| workspace.slug == new.slug) {
            return Err(Error::AlreadyExists { kind: "workspace", key: new.slug.to_string() });
        }
        let NewWorkspace { slug, settings, created_at } = new;
        let id = WorkspaceId(all.len() as i32 + 1);
        let (picture, updated_at) = (None, created_at);
        all.push(Workspace { id, slug, settings, picture, created_at, updated_at });
        Ok(all[all.len() - 1].clone())
    }

    async fn list(&self) -> Result<Vec<Workspace>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn by_id(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        Ok(self.0.lock().unwrap().iter().find(|workspace| workspace.id == id).cloned())
    }

    async fn by_slug(&self, slug: &str) -> Result<Option<Workspace>> {
        Ok(self.0.lock().unwrap().iter().find(|workspace| workspace.slug.as_str() == slug).cloned())
    }

    async fn update(
        &self,
        id: WorkspaceId,
        settings: WorkspaceSettings,
        event: Event,
    ) -> Result<Workspace> {
        let mut all = self.0.lock().unwrap();
        let found = all.iter_mut().find(|workspace| workspace.id == id);
        let workspace = found.ok_or_else(|| Error::not_found("workspace", id))?;
        (workspace.settings, workspace.updated_at) = (settings, event.by.at);
        Ok(workspace.clone())
    }

    async fn delete(&self, id: WorkspaceId, _: Event) -> Result<bool> {
        let mut all = self.0.lock().unwrap();
        let count = all.len();
        all.retain(|workspace| workspace.id != id);
        Ok(all.len() < count)
    }
}
