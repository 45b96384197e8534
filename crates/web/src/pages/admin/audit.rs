//! The audit log and its verification.
use askama::Template;
use carrel_domain::audit::LoggedEvent;
use carrel_services::audit::{Verdict, verify};
use chrono::{DateTime, Utc};

use crate::http::form::Fields;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

/// Events per page.
const PAGE_SIZE: u32 = 50;

struct EventRow {
    id: i64,
    name: String,
    details: String,
    actor: String,
    address: String,
    time: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    layout: PageLayout,
    rows: Vec<EventRow>,
    total: u64,
    /// The start of the next page.
    next: Option<i64>,
    is_first: bool,
    verdict: Option<(bool, String)>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let log = &*current_user.ports().audit;
    let before: Option<i64> = parameters.number("before")?;
    let mut events = log.page(before, 0, PAGE_SIZE + 1).await?;
    let has_more = events.len() > PAGE_SIZE as usize;
    events.truncate(PAGE_SIZE as usize);
    let next = events.last().map(|event| event.id).filter(|_| has_more);
    let verdict = match parameters.has("verify") {
        false => None,
        true => Some(match verify(log, &*current_user.ports().audit_seals, None).await? {
            Verdict::Whole { events, head } => {
                let message = t("audit.whole").replace("{count}", &events.to_string());
                (true, message.replace("{head}", &head.to_string()))
            }
            Verdict::Broken(fault) => {
                (false, t("audit.broken").replace("{fault}", &fault.to_string()))
            }
        }),
    };
    let users: Vec<_> = current_user.ports().users.list().await?;
    let row = |event: LoggedEvent| EventRow {
        actor: actor_name(&event.actor, &users),
        id: event.id,
        details: details_text(&event.details),
        name: event.name,
        address: event.address.unwrap_or_default(),
        time: event.at,
    };
    let page = AuditPage {
        layout: current_user.admin_layout(t("audit.title")).await?,
        rows: events.into_iter().map(row).collect(),
        total: log.count().await?,
        next,
        is_first: before.is_none(),
        verdict,
    };
    response::page(&current_user.request, &page)
}

/// Returns the actor's name, if it has one.
fn actor_name(actor: &str, users: &[carrel_domain::user::ListedUser]) -> String {
    let id = actor.strip_prefix("user:").and_then(|id| id.parse().ok());
    let user = id.and_then(|id: i32| users.iter().find(|user| user.id.0 == id));
    user.map_or_else(|| actor.to_owned(), |user| user.username.clone())
}

/// Formats the details of an event as a list of `name: value`.
fn details_text(details: &str) -> String {
    let Ok(serde_json::Value::Object(details)) = serde_json::from_str(details) else {
        return details.to_owned();
    };
    let pairs = details.iter().map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}: {value}"),
    });
    pairs.collect::<Vec<_>>().join(", ")
}
