// Documents that are ticked: how many, all of a page at once, and what can be done with them.
"use strict";
(() => {
  const boxes = (form) => [...form.elements].filter((field) => field.name === "path");

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

  document.addEventListener("DOMContentLoaded", () => {
    showAll();
    // Where there is little room, what is beside the list begins closed.
    const isNarrow = matchMedia("(max-width: 61.99rem)").matches;
    for (const beside of document.querySelectorAll("details[data-wide]")) if (isNarrow) beside.open = false;
  });
  document.addEventListener("htmx:load", showAll);
  document.addEventListener("change", ({ target }) => {
    const form = target.form;
    if (!form || !form.matches("[data-bulk]")) return;
    if (target.matches("[data-choose-all]")) for (const box of boxes(form)) box.checked = target.checked;
    show(form);
  });
})();
