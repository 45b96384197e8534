//! A minimal actix server with one route, which returns the response of `GET /v1/auth`.
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use serde_json::json;

/// Serves until it is killed. Prints its address on the first line of its output.
pub async fn serve() -> Result<()> {
    let answer = || async { HttpResponse::Ok().json(json!({ "authenticated": true })) };
    let server = HttpServer::new(move || App::new().route("/v1/auth", web::get().to(answer)));
    let server = server.workers(2).bind("127.0.0.1:0")?;
    let address = server.addrs().first().copied().context("no address")?;
    println!("{address}");
    Ok(server.run().await?)
}
