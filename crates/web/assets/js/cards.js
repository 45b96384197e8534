// Previews of citations: a card beside the citation, on hover and on focus.
"use strict";
(() => {
  const card = document.createElement("div");
  card.className = "cite-card";
  card.id = "cite-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  let shown = null;

  const source = (it) => {
    if (it.matches(".source")) return it;
    return it.closest(".turn")?.querySelector(`.source[data-number="${Number(it.textContent)}"]`);
  };
  const hide = () => {
    if (!shown) return;
    shown.removeAttribute("aria-describedby");
    shown.closest(".turn")?.querySelectorAll("[data-lit]").forEach((lit) => lit.removeAttribute("data-lit"));
    shown = null;
    card.hidden = true;
  };
  const place = (it) => {
    const at = it.getBoundingClientRect();
    const width = Math.min(360, innerWidth - 16);
    card.style.width = `${width}px`;
    card.style.left = `${scrollX + Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    const isBelow = at.top < card.offsetHeight + 16;
    card.style.top = `${scrollY + (isBelow ? at.bottom + 6 : at.top - card.offsetHeight - 6)}px`;
  };
  const show = (it) => {
    const from = source(it);
    if (!from || !from.dataset.excerpt || shown === it) return;
    hide();
    const title = document.createElement("b");
    title.textContent = from.closest(".source-group").querySelector(".source-title").textContent;
    const text = document.createElement("span");
    text.textContent = from.dataset.excerpt.replace(/(^|\s)#{1,6}\s/g, "$1");
    title.dir = text.dir = "auto";
    card.replaceChildren(title, text);
    (document.getElementById("main") || document.body).append(card);
    card.hidden = false;
    shown = it;
    it.setAttribute("aria-describedby", card.id);
    for (const lit of it.closest(".turn").querySelectorAll(".cite, .source")) {
      if (lit !== it && source(lit) === from) lit.dataset.lit = "";
    }
    place(it);
  };

  const of = ({ target }) => target instanceof Element && target.closest(".turn .cite, .turn .source");
  for (const name of ["mouseover", "focusin"]) {
    document.addEventListener(name, (event) => { const it = of(event); if (it) show(it); });
  }
  document.addEventListener("mouseout", (event) => { if (of(event) && event.relatedTarget !== card) hide(); });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  card.addEventListener("mouseleave", hide);

  // A citation of an attached file opens its excerpt below the answer.
  document.addEventListener("click", (event) => {
    const cite = event.target.closest(".turn a.cite[href^='#']");
    const note = cite && document.getElementById(cite.hash.slice(1))?.closest("details");
    if (note) note.open = true;
  });
})();
