//! Asking: with scripts the answer comes part by part; without, the page waits for the whole of it.
//! What comes to nothing stays in the box, with the reason.
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::chat::Conversation;
use carrel_domain::{ChatId, Error};
use carrel_services::chat::{Question, Reply, Stop, silence};
use carrel_services::{chat_edits, record, threads};

use super::chat::{self, Composer, Place};
use crate::answers::{End, Matter, Running};
use crate::around::is_fragment;
use crate::asked;
use crate::filters;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::site::Site;
use crate::texts::t;
use crate::unanswered::Unanswered;
use crate::visit::{Reader, Visit};

/// How many characters of a question name a thread that has no name yet.
const NAMED: usize = 48;

/// A question whose answer is under way.
#[derive(Template)]
#[template(path = "part/running.html")]
pub struct Asked {
    id: String,
    question: String,
    /// Names of the files beside it.
    attached: Vec<String>,
}

impl Asked {
    pub fn of(running: &Running) -> Self {
        let matter = &running.matter;
        Self {
            id: running.id.to_string(),
            question: matter.question.clone(),
            attached: matter.attached.clone(),
        }
    }
}

pub async fn ask(visit: Visit<Reader>, slug: Path<String>, form: asked::Question) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    answer(visit, place, form).await
}

pub async fn ask_in_thread(
    visit: Visit<Reader>,
    path: Path<(String, String)>,
    form: asked::Question,
) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    answer(visit, place, form).await
}

async fn answer(visit: Visit<Reader>, place: Place, form: asked::Question) -> Answer {
    let (asked, read) = form.read().await;
    let composer = |reason: String| Composer {
        text: asked.text.clone(),
        instead_of: asked.instead_of,
        reason: Some(reason),
    };
    let question = match read {
        Ok(()) => question(&visit, &place, &asked).await,
        Err(error) => Err(error.into()),
    };
    let answered = match question {
        Ok(question) if is_fragment(visit.request.headers()) => {
            return stream(&visit, &place, question).await;
        }
        Ok(question) => whole(&visit, &place, question).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(()) => Ok(reply::see(&format!("{}#latest", place.base()))),
        Err(refusal) if is_fragment(visit.request.headers()) => Err(refusal),
        Err(refusal) if refusal.status_code() == StatusCode::INTERNAL_SERVER_ERROR => Err(refusal),
        Err(refusal) => {
            let (status, composer) = (refusal.status_code(), composer(refusal.to_string()));
            let mut page = chat::show(&visit, place, composer).await?;
            *page.status_mut() = status;
            Ok(page)
        }
    }
}

/// What the service is asked. A question that is asked anew keeps its pictures.
async fn question(
    visit: &Visit<Reader>,
    place: &Place,
    asked: &asked::Asked,
) -> Result<Question, Refusal> {
    let conversation = place.conversation(visit);
    if visit.site.answers.current(&conversation).is_some() {
        return Err(Error::Exhausted { what: t("chat.busy").into() }.into());
    }
    let mut attachments = Vec::new();
    if let Some(id) = asked.instead_of {
        let chat = super::exchange::own(visit, &place.workspace, id).await?;
        attachments = record::read(&chat.response).unwrap_or_default().pictures;
    }
    attachments.extend(asked.attachments.iter().cloned());
    Ok(Question {
        text: asked.text.clone(),
        thread: place.thread.clone(),
        user: visit.who.user().cloned(),
        attachments,
        instead_of: asked.instead_of,
        ..Question::default()
    })
}

async fn whole(visit: &Visit<Reader>, place: &Place, question: Question) -> Result<(), Refusal> {
    let (text, instead_of) = (question.text.clone(), question.instead_of);
    let conversation = place.conversation(visit);
    let answered = visit.ports().conversations.ask(&place.workspace, question, &visit.by()).await;
    let unanswered = |reason: String| Unanswered { question: text.clone(), reason, instead_of };
    let failed = |error: Error| {
        let refusal = Refusal::from(error);
        visit.site.unanswered.keep(&conversation, unanswered(refusal.to_string()));
        Err(refusal)
    };
    match answered {
        Ok(Reply::Answered { .. }) => {
            visit.site.unanswered.forget(&conversation);
            remove(visit, place, instead_of).await?;
            name_thread(visit, place, &text).await
        }
        Ok(Reply::Refused { text: reason, .. }) => {
            visit.site.unanswered.keep(&conversation, unanswered(reason));
            Ok(())
        }
        Ok(Reply::Silent { why, .. }) => failed(silence(&why)),
        Err(error) => failed(error),
    }
}

async fn stream(visit: &Visit<Reader>, place: &Place, mut question: Question) -> Answer {
    let (conversation, stop) = (place.conversation(visit), Stop::default());
    question.stop = stop.clone();
    let matter = Matter {
        question: question.text.clone(),
        attached: question.attachments.iter().map(|one| one.name.clone()).collect(),
        conversation: conversation.clone(),
        base: place.base(),
        instead_of: question.instead_of,
        stop,
    };
    let (by, ports) = (visit.by(), visit.ports());
    let pieces = ports.conversations.stream(&place.workspace, question, &by).await?;
    visit.site.unanswered.forget(&conversation);
    name_thread(visit, place, &matter.question).await?;
    let (site, workspace) = (visit.site.clone(), place.workspace.clone());
    let (text, instead_of) = (matter.question.clone(), matter.instead_of);
    let settle = move |end: End| async move {
        settle(&site, &conversation, &end, text, instead_of);
        if let (Some(_), Some(id)) = (&end.kept, instead_of) {
            let removed = chat_edits::remove(&*site.ports.chat_edits, &workspace, id, &by).await;
            if let Err(error) = removed {
                tracing::warn!(%error, "an exchange that was asked anew is still there");
            }
        }
        end
    };
    let running = visit.site.answers.follow(matter, pieces, settle);
    reply::page(&visit.request, &Asked::of(&running))
}

/// Keeps a question that nothing was answered to.
fn settle(
    site: &Data<Site>,
    conversation: &Conversation,
    end: &End,
    question: String,
    instead_of: Option<ChatId>,
) {
    if end.kept.is_none() {
        let reason = end.problem.clone().unwrap_or_default();
        site.unanswered.keep(conversation, Unanswered { question, reason, instead_of });
    }
}

/// The new answer is there, so the old exchange can go.
async fn remove(
    visit: &Visit<Reader>,
    place: &Place,
    instead_of: Option<ChatId>,
) -> Result<(), Refusal> {
    let Some(id) = instead_of else { return Ok(()) };
    let edits = &*visit.ports().chat_edits;
    Ok(chat_edits::remove(edits, &place.workspace, id, &visit.by()).await?)
}

/// A thread without a name is called by its first question.
async fn name_thread(visit: &Visit<Reader>, place: &Place, question: &str) -> Result<(), Refusal> {
    let Some(thread) = place.thread.as_ref().filter(|thread| thread.name == threads::UNNAMED)
    else {
        return Ok(());
    };
    let line = question.lines().next().unwrap_or_default();
    let mut name: String = line.chars().take(NAMED).collect();
    if line.chars().count() > NAMED {
        name.push('…');
    }
    threads::rename(&*visit.ports().threads, thread, name, &visit.by()).await?;
    Ok(())
}

/// Empties the box of a question that came to nothing.
pub async fn forget(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    Ok(forgotten(&visit, &place))
}

pub async fn forget_in_thread(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    Ok(forgotten(&visit, &place))
}

fn forgotten(visit: &Visit<Reader>, place: &Place) -> HttpResponse {
    visit.site.unanswered.forget(&place.conversation(visit));
    reply::see(&place.base())
}
