//! A language model with Ollama's own protocol, `/api/chat`.
//!
//! Ollama's `/v1` has no way to set the context length: Ollama truncates longer prompts at its
//! default, which removes the instructions and passages. Here every request sets it.
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::model::{
    AnswerStream, ChatModel, ChatRequest, Image, Message, MessageRole, ModelName, ResponseFormat,
    Sampling, Usage,
};
use carrel_domain::{Error, Result};
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::reading::{self, Collected, Reported};
use crate::refusal;
use crate::think::Unopened;

pub(crate) struct Ollama {
    endpoint: Arc<Endpoint>,
    name: ModelName,
    /// Time for which the model stays loaded after an answer, in seconds; forever if negative. Ollama's
    /// default if absent.
    keep_alive: Option<i64>,
    unopened: Unopened,
}

impl Ollama {
    pub fn new(endpoint: Endpoint, name: ModelName, keep_alive: Option<i64>) -> Self {
        Self { endpoint: Arc::new(endpoint), name, keep_alive, unopened: Unopened::default() }
    }

    fn body(&self, request: &ChatRequest) -> Result<Value> {
        let mut messages = Vec::with_capacity(request.history.len() + 2);
        let system = request.system_prompt();
        if !system.is_empty() {
            messages.push(json!({ "role": "system", "content": system }));
        }
        for Message { role, text, images } in &request.history {
            let role = match role {
                MessageRole::User => "user",
                MessageRole::Assistant => "assistant",
            };
            messages.push(message(role, text, images)?);
        }
        messages.push(message("user", &request.question, &request.images)?);
        let Sampling { top_p, seed, stop, presence_penalty, frequency_penalty, response_format } =
            &request.sampling;
        let mut options = json!({ "num_ctx": self.name.window });
        for (name, value) in [
            ("temperature", json!(request.temperature)),
            ("num_predict", json!(request.longest_answer)),
            ("top_p", json!(top_p)),
            ("seed", json!(seed)),
            ("presence_penalty", json!(presence_penalty)),
            ("frequency_penalty", json!(frequency_penalty)),
        ] {
            if !value.is_null() {
                options[name] = value;
            }
        }
        if !stop.is_empty() {
            options["stop"] = json!(stop);
        }
        let mut body = json!({
            "model": self.name.model, "messages": messages, "stream": true, "options": options,
        });
        if let Some(keep_alive) = self.keep_alive {
            body["keep_alive"] = json!(keep_alive);
        }
        if let Some(format) = format(response_format.as_ref())? {
            body["format"] = format;
        }
        Ok(body)
    }
}

#[async_trait]
impl ChatModel for Ollama {
    fn name(&self) -> ModelName {
        self.name.clone()
    }

    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream> {
        let body = self.body(&request)?;
        let response = self.endpoint.post("api/chat", &body).await?;
        Ok(reading::answer(self.endpoint.clone(), response, push_line, self.unopened.clone()))
    }
}

fn message(role: &str, text: &str, images: &[Image]) -> Result<Value> {
    let mut message = json!({ "role": role, "content": text });
    let data = images.iter().map(|image| match image {
        Image::Inline { data, .. } => Ok(data.as_str()),
        Image::Url(_) => Err(Error::invalid("image_url", "must be a data: URL for Ollama")),
    });
    let data = data.collect::<Result<Vec<_>>>()?;
    if !data.is_empty() {
        message["images"] = json!(data);
    }
    Ok(message)
}

/// Returns `json`, or the schema.
fn format(format: Option<&ResponseFormat>) -> Result<Option<Value>> {
    Ok(match format {
        None | Some(ResponseFormat::Text) => None,
        Some(ResponseFormat::JsonObject) => Some(json!("json")),
        Some(ResponseFormat::JsonSchema(schema)) => {
            let invalid =
                || Error::invalid("response_format", "has no schema that is a JSON object");
            let named: Value = serde_json::from_str(schema).map_err(|_| invalid())?;
            let schema = named.get("schema").filter(|schema| schema.is_object());
            Some(schema.ok_or_else(invalid)?.clone())
        }
    })
}

/// Adds a line of a stream, or a whole answer.
fn push_line(answer: &mut Collected, line: &Value) -> Result<(), Reported> {
    let message = &line["message"];
    if !message.is_object() && line["done"] != true {
        return Err(Reported(refusal::message_in(line)));
    }
    if let Some(message) = refusal::reported_in(line) {
        return Err(Reported(message));
    }
    answer.is_answer = true;
    answer.reasoning(message["thinking"].as_str().unwrap_or_default());
    answer.text(message["content"].as_str().unwrap_or_default());
    if line["done"] == true {
        answer.is_complete = true;
        let count = |name: &str| line[name].as_u64().unwrap_or_default();
        let (prompt_tokens, completion_tokens) = (count("prompt_eval_count"), count("eval_count"));
        answer.usage = Some(Usage { prompt_tokens, completion_tokens });
        answer.finish(line["done_reason"].as_str().unwrap_or("stop"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use carrel_domain::model::{Delta, FinishReason};
    use futures_util::StreamExt;

    use super::*;
    use crate::refusal::Hints;
    use crate::testing::{Reply, Server, response};

    fn model(base: &str) -> Ollama {
        let hints = Hints { base: "OLLAMA_BASE_PATH", key: "OLLAMA_AUTH_TOKEN" };
        let service = "the language model";
        let http = crate::Http::new().unwrap();
        let endpoint = Endpoint::new(&http, base, None, service, hints).unwrap();
        let name = ModelName { provider: "ollama".into(), model: "m".into(), window: 8192 };
        Ollama::new(endpoint, name, Some(300))
    }

    fn lines(lines: &str) -> Reply {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n";
        Reply::Bytes(format!("{head}{lines}").into_bytes())
    }

    async fn ask(reply: Reply, request: ChatRequest) -> (Vec<Result<Delta>>, Server) {
        let server = Server::start(vec![reply]).await;
        let answer = model(&server.url).answer(request).await.unwrap();
        (answer.collect().await, server)
    }

    #[tokio::test]
    async fn requests_set_the_context_window_and_answers_are_split() {
        let stream = concat!(
            r#"{"model":"m","message":{"role":"assistant","content":"","thinking":"Hm."},"done":false}"#,
            "\n",
            r#"{"model":"m","message":{"role":"assistant","content":"Blue"},"done":false}"#,
            "\n",
            r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","prompt_eval_count":7,"eval_count":2}"#,
            "\n",
        );
        let request = ChatRequest {
            instructions: "Be brief.".into(),
            history: vec![Message::user("hi"), Message::assistant("hello")],
            question: "why?".into(),
            images: vec![Image::Inline { mime: "image/png".into(), data: "AAAA".into() }],
            temperature: Some(0.5),
            longest_answer: Some(9),
            sampling: Sampling {
                stop: vec!["END".into()],
                response_format: Some(ResponseFormat::JsonObject),
                ..Sampling::default()
            },
            ..ChatRequest::default()
        };
        let (deltas, server) = ask(lines(stream), request).await;
        let deltas: Vec<_> = deltas.into_iter().map(Result::unwrap).collect();
        let expected = [
            Delta::Reasoning("Hm.".into()),
            Delta::Text("Blue".into()),
            Delta::Usage(Usage { prompt_tokens: 7, completion_tokens: 2 }),
            Delta::Finish { reason: FinishReason::Length, word: "length".into() },
        ];
        assert_eq!(deltas, expected);
        let sent = server.requests().remove(0);
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /api/chat "), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        let options =
            json!({ "num_ctx": 8192, "temperature": 0.5, "num_predict": 9, "stop": ["END"] });
        assert_eq!((&body["options"], &body["keep_alive"]), (&options, &json!(300)));
        assert_eq!((&body["stream"], &body["format"]), (&json!(true), &json!("json")));
        let messages = json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "hi" },
            { "role": "assistant", "content": "hello" },
            { "role": "user", "content": "why?", "images": ["AAAA"] },
        ]);
        assert_eq!(body["messages"], messages);
    }

    #[tokio::test]
    async fn a_truncated_answer_is_never_reported_as_complete() {
        let part = "{\"message\":{\"content\":\"Take 5 mg\"},\"done\":false}\n";
        for (rest, words) in [
            ("", "broke off"),
            ("{\"error\":\"llama runner process has terminated\"}\n", "runner process"),
            ("{\"message\":{\"cont", "broke off"),
        ] {
            let (deltas, _) = ask(lines(&format!("{part}{rest}")), ChatRequest::default()).await;
            assert_eq!(deltas[0].as_ref().unwrap(), &Delta::Text("Take 5 mg".into()));
            let error = deltas.last().unwrap().as_ref().unwrap_err().to_string();
            assert!(error.contains(words), "{rest}: {error}");
        }
    }

    #[tokio::test]
    async fn a_missing_model_is_named() {
        let body = r#"{"error":"model 'm' not found"}"#;
        let server = Server::start(vec![response("404 Not Found", "application/json", body)]).await;
        let error = model(&server.url).answer(ChatRequest::default()).await.err().unwrap();
        assert!(error.to_string().contains("model 'm' not found"), "{error}");
    }
}
