use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, Result};
use carrel_persistence::Database;

use crate::indexing_together::Place;
use crate::support::{Scratch, document, done, embedded, new_workspace, path, workspace};

on_both_databases! {
    none_of_many_concurrent_writers_fails,
    two_processes_write_to_one_database,
    counts_match_rows_after_concurrent_changes,
    a_reader_sees_a_version_and_its_codes_together,
}

async fn none_of_many_concurrent_writers_fails(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    // Each task reads the earlier workspace document, counts its passages and only then writes.
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.put(&path("a"), embedded(here, "a", 3), done(2)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(db.count(Some(here)).await.unwrap(), 3);
    let version = db.version(here).await.unwrap();
    assert_eq!((version.additions, version.removals), (64, 63));
}

async fn two_processes_write_to_one_database(scratch: Scratch) {
    let databases = [scratch.open(), scratch.open()];
    let here = workspace(&databases[0], "Here").await.id;
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let db = databases[number % 2].clone();
            tokio::spawn(async move {
                let name = number.to_string();
                Documents::create(&db, document(&name), vec![embedded(here, "a", 20)], done(0))
                    .await?;
                db.put(&path(&name), embedded(here, "b", 10), done(2)).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    for db in &databases {
        assert_eq!(db.count(Some(here)).await.unwrap(), 400);
        assert_eq!(db.codes(here, None, 1000).await.unwrap().1.len(), 400);
    }
}

/// Runs one of many conflicting operations, chosen by `number`.
async fn disturb(db: &Database, number: usize) -> Result<()> {
    let here = db.by_slug(&format!("w{}", number % 3)).await?;
    let other = db.by_slug(&format!("w{}", number / 3 % 3)).await?;
    let (Some(here), Some(other)) = (here, other) else {
        let new = new_workspace(&format!("w{}", number % 3));
        return Workspaces::create(db, new, done(0)).await.map(drop);
    };
    let name = (number % 5).to_string();
    let all: Vec<_> = (0..5).rev().map(|name| path(&name.to_string())).collect();
    match number * 7 % 11 {
        0 => Workspaces::delete(db, here.id, done(0)).await.map(drop),
        1 => db.remove(&all, done(3)).await.map(drop),
        2 => db.remove(&[path(&name)], done(3)).await.map(drop),
        3 | 4 => db.withdraw(here.id, &all, done(0)).await.map(drop),
        5 | 6 => {
            let mut places = vec![embedded(here.id, "a", 4), embedded(other.id, "a", 2)];
            if here.id == other.id {
                places.pop();
            }
            Documents::create(db, document(&name), places, done(0)).await.map(drop)
        }
        _ => db.put(&path(&name), embedded(here.id, "a", 3), done(2)).await.map(drop),
    }
}

async fn counts_match_rows_after_concurrent_changes(scratch: Scratch) {
    let db = scratch.open();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for step in 0..40 {
                    match disturb(&db, task * 131 + step * 17).await {
                        Ok(()) | Err(Error::NotFound { .. } | Error::AlreadyExists { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut total = 0;
    for workspace in Workspaces::list(&db).await.unwrap() {
        let rows = db.codes(workspace.id, None, 10_000).await.unwrap().1.len() as u64;
        assert_eq!(db.count(Some(workspace.id)).await.unwrap(), rows);
        total += rows;
    }
    assert_eq!(db.count(None).await.unwrap(), total);
}

async fn a_reader_sees_a_version_and_its_codes_together(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let writer = {
        let db = db.clone();
        tokio::spawn(async move {
            for number in 0..60 {
                let name = number.to_string();
                Documents::create(&db, document(&name), vec![embedded(here, "a", 3)], done(0))
                    .await
                    .unwrap();
            }
        })
    };
    loop {
        let (version, codes) = db.codes(here, None, 1000).await.unwrap();
        assert_eq!(codes.len() as i64, version.additions * 3);
        if version.additions == 60 {
            break;
        }
    }
    writer.await.unwrap();
}
