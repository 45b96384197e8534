//! The log of all exchanges: its pages and its export.
//!
//! Ids follow the order of time: the newest exchange has the largest id. A filter by time is first
//! converted to a range of ids, so that every order can start in the middle.
use std::ops::Range;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::{Bounded, ImageSplitter};
use carrel_domain::chat_log::{
    ChatFilter, ChatLog, ChatWorkspace, DeletedChats, DeletionEvent, ExportCursor, ExportOrder,
    LoggedChat, Portion,
};
use carrel_domain::{ChatId, Result};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::Database;
use crate::audit;
use crate::chats::blocks::{self, Place, Span};
use crate::chats::bounds::{self, ALL_BYTES, Room, TEXT_BYTES};
use crate::chats::exchanges::Row;
use crate::chats::export::{self, Query};
use crate::chats::image_backlog;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{IDS_AT_ONCE, rows, some_text, some_time};
use crate::database::schema::{chats, users, workspaces};

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
struct WorkspaceRow {
    name: String,
    slug: String,
    prompt: Option<String>,
}

type Found = (Row, Option<WorkspaceRow>, Option<String>);

/// Loads the exchanges selected by a query, in its order.
fn load(conn: &mut AnyConnection, query: Query) -> QueryResult<Vec<LoggedChat>> {
    let columns =
        (Row::as_select(), Option::<WorkspaceRow>::as_select(), users::username.nullable());
    let found: Vec<Found> = query.select(columns).load(conn)?;
    Ok(found.into_iter().map(logged).collect())
}

fn logged((chat, workspace, username): Found) -> LoggedChat {
    let workspace =
        workspace.map(|WorkspaceRow { name, slug, prompt }| ChatWorkspace { name, slug, prompt });
    LoggedChat { chat: chat.into(), workspace, username }
}

/// Adds the images of the exchanges in `ids` to the loaded exchanges.
fn add_images(conn: &mut AnyConnection, ids: &[i64], logged: &mut [LoggedChat]) -> QueryResult<()> {
    let mut images = bounds::images(conn, ids)?;
    for LoggedChat { chat, .. } in logged {
        chat.images = images.remove(&chat.id.0).unwrap_or_default();
    }
    Ok(())
}

/// The exchanges of a query that fit into the byte limit.
struct Fitting {
    count: usize,
    is_cut: bool,
    /// The exchanges with images, if images are requested.
    with_images: Vec<i64>,
}

/// Reads the sizes of exchanges before their texts. The same query with this count as its limit
/// then loads them: within one snapshot it returns the same rows.
fn fitting(
    conn: &mut AnyConnection,
    query: Query,
    with_images: bool,
    room: &mut Room,
) -> QueryResult<Fitting> {
    let bytes = if with_images { ALL_BYTES } else { TEXT_BYTES };
    let found: Vec<(i64, i64, i64)> =
        query.select((chats::id, bytes, chats::image_bytes)).load(conn)?;
    let sizes = found.iter().map(|(id, bytes, _)| (*id, *bytes)).collect();
    let Bounded { items, is_cut } = room.fit(sizes);
    let taken = found.into_iter().take(items.len());
    let pictured = taken.filter(|(_, _, images)| with_images && *images > 0).map(|(id, ..)| id);
    Ok(Fitting { count: items.len(), is_cut, with_images: pictured.collect() })
}

/// The index that finds the filtered exchanges.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Any index that serves the filter.
    Filter,
    /// The index of an order over several columns. An index that served the filter would require
    /// sorting all filtered exchanges again for every page.
    Order,
}

/// Returns the range of ids that contains all filtered exchanges, or `None` if there are none.
fn ids(conn: &mut AnyConnection, filter: &ChatFilter) -> QueryResult<Option<Range<i64>>> {
    let ids = match span(filter) {
        span if span.is_all() => Some(0..i64::MAX),
        span => blocks::ids_of(conn, span)?,
    };
    let before = filter.before.map_or(i64::MAX, |ChatId(id)| id);
    Ok(ids.map(|Range { start, end }| start..end.min(before)))
}

/// Selects the filtered exchanges within a range of ids.
fn admitted(filter: &ChatFilter, ids: Range<i64>, by: By) -> Query {
    let mut query = admitted_by(filter, by);
    let id = || sql::<BigInt>("chats.id + 0");
    if ids.start > 0 {
        query = match by {
            By::Filter => query.filter(chats::id.ge(ids.start)),
            By::Order => query.filter(id().ge(ids.start)),
        };
    }
    if ids.end < i64::MAX {
        query = match by {
            By::Filter => query.filter(chats::id.lt(ids.end)),
            By::Order => query.filter(id().lt(ids.end)),
        };
    }
    query
}

fn admitted_by(filter: &ChatFilter, by: By) -> Query {
    let ChatFilter { workspace, user, thread, session, from, to, feedback, before: _ } =
        filter.clone();
    let mut query = chats::table
        .left_join(workspaces::table)
        .left_join(users::table)
        .into_boxed::<AnyBackend>();
    if let Some(workspace) = workspace {
        query = query.filter(chats::workspace_id.eq(workspace.0));
    }
    // An expression such as `user_id + 0` keeps the planner from using an index on the column.
    if let Some(user) = user {
        query = match by {
            By::Filter => query.filter(chats::user_id.eq(user.0)),
            By::Order => query.filter(sql::<Nullable<Integer>>("chats.user_id + 0").eq(user.0)),
        };
    }
    if let Some(thread) = thread {
        query = match by {
            By::Filter => query.filter(chats::thread_id.eq(thread.0)),
            By::Order => query.filter(sql::<Nullable<Integer>>("chats.thread_id + 0").eq(thread.0)),
        };
    }
    if let Some(session) = some_text(session) {
        query = match by {
            By::Filter => query.filter(chats::session.eq(session)),
            By::Order => query.filter(sql::<Nullable<Text>>("chats.session || ''").eq(session)),
        };
    }
    if let Some(feedback) = feedback {
        query = match by {
            By::Filter => query.filter(chats::feedback.eq(feedback)),
            By::Order if feedback => query.filter(sql::<Bool>("chats.feedback IS TRUE")),
            By::Order => query.filter(sql::<Bool>("chats.feedback IS FALSE")),
        };
    }
    if let Some(from) = some_time(from) {
        query = query.filter(chats::created_at.ge(from));
    }
    if let Some(to) = some_time(to) {
        query = query.filter(chats::created_at.lt(to));
    }
    query
}

fn span(filter: &ChatFilter) -> Span {
    Span { from: some_time(filter.from), to: some_time(filter.to) }
}

/// Returns whether the filter restricts only the time.
fn is_only_of_time(filter: &ChatFilter) -> bool {
    *filter == ChatFilter { from: filter.from, to: filter.to, ..ChatFilter::default() }
}

/// Returns the start of the page that is `skip` exchanges from the newest, or `None` beyond the
/// oldest.
fn start_of_page(
    conn: &mut AnyConnection,
    filter: &ChatFilter,
    ids: Range<i64>,
    skip: u64,
) -> QueryResult<Option<Place>> {
    if skip == 0 {
        return Ok(Some(Place { below: ids.end, skip }));
    }
    if is_only_of_time(filter) {
        return blocks::locate(conn, span(filter), skip);
    }
    // Selects only ids, which an index covers. The texts are read from the start of the page.
    let first: Option<i64> = admitted(filter, ids, By::Filter)
        .select(chats::id)
        .order(chats::id.desc())
        .offset(rows(skip))
        .first(conn)
        .optional()?;
    Ok(first.map(|id| Place { below: id + 1, skip: 0 }))
}

fn page(
    conn: &mut AnyConnection,
    filter: &ChatFilter,
    offset: u64,
    at_most: Portion,
) -> QueryResult<Bounded<LoggedChat>> {
    let Portion { exchanges, bytes, images } = at_most;
    let nothing = || Bounded { items: Vec::new(), is_cut: false };
    let Some(mut ids) = ids(conn, filter)? else { return Ok(nothing()) };
    let place = start_of_page(conn, filter, ids.clone(), offset)?;
    let Some(Place { below, skip }) = place else { return Ok(nothing()) };
    ids.end = ids.end.min(below);
    let query = |limit: i64| {
        let query = admitted(filter, ids.clone(), By::Filter).order(chats::id.desc());
        query.limit(limit).offset(rows(skip))
    };
    let fitting = fitting(conn, query(rows(exchanges)), images, &mut Room::of(bytes))?;
    let mut items = load(conn, query(rows(fitting.count)))?;
    add_images(conn, &fitting.with_images, &mut items)?;
    Ok(Bounded { items, is_cut: fitting.is_cut })
}

fn export(
    conn: &mut AnyConnection,
    filter: &ChatFilter,
    order: ExportOrder,
    cursor: Option<&ExportCursor>,
    at_most: Portion,
) -> QueryResult<Vec<LoggedChat>> {
    let by = if order == ExportOrder::ByTime { By::Filter } else { By::Order };
    let Portion { exchanges, bytes, images } = at_most;
    let (limit, mut room) = (exchanges as usize, Room::of(bytes));
    let Some(ids) = ids(conn, filter)? else { return Ok(Vec::new()) };
    let (mut found, mut with_images) = (Vec::new(), Vec::new());
    for narrow in export::parts(filter, order, cursor) {
        let query = |limit: usize| {
            let query = narrow(admitted(filter, ids.clone(), by));
            export::in_order(query, order).limit(rows(limit))
        };
        let fitting = fitting(conn, query(limit - found.len()), images, &mut room)?;
        if fitting.count > 0 {
            found.extend(load(conn, query(fitting.count))?);
            with_images.extend(fitting.with_images);
        }
        if found.len() >= limit || room.is_full() {
            break;
        }
    }
    add_images(conn, &with_images, &mut found)?;
    Ok(found)
}

/// Returns the ids of the first filtered exchanges after `after`.
fn oldest(
    conn: &mut AnyConnection,
    filter: &ChatFilter,
    after: Option<ChatId>,
    at_most: i64,
) -> QueryResult<Vec<i64>> {
    let Some(mut ids) = ids(conn, filter)? else { return Ok(Vec::new()) };
    ids.start = ids.start.max(after.map_or(0, |ChatId(id)| id.saturating_add(1)));
    let found = admitted(filter, ids, By::Filter).select(chats::id);
    found.order(chats::id).limit(at_most).load(conn)
}

#[async_trait]
impl ChatLog for Database {
    async fn page(
        &self,
        filter: &ChatFilter,
        offset: u64,
        at_most: Portion,
    ) -> Result<Bounded<LoggedChat>> {
        let filter = filter.clone();
        self.snapshot(move |conn| Ok(page(conn, &filter, offset, at_most)?)).await
    }

    async fn move_images(&self, split: ImageSplitter) -> Result<bool> {
        self.write(move |conn| image_backlog::step(conn, split)).await
    }

    async fn export(
        &self,
        filter: &ChatFilter,
        order: ExportOrder,
        cursor: Option<&ExportCursor>,
        at_most: Portion,
    ) -> Result<Vec<LoggedChat>> {
        let (filter, cursor) = (filter.clone(), cursor.cloned());
        self.snapshot(move |conn| Ok(export(conn, &filter, order, cursor.as_ref(), at_most)?)).await
    }

    async fn delete(&self, id: ChatId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let removed = diesel::delete(chats::table.find(id.0)).execute(conn)?;
            if removed > 0 {
                audit::record(conn, event)?;
            }
            Ok(removed > 0)
        })
        .await
    }

    async fn clear(
        &self,
        filter: &ChatFilter,
        after: Option<ChatId>,
        at_most: u32,
        event: DeletionEvent,
    ) -> Result<DeletedChats> {
        let filter = filter.clone();
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let found = oldest(conn, &filter, after, rows(at_most).min(rows(IDS_AT_ONCE)))?;
            let last = found.last().copied().map(ChatId);
            if last.is_none() {
                return Ok(DeletedChats { chats: 0, last });
            }
            let removed = diesel::delete(chats::table.filter(chats::id.eq_any(found)));
            let chats = removed.execute(conn)? as u64;
            audit::record(conn, event(chats))?;
            Ok(DeletedChats { chats, last })
        })
        .await
    }
}
