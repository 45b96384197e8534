//! The seconds of transcription and speech used per person and day.
use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::audit::{Actor, Event};
use carrel_domain::speech::{SpeechUsage, SpeechUse};
use chrono::{Datelike, NaiveDate};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::on_each_backend;
use crate::database::schema::speech_use;

/// Returns a day as stored: the number of days since 1970-01-01.
fn number(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

#[async_trait]
impl SpeechUsage for Database {
    async fn used(&self, actor: Actor, of: SpeechUse, day: NaiveDate) -> Result<u64> {
        let key = (actor.to_text(), of.as_str(), number(day));
        self.read(move |conn| {
            let seconds = speech_use::table.find(key).select(speech_use::seconds);
            let seconds: Option<i64> = seconds.first(conn).optional()?;
            Ok(seconds.map_or(0, i64::unsigned_abs))
        })
        .await
    }

    async fn add(&self, of: SpeechUse, seconds: u32, event: Event) -> Result<()> {
        let (actor, kind) = (event.by.actor.to_text(), of.as_str());
        let day = number(event.by.at.date_naive());
        self.write(move |conn| {
            let new = (
                speech_use::actor.eq(&actor),
                speech_use::kind.eq(kind),
                speech_use::day.eq(day),
                speech_use::seconds.eq(0_i64),
            );
            on_each_backend!(conn => diesel::insert_into(speech_use::table)
                .values(new)
                .on_conflict_do_nothing()
                .execute(conn))?;
            diesel::update(speech_use::table.find((&actor, kind, day)))
                .set(speech_use::seconds.eq(speech_use::seconds + i64::from(seconds)))
                .execute(conn)?;
            // Only the actor's own past days are deleted, so that transactions never lock each
            // other's rows.
            let past = speech_use::actor.eq(&actor).and(speech_use::kind.eq(kind));
            diesel::delete(speech_use::table.filter(past.and(speech_use::day.lt(day))))
                .execute(conn)?;
            audit::record(conn, event)
        })
        .await
    }
}
