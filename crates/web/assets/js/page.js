// Features of every page: times, theme, copying, notices, keys.
"use strict";
(() => {
  // Determines the locale for the page's language: once and on demand, because it takes time.
  const once = (make) => { let made; return () => (made ??= make()); };
  const locale = once(() => {
    const { lang } = document.documentElement;
    const main = (tag) => tag.split("-")[0];
    const usual = new Intl.DateTimeFormat().resolvedOptions().locale;
    return main(usual) === main(lang) ? usual : lang;
  });
  Object.defineProperty(window, "pageLocale", { get: locale });
  // The reader's offset from UTC, for lists grouped by day.
  document.cookie = `carrel_zone=${-new Date().getTimezoneOffset()}; Path=/; Max-Age=34560000; SameSite=Strict`;

  // Formats times in the reader's time zone and locale.
  const full = once(() => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }));
  const since = once(() => new Intl.RelativeTimeFormat(locale()));
  const now = once(() => new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(0, "second"));
  const units = [["minute", 60], ["hour", 3600], ["day", 86400]];
  // "2 hours ago", for a week.
  const ago = (moment) => {
    const seconds = (Date.now() - moment) / 1000;
    if (seconds < 0 || seconds > 6.5 * 86400) return null;
    const found = units.findLast(([, size]) => seconds >= size * 0.95);
    return found ? since().format(-Math.round(seconds / found[1]), found[0]) : now();
  };
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const relative = "ago" in time.dataset ? ago(moment) : null;
      time.title = relative ? full().format(moment) : time.textContent;
      time.textContent = relative || full().format(moment);
      time.dataset.local = "";
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    localise(document);
    for (const needs of document.querySelectorAll("[data-script]:not(label)")) needs.hidden = false;
    // Scrolls the current item of a horizontal row into view.
    requestAnimationFrame(() => {
      for (const at of document.querySelectorAll(".tabs [aria-current], .admin-nav [aria-current]")) {
        const row = at.closest(".tabs, .admin-nav");
        const middle = at.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - at.offsetWidth) / 2;
        row.scrollLeft += middle;
      }
    });
  });
  window.localiseTimes = localise;
  document.addEventListener("htmx:load", (event) => localise(event.detail.elt.parentElement || document));

  // The theme: light, dark, or the system's.
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.querySelector("[data-theme-choice]");
    if (choice) choice.value = document.documentElement.dataset.theme || "";
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("[data-theme-choice]")) return;
    const root = document.documentElement;
    if (target.value) root.dataset.theme = target.value; else delete root.dataset.theme;
    try {
      if (target.value) localStorage.setItem("theme", target.value); else localStorage.removeItem("theme");
    } catch { /* Without storage, it applies to this page only. */ }
  });

  // Returns the element that a button copies: the code below it, or the element it names.
  const source = (button) => {
    if ("copyCode" in button.dataset) return button.closest("figure").querySelector("code");
    const named = document.getElementById(button.dataset.copy);
    return named?.dataset.text === "" ? named.closest(".turn").querySelector(".answered > .prose") : named;
  };
  const copy = async (button) => {
    const from = source(button);
    if (!from) return;
    const text = from.dataset.text || from.innerText || from.textContent;
    let copied = true;
    try {
      await navigator.clipboard.writeText(text.trim());
    } catch {
      // Browsers deny pages without encryption the clipboard API, but let them copy a selection.
      const field = document.createElement("textarea");
      field.className = "unseen";
      field.value = text.trim();
      button.after(field);
      field.select();
      copied = document.execCommand("copy");
      field.remove();
      button.focus();
    }
    const label = button.querySelector("[data-said]") || button;
    const before = label.textContent;
    const words = document.body.dataset;
    label.textContent = copied ? button.dataset.done || words.copied : button.dataset.failed || words.copyFailed;
    setTimeout(() => { label.textContent = before; }, 1600);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-code], [data-dismiss]");
    if (!button) {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
      }
    } else if ("copy" in button.dataset || "copyCode" in button.dataset) copy(button);
    else button.closest(".notice").remove();
  });

  // Hides a notice after a while: later if it offers to undo, and not while it has the pointer or focus.
  const pass = (notice) => {
    const time = notice.querySelector("form") ? 10_000 : 5_000;
    let timer = 0;
    const wait = () => { clearTimeout(timer); timer = setTimeout(() => notice.remove(), time); };
    for (const name of ["pointerenter", "focusin"]) notice.addEventListener(name, () => clearTimeout(timer));
    for (const name of ["pointerleave", "focusout"]) notice.addEventListener(name, wait);
    wait();
  };
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-passing]").forEach(pass));
  window.passNotice = pass;

  // Enables a button once the user has typed the text that confirms the action.
  document.addEventListener("input", (event) => {
    const wanted = event.target.dataset.confirm;
    if (wanted === undefined) return;
    const button = event.target.form.querySelector("button");
    button.disabled = event.target.value.trim() !== wanted;
  });
  // Submits choices immediately.
  document.addEventListener("change", (event) => {
    const chosen = event.target;
    if (chosen.matches?.("[data-send]")) chosen.form.requestSubmit();
    if (!chosen.matches?.("[data-fill]") || !chosen.value) return;
    // Copies a name selected from a list to the field above it.
    const field = chosen.closest(".field").querySelector("input");
    field.value = chosen.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches?.("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    } else if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      const field = document.querySelector("[data-first]");
      if (!field) return;
      event.preventDefault();
      field.focus();
    }
  });

  // Registers the service worker with the offline page. Browsers support it over HTTPS only.
  addEventListener("load", () => { navigator.serviceWorker?.register("/service-worker.js").catch(() => {}); });

  // Removes the message from the address, so that reloading does not show it again.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    for (const name of ["done", "undo"]) here.searchParams.delete(name);
    history.replaceState(null, "", here);
  }
})();
