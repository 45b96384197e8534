//! The size of pages for a browser with an empty cache.
use anyhow::{Result, ensure};
use e2e::browser::Browser;

use crate::browser_journey::{PAGES, base, fresh, furnish, well_behaved};

/// Maximum size of a page with all its resources and headers, in bytes.
const MOST: u64 = 60_000;

/// Maximum number of requests, including the page itself.
const MOST_REQUESTS: u64 = 5;

/// Requests to other services, such as providers of models, which may arrive late. The page is
/// complete without them.
const LATER: [&str; 2] = ["/status", "/names"];

/// Requests that browsers make after loading a page, so that users can install it as an
/// application.
const INSTALLED: &str = "manifest\\.webmanifest$|icon-192\\.png$|service-worker\\.js$";

/// Returns bytes, requests, and resources requested only after another one had arrived, by a style
/// sheet or a script. An address counts once: the page's icon is also a picture, and Chromium may
/// report it twice.
const WEIGHED: &str = "(() => { const all = performance.getEntriesByType('resource'); \
    const page = performance.getEntriesByType('navigation')[0]; \
    const late = all.filter((one) => ['css', 'fetch', 'xmlhttprequest'].includes(one.initiatorType)); \
    return [page.transferSize + all.reduce((sum, one) => sum + one.transferSize, 0), \
      1 + new Set(all.map((one) => one.name).filter((name) => !/INSTALLED/.test(name))).size, late.map((one) => one.name)]; })()";

async fn weigh(browser: &mut Browser, address: &str) -> Result<(u64, u64)> {
    browser.open(address).await?;
    let weighed = browser.run(&WEIGHED.replace("INSTALLED", INSTALLED)).await?;
    let late = weighed[2].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    let late: Vec<_> = late.collect();
    let (later, late): (Vec<_>, Vec<_>) =
        late.into_iter().partition(|name| LATER.iter().any(|end| name.ends_with(end)));
    ensure!(late.is_empty(), "{address} needs more than one round trip: {late:?}");
    Ok((
        weighed[0].as_u64().unwrap_or(u64::MAX),
        weighed[1].as_u64().unwrap_or(u64::MAX).saturating_sub(later.len() as u64),
    ))
}

#[tokio::test]
async fn the_first_page_is_small_and_the_next_one_needs_only_itself() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut browser = Browser::start(1280, 900).await?;
    browser.bypass_service_worker().await?;
    let (bytes, requests) = weigh(&mut browser, &format!("{base}/sign-in")).await?;
    println!("/sign-in: {bytes} bytes, {requests} requests");
    ensure!(bytes < MOST && requests <= MOST_REQUESTS, "{bytes} bytes in {requests} requests");
    furnish(&mut browser, &server, &link).await?;
    // Everything except the page itself is cached.
    let (bytes, _) = weigh(&mut browser, &format!("{base}/")).await?;
    println!("/ afterwards: {bytes} bytes");
    ensure!(bytes < 8_000, "{bytes} bytes");
    browser.forget_everything_seen().await?;
    for page in PAGES {
        let (bytes, requests) = weigh(&mut browser, &format!("{base}{page}")).await?;
        println!("{page}: {bytes} bytes, {requests} requests");
        ensure!(
            bytes < MOST && requests <= MOST_REQUESTS,
            "{page}: {bytes} bytes in {requests} requests"
        );
    }
    well_behaved(&browser, &server);
    Ok(())
}
