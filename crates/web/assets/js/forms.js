// Submits forms without leaving the page, so that the input remains if the server refuses it.
"use strict";
(() => {
  // Responses are inserted without running any script in them.
  Object.assign(htmx.config, {
    allowEval: false,
    allowScriptTags: false,
    includeIndicatorStyles: false,
    selfRequestsOnly: true,
    historyCacheSize: 0,
    // Swapped content must react immediately: a form submitted before settling would leave the page.
    defaultSettleDelay: 0,
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "[45]..", swap: true, error: true, target: "#notices", swapOverride: "beforeend" },
    ],
  });

  // Forms, and messages with all that can be done to them, are prepared when they are first touched: a long
  // conversation has hundreds of them.
  const PLAIN = "form[method=post]:not([data-plain]):not([hx-post])";
  const prepare = ({ target }) => {
    const message = target.closest?.("[hx-disable]");
    if (message) {
      message.removeAttribute("hx-disable");
      htmx.process(message);
    }
    const form = target.closest?.("button, input")?.form || target.closest?.("form");
    if (!form?.matches(PLAIN)) return;
    form.setAttribute("hx-post", form.getAttribute("action") || location.pathname + location.search);
    form.setAttribute("hx-swap", "none");
    if (form.matches("[enctype='multipart/form-data']")) form.setAttribute("hx-encoding", "multipart/form-data");
    htmx.process(form);
  };
  for (const name of ["click", "submit"]) document.addEventListener(name, prepare, true);

  // Prevents a second request while one is running. Buttons are not disabled, so that they keep the focus.
  const buttons = (form) => form.querySelectorAll("button[type=submit], button:not([type])");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt;
    if (!form.matches("form")) return;
    if ("sending" in form.dataset) { event.preventDefault(); return; }
    form.dataset.sending = "";
    for (const button of buttons(form)) button.setAttribute("aria-disabled", "true");
  });
  document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
    if (!elt.matches("form") || xhr.getResponseHeader("hx-redirect")) return;
    delete elt.dataset.sending;
    for (const button of buttons(elt)) button.removeAttribute("aria-disabled");
  });
  // Allows sending again on a page restored from the back/forward cache.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sending]")) {
      delete form.dataset.sending;
      for (const button of buttons(form)) button.removeAttribute("aria-disabled");
    }
  });

  // Shows errors of fields beside them, and all others as a notice.
  const unmark = (field) => {
    field.removeAttribute("aria-invalid");
    document.getElementById(field.id + "-fault")?.remove();
  };
  const mark = (field, words) => {
    unmark(field);
    field.setAttribute("aria-invalid", "true");
    const said = document.createElement("p");
    said.className = "field-error";
    said.id = field.id + "-fault";
    said.setAttribute("role", "alert");
    said.textContent = words;
    field.after(said);
    field.addEventListener("input", () => unmark(field), { once: true });
  };
  const isShown = (field) => field && field.setAttribute && field.id && field.checkVisibility?.() !== false && field.closest(".field");
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    const notice = document.querySelector("#notices .notice:last-child");
    if (!notice || !detail.target || detail.target.id !== "notices") return;
    for (const old of document.querySelectorAll("#notices .notice")) if (old !== notice) old.remove();
    const form = detail.requestConfig && detail.requestConfig.elt;
    if (!form || !form.matches("form")) return;
    let first = null;
    for (const fault of notice.querySelectorAll("[data-field]")) {
      const field = fault.dataset.field ? form.elements[fault.dataset.field] : null;
      if (!isShown(field)) continue;
      mark(field, fault.textContent);
      first ||= field;
      fault.remove();
    }
    first?.focus();
    if (!notice.querySelector("[data-words]")) notice.remove();
  });
  document.addEventListener("htmx:sendError", () => {
    const template = document.getElementById("offline");
    if (template) document.getElementById("notices").replaceChildren(template.content.cloneNode(true));
  });

  // Asks for confirmation before the user leaves unsaved changes.
  const changed = new Set();
  document.addEventListener("input", ({ target: { form } }) => { if (form?.matches("[data-guard]")) changed.add(form); });
  document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => changed.delete(elt));
  document.addEventListener("htmx:responseError", ({ detail: { elt } }) => { if (elt.matches?.("[data-guard]")) changed.add(elt); });
  document.addEventListener("submit", ({ target }) => changed.delete(target));
  addEventListener("beforeunload", (event) => { if ([...changed].some((form) => form.isConnected)) event.preventDefault(); });
})();
