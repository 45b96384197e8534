use carrel_domain::user::MessageQuota;
use carrel_domain::{Error, UserId};
use chrono::TimeDelta;

use crate::support::{Scratch, at, user};

on_both_databases! {
    of_many_questions_at_once_as_many_as_allowed_are_noted,
    the_quota_covers_the_last_24_hours,
    each_user_has_their_own_quota,
}

async fn of_many_questions_at_once_as_many_as_allowed_are_noted(scratch: Scratch) {
    let db = scratch.open();
    let user_id = user(&db, "asker").await.id;
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(
                async move { db.consume_message(user_id, 10, at(number % 7)).await.unwrap() },
            )
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += i32::from(task.await.unwrap());
    }
    assert_eq!(admitted, 10);
    assert_eq!(scratch.rows_in("questions"), 10);
}

async fn the_quota_covers_the_last_24_hours(scratch: Scratch) {
    let db = scratch.open();
    let user_id = user(&db, "asker").await.id;
    let day = TimeDelta::hours(24);
    assert!(db.consume_message(user_id, 2, at(0)).await.unwrap());
    assert!(db.consume_message(user_id, 2, at(60)).await.unwrap());
    assert!(!db.consume_message(user_id, 2, at(61)).await.unwrap());
    let almost = at(0) + day - TimeDelta::microseconds(1);
    assert!(!db.consume_message(user_id, 2, almost).await.unwrap());
    assert!(db.consume_message(user_id, 2, at(0) + day).await.unwrap());
    assert!(!db.consume_message(user_id, 2, at(59) + day).await.unwrap());
    assert!(db.consume_message(user_id, 3, at(59) + day).await.unwrap());
    assert!(!db.consume_message(user_id, 2, at(60) + day).await.unwrap());
    assert_eq!(scratch.rows_in("questions"), 2);
    assert!(db.consume_message(user_id, 1, at(100) + day * 2).await.unwrap());
    assert_eq!(scratch.rows_in("questions"), 1);
}

async fn each_user_has_their_own_quota(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (user(&db, "one").await.id, user(&db, "two").await.id);
    assert!(db.consume_message(one, 1, at(0)).await.unwrap());
    assert!(db.consume_message(two, 1, at(0)).await.unwrap());
    assert!(!db.consume_message(one, 1, at(1)).await.unwrap());
    assert!(!db.consume_message(two, 0, at(1)).await.unwrap());
    assert!(!db.consume_message(two, -1, at(1)).await.unwrap());
    let nobody = db.consume_message(UserId(77), 1, at(0)).await;
    assert!(matches!(nobody, Err(Error::NotFound { kind: "user", .. })), "{nobody:?}");
}
