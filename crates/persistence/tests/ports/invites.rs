use std::process::{Command, Stdio};
use std::time::Duration;

use carrel_domain::audit::{Actor, AuditLog, By, Event};
use carrel_domain::invite::{Invite, InviteStatus, Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::member::Members;
use carrel_domain::user::{NewUser, Role, Users};
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, InviteId, UserId, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, admin, at, done, new_user, user, workspace};

on_both_databases! {
    an_invite_is_read_back_as_created,
    unknown_workspaces_are_refused_or_stored_on_request,
    a_code_is_unique,
    a_pending_invite_is_disabled_once,
    redeeming_creates_a_user_who_joins_the_workspaces,
    only_a_pending_invite_is_redeemed,
    a_taken_name_leaves_the_invite_pending,
    one_of_many_concurrent_redemptions_succeeds,
    a_redemption_that_fails_at_the_last_step_is_rolled_back,
    a_killed_redemption_is_all_or_nothing,
    an_invite_outlives_its_creator_and_its_claimant,
}

fn new_invite(code: &str) -> NewInvite {
    NewInvite { code: code.into(), workspaces: Vec::new(), expires_at: None, created_at: at(0) }
}

/// An event caused by a user.
fn done_by(user: UserId, second: i64) -> Event {
    let event = done(second);
    Event { by: By { actor: Actor::User(user), ..event.by }, ..event }
}

async fn create(db: &Database, new: NewInvite) -> Invite {
    Invites::create(db, new, UnknownWorkspaces::Keep, done(0)).await.unwrap()
}

fn is_not_found<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::NotFound { kind: "invite", .. }))
}

async fn an_invite_is_read_back_as_created(scratch: Scratch) {
    let db = scratch.open();
    let creator = admin(&db, "creator").await.id;
    let new = NewInvite {
        workspaces: vec![WorkspaceId(9), WorkspaceId(2), WorkspaceId(9)],
        expires_at: Some(at(60)),
        ..new_invite("one")
    };
    let event = done_by(creator, 0);
    let made = Invites::create(&db, new, UnknownWorkspaces::Keep, event).await.unwrap();
    let expected = Invite {
        id: made.id,
        code: "one".into(),
        status: InviteStatus::Pending,
        claimed_by: None,
        claimed_by_name: None,
        workspaces: vec![WorkspaceId(9), WorkspaceId(2), WorkspaceId(9)],
        created_by: Some(creator),
        expires_at: Some(at(60)),
        created_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(made, expected);
    let plain = create(&db, new_invite("two")).await;
    assert_eq!(plain.workspaces, []);
    assert_eq!(db.by_code("one").await.unwrap(), Some(made.clone()));
    assert_eq!(db.by_code("One").await.unwrap(), None);
    assert_eq!(Invites::list(&db).await.unwrap(), [made, plain]);
}

async fn unknown_workspaces_are_refused_or_stored_on_request(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let new = NewInvite { workspaces: vec![here, WorkspaceId(77)], ..new_invite("one") };
    let refused =
        Invites::create(&db, new.clone(), UnknownWorkspaces::Refuse, done(0)).await.unwrap_err();
    assert_eq!(refused.to_string(), "workspace_ids: no workspace has the id 77");
    assert_eq!(Invites::list(&db).await.unwrap(), []);
    assert_eq!(create(&db, new.clone()).await.workspaces, new.workspaces);
    let known = NewInvite { workspaces: vec![here], ..new_invite("two") };
    Invites::create(&db, known, UnknownWorkspaces::Refuse, done(0)).await.unwrap();
}

async fn a_code_is_unique(scratch: Scratch) {
    let db = scratch.open();
    create(&db, new_invite("secret")).await;
    let again = Invites::create(&db, new_invite("secret"), UnknownWorkspaces::Keep, done(0)).await;
    let Err(error @ Error::AlreadyExists { kind: "invite", .. }) = again else {
        panic!("{again:?}")
    };
    assert!(!error.to_string().contains("secret"), "{error}");
}

async fn a_pending_invite_is_disabled_once(scratch: Scratch) {
    let db = scratch.open();
    let made = create(&db, new_invite("one")).await;
    let events = AuditLog::count(&db).await.unwrap();
    assert_eq!(db.disable(made.id, done(5)).await.unwrap(), made);
    let disabled = Invite { status: InviteStatus::Disabled, updated_at: at(5), ..made.clone() };
    assert_eq!(db.disable(made.id, done(6)).await.unwrap(), disabled);
    assert_eq!(Invites::list(&db).await.unwrap(), [disabled]);
    assert_eq!(AuditLog::count(&db).await.unwrap(), events + 1);
    assert!(is_not_found(&db.disable(InviteId(77), done(6)).await));

    let taken = create(&db, new_invite("two")).await;
    db.redeem("two", new_user("guest"), done(7)).await.unwrap();
    let before = db.disable(taken.id, done(8)).await.unwrap();
    assert_eq!(before.status, InviteStatus::Claimed);
    assert_eq!(db.by_code("two").await.unwrap(), Some(before));
}

async fn redeeming_creates_a_user_who_joins_the_workspaces(scratch: Scratch) {
    let db = scratch.open();
    let (one, gone) = (workspace(&db, "One").await.id, workspace(&db, "Gone").await.id);
    let two = workspace(&db, "Two").await.id;
    let workspaces = vec![two, gone, WorkspaceId(77), one, two];
    create(&db, NewInvite { workspaces, ..new_invite("code") }).await;
    Workspaces::delete(&db, gone, done(1)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    let new = NewUser { role: Role::Manager, created_at: at(4), ..new_user("guest") };
    let guest = db.redeem("code", new, done(5)).await.unwrap();
    assert_eq!((guest.username.as_str(), guest.role), ("guest", Role::Manager));
    assert_eq!(AuditLog::count(&db).await.unwrap(), events + 1);
    for workspace in [one, two] {
        let members = Members::of(&db, workspace).await.unwrap();
        assert_eq!((members.len(), members[0].user), (1, guest.id));
    }
    let invite = db.by_code("code").await.unwrap().unwrap();
    assert_eq!((invite.status, invite.claimed_by), (InviteStatus::Claimed, Some(guest.id)));
    assert_eq!((invite.claimed_by_name.as_deref(), invite.updated_at), (Some("guest"), at(5)));
    assert_eq!(Invites::list(&db).await.unwrap(), [invite]);
}

async fn only_a_pending_invite_is_redeemed(scratch: Scratch) {
    let db = scratch.open();
    create(&db, NewInvite { expires_at: Some(at(10)), ..new_invite("short") }).await;
    let disabled = create(&db, new_invite("disabled")).await;
    db.disable(disabled.id, done(1)).await.unwrap();
    create(&db, new_invite("claimed")).await;
    db.redeem("claimed", new_user("first"), done(2)).await.unwrap();
    for code in ["short", "disabled", "claimed", "unknown", "", "Short", "short\0"] {
        let refused = db.redeem(code, new_user("guest"), done(10)).await;
        assert!(is_not_found(&refused), "{code}: {refused:?}");
    }
    assert_eq!(Users::list(&db).await.unwrap().len(), 1);
    db.redeem("short", new_user("guest"), done(9)).await.unwrap();
}

async fn a_taken_name_leaves_the_invite_pending(scratch: Scratch) {
    let db = scratch.open();
    user(&db, "guest").await;
    let made = create(&db, new_invite("code")).await;
    let refused = db.redeem("code", new_user("guest"), done(1)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists { kind: "user", .. })), "{refused:?}");
    assert_eq!(db.by_code("code").await.unwrap(), Some(made));
    db.redeem("code", new_user("other"), done(2)).await.unwrap();
}

async fn one_of_many_concurrent_redemptions_succeeds(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    create(&db, NewInvite { workspaces: vec![here], ..new_invite("code") }).await;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let db = db.clone();
            let guest = new_user(&format!("guest{number}"));
            tokio::spawn(async move { db.redeem("code", guest, done(1)).await })
        })
        .collect();
    let mut guests = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(guest) => guests.push(guest),
            refused => assert!(is_not_found(&refused), "{refused:?}"),
        }
    }
    assert_eq!(guests.len(), 1);
    assert_eq!(db.list_with_profiles().await.unwrap(), guests);
    let members = Members::of(&db, here).await.unwrap();
    assert_eq!(members.iter().map(|member| member.user).collect::<Vec<_>>(), [guests[0].id]);
    assert_eq!(db.by_code("code").await.unwrap().unwrap().claimed_by, Some(guests[0].id));
}

async fn a_redemption_that_fails_at_the_last_step_is_rolled_back(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let made = create(&db, NewInvite { workspaces: vec![here], ..new_invite("code") }).await;
    scratch.execute("ALTER TABLE events RENAME TO elsewhere");
    assert!(matches!(db.redeem("code", new_user("guest"), done(1)).await, Err(Error::Internal(_))));
    scratch.execute("ALTER TABLE elsewhere RENAME TO events");
    assert_eq!(db.by_code("code").await.unwrap(), Some(made));
    assert_eq!(Users::list(&db).await.unwrap(), []);
    assert_eq!(Members::of(&db, here).await.unwrap(), []);
    db.redeem("code", new_user("guest"), done(2)).await.unwrap();
}

const URL: &str = "CARREL_TEST_REDEEM_AT";
const INVITES: i64 = 400;

/// Run by the next test in a separate process, which it kills. Does nothing on its own.
#[tokio::test(flavor = "multi_thread")]
async fn redeem_until_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let db = Database::open(&url).unwrap();
    for number in 0..INVITES {
        let guest = new_user(&format!("guest{number}"));
        db.redeem(&format!("code{number}"), guest, done(1)).await.unwrap();
    }
}

async fn a_killed_redemption_is_all_or_nothing(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for number in 0..INVITES {
        let new = NewInvite { workspaces: vec![here], ..new_invite(&format!("code{number}")) };
        create(&db, new).await;
    }
    let events = AuditLog::count(&db).await.unwrap() as i64;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "invites::redeem_until_killed"])
        .env(URL, &scratch.url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while scratch.rows_in("users") < 20 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // PostgreSQL may still be executing the last statement.
    db.redeem(&format!("code{}", INVITES - 1), new_user("last"), done(2)).await.unwrap();
    let whole = scratch.number(
        "SELECT COUNT(*) AS n FROM invites JOIN users ON users.id = invites.claimed_by
         JOIN workspace_users ON workspace_users.user_id = users.id WHERE status = 'claimed'",
    );
    let claimed = "SELECT COUNT(*) AS n FROM invites WHERE status <> 'pending'";
    assert_eq!(scratch.number(claimed), whole);
    assert_eq!(scratch.rows_in("users"), whole);
    assert_eq!(scratch.rows_in("workspace_users"), whole);
    assert_eq!(scratch.rows_in("events"), events + whole);
}

async fn an_invite_outlives_its_creator_and_its_claimant(scratch: Scratch) {
    let db = scratch.open();
    let creator = admin(&db, "creator").await.id;
    admin(&db, "other").await;
    let (new, event) = (new_invite("code"), done_by(creator, 0));
    Invites::create(&db, new, UnknownWorkspaces::Keep, event).await.unwrap();
    let guest = db.redeem("code", new_user("guest"), done(1)).await.unwrap();
    for id in [creator, guest.id] {
        Users::delete(&db, id, done(2)).await.unwrap();
    }
    let invite = db.by_code("code").await.unwrap().unwrap();
    assert_eq!((invite.created_by, invite.claimed_by), (None::<UserId>, None));
    assert_eq!((invite.claimed_by_name, invite.status), (None, InviteStatus::Claimed));
}
