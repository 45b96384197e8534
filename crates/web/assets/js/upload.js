// Files that are dropped or chosen are sent one after another, each with its progress.
"use strict";
(() => {
  const filesOf = async (entry, path, into) => {
    if (entry.isFile) {
      into.push(await new Promise((done, failed) => entry.file(done, failed)));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) return;
      for (const child of some) await filesOf(child, path + entry.name + "/", into);
    }
  };

  const send = (zone, file, row) => new Promise((done) => {
    const request = new XMLHttpRequest();
    const bar = row.querySelector("progress");
    const state = row.querySelector(".upload-state");
    const form = new FormData();
    for (const field of zone.form.querySelectorAll("[data-with]")) {
      if (field.type !== "checkbox" || field.checked) form.append(field.name, field.value);
    }
    form.append("file", file, file.name);
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      if (event.loaded === event.total) { bar.removeAttribute("value"); state.textContent = zone.dataset.reading; }
    });
    const finish = (name, words) => {
      row.dataset.state = name;
      state.textContent = words;
      bar.remove();
      if (name === "failed") {
        const again = document.createElement("button");
        again.type = "button";
        again.className = "button button-s";
        again.textContent = zone.dataset.again;
        again.addEventListener("click", () => { row.remove(); start(zone, [file]); });
        row.append(again);
      }
      done(name);
    };
    request.addEventListener("load", () => {
      if (request.status < 400) return finish("done", zone.dataset.added);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const words = page.querySelector("[data-words]");
      finish("failed", words ? words.textContent : zone.dataset.failed);
    });
    request.addEventListener("error", () => finish("failed", zone.dataset.failed));
    request.open("POST", zone.form.action);
    request.setRequestHeader("HX-Request", "true");
    request.send(form);
  });

  const start = async (zone, files) => {
    const list = document.getElementById(zone.dataset.list);
    const rows = files.map((file) => {
      const row = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
      row.querySelector(".upload-name").textContent = file.name;
      list.append(row);
      return row;
    });
    let added = 0;
    for (const [place, file] of files.entries()) {
      if (await send(zone, file, rows[place]) === "done") added += 1;
    }
    if (added) document.body.dispatchEvent(new Event("documents-changed"));
  };

  document.addEventListener("DOMContentLoaded", () => {
    const zone = document.querySelector(".drop");
    if (!zone) return;
    zone.form = zone.closest("form");
    const input = zone.querySelector("input[type=file]");
    const plain = zone.form.querySelector("[data-no-script]");
    if (plain) plain.hidden = true;
    input.addEventListener("change", () => { start(zone, [...input.files]); input.value = ""; });
    const over = (event) => { event.preventDefault(); zone.dataset.over = ""; };
    for (const name of ["dragenter", "dragover"]) document.addEventListener(name, over);
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) delete zone.dataset.over; });
    document.addEventListener("drop", async (event) => {
      event.preventDefault();
      delete zone.dataset.over;
      const files = [];
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
      for (const entry of entries) if (entry) await filesOf(entry, "", files);
      start(zone, files.length ? files : [...event.dataTransfer.files]);
    });
  });
})();
