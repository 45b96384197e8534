//! Metrics for Prometheus: counts and durations.
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use carrel_domain::audit::ChainEnds;
use carrel_domain::health::Connections;
use carrel_domain::job::queue::Backlog;
use carrel_domain::job::{ItemState, Job};
use carrel_domain::model::Usage;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// The content type of [`Meter::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets for job durations, in seconds.
const JOB_SECONDS: [f64; 8] = [0.1, 0.5, 2.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0];

/// Upper bounds of the buckets for requests and model calls, in seconds.
const SECONDS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    /// `2xx`, `4xx` and so on.
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ChatLabels {
    provider: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct JobLabels {
    kind: String,
    /// `done`, `failed` or `cancelled`.
    state: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    state: String,
}

/// The outcome of a question to a language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatOutcome {
    /// The model answered.
    Answered,
    /// The model or the connection to it failed.
    Failed,
    /// The user stopped it.
    Stopped,
}

impl ChatOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Values that are read on request rather than counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Processor time of this process, in seconds.
    pub processor_seconds: f64,
    /// Open files and sockets of this process.
    pub open_files: u64,
    /// Connections to the database.
    pub connections: Connections,
    /// The number of vectors in all workspaces.
    pub vectors: u64,
    /// The work left to do.
    pub backlog: Backlog,
    /// The ends of the audit log. Absent if the database does not respond.
    pub audit: Option<ChainEnds>,
}

type Seconds = Family<RouteLabels, Histogram, fn() -> Histogram>;

/// Counts the work of the server. Cheap to share; counting never blocks.
pub struct Meter {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Seconds,
    chats: Family<ChatLabels, Counter>,
    chat_seconds: Histogram,
    tokens: Family<TokenLabels, Counter>,
    embedded_texts: Family<OutcomeLabels, Counter>,
    embed_seconds: Histogram,
    jobs: Family<StateLabels, Gauge>,
    waiting_documents: Gauge,
    ended_jobs: Family<JobLabels, Counter>,
    job_seconds: Histogram,
    documents: Family<StateLabels, Counter>,
    memory: Gauge,
    processor: Gauge<f64, AtomicU64>,
    files: Gauge,
    connections: [Gauge; 3],
    vectors: Gauge,
    audit: [Gauge; 3],
}

fn durations() -> Histogram {
    Histogram::new(SECONDS)
}

/// Registers a metric.
fn register<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

impl Default for Meter {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("carrel");
        let to = &mut registry;
        Self {
            requests: register(to, "http_requests", "Answers given", Family::default()),
            seconds: register(
                to,
                "http_request_seconds",
                "Time from the request to the beginning of the response",
                Family::new_with_constructor(durations),
            ),
            chats: register(to, "chats", "Questions sent to language models", Family::default()),
            chat_seconds: register(
                to,
                "chat_seconds",
                "Time from the question to the end of the \
                 answer",
                durations(),
            ),
            tokens: register(to, "tokens", "Tokens of prompts and answers", Family::default()),
            embedded_texts: register(to, "embedded_texts", "Texts embedded", Family::default()),
            embed_seconds: register(
                to,
                "embedding_seconds",
                "Time to embed a batch of texts",
                durations(),
            ),
            jobs: register(to, "jobs", "Jobs that have not ended", Family::default()),
            waiting_documents: register(
                to,
                "job_documents_waiting",
                "Documents of jobs that wait to be indexed",
                Gauge::default(),
            ),
            ended_jobs: register(to, "jobs_ended", "Jobs that have ended", Family::default()),
            job_seconds: register(
                to,
                "job_seconds",
                "Time from the start of a job to its end",
                Histogram::new(JOB_SECONDS),
            ),
            documents: register(
                to,
                "job_documents",
                "Documents processed by jobs",
                Family::default(),
            ),
            memory: register(to, "process_memory_bytes", "Resident memory", Gauge::default()),
            processor: register(to, "process_cpu_seconds", "Processor time", Gauge::default()),
            files: register(to, "process_open_files", "Open files", Gauge::default()),
            connections: [
                register(to, "database_connections", "Open connections", Gauge::default()),
                register(to, "database_connections_idle", "Idle connections", Gauge::default()),
                register(
                    to,
                    "database_connections_most",
                    "Maximum number of connections",
                    Gauge::default(),
                ),
            ],
            vectors: register(to, "vectors", "Vectors of all workspaces", Gauge::default()),
            audit: [
                register(to, "audit_head_id", "Id of the newest event", Gauge::default()),
                register(
                    to,
                    "audit_head_digest",
                    "The first 48 bits of the digest of the newest event",
                    Gauge::default(),
                ),
                register(
                    to,
                    "audit_head_sealed",
                    "1 if the newest event is sealed with the key of this server",
                    Gauge::default(),
                ),
            ],
            registry,
        }
    }
}

impl Meter {
    /// Counts a request. `route` is the pattern of its path, if it has one.
    pub fn request(&self, method: &str, route: Option<&str>, status: u16, elapsed: Duration) {
        let route = route.filter(|route| !route.is_empty()).unwrap_or("unknown");
        let (method, status) = (known_method(method), class(status));
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        let RequestLabels { route, .. } = labels;
        self.seconds.get_or_create(&RouteLabels { method, route }).observe(elapsed.as_secs_f64());
    }

    /// Counts an answered, failed or stopped question.
    pub fn chat(&self, provider: &str, outcome: ChatOutcome, usage: Usage, elapsed: Duration) {
        let provider = provider.to_owned();
        let outcome = outcome.as_str().to_owned();
        self.chats.get_or_create(&ChatLabels { provider: provider.clone(), outcome }).inc();
        self.chat_seconds.observe(elapsed.as_secs_f64());
        for (kind, tokens) in
            [("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)]
        {
            let labels = TokenLabels { provider: provider.clone(), kind: kind.to_owned() };
            self.tokens.get_or_create(&labels).inc_by(tokens);
        }
    }

    /// Counts a batch of embedded texts.
    pub fn embedding(&self, texts: usize, is_success: bool, elapsed: Duration) {
        let outcome = OutcomeLabels { outcome: outcome(is_success) };
        self.embedded_texts.get_or_create(&outcome).inc_by(texts as u64);
        self.embed_seconds.observe(elapsed.as_secs_f64());
    }

    /// Counts a job that has ended.
    pub fn job(&self, job: &Job) {
        let (kind, state) = (job.kind.as_str().to_owned(), job.state.as_str().to_owned());
        self.ended_jobs.get_or_create(&JobLabels { kind, state }).inc();
        if let Some((started, finished)) = job.started_at.zip(job.finished_at) {
            let elapsed = (finished - started).to_std().unwrap_or_default();
            self.job_seconds.observe(elapsed.as_secs_f64());
        }
    }

    /// Counts an item that has reached its final state.
    pub fn document(&self, state: ItemState) {
        self.documents.get_or_create(&StateLabels { state: state.as_str().to_owned() }).inc();
    }

    /// Renders all metrics in the OpenMetrics text format.
    pub fn render(&self, readings: &Readings) -> String {
        let Readings {
            memory,
            processor_seconds,
            open_files,
            connections,
            vectors,
            backlog,
            audit,
        } = readings;
        let to_i64 = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.memory.set(to_i64(*memory));
        self.processor.set(*processor_seconds);
        self.files.set(to_i64(*open_files));
        let counts = [connections.open, connections.idle, connections.most];
        for (gauge, count) in self.connections.iter().zip(counts) {
            gauge.set(count.into());
        }
        self.vectors.set(to_i64(*vectors));
        if let Some(ends) = audit {
            let (id, digest) = (ends.head.last_id, to_i64(ends.head.short_digest()));
            for (gauge, value) in self.audit.iter().zip([id, digest, ends.is_sealed().into()]) {
                gauge.set(value);
            }
        }
        for (state, count) in [("queued", backlog.queued), ("running", backlog.running)] {
            self.jobs.get_or_create(&StateLabels { state: state.to_owned() }).set(to_i64(count));
        }
        self.waiting_documents.set(to_i64(backlog.documents));
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn outcome(is_success: bool) -> String {
    if is_success { ChatOutcome::Answered } else { ChatOutcome::Failed }.as_str().to_owned()
}

/// Returns a known HTTP method or `other`, because clients could create unlimited label values.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Returns the class of a status code.
fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::{ChainPoint, HeadSeal};

    use super::*;

    #[test]
    fn counts_are_rendered() {
        let meter = Meter::default();
        meter.request("GET", Some("/v1/auth"), 200, Duration::from_millis(3));
        meter.request("BREW", None, 404, Duration::from_millis(3));
        let usage = Usage { prompt_tokens: 7, completion_tokens: 2 };
        meter.chat("extractive", ChatOutcome::Stopped, Usage::default(), Duration::from_millis(3));
        meter.chat("extractive", ChatOutcome::Answered, usage, Duration::from_millis(3));
        meter.embedding(3, false, Duration::from_millis(3));
        let audit = ChainEnds {
            start: ChainPoint::default(),
            start_fits: true,
            head: ChainPoint { last_id: 7, digest: [1; 32] },
            head_seal: HeadSeal::Missing,
        };
        let readings = Readings { memory: 5, audit: Some(audit), ..Readings::default() };
        let text = meter.render(&readings);
        for line in [
            "carrel_http_requests_total{method=\"GET\",route=\"/v1/auth\",status=\"2xx\"} 1",
            "carrel_http_requests_total{method=\"other\",route=\"unknown\",status=\"4xx\"} 1",
            "carrel_http_request_seconds_bucket{le=\"0.005\",method=\"GET\",route=\"/v1/auth\"} 1",
            "carrel_chats_total{provider=\"extractive\",outcome=\"answered\"} 1",
            "carrel_chats_total{provider=\"extractive\",outcome=\"stopped\"} 1",
            "carrel_tokens_total{provider=\"extractive\",kind=\"prompt\"} 7",
            "carrel_embedded_texts_total{outcome=\"failed\"} 3",
            "carrel_process_memory_bytes 5",
            "carrel_audit_head_id 7",
            "carrel_audit_head_digest 1103823438081",
            "carrel_audit_head_sealed 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
    }
}
