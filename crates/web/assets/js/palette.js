// The command palette (Ctrl+K, or the search in the side bar), which shows the results of `/find` while the
// user types, and the list of keyboard shortcuts (?).
"use strict";
(() => {
  const opened = (id) => {
    const template = document.getElementById(id);
    if (!template) return null;
    const known = document.querySelector(`dialog[data-of="${id}"]`);
    if (known) { known.close(); return null; }
    const dialog = template.content.firstElementChild.cloneNode(true);
    dialog.dataset.of = id;
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  };

  const palette = () => {
    const dialog = opened("palette");
    if (!dialog) return;
    const field = dialog.querySelector("input");
    const list = dialog.querySelector(".palette-list");
    const links = () => [...list.querySelectorAll("a")];
    const choose = (link) => {
      for (const other of links()) other.removeAttribute("aria-selected");
      if (!link) return field.removeAttribute("aria-activedescendant");
      link.id ||= `found-${links().indexOf(link)}`;
      link.setAttribute("aria-selected", "true");
      field.setAttribute("aria-activedescendant", link.id);
      link.scrollIntoView({ block: "nearest" });
    };
    let asked = 0;
    const look = async () => {
      asked += 1;
      const mine = asked;
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
      const answer = await fetch(`/find?q=${encodeURIComponent(field.value)}`, { headers }).catch(() => null);
      if (!answer || mine !== asked) return;
      const to = answer.headers.get("hx-redirect");
      if (to) return location.assign(to);
      list.innerHTML = await answer.text();
      for (const link of links()) { link.setAttribute("role", "option"); link.tabIndex = -1; }
      for (const item of list.querySelectorAll("section, h2, ul, li")) item.setAttribute("role", item.matches("section") ? "group" : "presentation");
      list.setAttribute("role", "listbox");
      choose(links()[0]);
    };
    let timer = 0;
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 120); });
    field.addEventListener("keydown", (event) => {
      const all = links();
      const at = all.findIndex((link) => link.ariaSelected === "true");
      if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
      else if (event.key === "ArrowUp") choose(all[(at - 1 + all.length) % all.length]);
      else if (event.key === "Enter") all[at]?.click();
      else return;
      event.preventDefault();
    });
    field.focus();
    look();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-palette]");
    if (!link || event.ctrlKey || event.metaKey || event.button) return;
    event.preventDefault();
    palette();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches?.("input, textarea, select, [contenteditable]");
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      palette();
    } else if (event.key === "?" && !isTyping && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      opened("shortcuts");
    }
  });
})();
