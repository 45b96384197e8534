// The menu of slash commands above the box to ask in: it opens at a slash that begins a word, is steered by
// the arrows, and Enter or Tab take what is chosen.
"use strict";
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const menu = document.getElementById("commands");
    const field = document.querySelector("textarea[data-draft]");
    if (!menu || !field) return;
    const options = [...menu.querySelectorAll("[role=option]")];
    const shown = () => options.filter((option) => !option.hidden);
    let chosen = null;

    const begun = () => field.value.slice(0, field.selectionStart).match(/(?:^|\s)(\/[\w-]*)$/)?.[1];
    const choose = (option) => {
      chosen?.removeAttribute("aria-selected");
      chosen = option;
      if (!option) return field.removeAttribute("aria-activedescendant");
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", option.id);
    };
    const close = () => {
      menu.hidden = true;
      choose(null);
    };
    const look = () => {
      const word = begun()?.toLowerCase();
      if (!word) return close();
      for (const option of options) option.hidden = !option.dataset.command.startsWith(word);
      menu.hidden = !shown().length;
      choose(shown()[0] ?? null);
    };
    const take = (option) => {
      const end = field.selectionStart;
      const text = `${option.dataset.command} `;
      field.setRangeText(text, end - begun().length, end, "end");
      close();
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    };

    field.addEventListener("input", look);
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (menu.hidden || event.isComposing) return;
      const all = shown();
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) choose(all[(all.indexOf(chosen) + step + all.length) % all.length]);
      else if (event.key === "Enter" || event.key === "Tab") take(chosen);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    // Before the field loses the focus.
    menu.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) take(option);
    });
  });
})();
