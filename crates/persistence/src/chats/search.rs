//! Searches exchanges by words with the index of each database. Neither index splits scripts that
//! have no spaces between words; for these, the search scans the user's own exchanges.
use async_trait::async_trait;
use carrel_domain::chat::Chat;
use carrel_domain::chat_search::{ChatSearch, ChatSearchQuery, FoundChat, FoundThread};
use carrel_domain::{Result, Slug, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::dsl::{IntoBoxed, LeftJoin, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::Database;
use crate::chats::exchanges::Row;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::schema::{chats, threads};
use crate::documents::title_search::pattern;

/// The maximum number of words used of a search text.
const WORDS: usize = 16;

/// Returns the words of a search text in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !word.is_empty()).take(WORDS).map(str::to_lowercase).collect()
}

/// Returns whether the word is in a script without spaces between words.
fn is_unspaced(word: &str) -> bool {
    word.chars().any(|c| {
        matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
    })
}

type Query = IntoBoxed<'static, LeftJoin<chats::table, threads::table>, AnyBackend>;

/// Selects the exchanges that contain every word.
fn containing_words(conn: &AnyConnection, mut query: Query, words: &[String]) -> Query {
    let (scanned, indexed): (Vec<_>, Vec<_>) = words.iter().partition(|word| is_unspaced(word));
    let is_sqlite = matches!(conn, AnyConnection::Sqlite(_));
    if !indexed.is_empty() {
        let terms = indexed.iter().map(|word| match is_sqlite {
            true => format!("\"{word}\"*"),
            false => format!("{word}:*"),
        });
        let terms = terms.collect::<Vec<_>>().join(if is_sqlite { " AND " } else { " & " });
        query = match is_sqlite {
            true => query.filter(
                sql::<Bool>("chats.id IN (SELECT rowid FROM chat_words WHERE chat_words MATCH ")
                    .bind::<Text, _>(terms)
                    .sql(")"),
            ),
            false => query.filter(
                sql::<Bool>(
                    "carrel_chat_words(chats.prompt, chats.response) @@ to_tsquery('simple', ",
                )
                .bind::<Text, _>(terms)
                .sql(")"),
            ),
        };
    }
    for word in scanned {
        let Some(pattern) = pattern(word) else { continue };
        let start = match is_sqlite {
            true => {
                "(chats.prompt || ' ' || COALESCE(CASE WHEN json_valid(chats.response) \
                 THEN json_extract(chats.response, '$.text') ELSE chats.response END, '')) LIKE "
            }
            false => "carrel_chat_text(chats.prompt, chats.response) LIKE ",
        };
        query = query.filter(sql::<Bool>(start).bind::<Text, _>(pattern).sql(" ESCAPE '\\'"));
    }
    query
}

#[async_trait]
impl ChatSearch for Database {
    async fn find(&self, query: &ChatSearchQuery) -> Result<Vec<FoundChat>> {
        let ChatSearchQuery { user, workspaces, text, offset, limit } = query.clone();
        let words = words(&text);
        if words.is_empty() || workspaces.is_empty() {
            return Ok(Vec::new());
        }
        let workspaces: Vec<i32> = workspaces.into_iter().map(|workspace| workspace.0).collect();
        self.read(move |conn| {
            let mut query = chats::table
                .left_join(threads::table)
                .filter(chats::include.eq(true))
                .filter(chats::session.is_null())
                .filter(threads::deleted_at.is_null())
                .filter(chats::workspace_id.eq_any(workspaces))
                .order(chats::id.desc())
                .offset(i64::from(offset))
                .limit(i64::from(limit))
                .into_boxed::<AnyBackend>();
            query = match user {
                Some(user) => query.filter(chats::user_id.eq(user.0)),
                None => query.filter(chats::user_id.is_null()),
            };
            let query = containing_words(conn, query, &words)
                .select((Row::as_select(), (threads::slug, threads::name).nullable()));
            let rows: Vec<(Row, Option<(String, String)>)> = query.load(conn)?;
            Ok(rows
                .into_iter()
                .map(|(row, thread)| FoundChat {
                    chat: Chat::from(row),
                    thread: thread.map(|(slug, name)| (Slug::from_stored(slug), name)),
                })
                .collect())
        })
        .await
    }

    async fn threads(&self, query: &ChatSearchQuery) -> Result<Vec<FoundThread>> {
        let ChatSearchQuery { user, workspaces, text, offset, limit } = query.clone();
        let workspaces: Vec<i32> = workspaces.into_iter().map(|workspace| workspace.0).collect();
        self.read(move |conn| {
            let mut query = threads::table
                .filter(threads::deleted_at.is_null())
                .filter(threads::workspace_id.eq_any(workspaces))
                .order((threads::updated_at.desc(), threads::id.desc()))
                .offset(i64::from(offset))
                .limit(i64::from(limit))
                .select((threads::workspace_id, threads::slug, threads::name, threads::updated_at))
                .into_boxed::<AnyBackend>();
            query = match user {
                Some(user) => query.filter(threads::user_id.eq(user.0)),
                None => query.filter(threads::user_id.is_null()),
            };
            if let Some(pattern) = pattern(&text) {
                query = query.filter(threads::sought.like(pattern).escape('\\'));
            }
            let rows: Vec<(i32, String, String, NaiveDateTime)> = query.load(conn)?;
            Ok(rows
                .into_iter()
                .map(|(workspace, slug, name, updated_at)| FoundThread {
                    workspace: WorkspaceId(workspace),
                    slug: Slug::from_stored(slug),
                    name,
                    updated_at: updated_at.and_utc(),
                })
                .collect())
        })
        .await
    }
}
