use carrel_domain::audit::AuditLog;
use carrel_domain::member::{Member, Members};
use carrel_domain::user::{Role, Users};
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, UserId, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, admin, at, done, user, workspace};

on_both_databases! {
    members_are_listed_in_the_order_they_joined,
    replacing_members_keeps_the_remaining_ones,
    one_unknown_user_refuses_the_whole_call,
    a_workspace_that_does_not_exist_has_no_members,
    memberships_are_deleted_with_users_and_workspaces,
    existing_users_are_returned_in_the_requested_order,
    many_may_replace_members_at_once,
}

async fn ids(db: &Database, workspace: WorkspaceId) -> Vec<UserId> {
    Members::of(db, workspace).await.unwrap().into_iter().map(|member| member.user).collect()
}

async fn three(db: &Database) -> [UserId; 3] {
    [user(db, "aa").await.id, user(db, "bb").await.id, user(db, "cc").await.id]
}

async fn members_are_listed_in_the_order_they_joined(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    let [a, b, c] = three(&db).await;
    assert_eq!(ids(&db, here).await, []);
    Members::add(&db, here, &[c, a, c], done(1)).await.unwrap();
    Members::add(&db, here, &[b, c], done(2)).await.unwrap();
    Members::add(&db, other, &[b], done(3)).await.unwrap();
    Members::add(&db, other, &[], done(3)).await.unwrap();
    let members = Members::of(&db, here).await.unwrap();
    let member = |user, name: &str, seconds| Member {
        user,
        username: name.into(),
        role: Role::Default,
        updated_at: at(seconds),
    };
    assert_eq!(members, [member(c, "cc", 2), member(a, "aa", 1), member(b, "bb", 2)]);
    assert_eq!(ids(&db, other).await, [b]);
}

async fn replacing_members_keeps_the_remaining_ones(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    let [a, b, c] = three(&db).await;
    Members::add(&db, here, &[a, b], done(1)).await.unwrap();
    Members::add(&db, other, &[a], done(1)).await.unwrap();
    Members::replace(&db, here, &[c, b, b], done(2)).await.unwrap();
    assert_eq!(ids(&db, here).await, [b, c]);
    Members::replace(&db, here, &[], done(3)).await.unwrap();
    assert_eq!(ids(&db, here).await, []);
    assert_eq!(ids(&db, other).await, [a]);
}

async fn one_unknown_user_refuses_the_whole_call(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let [a, b, _] = three(&db).await;
    Members::add(&db, here, &[a], done(1)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    let unknown = [b, UserId(77)];
    for refused in [
        Members::add(&db, here, &unknown, done(2)).await,
        Members::replace(&db, here, &unknown, done(2)).await,
    ] {
        let Err(Error::Invalid { field, reason }) = &refused else { panic!("{refused:?}") };
        assert_eq!((field.as_ref(), reason.as_ref()), ("user_ids", "no user has the id 77"));
    }
    assert_eq!(ids(&db, here).await, [a]);
    assert_eq!(AuditLog::count(&db).await.unwrap(), events);
}

async fn a_workspace_that_does_not_exist_has_no_members(scratch: Scratch) {
    let db = scratch.open();
    let [a, ..] = three(&db).await;
    let nowhere = WorkspaceId(77);
    for refused in [
        Members::of(&db, nowhere).await.map(drop),
        Members::add(&db, nowhere, &[a], done(2)).await,
        Members::replace(&db, nowhere, &[], done(2)).await,
    ] {
        assert!(matches!(refused, Err(Error::NotFound { kind: "workspace", .. })), "{refused:?}");
    }
}

async fn memberships_are_deleted_with_users_and_workspaces(scratch: Scratch) {
    let db = scratch.open();
    let (here, gone) = (workspace(&db, "Here").await.id, workspace(&db, "Gone").await.id);
    let [a, b, _] = three(&db).await;
    admin(&db, "admin").await;
    for workspace in [here, gone] {
        Members::add(&db, workspace, &[a, b], done(1)).await.unwrap();
    }
    Workspaces::delete(&db, gone, done(2)).await.unwrap();
    Users::delete(&db, a, done(3)).await.unwrap();
    assert_eq!(ids(&db, here).await, [b]);
    assert_eq!(scratch.rows_in("workspace_users"), 1);
}

async fn existing_users_are_returned_in_the_requested_order(scratch: Scratch) {
    let db = scratch.open();
    let [a, b, c] = three(&db).await;
    let requested = [UserId(77), c, a, UserId(-1), c, b];
    assert_eq!(db.existing_users(&requested).await.unwrap(), [c, a, c, b]);
    let many: Vec<_> = (1..2000).map(UserId).collect();
    assert_eq!(db.existing_users(&many).await.unwrap(), [a, b, c]);
}

async fn many_may_replace_members_at_once(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let [a, b, c] = three(&db).await;
    let sets = [vec![a, b], vec![b, c], vec![c, b, a]];
    let tasks: Vec<_> = (0..30)
        .map(|number| {
            let (db, set) = (db.clone(), sets[number % 3].clone());
            tokio::spawn(async move { Members::replace(&db, here, &set, done(2)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let mut left = ids(&db, here).await;
    left.sort();
    assert!([vec![a, b], vec![b, c], vec![a, b, c]].contains(&left), "{left:?}");
}
