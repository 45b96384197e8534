// Uploads dropped or chosen files one after another, each with its progress, and follows the job that
// indexes them.
"use strict";
(() => {
  // Collects the files below an entry, each with the name of the dropped folder, if any. An unreadable
  // file is recorded by name and does not stop the others.
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

  // Shows the job again after each file, so that a finished job that continues is followed.
  const follow = (zone, part) => {
    zone.job = part.dataset.job;
    const known = document.getElementById(part.id);
    part.dataset.fresh = "";
    if (known) known.replaceWith(part); else document.getElementById(zone.dataset.jobs).prepend(part);
    htmx.process(part);
  };

  // Reloads a job once it has ended if a file of it was refused: its last event may be older than that.
  const refused = new Set();
  const renewed = async ({ job }) => {
    if (!job) return;
    if (!document.getElementById(`job-${job}`)?.hasAttribute("data-over")) return refused.add(job);
    refused.delete(job);
    const response = await fetch(`/jobs/${job}`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.querySelector("[data-job]");
    const known = document.getElementById(`job-${job}`);
    if (!part || !known) return;
    known.replaceWith(document.importNode(part, true));
    htmx.process(document.getElementById(`job-${job}`));
    once();
    closable(document);
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
        again.addEventListener("click", () => anew(zone, { file, top }, row));
        row.append(again);
        renewed(zone).catch(() => {});
      }
      done(name);
    };
    request.addEventListener("load", () => {
      // The session has ended and the file was not uploaded: opens the sign-in page.
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
      const added = page.querySelector("[data-added]");
      if (added) return finish("done", added.textContent);
      const words = page.querySelector("[data-words]");
      finish("failed", words ? words.textContent : zone.dataset.failed);
    });
    request.addEventListener("error", () => finish("failed", zone.dataset.failed));
    request.open("POST", zone.form.action);
    request.setRequestHeader("HX-Request", "true");
    request.setRequestHeader("HX-Current-URL", location.href);
    request.send(form);
  });

  // Updates the list after uploads, at most once every 800 ms.
  let isDue = false;
  const changed = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => { isDue = false; document.body.dispatchEvent(new Event("documents-changed")); }, 800);
  };

  // The summary of all uploads of the page, shown until the user closes it.
  const all = { total: 0, over: 0, failed: 0 };
  const tray = () => document.getElementById("tray");
  const tell = () => {
    const place = tray();
    const isOver = all.over === all.total;
    place.hidden = !all.total;
    const words = isOver ? place.dataset.sent : place.dataset.sending;
    const bad = all.failed ? ` · ${place.dataset.bad.replace("{n}", all.failed)}` : "";
    const done = isOver ? all.total - all.failed : all.over;
    place.querySelector("[data-total]").textContent = words.replace("{done}", done).replace("{total}", all.total) + bad;
    const bar = place.querySelector("progress");
    bar.value = all.total ? all.over / all.total : 0;
    bar.hidden = isOver;
    place.querySelector("[data-tray-close]").hidden = !isOver;
  };
  const close = () => {
    Object.assign(all, { total: 0, over: 0, failed: 0 });
    document.getElementById("uploads").replaceChildren();
    once();
    tell();
  };
  // Hides refused files in the job while the upload itself shows them.
  const once = () => {
    const told = new Set([...document.querySelectorAll(".upload[data-state=failed] .upload-name")].map((name) => name.textContent));
    for (const row of document.querySelectorAll(".job-row[data-unread]")) row.hidden = told.has(row.dataset.unread);
  };
  const KEPT = 5;
  const counted = (state) => {
    all.over += 1;
    if (state === "failed") all.failed += 1;
    const done = [...document.querySelectorAll("#uploads .upload[data-state=done]")];
    for (const row of done.slice(0, -KEPT)) row.remove();
    once();
    tell();
  };
  const rowFor = (zone, name) => {
    const row = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
    row.querySelector(".upload-name").textContent = name;
    document.getElementById(zone.dataset.list).append(row);
    return row;
  };

  // Queues files behind running uploads. Small files go first and empty ones last: they will be refused,
  // and the job of the other files reports that.
  let last = Promise.resolve();
  const start = (zone, files) => {
    all.total += files.length;
    tell();
    for (const { file, name } of files) {
      if (file) continue;
      end(rowFor(zone, name), "failed", zone.dataset.unreadable);
      counted("failed");
    }
    const sent = files.filter(({ file }) => file).sort((one, other) => (one.file.size || Infinity) - (other.file.size || Infinity));
    last = last.then(async () => {
      for (const one of sent) {
        const state = await send(zone, one, rowFor(zone, one.file.name));
        counted(state);
        if (state !== "failed") changed();
      }
    });
  };
  const anew = (zone, one, row) => {
    row.remove();
    all.over -= 1;
    all.failed -= 1;
    all.total -= 1;
    start(zone, [one]);
  };

  // Finished jobs can be closed permanently.
  const key = "closed-jobs";
  const closed = () => { try { return JSON.parse(localStorage.getItem(key)) || []; } catch { return []; } };
  const closable = (root) => {
    for (const card of root.querySelectorAll("#jobs .job[data-closable]")) {
      if (closed().includes(card.dataset.job) && !card.dataset.fresh) { card.remove(); continue; }
      if (card.querySelector("[data-job-close]")) continue;
      const button = document.querySelector("[data-tray-close]").cloneNode(true);
      button.hidden = false;
      button.removeAttribute("data-tray-close");
      button.dataset.jobClose = "";
      card.append(button);
    }
  };
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-tray-close]")) return close();
    const card = target.closest("[data-job-close]")?.closest(".job");
    if (!card) return;
    try { localStorage.setItem(key, JSON.stringify([...closed().slice(-50), card.dataset.job])); } catch { /* Without storage, the job reappears. */ }
    card.remove();
  });
  document.addEventListener("htmx:load", ({ detail: { elt } }) => {
    if (!document.getElementById("uploads") || !elt.matches) return;
    // A job that has ended has changed the list.
    if (elt.matches("[data-job][data-over]")) changed();
    if (elt.matches("[data-job][data-over]") && refused.has(elt.dataset.job)) renewed(elt.dataset).catch(() => {});
    closable(document);
    once();
  });
  document.addEventListener("htmx:afterSwap", () => { if (tray()) once(); });

  document.addEventListener("DOMContentLoaded", () => {
    for (const plain of document.querySelectorAll("[data-no-script]")) plain.hidden = true;
    const zone = document.querySelector(".drop");
    if (!zone) return;
    closable(document);
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
