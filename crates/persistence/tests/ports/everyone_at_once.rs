use std::collections::BTreeMap;

use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey};
use carrel_domain::audit::AuditLog;
use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::chat_log::{ChatFilter, ChatLog, Portion};
use carrel_domain::invite::{Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::library::Documents;
use carrel_domain::member::Members;
use carrel_domain::settings::Settings;
use carrel_domain::user::{MessageQuota, NewSession, Role, Sessions, UserPatch, Users};
use carrel_domain::workspace::Workspaces;
use carrel_domain::{ApiKeyId, Error, Result};
use carrel_persistence::Database;

use crate::audit::verified;
use crate::indexing_together::Place;
use crate::support::{
    Scratch, admin, at, document, done, embedded, new_user, new_workspace, path, workspace,
};

on_both_databases! {
    the_chain_survives_concurrent_changes,
    concurrent_events_form_one_chain,
}

fn key(number: usize, origin: KeyOrigin) -> NewApiKey {
    NewApiKey {
        name: None,
        digest: KeyDigest([number as u8; 32]),
        prefix: String::new(),
        origin,
        scopes: Vec::new(),
        workspaces: Vec::new(),
        rate_limit: None,
        created_by: None,
        expires_at: None,
        created_at: at(0),
    }
}

/// Runs one operation of each port, chosen by `number`.
async fn act(db: &Database, number: usize) -> Result<()> {
    let users = Users::list(db).await?;
    let workspaces = Workspaces::list(db).await?;
    let creator = users[number / 3 % users.len()].id;
    let Some(here) = workspaces.get(number % 3) else {
        let new = new_workspace(&format!("w{}", number % 5));
        return Workspaces::create(db, new, done(1)).await.map(drop);
    };
    let here = here.id;
    let name = (number % 4).to_string();
    let token = KeyDigest([number as u8 % 9; 32]);
    let session = NewSession {
        digest: token,
        user: creator,
        issued_by: None,
        expires_at: at(5),
        created_at: at(0),
    };
    match number % 23 {
        0 => Workspaces::delete(db, here, done(1)).await.map(drop),
        1 => Users::delete(db, creator, done(1)).await.map(drop),
        2 => {
            let page =
                ChatLog::page(db, &ChatFilter::default(), number as u64 % 50, Portion::of(1))
                    .await?
                    .items;
            let Some(logged) = page.first() else { return Ok(()) };
            ChatLog::delete(db, logged.chat.id, done(1)).await.map(drop)
        }
        3 => db.close(token, done(1)).await.map(drop),
        4 | 5 => Sessions::open(db, session, done(number as i64 % 9)).await,
        6 => Users::create(db, new_user(&format!("user{number}")), done(1)).await.map(drop),
        7 => {
            let patch = UserPatch {
                role: Some(Role::ALL[number / 23 % 3]),
                suspended: Some((number / 23).is_multiple_of(2)),
                ..UserPatch::default()
            };
            Users::update(db, creator, patch, done(1)).await.map(drop)
        }
        8 => {
            let all: Vec<_> = users.iter().map(|user| user.id).collect();
            Members::replace(db, here, &all, done(1)).await
        }
        9 => Members::add(db, here, &[creator], done(1)).await,
        10 | 11 => {
            let code = format!("code{}", number % 40);
            let new = NewInvite {
                code: code.clone(),
                workspaces: workspaces.iter().map(|workspace| workspace.id).collect(),
                expires_at: None,
                created_at: at(0),
            };
            let made = Invites::create(db, new, UnknownWorkspaces::Keep, done(1)).await;
            if number.is_multiple_of(2)
                && let Ok(invite) = made
            {
                return db.disable(invite.id, done(1)).await.map(drop);
            }
            db.redeem(&code, new_user(&format!("guest{number}")), done(1)).await.map(drop)
        }
        12 => {
            let new = NewApiKey { created_by: Some(creator), ..key(number, KeyOrigin::Created) };
            ApiKeys::create(db, new, done(1)).await.map(drop)
        }
        13 => {
            let new_key =
                (!number.is_multiple_of(3)).then(|| key(number % 7, KeyOrigin::Environment));
            db.set_environment_key(new_key, done(1)).await
        }
        14 => {
            let uses = (1..20).map(|id| (ApiKeyId(id), at(number as i64))).collect();
            db.used(uses).await
        }
        15 => {
            let values = [("a", Some(number.to_string())), ("b", None)];
            db.set(BTreeMap::from(values.map(|(key, value)| (key.into(), value))), done(1)).await
        }
        16 => Documents::create(db, document(&name), vec![embedded(here, "a", 2)], done(1))
            .await
            .map(drop),
        17 => Documents::remove(db, &[path(&name), path("1")], done(1)).await.map(drop),
        18 => db.put(&path(&name), embedded(here, "a", 2), done(1)).await.map(drop),
        19 => db.consume_message(creator, 5, at(number as i64)).await.map(drop),
        _ => {
            let conversation = Conversation {
                workspace: here,
                user: number.is_multiple_of(2).then_some(creator),
                thread: None,
                session: None,
            };
            let new = NewChat {
                conversation,
                prompt: "?".into(),
                response: "!".into(),
                images: Vec::new(),
                include: true,
                created_at: at(number as i64),
                usage: None,
            };
            db.append(new, done(1)).await.map(drop)
        }
    }
}

async fn the_chain_survives_concurrent_changes(scratch: Scratch) {
    let databases = [scratch.open(), scratch.open()];
    admin(&databases[0], "admin").await;
    for number in 0..3 {
        workspace(&databases[0], &format!("w{number}")).await;
    }
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let db = databases[task % 2].clone();
            tokio::spawn(async move {
                for step in 0..23 {
                    match act(&db, task * 29 + step * 17).await {
                        Ok(())
                        | Err(
                            Error::NotFound { .. }
                            | Error::AlreadyExists { .. }
                            | Error::Invalid { .. },
                        ) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(verified(&databases[0]).await.unwrap().len() > 500);
    assert_eq!(scratch.miscounted_blocks(), 0);
    let admins = Users::list(&databases[1]).await.unwrap();
    assert!(admins.iter().any(|user| user.role == Role::Admin && !user.suspended));
}

async fn concurrent_events_form_one_chain(scratch: Scratch) {
    let databases = [scratch.open(), scratch.open()];
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let db = databases[task % 2].clone();
            tokio::spawn(async move {
                for second in 0..5 {
                    AuditLog::add(&db, done(second)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(verified(&databases[1]).await.unwrap().len(), 320);
    assert_eq!(AuditLog::count(&databases[0]).await.unwrap(), 320);
}
