//! Runs the server: listens, answers requests, does periodic work, and stops gracefully.
mod limits;
mod stop;
mod unread;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use anyhow::Context;
use carrel_domain::audit::{Actor, By};
use chrono::Utc;

use crate::VERSION;
use crate::config::Config;
use crate::pages;
use crate::refresh;
#[cfg(feature = "otel")]
use crate::traces;
use crate::wiring::{App, chain};
use stop::StopSignals;

/// An idle connection is closed after this time.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Time limit for a client to send the head of a request.
const REQUEST_HEAD: Duration = Duration::from_secs(10);

/// Time limit for a client to close its connection after the last response.
const HANG_UP: Duration = Duration::from_secs(5);

/// Time limit for saving unfinished answers when the server has to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Interval of writing out what is only in memory.
const KEEP_UP: Duration = Duration::from_secs(60);

/// Time after the start when its code and data are no longer needed.
#[cfg(target_os = "linux")]
const STARTED: Duration = Duration::from_secs(1);

/// Polling interval for settings changed by another process.
const FRESH: Duration = Duration::from_secs(1);

/// Unfinished files are searched for once in this number of intervals.
const UNFINISHED: u32 = 60;

/// Serves until it receives a signal to stop.
pub fn run(config: &Config) -> anyhow::Result<()> {
    refuse_tracing();
    actix_web::rt::System::new().block_on(serve(config))
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    #[cfg(feature = "otel")]
    let traces = traces::start(&config.raw.environment)?;
    let (listener, address) = listen(config.listen.address)?;
    let metrics = config.metrics.map(listen).transpose()?;
    let app = App::open(config).await?;
    let key = config.api_key.as_deref();
    let by = By { actor: Actor::Server, address: None, at: Utc::now() };
    let imported = app.ports.api_keys.take_from_environment(key, &by).await;
    imported.context("failed to store the key in CARREL_API_KEY")?;

    // Up to here a signal ends the process at once, which leaves nothing unfinished.
    let stop = StopSignals::new().context("failed to listen for signals")?;
    let metrics =
        metrics.map(|(listener, address)| watched(&app, listener, address)).transpose()?;
    let (ports, options) = (app.ports.clone(), options(config));
    let jobs = app.ports.workers.clone();
    let site = pages::site(&app, config);
    let workers = config.listen.workers;
    let timeout = config.shutdown.timeout;
    let stopped_at = Arc::new(OnceLock::new());
    let stop_time = stopped_at.clone();
    let connections = (limits::connections() / workers).max(16);
    #[cfg(feature = "otel")]
    let followed = traces.clone();
    let server = HttpServer::new(move || {
        let app = actix_web::App::new().wrap(from_fn(unread::hang_up));
        #[cfg(feature = "otel")]
        let app = app.app_data(followed.clone()).wrap(from_fn(traces::follow));
        app.configure(carrel_web::configure(site.clone()))
            .configure(carrel_api::configure(ports.clone(), options.clone()))
    })
    .workers(workers)
    .max_connections(connections)
    .tcp_nodelay(true)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(REQUEST_HEAD)
    .client_disconnect_timeout(HANG_UP)
    // A request ends when its client closes the connection.
    .h1_allow_half_closed(false)
    .shutdown_timeout(timeout.as_secs())
    .shutdown_signal(async move {
        stop.first().await;
        // Only the first signal gets here, so the value is not set yet.
        let _ = stop_time.set(Instant::now());
        tracing::info!("stopping: finishing requests for up to {timeout:?}");
        jobs.wind_down();
    })
    .listen(listener)
    .context("failed to listen")?
    .run();

    tracing::info!("carrel {VERSION} listening on http://{address}");
    tokio::select! {
        // Polls the server first, so that no other task delays the first request.
        biased;
        ended = server => ended.context("failed to serve")?,
        ended = figures(metrics) => ended.context("failed to serve metrics")?,
        () = keep_up(&app, config, address) => {}
        () = app.ports.settings_store.refresh_loop(FRESH) => {}
        () = refresh::keep_embedded(&app.ports) => {}
        () = app.index.sync_loop() => {}
        () = app.move_chat_images() => {}
        () = release_startup_code() => {}
        () = app.ports.workers.work() => {}
    }
    app.ports.workers.stop().await;
    // Answers and uploads whose client has disconnected are still finished.
    let left = timeout.saturating_sub(stopped_at.get().map_or(Duration::ZERO, Instant::elapsed));
    let cut = app.ports.conversations.tasks.finish(left, GRACE).await;
    if cut > 0 {
        tracing::warn!("stopped before {cut} answers or uploads were finished");
    }
    app.keep_up().await;
    if let Err(error) = app.ports.failed_sign_ins.flush_all().await {
        tracing::warn!(error = chain(&error), "failed to record failed sign-ins");
    }
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.finish().await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Gives back the memory of code that only the start has used. Never ends; cancel-safe.
async fn release_startup_code() {
    #[cfg(target_os = "linux")]
    {
        tokio::time::sleep(STARTED).await;
        if let Err(error) = crate::startup_code::release() {
            tracing::debug!("{error:#}");
        }
    }
    std::future::pending().await
}

/// Serves only metrics, without a key, on a separate address.
fn watched(app: &App, listener: TcpListener, address: SocketAddr) -> anyhow::Result<Server> {
    let ports = app.ports.clone();
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .wrap(from_fn(unread::hang_up))
            .configure(carrel_api::configure_metrics(ports.clone()))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener);
    let server = server.context("failed to listen")?.run();
    tracing::info!("metrics for Prometheus on {address}/metrics");
    Ok(server)
}

/// Waits for the metrics server; without one, never ends.
async fn figures(server: Option<Server>) -> std::io::Result<()> {
    match server {
        Some(server) => server.await,
        None => std::future::pending().await,
    }
}

/// Binds the address. This comes first, so that a second server on the same address changes
/// nothing.
fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address);
    let listener = listener.with_context(|| format!("failed to listen on {address}"))?;
    let address = listener.local_addr().context("failed to listen")?;
    Ok((listener, address))
}

fn options(config: &Config) -> carrel_api::Options {
    carrel_api::Options {
        json_limit: config.limits.body,
        upload_limit: config.limits.upload,
        storage_dir: config.storage.root().to_owned(),
        upload_dir: config.storage.uploads(),
        allowed_origins: config.api.allowed_origins.clone(),
        trusted_proxies: config.api.trusted_proxies.clone(),
        docs: config.api.docs,
    }
}

/// Logs what is missing, then does the periodic work. Never ends.
async fn keep_up(app: &App, config: &Config, address: SocketAddr) {
    welcome(app, address).await;
    advise(app, config).await;
    let mut ticks = tokio::time::interval(KEEP_UP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 0u32.. {
        ticks.tick().await;
        if tick % UNFINISHED == 0 {
            app.remove_unfinished().await;
        }
        app.keep_up().await;
    }
}

/// Logs a setup link unless the server is set up.
async fn welcome(app: &App, address: SocketAddr) {
    let by = By { actor: Actor::Server, address: None, at: Utc::now() };
    let link = match pages::is_fresh(app).await {
        Ok(false) => return,
        Ok(true) => pages::setup_link(app, address, &by).await,
        Err(error) => Err(error),
    };
    match link {
        Ok(link) => tracing::info!(
            "set up the server in a browser; the link works once, for 24 \
             hours: {link}"
        ),
        Err(error) => tracing::warn!(error = chain(&error), "failed to create a setup link"),
    }
}

/// Logs what is still missing before anybody can use the server.
async fn advise(app: &App, config: &Config) {
    let here = format!("--storage {}", config.storage.root().display());
    match app.ports.api_keys.is_empty(Utc::now()).await {
        Ok(false) => {}
        Ok(true) => tracing::warn!(
            "there is no API key yet, so every request is refused; create one with: carrel api-key \
             create {here}"
        ),
        Err(error) => tracing::warn!(error = chain(&error), "failed to query API keys"),
    }
    let models = app.models.clone();
    let problems = tokio::task::spawn_blocking(move || models.problems()).await;
    for problem in problems.unwrap_or_default() {
        tracing::warn!("{problem}");
    }
}

/// Prevents other processes of the same user, such as a compromised parse worker, from tracing the
/// server and reading its memory, and the system from writing a core dump.
fn refuse_tracing() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "failed to refuse tracing of this process");
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    use super::*;

    #[test]
    fn the_server_cannot_be_traced() {
        refuse_tracing();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
