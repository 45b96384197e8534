use std::collections::BTreeMap;

use carrel_domain::Error;
use carrel_domain::settings::{Settings, names};
use carrel_domain::user::{NewUser, PasswordHash, Role, Username, Users};

use crate::support::{Scratch, at};

on_both_databases! {
    a_username_is_given_once,
    the_first_admin_switches_multi_user_mode_on,
    of_many_first_admins_there_is_one,
    a_taken_name_leaves_multi_user_mode_off,
    settings_are_set_and_removed_together,
    settings_are_set_all_or_none,
}

pub fn new_user(name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).unwrap(),
        password: PasswordHash("$argon2id$…".into()),
        role: Role::Default,
        created_at: at(0),
    }
}

async fn a_username_is_given_once(scratch: Scratch) {
    let db = scratch.open();
    let manager = NewUser { role: Role::Manager, ..new_user("somebody") };
    let made = Users::create(&db, manager).await.unwrap();
    assert_eq!((made.username.as_str(), made.role), ("somebody", Role::Manager));
    assert_eq!((made.suspended, made.created_at, made.updated_at), (false, at(0), at(0)));
    let again = Users::create(&db, new_user("somebody")).await;
    assert!(matches!(again, Err(Error::AlreadyExists { kind: "user", .. })), "{again:?}");
    assert!(Users::create(&db, new_user("else")).await.unwrap().id > made.id);
}

async fn the_first_admin_switches_multi_user_mode_on(scratch: Scratch) {
    let db = scratch.open();
    assert!(!db.is_multi_user().await.unwrap());
    let off = BTreeMap::from([(names::MULTI_USER_MODE.into(), Some("false".into()))]);
    db.set(off).await.unwrap();
    assert!(!db.is_multi_user().await.unwrap());
    let admin = db.enable_multi_user(new_user("admin")).await.unwrap();
    assert_eq!(admin.role, Role::Admin);
    assert!(db.is_multi_user().await.unwrap());
    assert_eq!(db.all().await.unwrap()[names::MULTI_USER_MODE], "true");
    let again = db.enable_multi_user(new_user("other")).await;
    assert!(
        matches!(again, Err(Error::AlreadyExists { kind: "multi-user mode", .. })),
        "{again:?}"
    );
    Users::create(&db, new_user("other")).await.unwrap();
}

async fn of_many_first_admins_there_is_one(scratch: Scratch) {
    let db = scratch.open();
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let db = db.clone();
            let admin = new_user(&format!("admin{number}"));
            tokio::spawn(async move { db.enable_multi_user(admin).await })
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
        let made = Users::create(&db, new_user(&name)).await;
        assert_eq!(made.is_err(), name == admins[0], "{made:?}");
    }
}

async fn a_taken_name_leaves_multi_user_mode_off(scratch: Scratch) {
    let db = scratch.open();
    Users::create(&db, new_user("admin")).await.unwrap();
    let refused = db.enable_multi_user(new_user("admin")).await;
    assert!(matches!(refused, Err(Error::AlreadyExists { kind: "user", .. })), "{refused:?}");
    assert!(!db.is_multi_user().await.unwrap());
    assert!(db.all().await.unwrap().is_empty());
}

fn values(of: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    of.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
}

async fn settings_are_set_and_removed_together(scratch: Scratch) {
    let db = scratch.open();
    db.set(values(&[("a", Some("1")), ("b", Some("")), ("c", None)])).await.unwrap();
    db.set(values(&[("a", Some("2\0")), ("b", None), ("d", Some("📚"))])).await.unwrap();
    db.set(BTreeMap::new()).await.unwrap();
    let expected = [("a", "2\u{FFFD}"), ("d", "📚")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(db.all().await.unwrap(), BTreeMap::from(expected));
}

async fn settings_are_set_all_or_none(scratch: Scratch) {
    let db = scratch.open();
    db.set(values(&[("a", Some("1")), ("b", Some("1"))])).await.unwrap();
    if scratch.is_sqlite() {
        scratch.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON settings WHEN new.key = 'z'
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        );
    } else {
        scratch.execute("ALTER TABLE settings ADD CHECK (key <> 'z')");
    }
    assert!(db.set(values(&[("a", Some("2")), ("b", None), ("z", Some("3"))])).await.is_err());
    assert_eq!(
        db.all().await.unwrap().into_values().collect::<Vec<_>>(),
        ["1".to_owned(), "1".to_owned()]
    );
}
