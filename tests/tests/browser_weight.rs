//! The size of pages for a browser with an empty cache, and with one that has seen another page.
use anyhow::{Result, ensure};
use e2e::browser::Browser;

use crate::browser_journey::{PAGES, base, fresh, furnish, well_behaved};

/// Maximum size of a page with all its resources and headers, in bytes.
const LIMIT: u64 = 80_000;

/// Maximum size of a page without its fonts, in bytes.
const MAX_WITHOUT_FONTS: u64 = 60_000;

/// Maximum size of a page after another one, in bytes.
const MAX_LATER: u64 = 45_000;

/// Maximum number of requests, including the page itself.
const MAX_REQUESTS: u64 = 6;

/// Requests that may arrive late, because the page is complete without them: to other services, such
/// as providers of models, for slanted text, and for letters of languages other than the page's own.
const LATER: [&str; 7] = [
    "/status",
    "/names",
    "-italic.woff2",
    ".latin-ext.woff2",
    ".latin-rest.woff2",
    ".cyrillic.woff2",
    ".cyrillic-rest.woff2",
];

/// Requests that browsers make after loading a page, so that users can install it as an
/// application.
const INSTALLED: &str = "manifest\\.webmanifest$|icon-192\\.png$|service-worker\\.js$";

/// Returns bytes, requests, resources requested only after another one had arrived, by a style sheet
/// or a script, and bytes of fonts. An address counts once: the page's icon is also a picture, and
/// Chromium may report it twice.
const WEIGHED: &str = "document.fonts.ready.then(() => { const all = performance.getEntriesByType('resource'); \
    const page = performance.getEntriesByType('navigation')[0]; \
    const sum = (some) => some.reduce((sum, one) => sum + one.transferSize, 0); \
    const late = all.filter((one) => ['css', 'fetch', 'xmlhttprequest'].includes(one.initiatorType)); \
    return [page.transferSize + sum(all), \
      1 + new Set(all.map((one) => one.name).filter((name) => !/INSTALLED/.test(name))).size, late.map((one) => one.name), \
      sum(all.filter((one) => one.name.endsWith('.woff2')))]; })";

/// The weight of a page.
#[derive(Debug)]
struct Weight {
    bytes: u64,
    fonts: u64,
    requests: u64,
}

impl Weight {
    /// Checks the limits of a page that is the first one for its browser.
    fn check_first(&self, page: &str, requests: u64) -> Result<()> {
        println!("{page}: {self:?}");
        let is_small = self.bytes <= LIMIT && self.bytes - self.fonts <= MAX_WITHOUT_FONTS;
        ensure!(is_small && self.requests <= requests, "{page}: {self:?}");
        Ok(())
    }
}

async fn weigh(browser: &mut Browser, address: &str) -> Result<Weight> {
    browser.open(address).await?;
    let weighed = browser.run(&WEIGHED.replace("INSTALLED", INSTALLED)).await?;
    let late = weighed[2].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    let late: Vec<_> = late.collect();
    let (later, late): (Vec<_>, Vec<_>) =
        late.into_iter().partition(|name| LATER.iter().any(|end| name.ends_with(end)));
    ensure!(late.is_empty(), "{address} needs more than one round trip: {late:?}");
    let number = |at: usize| weighed[at].as_u64().unwrap_or(u64::MAX);
    let requests = number(1).saturating_sub(later.len() as u64);
    Ok(Weight { bytes: number(0), fonts: number(3), requests })
}

#[tokio::test]
async fn the_first_page_is_small_and_the_next_one_needs_only_itself() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut browser = Browser::start(1280, 900).await?;
    browser.bypass_service_worker().await?;
    let first = weigh(&mut browser, &format!("{base}/sign-in")).await?;
    first.check_first("/sign-in", MAX_REQUESTS)?;
    // The text face is part of it.
    ensure!(first.fonts > 10_000, "{first:?}");
    furnish(&mut browser, &server, &link).await?;
    // Everything except the page itself is cached.
    let home = weigh(&mut browser, &format!("{base}/")).await?;
    ensure!(home.bytes < 8_000 && home.fonts == 0, "/ afterwards: {home:?}");
    for page in PAGES {
        let later = weigh(&mut browser, &format!("{base}{page}")).await?;
        ensure!(later.bytes <= MAX_LATER, "{page} afterwards: {later:?}");
    }
    browser.forget_everything_seen().await?;
    for page in PAGES {
        weigh(&mut browser, &format!("{base}{page}")).await?.check_first(page, MAX_REQUESTS)?;
    }
    // These languages need a second file.
    for language in ["pl", "tr", "ru"] {
        browser.run(&format!("document.cookie = 'carrel_language={language}; path=/'")).await?;
        for page in ["/sign-in", "/"] {
            let first = weigh(&mut browser, &format!("{base}{page}")).await?;
            first.check_first(&format!("{page} in {language}"), MAX_REQUESTS + 1)?;
        }
    }
    well_behaved(&browser, &server);
    Ok(())
}
