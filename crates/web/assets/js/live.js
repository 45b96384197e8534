// Answers in progress: applies their events, and reports a lost connection.
"use strict";
(() => {
  const LOST = 10_000;
  const open = new Map();

  const place = (turn, kind) => turn.querySelector(`[data-growing="${kind}"]`);
  const tail = (turn, kind) => place(turn, kind).querySelector("[data-tail]");
  const blocks = (turn, kind) => place(turn, kind).querySelector("[data-blocks]");

  // Returns the last text node of an element. White space between closing tags does not count.
  const lastText = (element) => {
    let node = element;
    while (node && node.nodeType !== Node.TEXT_NODE) {
      node = [...node.childNodes].reverse().find((child) =>
        child.nodeType !== Node.TEXT_NODE || child.data.trim() || child.parentNode.closest("pre"));
    }
    return node;
  };
  const decoded = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.textContent;
  };
  const apply = {
    block: (turn, kind, data) => blocks(turn, kind).insertAdjacentHTML("beforeend", data),
    tail: (turn, kind, data) => { tail(turn, kind).innerHTML = data; },
    more: (turn, kind, data) => { lastText(tail(turn, kind))?.appendData(decoded(data)); },
    keep: (turn, kind) => { blocks(turn, kind).append(...tail(turn, kind).childNodes); },
  };

  const found = (turn, html) => {
    turn.querySelector("[data-found]").innerHTML = html;
    turn.querySelector(".answered-by").textContent = turn.querySelector("[data-status]").dataset.status;
  };

  const started = (turn) => {
    for (const kind of ["thought-", ""]) {
      blocks(turn, kind).replaceChildren();
      tail(turn, kind).replaceChildren();
    }
  };
  const lost = (turn, isLost) => { turn.querySelector("[data-lost]").hidden = !isLost; };

  const ended = (turn, html) => {
    const grown = ["thought-", ""].map((kind) => [...blocks(turn, kind).childNodes]);
    const isThinkingOpen = turn.querySelector(".thinking").open;
    const focused = turn.contains(document.activeElement);
    const template = document.createElement("template");
    template.innerHTML = html;
    const next = template.content.firstElementChild;
    next.querySelectorAll("[data-grown]").forEach((prose) => {
      prose.append(...grown[prose.closest(".thinking") ? 0 : 1]);
    });
    // The targets of citations are known only when the answer has ended.
    for (const cite of next.querySelectorAll("[data-grown] a.cite")) {
      const source = next.querySelector(`.source[data-number="${Number(cite.textContent)}"]`);
      if (source) cite.href = source.href || "#" + source.id;
      else cite.replaceWith(`[${cite.textContent}]`);
    }
    const thinking = next.querySelector(".thinking");
    if (thinking && !isThinkingOpen) thinking.open = false;
    turn.replaceWith(next);
    htmx.process(next);
    document.dispatchEvent(new CustomEvent("answer-ended", { detail: next }));
    if (focused) document.querySelector("textarea[data-draft]")?.focus();
  };

  const listen = (turn) => {
    if (open.has(turn)) return;
    const events = new EventSource(turn.dataset.answer);
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => lost(turn, true), LOST);
      lost(turn, false);
    };
    const close = () => {
      clearTimeout(timer);
      events.close();
      open.delete(turn);
    };
    open.set(turn, close);
    heard();
    events.onerror = () => lost(turn, true);
    events.addEventListener("beat", heard);
    events.addEventListener("start", () => { heard(); started(turn); });
    events.addEventListener("sources", ({ data }) => {
      heard();
      document.dispatchEvent(new Event("answer-grows"));
      found(turn, data);
      document.dispatchEvent(new Event("answer-grown"));
    });
    for (const kind of ["thought-", ""]) {
      for (const name of Object.keys(apply)) {
        events.addEventListener(kind + name, ({ data }) => {
          heard();
          document.dispatchEvent(new Event("answer-grows"));
          apply[name](turn, kind, data);
          if (kind) turn.querySelector(".thinking").hidden = false;
          const said = turn.querySelector(".answered-by");
          if (said.textContent !== said.dataset.then) said.textContent = said.dataset.then;
          document.dispatchEvent(new Event("answer-grown"));
        });
      }
    }
    events.addEventListener("end", ({ data }) => {
      close();
      document.dispatchEvent(new Event("answer-grows"));
      ended(turn, data);
      document.dispatchEvent(new Event("answer-grown"));
    });
  };

  const look = () => {
    for (const [turn, close] of open) if (!turn.isConnected) close();
    document.querySelectorAll("[data-answer]").forEach(listen);
  };
  document.addEventListener("DOMContentLoaded", look);
  document.addEventListener("htmx:load", look);
  // Closes the streams when the user leaves, so that the page does not report a lost connection.
  addEventListener("pagehide", () => open.forEach((close) => close()));
})();
