// Conversations: keys, drafts, and staying at the end while an answer grows.
"use strict";
(() => {
  const chat = () => document.querySelector(".chat");
  const isAtEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 160;
  const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });
  const settle = () => {
    const page = chat();
    if (page) page.toggleAttribute("data-busy", !!page.querySelector("[sse-connect]"));
  };

  document.addEventListener("DOMContentLoaded", () => {
    const page = chat();
    if (!page) return;
    settle();
    if (!location.hash) toEnd();
    const box = page.querySelector("textarea[data-draft]");
    if (!box) return;
    // What was typed outlives a lost connection, a closed tab, a signed-out session.
    const key = "draft:" + box.dataset.draft;
    try { if (!box.value) box.value = localStorage.getItem(key) || ""; } catch { /* No storage. */ }
    box.addEventListener("input", () => {
      try {
        if (box.value) localStorage.setItem(key, box.value);
        else localStorage.removeItem(key);
      } catch { /* No storage. */ }
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (box.value.trim() && !page.hasAttribute("data-busy")) box.form.requestSubmit();
    });
    box.form.addEventListener("htmx:afterRequest", (event) => {
      if (event.target !== box.form || !event.detail.successful) return;
      const replaced = box.form.elements.instead_of;
      if (replaced.value) document.getElementById("turn-" + replaced.value)?.remove();
      replaced.value = "";
      box.value = "";
      try { localStorage.removeItem(key); } catch { /* No storage. */ }
      settle();
      toEnd();
      box.focus();
    });
  });

  let wasAtEnd = true;
  document.addEventListener("htmx:sseBeforeMessage", () => { wasAtEnd = isAtEnd(); });
  document.addEventListener("htmx:sseMessage", () => { if (wasAtEnd) toEnd(); });
  document.addEventListener("htmx:afterSettle", settle);
  document.addEventListener("htmx:sseClose", () => setTimeout(settle));
  document.addEventListener("keydown", (event) => {
    const page = chat();
    if (event.key !== "Escape" || !page || !page.hasAttribute("data-busy")) return;
    const stop = page.querySelector(".turns [data-stop]");
    if (stop) stop.requestSubmit();
  });
  document.addEventListener("click", (event) => {
    const reword = event.target.closest("[data-reword]");
    const box = document.getElementById("message");
    if (reword && box) {
      // The old exchange goes once the new question is sent.
      box.value = reword.dataset.reword;
      box.form.elements.instead_of.value = reword.dataset.instead;
      box.focus();
    }
    if (!event.target.closest("[data-stop-running]")) return;
    const stop = document.querySelector(".turns [data-stop]");
    if (stop) stop.requestSubmit();
  });
})();
