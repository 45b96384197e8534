//! The collections of a Chroma database. Requests need their ids, which are looked up by name.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carrel_domain::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::rest::Rest;

/// Maximum number of cached ids.
const MAX_IDS: usize = 10_000;

pub(super) struct Collections {
    pub rest: Rest,
    tenant: String,
    database: String,
    /// Cached ids by name.
    ids: Mutex<HashMap<String, String>>,
}

impl Collections {
    pub fn new(rest: Rest, tenant: &str, database: &str) -> Self {
        let (tenant, database) = (tenant.to_owned(), database.to_owned());
        Self { rest, tenant, database, ids: Mutex::default() }
    }

    /// Succeeds if the database answers.
    pub async fn probe(&self) -> Result<()> {
        let any = self.rest.get(&self.path(&["?limit=1"])).await?;
        any.map(drop).ok_or_else(|| self.no_database())
    }

    pub async fn delete(&self, name: &str) -> Result<()> {
        self.rest.delete(&self.path(&[name])).await?;
        self.ids().remove(name);
        Ok(())
    }

    /// Returns the number of points in a collection, or `None` if it does not exist.
    pub async fn count(&self, name: &str) -> Result<Option<Value>> {
        self.try_twice(name, false, "count", None::<&()>).await
    }

    fn ids(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let base =
            ["api", "v2", "tenants", &self.tenant, "databases", &self.database, "collections"];
        base.into_iter().chain(rest.iter().copied()).collect()
    }

    /// Returns the id of a collection. With `make`, creates the collection if necessary.
    async fn id(&self, name: &str, make: bool) -> Result<Option<String>> {
        if let Some(id) = self.ids().get(name) {
            return Ok(Some(id.clone()));
        }
        let found = match make {
            true => {
                let space = json!({ "hnsw": { "space": "cosine" } });
                let body = json!({ "name": name, "get_or_create": true, "configuration": space });
                let created = self.rest.post(&self.path(&[]), &body).await?;
                Some(created.ok_or_else(|| self.no_database())?)
            }
            false => self.rest.get(&self.path(&[name])).await?,
        };
        let Some(found) = found else { return Ok(None) };
        let id = found["id"].as_str().ok_or_else(|| self.rest.strange())?.to_owned();
        let mut ids = self.ids();
        if ids.len() >= MAX_IDS {
            ids.clear();
        }
        ids.insert(name.to_owned(), id.clone());
        Ok(Some(id))
    }

    fn no_database(&self) -> carrel_domain::Error {
        let (tenant, database) = (&self.tenant, &self.database);
        let setting = self.rest.names.address;
        self.rest.unavailable(format!(
            "it has no database {database} of tenant {tenant}, or is not Chroma 1.0 or later; \
             check {setting}"
        ))
    }

    /// Sends a request to a collection. Returns `None` if it does not exist.
    pub async fn ask(
        &self,
        name: &str,
        verb: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Option<Value>> {
        self.try_twice(name, false, verb, Some(body)).await
    }

    /// Sends a change to a collection, and creates it if necessary.
    pub async fn post_to(
        &self,
        name: &str,
        verb: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<()> {
        let response = self.try_twice(name, true, verb, Some(body)).await?;
        response.map(drop).ok_or_else(|| self.rest.unavailable("its collections vanish"))
    }

    /// Tries twice, because the cached id may belong to a collection that was recreated since.
    async fn try_twice(
        &self,
        name: &str,
        make: bool,
        verb: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<Value>> {
        for _ in 0..2 {
            let Some(id) = self.id(name, make).await? else { return Ok(None) };
            let path = self.path(&[&id, verb]);
            let answer = match body {
                Some(body) => self.rest.post(&path, body).await?,
                None => self.rest.get(&path).await?,
            };
            if answer.is_some() {
                return Ok(answer);
            }
            self.ids().remove(name);
        }
        Ok(None)
    }
}
