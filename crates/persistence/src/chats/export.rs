//! The sort orders of an export, and where each resumes after an exchange.
use carrel_domain::chat::Chat;
use carrel_domain::chat_log::{ChatFilter, ExportCursor, ExportOrder};
use diesel::dsl::{IntoBoxed, LeftJoin};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::database::connection::AnyBackend;
use crate::database::schema::{chats, users, workspaces};
use crate::database::sql::StaticSql;

/// Exchanges joined with their workspace and user, if these still exist.
type Log = LeftJoin<LeftJoin<chats::table, workspaces::table>, users::table>;
pub(crate) type Query = IntoBoxed<'static, Log, AnyBackend>;

/// A key that groups exchanges, the outermost first.
#[derive(Clone, Copy)]
enum Key {
    Workspace,
    Thread,
    User,
    Session,
}

impl Key {
    fn of(order: ExportOrder) -> &'static [Self] {
        match order {
            ExportOrder::ByTime => &[],
            ExportOrder::ByWorkspace => &[Self::Workspace],
            ExportOrder::ByConversation => {
                &[Self::Workspace, Self::Thread, Self::User, Self::Session]
            }
        }
    }

    fn is_fixed(self, filter: &ChatFilter) -> bool {
        match self {
            Self::Workspace => filter.workspace.is_some(),
            Self::Thread => filter.thread.is_some(),
            Self::User => filter.user.is_some(),
            Self::Session => filter.session.is_some(),
        }
    }

    /// Selects the exchanges with the same value as `chat`.
    fn same(self, query: Query, chat: &Chat) -> Query {
        let of = &chat.conversation;
        match self {
            Self::Workspace => query.filter(chats::workspace_id.eq(of.workspace.0)),
            Self::Thread => match of.thread {
                Some(thread) => query.filter(chats::thread_id.eq(thread.0)),
                None => query.filter(chats::thread_id.is_null()),
            },
            Self::User => match of.user {
                Some(user) => query.filter(chats::user_id.eq(user.0)),
                None => query.filter(chats::user_id.is_null()),
            },
            Self::Session => match of.session.clone() {
                Some(session) => query.filter(chats::session.eq(session)),
                None => query.filter(chats::session.is_null()),
            },
        }
    }

    /// Selects the exchanges with a greater value than `chat`. NULL sorts first.
    fn after(self, query: Query, chat: &Chat) -> Query {
        let of = &chat.conversation;
        match self {
            Self::Workspace => query.filter(chats::workspace_id.gt(of.workspace.0)),
            Self::Thread => match of.thread {
                Some(thread) => query.filter(chats::thread_id.gt(thread.0)),
                None => query.filter(chats::thread_id.is_not_null()),
            },
            Self::User => match of.user {
                Some(user) => query.filter(chats::user_id.gt(user.0)),
                None => query.filter(chats::user_id.is_not_null()),
            },
            Self::Session => match of.session.clone() {
                Some(session) => query.filter(chats::session.gt(session)),
                None => query.filter(chats::session.is_not_null()),
            },
        }
    }
}

const BY_CONVERSATION: StaticSql<Bool> = StaticSql::new(
    "chats.workspace_id, chats.thread_id NULLS FIRST, chats.user_id NULLS FIRST, \
     chats.session NULLS FIRST, chats.id",
);

/// Sorts the query. NULL sorts first, as in the indexes.
pub(crate) fn in_order(query: Query, order: ExportOrder) -> Query {
    match order {
        ExportOrder::ByTime => query.order(chats::id),
        ExportOrder::ByWorkspace => query.order((chats::workspace_id, chats::id)),
        ExportOrder::ByConversation => query.order(BY_CONVERSATION),
    }
}

/// A condition that selects one part of an order.
pub(crate) type Part<'a> = Box<dyn Fn(Query) -> Query + 'a>;

/// Returns the exchanges that follow the cursor, as consecutive parts that are each a range of an
/// index: the rest of the innermost group, then the following groups, and so on outwards.
pub(crate) fn parts<'a>(
    filter: &'a ChatFilter,
    order: ExportOrder,
    cursor: Option<&'a ExportCursor>,
) -> Vec<Part<'a>> {
    let Some(ExportCursor { last }) = cursor else { return vec![Box::new(|query| query)] };
    let keys = Key::of(order);
    let mut parts: Vec<Part<'a>> = vec![Box::new(move |query| {
        let query = keys.iter().fold(query, |query, key| key.same(query, last));
        query.filter(chats::id.gt(last.id.0))
    })];
    for (depth, key) in keys.iter().enumerate().rev() {
        if !key.is_fixed(filter) {
            parts.push(Box::new(move |query| {
                let query = keys[..depth].iter().fold(query, |query, key| key.same(query, last));
                key.after(query, last)
            }));
        }
    }
    parts
}
