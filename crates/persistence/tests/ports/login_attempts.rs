use carrel_domain::login_attempt::{Attempt, LoginAttempts, Rate, Subject};
use carrel_persistence::Database;
use chrono::TimeDelta;

use crate::support::{Scratch, at};

on_both_databases! {
    nobody_locks_a_name_out_from_another_network,
    guesses_are_limited_across_networks,
    a_network_with_a_past_sign_in_is_not_locked_out,
    servers_share_the_counts,
}

const fn rate(burst: i32, seconds: i64) -> Rate {
    Rate { burst, interval: TimeDelta::seconds(seconds) }
}

/// An attempt on a name from a network, both given by number.
fn attempt(name: u8, network: u8, second: i64) -> Attempt {
    Attempt {
        pair: (Subject([name * 16 + network; 32]), rate(3, 10)),
        known: rate(5, 2),
        name: (Subject([200 + name; 32]), rate(6, 4)),
        network: Some((Subject([100 + network; 32]), rate(6, 4))),
        at: at(second),
    }
}

/// Returns the seconds that an attempt has to wait.
async fn wait(db: &Database, attempt: Attempt) -> i64 {
    db.consume_attempt(&attempt).await.unwrap().map_or(0, |wait| wait.num_seconds())
}

async fn nobody_locks_a_name_out_from_another_network(scratch: Scratch) {
    let db = scratch.open();
    for _ in 0..3 {
        assert_eq!(wait(&db, attempt(1, 1, 0)).await, 0);
    }
    assert_eq!(wait(&db, attempt(1, 1, 0)).await, 10);
    assert_eq!(wait(&db, attempt(1, 2, 0)).await, 0, "its owner, elsewhere");
    assert_eq!(wait(&db, attempt(2, 1, 0)).await, 0, "somebody else, there");
    assert_eq!(wait(&db, attempt(1, 1, 10)).await, 0, "slower, not closed");
    assert_eq!(wait(&db, attempt(1, 1, 10)).await, 10);
}

async fn guesses_are_limited_across_networks(scratch: Scratch) {
    let db = scratch.open();
    for network in 1..7 {
        assert_eq!(wait(&db, attempt(1, network, 0)).await, 0);
    }
    assert_eq!(wait(&db, attempt(1, 7, 0)).await, 4, "one name from many networks");
    let other = scratch.open();
    for name in 2..7 {
        assert_eq!(wait(&other, attempt(name, 6, 0)).await, 0);
    }
    assert_eq!(wait(&other, attempt(7, 6, 0)).await, 4, "many names from one network");
}

async fn a_network_with_a_past_sign_in_is_not_locked_out(scratch: Scratch) {
    let db = scratch.open();
    let own = attempt(1, 9, 0);
    assert_eq!(wait(&db, own).await, 0);
    db.succeeded(&own).await.unwrap();
    for network in 1..7 {
        wait(&db, attempt(1, network, 0)).await;
    }
    assert_eq!(wait(&db, attempt(1, 8, 0)).await, 4);
    for _ in 0..5 {
        assert_eq!(wait(&db, attempt(1, 9, 0)).await, 0);
    }
    assert_eq!(wait(&db, attempt(1, 9, 0)).await, 2, "guesses from that network are limited too");
    // A user who knows the password never exhausts the limit.
    for _ in 0..20 {
        let right = attempt(1, 9, 60);
        assert_eq!(wait(&db, right).await, 0);
        db.succeeded(&right).await.unwrap();
    }
}

async fn servers_share_the_counts(scratch: Scratch) {
    let (one, other) = (scratch.open(), scratch.open());
    let all = (0..12).map(|number| {
        let db = if number % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { wait(&db, attempt(1, 1, 0)).await })
    });
    let mut allowed = 0;
    for one in all.collect::<Vec<_>>() {
        allowed += i32::from(one.await.unwrap() == 0);
    }
    assert_eq!(allowed, 3);
}
