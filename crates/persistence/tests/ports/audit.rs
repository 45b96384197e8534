use std::collections::BTreeMap;

use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey};
use carrel_domain::audit::{Actor, AuditLog, By, Event, LoggedEvent, link};
use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::chat_log::ChatLog;
use carrel_domain::invite::{Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::member::Members;
use carrel_domain::settings::Settings;
use carrel_domain::user::{MultiUser, NewSession, Sessions, UserPatch, Users};
use carrel_domain::workspace::{WorkspaceSettings, Workspaces};
use carrel_domain::{ApiKeyId, ChatId, UserId, WorkspaceId};
use carrel_persistence::Database;
use chrono::DateTime;

use crate::indexing_together::Place;
use crate::support::{
    Scratch, at, document, done, embedded, new_user, new_workspace, path, user, workspace,
};

on_both_databases! {
    an_event_is_read_back_as_it_was_hashed,
    every_change_writes_its_event,
    a_change_without_effect_writes_no_event,
    a_rolled_back_change_writes_no_event,
    events_are_paged_newest_first,
    a_changed_byte_is_detected,
    a_removed_event_is_detected,
}

/// Returns all events if the chain is intact, otherwise the id of the first wrong event.
pub async fn verified(db: &Database) -> Result<Vec<LoggedEvent>, i64> {
    let mut events: Vec<LoggedEvent> = Vec::new();
    loop {
        let last = events.last().map_or(0, |event| event.id);
        let some = db.since(last, 100).await.unwrap();
        if some.is_empty() {
            break;
        }
        for event in some {
            let (last, before) = events.last().map_or((0, [0; 32]), |last| (last.id, last.digest));
            if event.id != last + 1 || event.digest != link(before, &event) {
                return Err(event.id);
            }
            events.push(event);
        }
    }
    let count = AuditLog::count(db).await.unwrap();
    if count == events.len() as u64 { Ok(events) } else { Err(events.len() as i64 + 1) }
}

async fn names(db: &Database) -> Vec<String> {
    verified(db).await.unwrap().into_iter().map(|event| event.name).collect()
}

async fn an_event_is_read_back_as_it_was_hashed(scratch: Scratch) {
    let db = scratch.open();
    let nanoseconds = DateTime::from_timestamp_nanos(1_700_000_000_123_456_789);
    let by = |actor, address: Option<&str>, at| By { actor, address: address.map(Into::into), at };
    let events = [
        by(Actor::Key(ApiKeyId(7)), Some("::1"), nanoseconds).event("one", "{\"a\":\"nul\0 📚\"}"),
        by(Actor::User(UserId(1)), Some(""), DateTime::UNIX_EPOCH).event("two", ""),
        by(Actor::Operator, None, DateTime::<chrono::Utc>::MAX_UTC).event("three", "{}"),
        by(Actor::Stranger, Some("10.0.0.1\0"), at(1)).event("four", "x".repeat(100_000)),
        by(Actor::Server, None, DateTime::from_timestamp_micros(-1).unwrap()).event("five", "{}"),
        by(Actor::Server, None, DateTime::from_timestamp_millis(120).unwrap()).event("six", "{}"),
    ];
    for event in events {
        AuditLog::add(&db, event).await.unwrap();
    }
    let logged = verified(&db).await.unwrap();
    assert_eq!(logged.len(), 6);
    assert_eq!(logged[0].at, DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap());
    assert_eq!((logged[0].actor.as_str(), logged[0].address.as_deref()), ("key:7", Some("::1")));
    assert_eq!(logged[0].details, "{\"a\":\"nul\u{FFFD} 📚\"}");
    assert_eq!((logged[1].actor.as_str(), logged[1].address.as_deref()), ("user:1", Some("")));
    assert_eq!((logged[2].actor.as_str(), logged[2].address.as_deref()), ("operator", None));
    assert_eq!(logged[5].at, DateTime::from_timestamp_millis(120).unwrap());
}

fn key(number: u8, origin: KeyOrigin) -> NewApiKey {
    NewApiKey {
        name: None,
        digest: KeyDigest([number; 32]),
        prefix: String::new(),
        origin,
        scopes: Vec::new(),
        workspaces: Vec::new(),
        rate_limit: None,
        expires_at: None,
        created_by: None,
        created_at: at(0),
    }
}

fn chat(workspace: WorkspaceId) -> NewChat {
    NewChat {
        conversation: Conversation { workspace, user: None, thread: None, session: None },
        prompt: "?".into(),
        response: "!".into(),
        images: Vec::new(),
        include: true,
        created_at: at(0),
        usage: None,
    }
}

fn invite(code: &str) -> NewInvite {
    NewInvite { code: code.into(), workspaces: Vec::new(), expires_at: None, created_at: at(0) }
}

fn session(user: UserId) -> NewSession {
    NewSession {
        digest: KeyDigest([5; 32]),
        user,
        issued_by: None,
        expires_at: at(100),
        created_at: at(0),
    }
}

fn setting(key: &str) -> BTreeMap<String, Option<String>> {
    BTreeMap::from([(key.to_owned(), Some("1".to_owned()))])
}

async fn every_change_writes_its_event(scratch: Scratch) {
    let db = scratch.open();
    let e = |name: &'static str| -> Event { By::operator(at(1)).event(name, "{}") };
    db.enable(new_user("admin"), e("enable")).await.unwrap();
    let guest = Users::create(&db, new_user("guest"), e("user")).await.unwrap().id;
    Users::update(&db, guest, UserPatch::default(), e("user changed")).await.unwrap();
    Sessions::open(&db, session(guest), e("opened")).await.unwrap();
    db.close(KeyDigest([5; 32]), e("closed")).await.unwrap();
    let here = Workspaces::create(&db, new_workspace("Here"), e("workspace")).await.unwrap().id;
    let settings = WorkspaceSettings::named("Here");
    Workspaces::update(&db, here, settings, e("workspace changed")).await.unwrap();
    Members::add(&db, here, &[guest], e("member")).await.unwrap();
    Members::replace(&db, here, &[], e("members")).await.unwrap();
    Documents::create(&db, document("a"), Vec::new(), e("document")).await.unwrap();
    db.place(&path("a"), embedded(here, "a", 1), e("placed")).await.unwrap();
    db.withdraw(here, &[path("a")], e("withdrawn")).await.unwrap();
    Documents::remove(&db, &[path("a")], e("removed")).await.unwrap();
    let chat = db.append(chat(here), e("chat")).await.unwrap();
    ChatLog::delete(&db, chat, e("chat removed")).await.unwrap();
    let made = ApiKeys::create(&db, key(1, KeyOrigin::Created), e("key")).await.unwrap().id;
    db.revoke(made, e("revoked")).await.unwrap();
    let new = Some(key(2, KeyOrigin::Environment));
    db.set_environment_key(new, e("key given")).await.unwrap();
    db.set_environment_key(None, e("no key given")).await.unwrap();
    let one = Invites::create(&db, invite("1"), UnknownWorkspaces::Keep, e("invite")).await;
    db.disable(one.unwrap().id, e("disabled")).await.unwrap();
    Invites::create(&db, invite("2"), UnknownWorkspaces::Keep, e("invite 2")).await.unwrap();
    db.redeem("2", new_user("other"), e("redeemed")).await.unwrap();
    db.set(setting("a"), e("settings")).await.unwrap();
    Users::delete(&db, guest, e("user deleted")).await.unwrap();
    Workspaces::delete(&db, here, e("workspace deleted")).await.unwrap();
    AuditLog::add(&db, e("added")).await.unwrap();
    let expected = [
        "enable",
        "user",
        "user changed",
        "opened",
        "closed",
        "workspace",
        "workspace changed",
        "member",
        "members",
        "document",
        "job",
        "placed",
        "withdrawn",
        "removed",
        "chat",
        "chat removed",
        "key",
        "revoked",
        "key given",
        "no key given",
        "invite",
        "disabled",
        "invite 2",
        "redeemed",
        "settings",
        "user deleted",
        "workspace deleted",
        "added",
    ];
    assert_eq!(names(&db).await, expected);
}

async fn a_change_without_effect_writes_no_event(scratch: Scratch) {
    let db = scratch.open();
    let new = || Some(key(2, KeyOrigin::Environment));
    let revoked = ApiKeys::create(&db, key(1, KeyOrigin::Created), done(0)).await.unwrap().id;
    db.revoke(revoked, done(0)).await.unwrap();
    db.set_environment_key(new(), done(0)).await.unwrap();
    let here = workspace(&db, "Here").await.id;
    let before = AuditLog::count(&db).await.unwrap();
    db.revoke(revoked, done(1)).await.unwrap();
    db.revoke(ApiKeyId(77), done(1)).await.unwrap();
    db.set_environment_key(new(), done(1)).await.unwrap();
    Workspaces::delete(&db, WorkspaceId(77), done(1)).await.unwrap();
    db.withdraw(here, &[path("a")], done(1)).await.unwrap();
    db.withdraw(WorkspaceId(77), &[path("a")], done(1)).await.unwrap();
    Documents::remove(&db, &[path("a")], done(1)).await.unwrap();
    ChatLog::delete(&db, ChatId(77), done(1)).await.unwrap();
    db.close(KeyDigest([5; 32]), done(1)).await.unwrap();
    db.set(BTreeMap::new(), done(1)).await.unwrap();
    assert_eq!(AuditLog::count(&db).await.unwrap(), before);
    db.set_environment_key(None, done(2)).await.unwrap();
    db.set_environment_key(None, done(2)).await.unwrap();
    assert_eq!(AuditLog::count(&db).await.unwrap(), before + 1);
}

async fn a_rolled_back_change_writes_no_event(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let user = user(&db, "somebody").await.id;
    let before = AuditLog::count(&db).await.unwrap();
    let settings = WorkspaceSettings::named("x");
    assert!(Users::create(&db, new_user("somebody"), done(1)).await.is_err());
    assert!(db.enable(new_user("somebody"), done(1)).await.is_err());
    assert!(Workspaces::create(&db, new_workspace("Here"), done(1)).await.is_err());
    assert!(Workspaces::update(&db, WorkspaceId(77), settings, done(1)).await.is_err());
    assert!(db.append(chat(WorkspaceId(77)), done(1)).await.is_err());
    let place = embedded(WorkspaceId(77), "a", 1);
    assert!(db.place(&path("a"), place, done(1)).await.is_err());
    assert!(Users::delete(&db, UserId(77), done(1)).await.is_err());
    assert!(db.redeem("no", new_user("guest"), done(1)).await.is_err());
    assert!(Members::add(&db, here, &[user, UserId(77)], done(1)).await.is_err());
    assert_eq!(AuditLog::count(&db).await.unwrap(), before);
    verified(&db).await.unwrap();
}

async fn events_are_paged_newest_first(scratch: Scratch) {
    let db = scratch.open();
    assert_eq!(AuditLog::page(&db, None, 0, 10).await.unwrap(), []);
    assert_eq!(AuditLog::count(&db).await.unwrap(), 0);
    for _ in 0..25 {
        AuditLog::add(&db, done(0)).await.unwrap();
    }
    let page = async |before, offset, limit| -> Vec<i64> {
        let page = AuditLog::page(&db, before, offset, limit).await.unwrap();
        page.into_iter().map(|event| event.id).collect()
    };
    assert_eq!(page(None, 0, 3).await, [25, 24, 23]);
    assert_eq!(page(None, 3, 3).await, [22, 21, 20]);
    assert_eq!(page(None, 24, 3).await, [1]);
    assert_eq!(page(None, 25, 3).await, [0_i64; 0]);
    assert_eq!(page(None, u64::MAX, 3).await, [0_i64; 0]);
    assert_eq!(page(Some(23), 0, 2).await, [22, 21]);
    assert_eq!(page(Some(23), 10, 2).await, [12, 11]);
    assert_eq!(page(Some(26), 1, 2).await, [24, 23]);
    assert_eq!(page(Some(1000), 1, 2).await, [24, 23]);
    assert_eq!(page(Some(1), 0, 2).await, [0_i64; 0]);
    assert_eq!(page(Some(i64::MIN), 9, 2).await, [0_i64; 0]);
    assert_eq!(page(None, 0, 0).await, [0_i64; 0]);
    assert_eq!(db.since(23, 10).await.unwrap().len(), 2);
    assert_eq!(db.since(i64::MAX, 10).await.unwrap(), []);
    assert_eq!(db.since(0, 10).await.unwrap().last().unwrap().id, 10);
}

async fn a_changed_byte_is_detected(scratch: Scratch) {
    let db = scratch.open();
    for number in 0..5 {
        let by = By { actor: Actor::Server, address: Some("::1".into()), at: at(number) };
        AuditLog::add(&db, by.event("kept", "{\"n\":1}")).await.unwrap();
    }
    verified(&db).await.unwrap();
    for (change, back) in [
        ("details = '{\"n\":2}'", "details = '{\"n\":1}'"),
        ("name = 'keps'", "name = 'kept'"),
        ("actor = 'key:1'", "actor = 'server'"),
        ("address = NULL", "address = '::1'"),
        ("at = '1999-01-01 00:00:00'", ""),
    ] {
        scratch.execute(&format!("UPDATE events SET {change} WHERE id = 3"));
        assert_eq!(verified(&db).await.unwrap_err(), 3, "{change}");
        if !back.is_empty() {
            scratch.execute(&format!("UPDATE events SET {back} WHERE id = 3"));
            verified(&db).await.unwrap();
        }
    }
}

async fn a_removed_event_is_detected(scratch: Scratch) {
    let db = scratch.open();
    for number in 0..5 {
        AuditLog::add(&db, done(number)).await.unwrap();
    }
    scratch.execute("DELETE FROM events WHERE id = 5");
    assert_eq!(verified(&db).await.unwrap_err(), 5);
    scratch.execute("DELETE FROM events WHERE id = 2");
    assert_eq!(verified(&db).await.unwrap_err(), 3);
    // The log can still be appended to, and the gap is still detected.
    AuditLog::add(&db, done(9)).await.unwrap();
    assert_eq!(AuditLog::count(&db).await.unwrap(), 6);
    assert_eq!(verified(&db).await.unwrap_err(), 3);
}
