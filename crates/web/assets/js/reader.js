// The reader beside the answer: citations open their documents in a panel instead of on another page.
"use strict";
(() => {
  const panel = document.createElement("aside");
  panel.className = "reader-panel";
  panel.tabIndex = -1;
  panel.hidden = true;
  let opener = null;
  let asked = 0;

  const close = () => {
    if (panel.hidden) return;
    asked += 1;
    panel.hidden = true;
    panel.replaceChildren();
    opener?.focus();
  };

  const closeButton = () => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-s";
    button.textContent = document.body.dataset.close;
    button.addEventListener("click", close);
    return button;
  };

  const show = async (link) => {
    const mine = (asked += 1);
    const answer = await fetch(link.href, { headers: { accept: "text/html" } });
    const text = await answer.text();
    if (mine !== asked) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    const reader = page.querySelector(".reader");
    // Another response, such as the sign-in page or an error, is opened as a page.
    if (!reader) throw new Error("no reader");
    reader.querySelector(".reader-bar > a")?.replaceWith(closeButton());
    reader.classList.remove("page", "page-narrow");
    panel.replaceChildren(document.adoptNode(reader));
    panel.setAttribute("aria-label", page.querySelector("h1")?.textContent || "");
    document.body.append(panel);
    panel.hidden = false;
    window.htmx?.process(panel);
    window.localiseTimes(panel);
    panel.focus({ preventScroll: true });
    const place = link.hash && panel.querySelector(link.hash);
    if (place) place.scrollIntoView({ block: "center" });
    else panel.scrollTop = 0;
  };

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.("a[href*='/source?']");
    if (!link || link.target) return;
    const isWithin = panel.contains(link);
    if (!isWithin && !link.matches(".turn .cite, .turn .source")) return;
    event.preventDefault();
    if (!isWithin) opener = link;
    show(link).catch(() => location.assign(link.href));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) close();
  });
})();
