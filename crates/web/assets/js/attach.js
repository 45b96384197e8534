// Attachments of a question: files that were chosen, dropped or pasted, shown before they are sent.
"use strict";
(() => {
  const sized = (bytes) => {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
    let unit = 0;
    while (bytes >= 1000 && unit < 3) { bytes /= 1000; unit += 1; }
    const digits = bytes < 10 && unit ? 1 : 0;
    const style = { style: "unit", unit: units[unit], unitDisplay: unit ? "short" : "long", maximumFractionDigits: digits };
    return new Intl.NumberFormat(window.pageLocale, style).format(bytes);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const input = document.getElementById("attach");
    if (!input) return;
    const form = input.form;
    const list = document.getElementById("chips");
    const bare = document.getElementById("chip").content.firstElementChild;
    const largest = Number(input.dataset.largest);
    const most = Number(input.dataset.most);
    let files = [];

    const chip = (name, size) => {
      const made = bare.cloneNode(true);
      made.querySelector(".chip-name").textContent = name;
      made.querySelector(".chip-size").textContent = size;
      list.append(made);
      return made;
    };
    // The field contains the files that the chips show, so the form is sent as without scripts.
    const show = (complaints = []) => {
      const held = new DataTransfer();
      for (const file of files) held.items.add(file);
      input.files = held.files;
      list.replaceChildren();
      for (const file of files) {
        const made = chip(file.name, sized(file.size));
        made.querySelector("button").addEventListener("click", () => {
          files = files.filter((other) => other !== file);
          show();
          form.elements.message.focus();
        });
        if (!file.type.startsWith("image/")) continue;
        const reader = new FileReader();
        reader.addEventListener("load", () => {
          const picture = new Image();
          picture.alt = "";
          picture.src = reader.result;
          made.querySelector(".icon").replaceWith(picture);
        });
        reader.readAsDataURL(file);
      }
      for (const words of complaints) {
        const made = chip(words, "");
        made.dataset.bad = "";
        made.querySelector(".chip-name").setAttribute("role", "alert");
        made.querySelector("button").addEventListener("click", () => { made.remove(); list.hidden = !list.children.length; });
      }
      list.hidden = !list.children.length;
    };
    const add = (more) => {
      const complaints = new Set();
      for (const file of more) {
        if (file.size > largest) {
          complaints.add(input.dataset.tooLarge.replace("{name}", file.name).replace("{limit}", sized(largest)));
        } else if (files.length >= most) {
          complaints.add(input.dataset.tooMany.replace("{most}", most));
        } else if (!files.some((known) => known.name === file.name && known.size === file.size)) {
          files.push(file);
        }
      }
      show(complaints);
    };

    input.addEventListener("change", () => add([...input.files]));
    // Restores the attachments of a failed question, so that the user can remove an unreadable file.
    let sent = [];
    form.addEventListener("sent", () => { sent = files; files = []; show(); });
    form.addEventListener("returned", () => { if (!files.length) { files = sent; show(); } });
    form.elements.message.addEventListener("paste", (event) => {
      const pasted = [...event.clipboardData.files];
      if (!pasted.length) return;
      event.preventDefault();
      add(pasted);
    });
    const holdsFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
    for (const name of ["dragenter", "dragover"]) {
      document.addEventListener(name, (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        form.dataset.over = "";
      });
    }
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) delete form.dataset.over; });
    document.addEventListener("drop", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      delete form.dataset.over;
      add([...event.dataTransfer.files]);
      form.elements.message.focus();
    });
  });
})();
