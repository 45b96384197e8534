use carrel_domain::ApiKeyId;
use carrel_domain::audit::{Actor, AuditLog, By};
use carrel_domain::speech::{SpeechUsage, SpeechUse};

use crate::support::{Scratch, at};

on_both_databases! {
    seconds_are_summed_by_actor_and_day,
}

const DAY: i64 = 86_400;

async fn seconds_are_summed_by_actor_and_day(scratch: Scratch) {
    let db = scratch.open();
    let (one, other) = (Actor::Key(ApiKeyId(1)), Actor::Owner);
    let by = |actor, seconds| By { actor, address: None, at: at(seconds) };
    let adds = (0..20).map(|number| {
        let (db, event) = (db.clone(), by(one, number).event("heard", "{}"));
        tokio::spawn(async move {
            SpeechUsage::add(&db, SpeechUse::Transcribed, 30, event).await.unwrap()
        })
    });
    for add in adds.collect::<Vec<_>>() {
        add.await.unwrap();
    }
    SpeechUsage::add(&db, SpeechUse::Transcribed, 5, by(other, 0).event("heard", "{}"))
        .await
        .unwrap();
    SpeechUsage::add(&db, SpeechUse::Synthesized, 7, by(one, 0).event("spoken", "{}"))
        .await
        .unwrap();
    let today = at(0).date_naive();
    for (actor, of, seconds) in [
        (one, SpeechUse::Transcribed, 600),
        (one, SpeechUse::Synthesized, 7),
        (other, SpeechUse::Transcribed, 5),
        (other, SpeechUse::Synthesized, 0),
    ] {
        assert_eq!(db.used(actor, of, today).await.unwrap(), seconds, "{actor:?} {of:?}");
    }
    assert_eq!(AuditLog::count(&db).await.unwrap(), 22);

    SpeechUsage::add(&db, SpeechUse::Transcribed, 1, by(one, DAY).event("heard", "{}"))
        .await
        .unwrap();
    assert_eq!(db.used(one, SpeechUse::Transcribed, at(DAY).date_naive()).await.unwrap(), 1);
    assert_eq!(db.used(one, SpeechUse::Transcribed, today).await.unwrap(), 0, "yesterday is over");
    assert_eq!(scratch.rows_in("speech_use"), 3);
}
