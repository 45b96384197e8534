// Shows an offline page when the server cannot be reached. Caches only that page and its assets, and no
// personal data.
"use strict";
const KEPT = "carrel-%VERSION%";
const OFFLINE = "/offline";
const NEEDED = %NEEDED%;

addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(KEPT);
    await cache.addAll([OFFLINE, ...NEEDED]);
    await skipWaiting();
  };
  event.waitUntil(keep());
});

addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
    await registration.navigationPreload?.enable();
    await clients.claim();
  };
  event.waitUntil(tidy());
});

const page = async (event) => {
  try {
    return (await event.preloadResponse) || (await fetch(event.request));
  } catch {
    return (await caches.match(OFFLINE)) || Response.error();
  }
};
const asset = async (request) => (await caches.match(request, { ignoreVary: true })) || fetch(request);

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (NEEDED.includes(new URL(request.url).pathname)) event.respondWith(asset(request));
});
