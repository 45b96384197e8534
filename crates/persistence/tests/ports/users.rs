use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey};
use carrel_domain::audit::AuditLog;
use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::member::Members;
use carrel_domain::user::{
    LAST_ADMIN, ListedUser, MessageQuota, NewSession, NewUser, PasswordHash, Role, Sessions, User,
    UserPatch, Username, Users,
};
use carrel_domain::{Error, Result, ThreadId, UserId};
use carrel_persistence::Database;

use crate::support::{Scratch, admin, at, done, new_user, user, workspace};

on_both_databases! {
    a_user_is_read_back_as_created,
    a_user_is_partially_updated,
    a_new_name_must_be_free,
    the_last_active_admin_cannot_be_removed,
    one_of_the_last_two_admins_stays_when_both_are_removed,
    a_new_password_a_new_role_or_a_suspension_ends_sessions,
    the_keys_of_a_suspended_user_are_inactive,
    a_deleted_user_leaves_nothing_but_revoked_keys,
}

fn role(role: Role) -> UserPatch {
    UserPatch { role: Some(role), ..UserPatch::default() }
}

fn suspended(suspended: bool) -> UserPatch {
    UserPatch { suspended: Some(suspended), ..UserPatch::default() }
}

async fn change(db: &Database, id: UserId, patch: UserPatch) -> Result<User> {
    Users::update(db, id, patch, done(5)).await
}

fn is_last_admin<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Invalid { reason, .. }) if reason == LAST_ADMIN)
}

async fn a_user_is_read_back_as_created(scratch: Scratch) {
    let db = scratch.open();
    let new = NewUser {
        role: Role::Manager,
        daily_message_limit: Some(7),
        bio: "Reads\0 a lot.".into(),
        ..new_user("somebody")
    };
    let made = Users::create(&db, new, done(0)).await.unwrap();
    assert_eq!((made.role, made.daily_message_limit), (Role::Manager, Some(7)));
    assert_eq!((made.bio.as_str(), made.seen_recovery_codes), ("Reads\u{FFFD} a lot.", false));
    let other = user(&db, "else").await;
    assert_eq!(Users::by_id(&db, made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(Users::by_id(&db, UserId(77)).await.unwrap(), None);
    let everyone = db.list_with_profiles().await.unwrap();
    assert_eq!(everyone, [made, other]);
    let listed: Vec<_> = everyone.into_iter().map(ListedUser::from).collect();
    assert_eq!(Users::list(&db).await.unwrap(), listed);
}

async fn a_user_is_partially_updated(scratch: Scratch) {
    let db = scratch.open();
    let made = user(&db, "somebody").await;
    let other = user(&db, "else").await;
    let limited = UserPatch { daily_message_limit: Some(Some(3)), ..UserPatch::default() };
    let after = change(&db, made.id, limited).await.unwrap();
    assert_eq!(after, User { daily_message_limit: Some(3), updated_at: at(5), ..made.clone() });
    let patch = UserPatch {
        username: Some(Username::parse("renamed").unwrap()),
        password: Some(PasswordHash("new".into())),
        role: Some(Role::Manager),
        suspended: Some(true),
        daily_message_limit: Some(None),
        bio: Some("b".into()),
        picture: Some(Some("b.png".into())),
    };
    let after = change(&db, made.id, patch).await.unwrap();
    assert_eq!((after.username.as_str(), after.role), ("renamed", Role::Manager));
    assert_eq!((after.suspended, after.daily_message_limit), (true, None));
    assert_eq!((after.bio.as_str(), after.created_at), ("b", at(0)));
    assert_eq!(after.picture.as_deref(), Some("b.png"));
    let (_, hash) = db.credentials("renamed").await.unwrap().unwrap();
    assert_eq!(hash, PasswordHash("new".into()));
    assert_eq!(db.list_with_profiles().await.unwrap(), [after, other]);
    let missing = change(&db, UserId(77), role(Role::Admin)).await;
    assert!(matches!(missing, Err(Error::NotFound { kind: "user", .. })), "{missing:?}");
}

async fn a_new_name_must_be_free(scratch: Scratch) {
    let db = scratch.open();
    let made = user(&db, "somebody").await;
    user(&db, "else").await;
    let name =
        |name| UserPatch { username: Some(Username::parse(name).unwrap()), ..UserPatch::default() };
    let taken = change(&db, made.id, name("else")).await;
    assert!(
        matches!(&taken, Err(Error::AlreadyExists { kind: "user", key }) if key == "else"),
        "{taken:?}"
    );
    assert_eq!(change(&db, made.id, name("somebody")).await.unwrap().username, "somebody");
}

async fn the_last_active_admin_cannot_be_removed(scratch: Scratch) {
    let db = scratch.open();
    let first = admin(&db, "first").await;
    let asleep = admin(&db, "asleep").await;
    change(&db, asleep.id, suspended(true)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    for patch in [role(Role::Manager), role(Role::Default), suspended(true)] {
        let refused = change(&db, first.id, patch).await;
        assert!(is_last_admin(&refused), "{refused:?}");
    }
    assert!(is_last_admin(&Users::delete(&db, first.id, done(5)).await));
    assert_eq!(Users::by_id(&db, first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(AuditLog::count(&db).await.unwrap(), events);

    change(&db, first.id, role(Role::Admin)).await.unwrap();
    change(&db, asleep.id, suspended(false)).await.unwrap();
    change(&db, first.id, suspended(true)).await.unwrap();
    assert!(is_last_admin(&change(&db, asleep.id, role(Role::Default)).await));
    assert_eq!(Users::delete(&db, first.id, done(6)).await.unwrap().id, first.id);
}

async fn one_of_the_last_two_admins_stays_when_both_are_removed(scratch: Scratch) {
    let db = scratch.open();
    for round in 0..12 {
        let names = [format!("one{round}"), format!("two{round}")];
        let (one, two) = (admin(&db, &names[0]).await.id, admin(&db, &names[1]).await.id);
        let demote = |id, patch: Option<UserPatch>| {
            let db = db.clone();
            tokio::spawn(async move {
                match patch {
                    Some(patch) => change(&db, id, patch).await,
                    None => Users::delete(&db, id, done(6)).await,
                }
            })
        };
        let patches = [Some(role(Role::Default)), Some(suspended(true)), None];
        let patch = |number: usize| patches[number % 3].clone();
        let outcomes = [demote(one, patch(round)), demote(two, patch(round / 3))];
        let mut deleted = 0;
        for outcome in outcomes {
            match outcome.await.unwrap() {
                Ok(_) => deleted += 1,
                refused => assert!(is_last_admin(&refused), "{refused:?}"),
            }
        }
        assert_eq!(deleted, 1);
        let left = Users::list(&db).await.unwrap();
        let left = left.iter().find(|user| user.role == Role::Admin && !user.suspended).unwrap();
        let second = admin(&db, &format!("spare{round}")).await.id;
        Users::delete(&db, left.id, done(7)).await.unwrap();
        // The spare admin is the last one now and is deleted before the next round.
        let refused = Users::delete(&db, second, done(7)).await;
        assert!(is_last_admin(&refused), "{refused:?}");
        scratch.execute("DELETE FROM users");
    }
}

async fn sign_in(db: &Database, user: UserId, token: u8) {
    let session = NewSession {
        issued_by: None,
        digest: KeyDigest([token; 32]),
        user,
        expires_at: at(1000),
        created_at: at(1),
    };
    Sessions::open(db, session, done(1)).await.unwrap();
}

async fn a_new_password_a_new_role_or_a_suspension_ends_sessions(scratch: Scratch) {
    let db = scratch.open();
    let (one, other) = (user(&db, "one").await.id, user(&db, "other").await.id);
    sign_in(&db, other, 99).await;
    let harmless = [
        role(Role::Default),
        suspended(false),
        UserPatch { bio: Some("b".into()), ..UserPatch::default() },
        UserPatch { username: Some(Username::parse("renamed").unwrap()), ..UserPatch::default() },
    ];
    sign_in(&db, one, 1).await;
    for patch in harmless {
        change(&db, one, patch).await.unwrap();
        assert!(db.user_of(KeyDigest([1; 32]), at(2)).await.unwrap().is_some());
    }
    let password = PasswordHash("new".into());
    let ending = [
        UserPatch { password: Some(password), ..UserPatch::default() },
        role(Role::Manager),
        suspended(true),
    ];
    for (number, patch) in ending.into_iter().enumerate() {
        let token = 10 + number as u8;
        sign_in(&db, one, token).await;
        change(&db, one, patch).await.unwrap();
        change(&db, one, suspended(false)).await.unwrap();
        assert_eq!(db.user_of(KeyDigest([token; 32]), at(2)).await.unwrap(), None);
    }
    assert!(db.user_of(KeyDigest([99; 32]), at(2)).await.unwrap().is_some());
}

fn key_of(user: UserId, number: u8) -> NewApiKey {
    NewApiKey {
        name: None,
        digest: KeyDigest([number; 32]),
        prefix: format!("crl_{number}"),
        origin: KeyOrigin::Created,
        scopes: Vec::new(),
        workspaces: Vec::new(),
        rate_limit: None,
        created_by: Some(user),
        expires_at: None,
        created_at: at(0),
    }
}

async fn the_keys_of_a_suspended_user_are_inactive(scratch: Scratch) {
    let db = scratch.open();
    let owner = user(&db, "owner").await.id;
    ApiKeys::create(&db, key_of(owner, 1), done(0)).await.unwrap();
    let valid = async |db: &Database| {
        let key = db.by_digest(KeyDigest([1; 32])).await.unwrap().unwrap();
        assert_eq!(ApiKeys::list(db).await.unwrap(), std::slice::from_ref(&key));
        (key.is_suspended, key.is_valid(at(1)))
    };
    assert_eq!(valid(&db).await, (false, true));
    change(&db, owner, suspended(true)).await.unwrap();
    assert_eq!(valid(&db).await, (true, false));
    change(&db, owner, suspended(false)).await.unwrap();
    assert_eq!(valid(&db).await, (false, true));
}

async fn a_deleted_user_leaves_nothing_but_revoked_keys(scratch: Scratch) {
    let db = scratch.open();
    admin(&db, "admin").await;
    let (gone, kept) = (user(&db, "gone").await, user(&db, "kept").await);
    let here = workspace(&db, "Here").await.id;
    for number in 1..=2 {
        ApiKeys::create(&db, key_of(gone.id, number), done(0)).await.unwrap();
    }
    ApiKeys::create(&db, key_of(kept.id, 3), done(0)).await.unwrap();
    db.revoke(ApiKeys::list(&db).await.unwrap()[0].id, done(3)).await.unwrap();
    sign_in(&db, gone.id, 1).await;
    sign_in(&db, kept.id, 2).await;
    Members::add(&db, here, &[gone.id, kept.id], done(0)).await.unwrap();
    db.consume_message(gone.id, 5, at(0)).await.unwrap();
    db.consume_message(kept.id, 5, at(0)).await.unwrap();
    scratch.execute(&format!(
        "INSERT INTO threads (id, slug, name, workspace_id, user_id, created_at, updated_at)
         VALUES (5, 't', 'T', {here}, {}, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
        gone.id
    ));
    for (of, thread) in [(gone.id, None), (gone.id, Some(5)), (kept.id, Some(5)), (kept.id, None)] {
        let thread = thread.map(ThreadId);
        let conversation = Conversation { workspace: here, user: Some(of), thread, session: None };
        let new = NewChat {
            conversation,
            prompt: "?".into(),
            response: "!".into(),
            images: Vec::new(),
            include: true,
            created_at: at(0),
            usage: None,
        };
        db.append(new, done(0)).await.unwrap();
    }
    assert_eq!(Users::delete(&db, gone.id, done(9)).await.unwrap(), gone);
    let missing = Users::delete(&db, gone.id, done(9)).await;
    assert!(matches!(missing, Err(Error::NotFound { kind: "user", .. })), "{missing:?}");
    for (table, left) in [
        ("users", 2),
        ("sessions", 1),
        ("workspace_users", 1),
        ("questions", 1),
        ("threads", 0),
        ("chats", 1),
    ] {
        assert_eq!(scratch.rows_in(table), left, "{table}");
    }
    assert_eq!(scratch.miscounted_blocks(), 0);
    let keys = ApiKeys::list(&db).await.unwrap();
    let ends: Vec<_> = keys.iter().map(|key| (key.created_by, key.revoked_at)).collect();
    assert_eq!(ends, [(None, Some(at(3))), (None, Some(at(9))), (Some(kept.id), None)]);
}
