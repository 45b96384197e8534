//! Token counts of answers, stored with each exchange and summed from a covering index.
use async_trait::async_trait;
use carrel_domain::model::Usage;
use carrel_domain::usage::{UsageBy, UsageOf, UsageQuery, Usages, Used};
use carrel_domain::{Result, UserId, WorkspaceId};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamp};

use crate::Database;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{rows, time, unreadable};

/// Returns the stored token counts of the question and the answer, each capped at `i32::MAX`.
pub(crate) fn tokens(usage: Option<Usage>) -> (Option<i32>, Option<i32>) {
    let most = |tokens: u64| i32::try_from(tokens).unwrap_or(i32::MAX);
    let columns =
        |Usage { prompt_tokens, completion_tokens }| (most(prompt_tokens), most(completion_tokens));
    usage.map(columns).unzip()
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = Nullable<Integer>)]
    id: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    slug: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    day: Option<String>,
    #[diesel(sql_type = BigInt)]
    exchanges: i64,
    #[diesel(sql_type = BigInt)]
    known: i64,
    #[diesel(sql_type = BigInt)]
    asking: i64,
    #[diesel(sql_type = BigInt)]
    answering: i64,
}

impl Sum {
    fn read(self, by: UsageBy) -> Result<Used> {
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        let Self { id, name, slug, day, exchanges, known, asking, answering } = self;
        let of = match by {
            UsageBy::User => UsageOf::User(id.map(UserId).zip(name)),
            UsageBy::Workspace => {
                let id = id.ok_or_else(|| unreadable("workspace id"))?;
                UsageOf::Workspace(WorkspaceId(id), name.zip(slug))
            }
            UsageBy::Day => {
                let day = day.and_then(|day| day.parse::<NaiveDate>().ok());
                UsageOf::Day(day.ok_or_else(|| unreadable("time"))?)
            }
        };
        Ok(Used {
            of,
            exchanges: number(exchanges),
            unknown: number(exchanges - known),
            prompt_tokens: number(asking),
            completion_tokens: number(answering),
        })
    }
}

/// Returns the statement that sums usage. It uses covering indexes; the index of `chats` is
/// partial, with the condition `id > 0`. Parameters: from, to, limit, offset.
fn statement(by: UsageBy, is_sqlite: bool) -> String {
    let day = match is_sqlite {
        true => "substr(created_at, 1, 10)",
        false => "to_char(created_at, 'YYYY-MM-DD')",
    };
    let (key, label, join, order) = match by {
        UsageBy::User => (
            "user_id",
            "spent.whose AS id, users.username AS name, CAST(NULL AS TEXT) AS slug, \
             CAST(NULL AS TEXT) AS day",
            "LEFT JOIN users ON users.id = spent.whose",
            "asking + answering DESC, exchanges DESC, spent.whose",
        ),
        UsageBy::Workspace => (
            "workspace_id",
            "spent.whose AS id, workspaces.name AS name, workspaces.slug AS slug, \
             CAST(NULL AS TEXT) AS day",
            "LEFT JOIN workspaces ON workspaces.id = spent.whose",
            "asking + answering DESC, exchanges DESC, spent.whose",
        ),
        UsageBy::Day => (
            day,
            "CAST(NULL AS INTEGER) AS id, CAST(NULL AS TEXT) AS name, CAST(NULL AS TEXT) AS slug, \
             spent.whose AS day",
            "",
            "spent.whose DESC",
        ),
    };
    format!(
        "SELECT {label}, exchanges, known, asking, answering
         FROM (
             SELECT {key} AS whose, COUNT(*) AS exchanges, COUNT(prompt_tokens) AS known,
                 COALESCE(SUM(prompt_tokens), 0) AS asking,
                 COALESCE(SUM(completion_tokens), 0) AS answering
             FROM (
                 SELECT workspace_id, user_id, created_at, prompt_tokens, completion_tokens
                 FROM chats
                 WHERE id > 0 AND created_at >= $1 AND created_at < $2
                 UNION ALL
                 SELECT embeds.workspace_id, CAST(NULL AS INTEGER), embed_chats.created_at,
                     prompt_tokens, completion_tokens
                 FROM embed_chats
                 JOIN embeds ON embeds.id = embed_chats.embed_id
                 WHERE embed_chats.created_at >= $1 AND embed_chats.created_at < $2
             ) AS asked
             GROUP BY {key}
         ) AS spent
         {join}
         ORDER BY {order}
         LIMIT $3 OFFSET $4"
    )
}

#[async_trait]
impl Usages for Database {
    async fn sums(&self, query: &UsageQuery) -> Result<Vec<Used>> {
        let UsageQuery { by, from, to, offset, limit } = query.clone();
        self.read(move |conn| {
            let statement = statement(by, matches!(conn, AnyConnection::Sqlite(_)));
            let from = time(from.unwrap_or(DateTime::<Utc>::MIN_UTC));
            let to = time(to.unwrap_or(DateTime::<Utc>::MAX_UTC));
            let sums: Vec<Sum> = on_each_backend!(conn => sql_query(statement)
                .bind::<Timestamp, _>(from)
                .bind::<Timestamp, _>(to)
                .bind::<BigInt, _>(i64::from(limit))
                .bind::<BigInt, _>(rows(offset))
                .load(conn)?);
            Ok(sums.into_iter().map(|sum| sum.read(by)).collect::<Result<_>>()?)
        })
        .await
    }
}
