//! `GET /api/v1/workspace/{slug}/chats` and `/thread/{thread}/chats`.
use actix_web::get;
use actix_web::web::{Data, Json, Path};
use carrel_domain::chat::{ChatRange, ChatScope};
use carrel_services::Ports;
use carrel_services::threads;

use super::error::error_body::{NothingSaid, Plain};
use super::sources::translate;
use super::values::leading_number;
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse};
use crate::read::Params;
use crate::v1::history::DEFAULT_LIMIT;
use crate::v1::history::wire::{
    History, HistoryParams, HistoryQuery, MAX_LIMIT, first_value, session,
};

/// List the exchanges of a workspace.
///
/// Invalid parameters are ignored.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = History), ErrorResponse<Plain>))]
#[get("/workspace/{slug}/chats")]
pub async fn list_workspace_chats(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<History>, Plain> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?.id;
    let query = read(&params.read()?, DEFAULT_LIMIT);
    let scope = match query.session {
        Some(session) => ChatScope::Session(workspace, session),
        None => ChatScope::Workspace(workspace),
    };
    Ok(Json(
        History::new(ports.chats.history_page(&scope, query.part).await?).with_sources(translate),
    ))
}

/// List the exchanges of a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = History), ErrorResponse<NothingSaid>))]
#[get("/workspace/{slug}/thread/{thread}/chats")]
pub async fn list_thread_chats(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<History>, NothingSaid> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let thread = threads::by_slug(&*ports.threads, &workspace, &path.1).await?;
    let query = read(&params.read()?, MAX_LIMIT);
    let page = ports.chats.history_page(&ChatScope::Thread(thread.id), query.part).await?;
    Ok(Json(History::new(page).with_sources(translate)))
}

/// Reads the parameters. The first of each name counts, and invalid ones are ignored.
pub fn read(pairs: &[(String, String)], default: u32) -> HistoryQuery {
    let offset = first_value(pairs, &["offset"]).and_then(|text| text.parse().ok());
    let part = ChatRange {
        newest_first: first_value(pairs, &["orderBy", "order_by"]) == Some("desc"),
        offset: offset.unwrap_or_default(),
        limit: first_value(pairs, &["limit"]).map_or(default, limit),
    };
    HistoryQuery { session: session(pairs), part }
}

/// Returns the number at the beginning of a text, at least 1.
// quirk(odd-limits): it is the number at the beginning of its text, at least 1
// native: a limit is a number from 1
// test: `threads::the_history_contains_the_exchanges`
fn limit(text: &str) -> u32 {
    let text = text.trim();
    let number = leading_number(text.trim_start_matches(['-', '+']));
    match number.parse::<u32>() {
        _ if number.is_empty() => 0,
        _ if text.starts_with('-') => 1,
        Ok(limit) => limit.clamp(1, MAX_LIMIT),
        Err(_) => MAX_LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_the_number_at_the_beginning_of_a_text() {
        let read = |query: &[(&str, &str)]| {
            let to_owned_pair =
                |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            read(&query.iter().map(to_owned_pair).collect::<Vec<_>>(), 100).part
        };
        for (text, limit) in [("0", 1), ("-5", 1), ("2x", 2), ("x", 0), ("99999999999", MAX_LIMIT)]
        {
            assert_eq!(read(&[("limit", text), ("limit", "3")]).limit, limit, "{text}");
        }
        let part = read(&[("orderBy", "zzz"), ("offset", "x")]);
        assert_eq!(part, ChatRange { newest_first: false, offset: 0, limit: 100 });
    }
}
