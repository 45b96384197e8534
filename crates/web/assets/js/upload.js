// Files that are dropped or chosen are sent one after another, each with its progress. What was read
// goes on in a job, which the page follows from then on.
"use strict";
(() => {
  // Every file beneath an entry, each with the name of the folder that was dropped, if one was. What
  // cannot be read is there by its name alone, and keeps nothing else back.
  const filesOf = async (entry, top, into) => {
    try {
      if (entry.isFile) {
        into.push({ file: await new Promise((done, failed) => entry.file(done, failed)), top });
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (!some.length) return;
        for (const child of some) await filesOf(child, top || entry.name, into);
      }
    } catch {
      into.push({ name: entry.name });
    }
  };

  const fieldsOf = (zone, top) => {
    const form = new FormData();
    for (const field of zone.form.querySelectorAll("[data-with]")) form.append(field.name, field.value);
    if (top && !form.get("folder")) form.append("folder", top);
    if (zone.job) form.append("job", zone.job);
    return form;
  };

  // The job stands on the page anew with each file, so that one that was over is followed again.
  const follow = (zone, part) => {
    zone.job = part.dataset.job;
    const known = document.getElementById(part.id);
    if (known) known.replaceWith(part); else document.getElementById(zone.dataset.jobs).prepend(part);
    htmx.process(part);
  };

  const end = (row, name, words) => {
    row.dataset.state = name;
    row.querySelector(".upload-state").textContent = words;
    row.querySelector("progress").remove();
  };

  const send = (zone, { file, top }, row) => new Promise((done) => {
    const request = new XMLHttpRequest();
    const bar = row.querySelector("progress");
    const state = row.querySelector(".upload-state");
    const form = fieldsOf(zone, top);
    form.append("file", file, file.name);
    row.dataset.state = "sending";
    state.textContent = "";
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      state.textContent = `${Math.floor((100 * event.loaded) / event.total)} %`;
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      row.dataset.state = "reading";
      state.textContent = zone.dataset.reading;
    });
    const finish = (name, words) => {
      end(row, name, words);
      if (name === "failed") {
        const again = document.createElement("button");
        again.type = "button";
        again.className = "button button-s";
        again.textContent = zone.dataset.again;
        again.addEventListener("click", () => { row.remove(); start(zone, [{ file, top }]); });
        row.append(again);
      }
      done(name);
    };
    request.addEventListener("load", () => {
      // Whoever is not signed in any more is sent to do so; nothing was taken.
      const to = request.getResponseHeader("hx-redirect");
      if (to) {
        location.assign(to);
        return finish("failed", zone.dataset.failed);
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const part = page.querySelector("[data-job]");
      if (part) {
        row.remove();
        follow(zone, document.importNode(part, true));
        return done("placing");
      }
      if (page.querySelector("[data-added]")) return finish("done", zone.dataset.added);
      const words = page.querySelector("[data-words]");
      finish("failed", words ? words.textContent : zone.dataset.failed);
    });
    request.addEventListener("error", () => finish("failed", zone.dataset.failed));
    request.open("POST", zone.form.action);
    request.setRequestHeader("HX-Request", "true");
    request.setRequestHeader("HX-Current-URL", location.href);
    request.send(form);
  });

  const changed = () => document.body.dispatchEvent(new Event("documents-changed"));

  // What is dropped while others are on their way waits for them.
  let last = Promise.resolve();
  const start = (zone, files) => {
    const list = document.getElementById(zone.dataset.list);
    const rows = files.map(({ file, name }) => {
      const row = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
      row.querySelector(".upload-name").textContent = file ? file.name : name;
      row.querySelector(".upload-state").textContent = zone.dataset.waiting;
      if (!file) end(row, "failed", zone.dataset.unreadable);
      list.append(row);
      return row;
    });
    last = last.then(async () => {
      let added = 0;
      for (const [place, file] of files.entries()) {
        if (file.file && await send(zone, file, rows[place]) !== "failed") added += 1;
      }
      if (added) changed();
    });
  };

  // A job that has ended has changed the list.
  document.addEventListener("htmx:load", ({ detail: { elt } }) => {
    if (elt.matches && elt.matches("[data-job][data-over]") && document.getElementById("uploads")) changed();
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const plain of document.querySelectorAll("[data-no-script]")) plain.hidden = true;
    const zone = document.querySelector(".drop");
    if (!zone) return;
    zone.form = zone.closest("form");
    zone.dataset.live = "";
    for (const input of zone.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => {
        const top = (file) => (file.webkitRelativePath || "").split("/").slice(0, -1)[0] || "";
        start(zone, [...input.files].map((file) => ({ file, top: top(file) })));
        input.value = "";
      });
    }
    const over = (event) => { event.preventDefault(); zone.dataset.over = ""; };
    for (const name of ["dragenter", "dragover"]) document.addEventListener(name, over);
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) delete zone.dataset.over; });
    document.addEventListener("drop", async (event) => {
      event.preventDefault();
      delete zone.dataset.over;
      const files = [];
      const plain = [...event.dataTransfer.files].map((file) => ({ file, top: "" }));
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
      for (const entry of entries) if (entry) await filesOf(entry, "", files);
      start(zone, files.length ? files : plain);
    });
  });
})();
