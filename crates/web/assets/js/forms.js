// Forms are sent without leaving the page: what was filled in stays when something is refused.
"use strict";
(() => {
  // What the server sends is placed as it is; nothing of it is run.
  Object.assign(htmx.config, {
    allowEval: false,
    allowScriptTags: false,
    includeIndicatorStyles: false,
    selfRequestsOnly: true,
    historyCacheSize: 0,
    // What is swapped in answers to keys at once; before it is settled, a form would leave the page.
    defaultSettleDelay: 0,
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "[45]..", swap: true, error: true, target: "#notices", swapOverride: "beforeend" },
    ],
  });

  const enhance = (root) => {
    for (const form of root.querySelectorAll("form[method=post]:not([data-plain]):not([hx-post])")) {
      form.setAttribute("hx-post", form.getAttribute("action") || location.pathname + location.search);
      form.setAttribute("hx-swap", "none");
      if (form.matches("[enctype='multipart/form-data']")) form.setAttribute("hx-encoding", "multipart/form-data");
      if (window.htmx.process) htmx.process(form);
    }
  };
  document.addEventListener("DOMContentLoaded", () => enhance(document));
  document.addEventListener("htmx:load", (event) => enhance(event.detail.elt));

  // One press is one request. Buttons stay where the focus can be: it would be lost with them.
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
  // A page that comes back as it was left can send again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sending]")) {
      delete form.dataset.sending;
      for (const button of buttons(form)) button.removeAttribute("aria-disabled");
    }
  });

  // A refusal that names a field marks it.
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    const notice = document.querySelector("#notices .notice:last-child");
    if (!notice || !detail.target || detail.target.id !== "notices") return;
    for (const old of document.querySelectorAll("#notices .notice")) if (old !== notice) old.remove();
    const form = detail.requestConfig && detail.requestConfig.elt;
    const name = notice.dataset.field;
    const field = form && name && form.matches("form") ? form.elements[name] : null;
    if (!field || !field.setAttribute) return;
    field.setAttribute("aria-invalid", "true");
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
    field.focus();
  });
  document.addEventListener("htmx:sendError", () => {
    const template = document.getElementById("offline");
    if (template) document.getElementById("notices").replaceChildren(template.content.cloneNode(true));
  });
})();
