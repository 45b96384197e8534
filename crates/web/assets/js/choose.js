// Selection of documents or conversations: the number selected, "select all", and the bulk actions.
"use strict";
(() => {
  const boxes = (form) => [...form.elements].filter((field) => field.matches("[type=checkbox]:not([data-choose-all])"));

  const show = (form) => {
    const all = boxes(form);
    const chosen = all.filter((box) => box.checked).length;
    const count = form.querySelector("[data-count]");
    count.dataset.words = count.dataset.words || count.textContent;
    count.textContent = chosen ? `${chosen} ${count.dataset.count}` : count.dataset.words;
    const every = form.querySelector("[data-choose-all]");
    every.closest("label").hidden = false;
    every.checked = chosen === all.length;
    every.indeterminate = chosen > 0 && chosen < all.length;
    for (const needs of form.querySelectorAll("[data-needs-choice]")) needs.hidden = !chosen;
  };
  const showAll = () => { for (const form of document.querySelectorAll("form[data-bulk]")) show(form); };

  document.addEventListener("DOMContentLoaded", showAll);

  // Keeps selections, input and open menus when the list is replaced while the user works with it.
  const named = (root) => [...root.querySelectorAll("input[id]:not([type=checkbox]), select[id], textarea[id]")];
  const menus = (root) => [...root.querySelectorAll("details")];
  const titled = (menu) => menu.querySelector("summary").textContent;
  const marked = (it) => it.value || it.ariaLabel || it.textContent;
  let kept = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    if (target.id !== "shelf") return;
    const at = document.activeElement;
    kept = {
      ticked: new Set([...target.querySelectorAll("[name=path]:checked")].map((box) => box.value)),
      typed: new Map(named(target).map((field) => [field.id, field.value])),
      open: new Set(menus(target).filter((menu) => menu.open).map(titled)),
      // htmx restores the focus of elements with an id.
      at: target.contains(at) && !at.id ? marked(at) : null,
    };
  });
  const restore = (shelf) => {
    for (const box of shelf.querySelectorAll("[name=path]")) box.checked = kept.ticked.has(box.value);
    for (const field of named(shelf)) field.value = kept.typed.get(field.id) ?? field.value;
    for (const menu of menus(shelf)) menu.open = kept.open.has(titled(menu));
    showAll();
    const at = kept.at && [...shelf.querySelectorAll("[name=path], summary, a, button")].find((it) => marked(it) === kept.at);
    if (at) at.focus({ preventScroll: true });
    kept = null;
  };
  document.addEventListener("htmx:load", ({ detail: { elt } }) => {
    if (kept && elt.id === "shelf") restore(elt);
    else showAll();
  });
  document.addEventListener("change", ({ target }) => {
    const form = target.form;
    if (!form || !form.matches("[data-bulk]")) return;
    if (target.matches("[data-choose-all]")) for (const box of boxes(form)) box.checked = target.checked;
    show(form);
  });
})();
