//! The least an actix server can do: one route that answers what `GET /v1/auth` answers.
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use serde_json::json;

/// Serves until it is killed, and says on the first line of its output where.
pub async fn serve() -> Result<()> {
    let answer = || async { HttpResponse::Ok().json(json!({ "authenticated": true })) };
    let server = HttpServer::new(move || App::new().route("/v1/auth", web::get().to(answer)));
    let server = server.workers(2).bind("127.0.0.1:0")?;
    let address = server.addrs().first().copied().context("no address")?;
    println!("{address}");
    Ok(server.run().await?)
}
