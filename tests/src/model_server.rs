//! A server with the OpenAI protocol and no model. Its answers depend only on the question, so
//! tests and demonstrations can predict them.
//!
//! It quotes the first passage of the prompt and repeats the question. The name of the model
//! chooses the behaviour; [`MODELS`] lists the names, and any other name behaves like `echo`.
mod chat;
pub mod embedding;
mod misbehaving;
mod ollama;
mod picture;
mod rerank;
mod sound;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use actix_web::dev::ServerHandle;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The models of the server, and the behaviour of each.
pub const MODELS: [(&str, &str); 26] = [
    ("echo", "answers well"),
    ("reasoning", "thinks before it answers"),
    ("slow", "takes a tenth of a second for each word"),
    ("pondering", "thinks before it answers, and is slow"),
    ("lengthy", "answers with 16 kB of Markdown, whatever it is asked"),
    ("cut-off", "breaks the connection in the middle of its answer"),
    ("silent", "never answers"),
    ("pausing", "begins to answer and never goes on"),
    ("endless", "never stops to answer"),
    ("empty", "answers without any choice"),
    ("speechless", "answers without any text"),
    ("thinking", "thinks and says nothing"),
    ("html", "answers with a web page"),
    ("truncated", "ends a stream in the middle without saying that it does"),
    ("error-line", "reports an error in the middle of a stream as llama-server did until 2025"),
    ("error-event", "reports an error in the middle of a stream as an event of that type"),
    ("lenient", "streams an answer with every oddity that clients put up with"),
    ("halves", "cuts an emoji into the two halves of its UTF-16"),
    ("unopened", "closes its reasoning with `</think>` without having opened it"),
    ("limited", "ends with the finish reason `length`"),
    ("filtered", "ends with the finish reason `content_filter` and without text"),
    ("strict", "refuses `stream_options` and `max_tokens`"),
    ("picky", "embeds nothing together with the word `unspeakable`, which it refuses"),
    ("scribble", "answers with something that is no picture, where one is asked for"),
    ("linked", "answers with an address where a picture is asked for"),
    ("fail-500", "answers with an error; any status from 400 to 599 can stand here"),
];

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub authorization: Option<String>,
    pub body: Value,
}

/// Every request so far, oldest first.
type Requests = Arc<Mutex<Vec<Received>>>;

/// A server that runs until this value is dropped.
#[derive(Debug)]
pub struct ModelServer {
    address: String,
    requests: Requests,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server on a free port of this machine.
pub async fn start() -> Result<ModelServer> {
    tokio::task::spawn_blocking(|| ModelServer::listen("127.0.0.1:0")).await?
}

impl ModelServer {
    /// Starts a server on `address` and waits until it responds.
    pub fn listen(address: &str) -> Result<Self> {
        let listener =
            TcpListener::bind(address).with_context(|| format!("failed to listen on {address}"))?;
        let address = listener.local_addr()?.to_string();
        let requests = Requests::default();
        let log = requests.clone();
        let (started, starting) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                match serve(listener, log) {
                    Ok(server) => {
                        let _ = started.send(Ok(server.handle()));
                        let _ = server.await;
                    }
                    Err(error) => {
                        let _ = started.send(Err(error));
                    }
                }
            });
        });
        let handle = starting.recv().context("the server ended before it began")??;
        Ok(Self { address, requests, handle, thread: Some(thread) })
    }

    /// Returns the base address for a setting such as `GENERIC_OPEN_AI_BASE_PATH`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns every embedded text in order.
    pub fn embedded(&self) -> Vec<String> {
        let requests = self.received();
        let embeddings = requests.iter().filter(|received| received.path == "/v1/embeddings");
        let texts = embeddings.flat_map(|received| received.body["input"].as_array().cloned());
        texts.flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    /// Returns the bodies of [`ModelServer::received`].
    pub fn requests(&self) -> Vec<Value> {
        self.received().into_iter().map(|received| received.body).collect()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // The call itself stops the server; the future need not be awaited.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: TcpListener, requests: Requests) -> Result<actix_web::dev::Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(requests.clone()))
            .app_data(web::PayloadConfig::new(64 << 20))
            .app_data(web::JsonConfig::default().limit(64 << 20).content_type_required(false))
            .route("/v1/models", web::get().to(models))
            .route("/v1/chat/completions", web::post().to(chat_completions))
            .route("/api/chat", web::post().to(ollama_chat))
            .route("/api/tags", web::get().to(ollama_tags))
            .route("/v1/embeddings", web::post().to(embeddings))
            .route("/rerank", web::post().to(rerank))
            .route("/v1/rerank", web::post().to(rerank))
            .route("/v2/rerank", web::post().to(rerank))
            .route("/v1/images/generations", web::post().to(images))
            .route("/api/v1/images/generations", web::post().to(images))
            .route("/api/v1/images/edits", web::post().to(edited_images))
            .route("/v1/audio/transcriptions", web::post().to(transcriptions))
            .route("/v1/audio/translations", web::post().to(transcriptions))
            .route("/v1/audio/speech", web::post().to(speech))
            .route("/v1/audio/voices", web::get().to(voices))
            .default_service(web::to(|| async { error(404, "there is nothing here") }))
    });
    Ok(server.workers(1).disable_signals().shutdown_timeout(0).listen(listener)?.run())
}

async fn models(request: HttpRequest, requests: web::Data<Requests>) -> HttpResponse {
    record(&request, &requests, &Value::Null);
    let model = |(name, _): &(&str, &str)| match *name {
        // OpenRouter's format for prices of models.
        "echo" => {
            json!({"id": name, "object": "model", "owned_by": "tests", "context_length": 8192,
                "pricing": {"prompt": "0.0000025", "completion": "0.00001"}})
        }
        _ => json!({"id": name, "object": "model", "owned_by": "tests"}),
    };
    let models: Vec<_> = MODELS.iter().map(model).collect();
    HttpResponse::Ok().json(json!({"object": "list", "data": models}))
}

async fn chat_completions(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Json<Value>,
) -> HttpResponse {
    record(&request, &requests, &body);
    chat::respond(&body).await
}

/// Ollama's own protocol.
async fn ollama_chat(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Json<Value>,
) -> HttpResponse {
    record(&request, &requests, &body);
    ollama::respond(&body)
}

async fn ollama_tags(request: HttpRequest, requests: web::Data<Requests>) -> HttpResponse {
    record(&request, &requests, &Value::Null);
    let model = |(name, _): &(&str, &str)| json!({ "name": name, "model": name });
    HttpResponse::Ok().json(json!({ "models": MODELS.iter().map(model).collect::<Vec<_>>() }))
}

async fn embeddings(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Json<Value>,
) -> HttpResponse {
    record(&request, &requests, &body);
    embedding::respond(&body).await
}

/// The path determines the protocol.
async fn rerank(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Json<Value>,
) -> HttpResponse {
    record(&request, &requests, &body);
    rerank::respond(request.path(), &body).await
}

async fn images(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Json<Value>,
) -> HttpResponse {
    record(&request, &requests, &body);
    picture::respond(&body).await
}

/// A form becomes an object of its texts, with the number of its files as `files`.
async fn edited_images(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Bytes,
) -> HttpResponse {
    let body = picture::form(&body);
    record(&request, &requests, &body);
    picture::respond(&body).await
}

/// Works like [`edited_images`].
async fn transcriptions(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Bytes,
) -> HttpResponse {
    let form = picture::form(&body);
    record(&request, &requests, &form);
    sound::transcription(&form, picture::file(&body).len())
}

async fn speech(
    request: HttpRequest,
    requests: web::Data<Requests>,
    body: web::Json<Value>,
) -> HttpResponse {
    record(&request, &requests, &body);
    sound::speech(&body)
}

async fn voices(request: HttpRequest, requests: web::Data<Requests>) -> HttpResponse {
    record(&request, &requests, &Value::Null);
    sound::voices()
}

fn record(request: &HttpRequest, requests: &Requests, body: &Value) {
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let received = Received { path: request.path().into(), authorization, body: body.clone() };
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(received);
}

/// Returns an error in OpenAI's format.
fn error(status: u16, message: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status).json(json!({"error": {"message": message, "type": "test_error"}}))
}
