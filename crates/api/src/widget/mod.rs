//! `/api/embed/*`: the operations for visitors of chat widgets. They need no key; a widget serves
//! the pages in its list of origins.
pub mod error;
pub mod wire;

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{ORIGIN, RETRY_AFTER};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use carrel_domain::Result;
use carrel_domain::audit::{Actor, By};
use carrel_domain::chat::Bounded;
use carrel_services::Ports;
use carrel_services::admission::Admitted;
use carrel_services::settings::SettingsStore;
use carrel_services::widgets::WidgetVisitor;
use chrono::Utc;
use uuid::Uuid;

use crate::authorized::address;
use crate::read::LooseBody;
use crate::routes::register::{OPEN, Register};
use crate::streaming;
use crate::v1::history::wire::History;
use crate::widget::error::Denial;
use crate::wire::ServerSentEvent;

/// Path of the visitors' routes.
pub const PUBLIC: &str = "/api/embed";

/// If this setting is set, a widget without a list of origins serves no page.
const NEEDS_LIST: &str = "EMBED_REQUIRE_ALLOWLIST";

pub fn operations(config: &mut impl Register) {
    config
        .post("/{embed}/stream-chat", OPEN, ask_embed)
        .get("/{embed}/{session}", OPEN, show_history)
        .delete("/{embed}/{session}", OPEN, forget_history);
}

/// Allows pages of every site to read responses. Each widget decides which pages it serves, and
/// requests carry no cookie or key.
pub fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_any_header()
        .expose_headers([RETRY_AFTER])
        .max_age(3600)
}

/// Ask a question in a chat widget and stream the answer.
///
/// Sends server-sent events: `textResponseChunk` for each part, the last with `close`; a single
/// `textResponse` if the question is refused; `abort` on failure.
#[utoipa::path(tag = "Chat widgets", request_body = wire::EmbedQuestion,
    responses((status = 200, description = "The answer, as server-sent events.", content_type = "text/event-stream", body = ServerSentEvent), Denial))]
#[post("/{embed}/stream-chat")]
pub async fn ask_embed(
    request: HttpRequest,
    ports: Data<Ports>,
    key: Path<String>,
    body: LooseBody<wire::EmbedQuestion>,
) -> Result<HttpResponse, Denial> {
    let visitor = visitor(&request, &ports.settings_store);
    let open = ports.widgets.open(&key, &visitor).await?;
    let question = body.read_public().await?.read()?;
    let pieces = ports.widgets.stream(open, question, &visitor).await?;
    let id = Uuid::new_v4().to_string();
    let visit = Visit { ports, key: key.into_inner() };
    let events = streaming::event_stream(pieces, move |piece| wire::encode(&id, piece), visit);
    Ok(streaming::response().streaming(events))
}

/// A visitor who receives an answer, as long as the widget exists.
struct Visit {
    ports: Data<Ports>,
    key: String,
}

impl Admitted for Visit {
    async fn is_admitted(&self) -> Result<bool> {
        self.ports.widgets.is_open(&self.key).await
    }
}

/// List the exchanges of a session.
///
/// Returns the newest 1000 exchanges, up to 16 MiB, without their sources.
#[utoipa::path(tag = "Chat widgets", responses((status = 200, body = History), Denial))]
#[get("/{embed}/{session}")]
pub async fn show_history(
    request: HttpRequest,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> Result<Json<History>, Denial> {
    let visitor = visitor(&request, &ports.settings_store);
    let open = ports.widgets.open(&path.0, &visitor).await?;
    let chats = ports.widgets.history(&open, wire::session(&path.1)?).await?;
    let chats = Bounded { items: chats, is_cut: false };
    Ok(Json(History::new(chats).without_sources()))
}

/// Clear the history of a session.
///
/// Admins still see the exchanges, but the visitor and the model do not see them again.
#[utoipa::path(tag = "Chat widgets", responses((status = 200, description = "The history was cleared."), Denial))]
#[delete("/{embed}/{session}")]
pub async fn forget_history(
    request: HttpRequest,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Denial> {
    let visitor = visitor(&request, &ports.settings_store);
    let open = ports.widgets.open(&path.0, &visitor).await?;
    ports.widgets.forget(&open, wire::session(&path.1)?, &visitor.by).await?;
    Ok(HttpResponse::Ok().finish())
}

fn visitor(request: &HttpRequest, settings: &SettingsStore) -> WidgetVisitor {
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    WidgetVisitor {
        by: By { actor: Actor::Stranger, address: address(request), at: Utc::now() },
        origin: origin.map(str::to_owned),
        requires_origins: settings.lookup(NEEDS_LIST).is_some(),
    }
}
