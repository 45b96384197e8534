// The menus above the chat form: slash commands after a slash that begins a word, documents after an @.
// The arrow keys select an option, and Enter or Tab inserts it.
"use strict";
(() => {
  // `begins` finds the word being typed, `find` shows the options that match it, `take` replaces it by
  // the selected option.
  const attach = (field, menu, { begins, find, take }) => {
    const shown = () => [...menu.querySelectorAll("[role=option]:not([hidden])")];
    let chosen = null;
    let asked = 0;

    const begun = () => field.value.slice(0, field.selectionStart).match(begins)?.[1];
    const choose = (option) => {
      chosen?.removeAttribute("aria-selected");
      chosen = option;
      if (!option) return field.removeAttribute("aria-activedescendant");
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", option.id);
    };
    const close = () => {
      asked += 1;
      if (menu.hidden) return;
      menu.hidden = true;
      choose(null);
    };
    const look = async () => {
      const word = begun();
      if (!word) return close();
      asked += 1;
      const mine = asked;
      await find(word.toLowerCase(), () => mine === asked);
      if (mine !== asked) return;
      menu.hidden = !shown().length;
      choose(shown()[0] ?? null);
    };
    const accept = (option) => {
      const end = field.selectionStart;
      field.setRangeText(take(option), end - begun().length, end, "end");
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
      else if (event.key === "Enter" || event.key === "Tab") accept(chosen);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    // `mousedown` comes before the field loses the focus.
    menu.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) accept(option);
    });
  };

  const commands = (field, menu) => attach(field, menu, {
    begins: /(?:^|\s)(\/[\w-]*)$/,
    find: (word) => {
      for (const option of menu.querySelectorAll("[role=option]")) option.hidden = !option.dataset.command.startsWith(word);
    },
    take: (option) => `${option.dataset.command} `,
  });

  // Limits the question to a document. The document is shown above the form until it is removed.
  const limit = (path, title) => {
    const list = document.getElementById("scope");
    if ([...list.querySelectorAll("input")].some((known) => known.value === path)) return;
    const chip = document.getElementById("scope-chip").content.firstElementChild.cloneNode(true);
    chip.querySelector(".chip-name").textContent = title;
    chip.querySelector("input").value = path;
    chip.querySelector("button").addEventListener("click", () => {
      chip.remove();
      list.hidden = !list.children.length;
      document.getElementById("message").focus();
    });
    list.append(chip);
    list.hidden = false;
  };
  const mentions = (field, menu) => attach(field, menu, {
    begins: /(?:^|\s)(@[^\s@]*)$/,
    find: async (word, isWanted) => {
      const headers = { "HX-Request": "true" };
      const found = await fetch(`${menu.dataset.titles}?q=${encodeURIComponent(word.slice(1))}`, { headers }).catch(() => null);
      const text = found?.ok ? await found.text() : "";
      if (isWanted()) menu.innerHTML = text;
    },
    take: (option) => {
      limit(option.dataset.path, option.textContent);
      return "";
    },
  });

  document.addEventListener("DOMContentLoaded", () => {
    const field = document.querySelector("textarea[data-draft]");
    if (!field) return;
    const found = { commands, mentions };
    for (const [id, start] of Object.entries(found)) {
      const menu = document.getElementById(id);
      if (menu) start(field, menu);
    }
  });
})();
