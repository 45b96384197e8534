//! Many identical requests at once. Races of invites and of the first admin are in `people`, races
//! of limits in the tests of `persistence`.
use std::collections::BTreeSet;

use anyhow::Result;
use e2e::{Backend, TestServer, on_both_databases};
use futures_util::future::join_all;
use serde_json::json;

on_both_databases!(
    concurrent_workspaces_of_one_name_get_distinct_slugs,
    one_of_many_concurrent_requests_gets_the_name
);

async fn concurrent_workspaces_of_one_name_get_distinct_slugs(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let made = (0..50).map(|_| admin.post("/v1/workspace/new", json!({ "name": "Same Name" })));
    let mut slugs = BTreeSet::new();
    for answer in join_all(made).await {
        slugs.insert(answer?.ok()?["workspace"]["slug"].to_string());
    }
    assert_eq!(slugs.len(), 50, "{slugs:?}");
    Ok(())
}

async fn one_of_many_concurrent_requests_gets_the_name(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let same = json!({ "username": "sam", "password": "correct horse" });
    let made = join_all((0..20).map(|_| admin.post("/v1/admin/users/new", same.clone()))).await;
    let statuses: Vec<_> = made.into_iter().map(|a| Ok(a?.status)).collect::<Result<_>>()?;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    Ok(())
}
