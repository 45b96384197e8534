use std::collections::BTreeMap;

use carrel_domain::Error;
use carrel_domain::settings::{Settings, names};
use carrel_domain::user::{MultiUser, NewUser, Role, Users};

use crate::support::{Scratch, at, done, new_user};

on_both_databases! {
    a_username_is_unique,
    the_first_admin_switches_multi_user_mode_on,
    of_many_first_admins_there_is_one,
    a_taken_name_leaves_multi_user_mode_off,
    settings_are_set_and_removed_together,
    settings_are_stored_all_or_none,
}

async fn a_username_is_unique(scratch: Scratch) {
    let db = scratch.open();
    let manager = NewUser { role: Role::Manager, ..new_user("somebody") };
    let made = Users::create(&db, manager, done(0)).await.unwrap();
    assert_eq!((made.username.as_str(), made.role), ("somebody", Role::Manager));
    assert_eq!((made.suspended, made.created_at, made.updated_at), (false, at(0), at(0)));
    let again = Users::create(&db, new_user("somebody"), done(0)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { kind: "user", .. })), "{again:?}");
    assert!(Users::create(&db, new_user("else"), done(0)).await.unwrap().id > made.id);
}

async fn the_first_admin_switches_multi_user_mode_on(scratch: Scratch) {
    let db = scratch.open();
    assert!(!db.is_on().await.unwrap());
    let off = BTreeMap::from([(names::MULTI_USER_MODE.into(), Some("false".into()))]);
    db.set(off, done(0)).await.unwrap();
    assert!(!db.is_on().await.unwrap());
    let admin = db.enable(new_user("admin"), done(0)).await.unwrap();
    assert_eq!(admin.role, Role::Admin);
    assert!(db.is_on().await.unwrap());
    assert_eq!(db.all().await.unwrap()[names::MULTI_USER_MODE], "true");
    let again = db.enable(new_user("other"), done(0)).await;
    assert!(
        matches!(again, Err(Error::AlreadyExists { kind: "multi-user mode is already on", .. })),
        "{again:?}"
    );
    Users::create(&db, new_user("other"), done(0)).await.unwrap();
}

async fn of_many_first_admins_there_is_one(scratch: Scratch) {
    let db = scratch.open();
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let db = db.clone();
            let admin = new_user(&format!("admin{number}"));
            tokio::spawn(async move { db.enable(admin, done(0)).await })
        })
        .collect();
    let mut admins = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(admin) => admins.push(admin.username),
            Err(error) => assert!(matches!(error, Error::AlreadyExists { .. }), "{error:?}"),
        }
    }
    assert_eq!(admins.len(), 1);
    for number in 0..50 {
        let name = format!("admin{number}");
        let made = Users::create(&db, new_user(&name), done(0)).await;
        assert_eq!(made.is_err(), name == admins[0], "{made:?}");
    }
}

async fn a_taken_name_leaves_multi_user_mode_off(scratch: Scratch) {
    let db = scratch.open();
    Users::create(&db, new_user("admin"), done(0)).await.unwrap();
    let refused = db.enable(new_user("admin"), done(0)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists { kind: "user", .. })), "{refused:?}");
    assert!(!db.is_on().await.unwrap());
    assert!(db.all().await.unwrap().is_empty());
}

fn values(of: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    of.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
}

async fn settings_are_set_and_removed_together(scratch: Scratch) {
    let db = scratch.open();
    db.set(values(&[("a", Some("1")), ("b", Some("")), ("c", None)]), done(0)).await.unwrap();
    db.set(values(&[("a", Some("2\0")), ("b", None), ("d", Some("📚"))]), done(0)).await.unwrap();
    db.set(BTreeMap::new(), done(0)).await.unwrap();
    let expected = [("a", "2\u{FFFD}"), ("d", "📚")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(db.all().await.unwrap(), BTreeMap::from(expected));
}

async fn settings_are_stored_all_or_none(scratch: Scratch) {
    let db = scratch.open();
    db.set(values(&[("a", Some("1")), ("b", Some("1"))]), done(0)).await.unwrap();
    if scratch.is_sqlite() {
        scratch.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON settings WHEN new.key = 'z'
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        );
    } else {
        scratch.execute("ALTER TABLE settings ADD CHECK (key <> 'z')");
    }
    assert!(
        db.set(values(&[("a", Some("2")), ("b", None), ("z", Some("3"))]), done(0)).await.is_err()
    );
    assert_eq!(
        db.all().await.unwrap().into_values().collect::<Vec<_>>(),
        ["1".to_owned(), "1".to_owned()]
    );
}
