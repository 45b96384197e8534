// The model picker in the chat form: filters the models, and shows the selected one on its button.
"use strict";
(() => {
  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.("[data-filter]")) return;
    const wanted = target.value.trim().toLowerCase();
    for (const choice of target.closest(".picker").querySelectorAll(".choice")) {
      choice.hidden = !choice.querySelector("input").dataset.name.toLowerCase().includes(wanted);
    }
  });
  document.addEventListener("keydown", (event) => {
    // Enter in the filter must not send the question.
    if (event.key === "Enter" && event.target.matches?.("[data-filter]")) event.preventDefault();
  });
  document.addEventListener("change", ({ target }) => {
    const picker = target.name === "model" && target.closest(".picker");
    if (!picker) return;
    picker.closest("details").querySelector("[data-model]").textContent = target.dataset.name;
    picker.querySelector("[data-make-default]").hidden = !target.value;
  });
})();
