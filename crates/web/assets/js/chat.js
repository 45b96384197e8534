// Conversations: keys, drafts, and scrolling to the end while an answer grows.
"use strict";
(() => {
  const chat = () => document.querySelector(".chat");
  const box = () => document.querySelector("textarea[data-draft]");
  const isAtEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 160;
  const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });
  const settle = () => {
    const page = chat();
    if (page) page.toggleAttribute("data-busy", !!page.querySelector("[data-answer]"));
  };

  // Keeps the text of a question until its answer is stored, so that a lost connection, a closed tab or
  // a sign-out does not lose it: as `draft` before it is sent, as `sent` afterwards.
  const remember = (kind, text) => {
    const key = kind + ":" + box().dataset.draft;
    try {
      if (text) localStorage.setItem(key, text);
      else localStorage.removeItem(key);
    } catch { /* Storage is unavailable. */ }
  };
  const recall = (kind) => {
    try { return localStorage.getItem(kind + ":" + box().dataset.draft) || ""; } catch { return ""; }
  };
  const fill = (text, instead) => {
    const field = box();
    field.value = text;
    anew(instead);
    remember("draft", text);
  };
  const anew = (id) => {
    const form = box().form;
    form.elements.instead_of.value = id || "";
    form.querySelector(".ask-anew").hidden = !id;
  };
  const reword = (link) => {
    fill(link.dataset.reword, link.dataset.instead);
    box().focus();
  };

  const restore = () => {
    const field = box();
    const sent = recall("sent");
    // A newer draft takes precedence over a question that failed.
    const draft = recall("draft");
    const isReturned = "returned" in field.dataset;
    if (draft && (!field.value || isReturned)) {
      if (draft !== field.value) anew("");
      field.value = draft;
    }
    if (sent && !chat().hasAttribute("data-busy")) {
      const asked = [...document.querySelectorAll("[data-asked]")].pop();
      const isKept = asked && asked.textContent.trim() === sent.trim();
      if (!isKept && !field.value) field.value = sent;
      remember("sent", "");
    }
  };

  // Updates the heading, the tab and the list after the first question has named the conversation.
  const named = async () => {
    if (!chat().hasAttribute("data-unnamed")) return;
    const page = await fetch(location.pathname).then((answer) => (answer.ok ? answer.text() : ""), () => "");
    const fresh = new DOMParser().parseFromString(page, "text/html");
    if (!fresh.querySelector(".chat")) return;
    chat().toggleAttribute("data-unnamed", fresh.querySelector(".chat").hasAttribute("data-unnamed"));
    document.title = fresh.title;
    for (const place of [".chat-head h1", "#threads", ".chat-head .menu-body"]) {
      const now = document.querySelector(place);
      const then = fresh.querySelector(place);
      if (!now || !then) continue;
      now.replaceWith(document.adoptNode(then));
      htmx.process(then);
    }
  };

  // Marks the refused files and keeps the others.
  const refuse = (words) => {
    for (const chip of document.querySelectorAll("#chips .chip")) {
      const name = chip.querySelector(".chip-name").textContent;
      chip.toggleAttribute("data-bad", !!name && words.includes(name));
    }
  };

  const ended = (turn) => {
    const field = box();
    if ("gone" in turn.dataset) {
      // Reloads the page to show the stored exchange.
      location.replace(location.pathname);
      return;
    }
    if ("unanswered" in turn.dataset) {
      const asked = turn.querySelector("[data-asked]");
      if (!field.value && asked) fill(asked.textContent, turn.dataset.instead);
      field.form.dispatchEvent(new Event("returned"));
      refuse(turn.querySelector(".callout-warning")?.textContent || "");
    } else if (turn.dataset.instead) {
      document.getElementById("turn-" + turn.dataset.instead)?.remove();
    }
    turn.removeAttribute("data-unanswered");
    turn.removeAttribute("data-instead");
    remember("sent", "");
  };

  // What is read keeps its place while earlier messages come above it.
  let kept = null;
  document.addEventListener("htmx:beforeSwap", ({ target }) => {
    const next = target.matches?.(".earlier") && target.nextElementSibling;
    if (next) kept = { next, top: next.getBoundingClientRect().top };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!kept) return;
    const { next, top } = kept;
    kept = null;
    const back = () => scrollBy({ top: next.getBoundingClientRect().top - top, behavior: "instant" });
    back();
    // The browser may have moved it too.
    requestAnimationFrame(back);
    document.getElementById("turns").focus({ preventScroll: true });
  });

  document.addEventListener("DOMContentLoaded", () => {
    const page = chat();
    const field = box();
    if (!page || !field) return;
    settle();
    restore();
    if (!location.hash) toEnd();
    field.addEventListener("input", () => remember("draft", field.value));
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowUp" && !field.value) {
        const last = [...page.querySelectorAll("[data-reword]")].pop();
        if (!last) return;
        event.preventDefault();
        reword(last);
      }
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (field.value.trim() && !page.hasAttribute("data-busy")) field.form.requestSubmit();
    });
    field.form.addEventListener("htmx:afterRequest", (event) => {
      if (event.target !== field.form) return;
      if (!event.detail.successful) return refuse(event.detail.xhr.responseText || "");
      remember("sent", field.value);
      fill("", "");
      document.querySelector("[data-reason]")?.remove();
      field.form.dispatchEvent(new Event("sent"));
      settle();
      toEnd();
      field.focus();
    });
  });

  let wasAtEnd = true;
  document.addEventListener("answer-grows", () => { wasAtEnd = isAtEnd(); });
  document.addEventListener("answer-grown", () => { if (wasAtEnd) toEnd(); });
  document.addEventListener("answer-ended", ({ detail: turn }) => {
    settle();
    if (chat()) named();
    if (box() && turn.matches("[data-gone], [data-unanswered], [data-instead]")) ended(turn);
    else if (box() && turn.matches(".turn[id^=turn-]")) remember("sent", "");
  });
  document.addEventListener("htmx:afterSettle", settle);
  document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
    if (!target.matches("[data-again]")) return;
    if (detail.successful) toEnd();
    // Moves the question to the chat form, where the user can attach the missing files.
    else if (detail.xhr.status === 422 && !box().value) reword(target.parentElement.querySelector("[data-reword]"));
    settle();
  });

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("[data-enter]") || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (event.target.value.trim()) event.target.form.requestSubmit();
  });

  const stop = () => document.querySelector(".turns [data-stop]")?.requestSubmit();
  document.addEventListener("keydown", (event) => {
    const page = chat();
    if (event.key === "Escape" && page && page.hasAttribute("data-busy")) stop();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-reword], [data-anew-off], [data-forget]");
    if (link && box()) {
      if ("forget" in link.dataset) return fill("", "");
      event.preventDefault();
      if ("anewOff" in link.dataset) fill("", "");
      else reword(link);
    }
    if (event.target.closest("[data-stop-running]")) stop();
  });
})();
