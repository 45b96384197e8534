// Dictation in the chat form, and answers read aloud. Audio is sent only to this server.
"use strict";
(() => {
  // Longest recording, and shortest press that counts as holding the button, in milliseconds.
  const LONGEST = 10 * 60_000;
  const HELD = 400;

  const notice = (words) => {
    const notices = document.getElementById("notices");
    const made = document.getElementById("offline").content.cloneNode(true);
    made.querySelector("p").textContent = words;
    notices.replaceChildren(made);
  };
  // Shows the error notice that the server sent, or its text.
  const refused = async (answer) => {
    const words = await answer.text();
    const page = new DOMParser().parseFromString(words, "text/html");
    const made = page.querySelector(".notice");
    if (made) document.getElementById("notices").replaceChildren(document.adoptNode(made));
    else notice(words);
  };

  const insert = (field, words) => {
    const before = field.value.slice(0, field.selectionStart);
    const after = field.value.slice(field.selectionEnd);
    const gap = before && !/\s$/.test(before) ? " " : "";
    const end = after && !/^\s/.test(after) ? " " : "";
    field.setRangeText(gap + words + end, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };

  const dictation = (button) => {
    const field = button.form.elements.message;
    const status = button.querySelector("[role=status]");
    const words = button.dataset;
    let recorder = null;
    let isDiscarded = false;
    let timer = 0;

    const show = (state) => {
      button.dataset.state = state;
      button.setAttribute("aria-pressed", String(state === "listening"));
      button.setAttribute("aria-label", state === "listening" ? words.stop : words.start);
      button.title = state === "listening" ? words.stop : words.start;
      button.toggleAttribute("aria-busy", state === "writing");
      status.textContent = state === "listening" ? words.listening : state === "writing" ? words.writing : "";
    };
    const send = async (blob) => {
      if (isDiscarded || !blob.size) return show("");
      show("writing");
      const form = new FormData();
      const ending = blob.type.includes("mp4") ? "m4a" : blob.type.includes("ogg") ? "ogg" : "webm";
      form.append("file", blob, "speech." + ending);
      try {
        const answer = await fetch(words.hear, { method: "POST", body: form, headers: { "HX-Request": "true" } });
        if (!answer.ok) await refused(answer);
        else {
          const heard = (await answer.text()).trim();
          if (heard) insert(field, heard);
          else notice(words.nothing);
        }
      } catch {
        notice(words.offline);
      }
      show("");
    };
    const start = async () => {
      if (recorder || button.dataset.state) return;
      isDiscarded = false;
      show("listening");
      let stream;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      } catch {
        show("");
        return notice(words.denied);
      }
      // The user cancelled while the browser asked for permission.
      if (button.dataset.state !== "listening") {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      const kinds = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
      const mimeType = kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
      const pieces = [];
      recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
      recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
      recorder.addEventListener("stop", () => {
        clearTimeout(timer);
        for (const track of stream.getTracks()) track.stop();
        const type = recorder.mimeType;
        recorder = null;
        send(new Blob(pieces, { type }));
      });
      recorder.start();
      timer = setTimeout(stop, LONGEST);
    };
    const stop = () => {
      if (recorder && recorder.state !== "inactive") recorder.stop();
      else if (button.dataset.state === "listening") show("");
    };

    // A tap starts or stops the recording. Holding the button records until it is released.
    let down = 0;
    let began = false;
    button.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      down = Date.now();
      began = !button.dataset.state;
      if (began) start();
    });
    const up = () => {
      if (!down) return;
      const isHeld = Date.now() - down >= HELD;
      down = 0;
      if (!began || isHeld) stop();
    };
    button.addEventListener("pointerup", up);
    button.addEventListener("pointercancel", up);
    // Keyboards and screen readers click without pointer events.
    button.addEventListener("click", (event) => {
      if (event.detail) return;
      if (button.dataset.state) stop();
      else start();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || button.dataset.state !== "listening") return;
      isDiscarded = true;
      stop();
    });
    addEventListener("pagehide", () => { isDiscarded = true; stop(); });
    show("");
    button.hidden = false;
  };

  // Only one answer is read aloud at a time.
  let reading = null;
  const speeds = [1, 1.25, 1.5, 2, 0.75];
  let speed = 1;
  try { speed = Number(localStorage.getItem("speed")) || 1; } catch { /* Storage is unavailable. */ }

  const finish = () => {
    if (!reading) return;
    reading.audio.pause();
    reading.audio.removeAttribute("src");
    reading.audio.load();
    const hadFocus = reading.player.contains(document.activeElement);
    reading.player.remove();
    reading.link.hidden = false;
    if (hadFocus) reading.link.focus();
    reading = null;
  };
  const read = (link) => {
    finish();
    const player = document.getElementById("player").content.firstElementChild.cloneNode(true);
    const [pause, faster, stop] = player.querySelectorAll("button");
    const status = player.querySelector("[role=status]");
    const audio = new Audio(link.href);
    const words = player.dataset;
    const say = () => {
      const label = audio.paused ? words.resume : words.pause;
      pause.setAttribute("aria-label", label);
      pause.title = label;
      pause.dataset.paused = String(audio.paused);
    };
    const pace = () => {
      audio.defaultPlaybackRate = speed;
      audio.playbackRate = speed;
      faster.lastElementChild.textContent = new Intl.NumberFormat(window.pageLocale).format(speed) + "×";
    };
    pause.addEventListener("click", () => { if (audio.paused) audio.play(); else audio.pause(); });
    faster.addEventListener("click", () => {
      speed = speeds[(speeds.indexOf(speed) + 1) % speeds.length];
      try { localStorage.setItem("speed", speed); } catch { /* Without storage, it applies to this page only. */ }
      pace();
    });
    stop.addEventListener("click", finish);
    for (const name of ["play", "pause"]) audio.addEventListener(name, say);
    audio.addEventListener("playing", () => { status.textContent = ""; });
    audio.addEventListener("ended", finish);
    audio.addEventListener("error", async () => {
      if (!reading || reading.audio !== audio) return;
      finish();
      // The audio element does not report the reason, so the address is requested again.
      const answer = await fetch(link.href, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (answer && !answer.ok) refused(answer);
      else notice(words.failed);
    });
    link.after(player);
    link.hidden = true;
    reading = { audio, player, link };
    pace();
    say();
    status.textContent = words.loading;
    pause.focus();
    audio.play().catch(say);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-speak]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !document.getElementById("player")) return;
    event.preventDefault();
    read(link);
  });
  addEventListener("pagehide", finish);
  document.addEventListener("htmx:afterSwap", () => { if (reading && !reading.player.isConnected) finish(); });

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-hear]");
    if (button && navigator.mediaDevices?.getUserMedia && window.MediaRecorder) dictation(button);
  });
})();
