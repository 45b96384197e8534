// The conversation: questions and answers, history, suggestions, ending it.

// Removes the model's reasoning, which visitors do not see.
const withoutThoughts = (text) => {
  const start = text.match(/^\s*<(think|thinking|thought)>/i);
  if (!start) return { text, isThinking: false };
  const close = `</${start[1].toLowerCase()}>`;
  const end = text.toLowerCase().indexOf(close);
  return end < 0 ? { text: "", isThinking: true } : { text: text.slice(end + close.length), isThinking: false };
};

const converse = (view, options, texts) => {
  const { log, status, notice, box, send, stop, form, dialog } = view;
  const server = talk(options, texts);
  let underWay = null;
  let loading = null;

  const say = (text) => { status.textContent = text; };
  const warn = (text) => {
    notice.hidden = !text;
    notice.textContent = text ?? "";
  };
  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };
  const fit = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 140)}px`;
  };

  const user = (text) => {
    const made = bubble(view, options, texts, "user");
    made.words.dir = "auto";
    made.words.textContent = text;
    return made;
  };
  const assistant = (text) => {
    const made = bubble(view, options, texts, "assistant");
    made.show = growing(made.words);
    if (text) made.show(withoutThoughts(text).text);
    return made;
  };

  // Shows the greeting and the suggestions of an empty conversation.
  const begin = () => {
    log.replaceChildren();
    if (options.greeting) assistant(options.greeting).made.classList.add("greeting");
    if (!options.suggestions.length) return;
    const suggestions = make("div", { class: "suggestions", role: "group", "aria-label": texts.suggestions });
    for (const text of options.suggestions) {
      const it = make("button", { type: "button", class: "plain", dir: "auto" }, text);
      it.addEventListener("click", () => ask(text));
      suggestions.append(it);
    }
    log.append(suggestions);
  };

  const load = async () => {
    try {
      const earlier = await server.history();
      if (underWay || log.querySelector(".message.user")) return;
      begin();
      for (const { role, content } of earlier) (role === "user" ? user : assistant)(content);
      if (earlier.length) log.querySelector(".suggestions")?.remove();
      toEnd();
      warn(null);
    } catch (error) {
      begin();
      // Tries again when the window is opened next.
      loading = null;
      warn(error instanceof Refused ? error.message : texts.broken);
    }
  };

  const busy = (is) => {
    send.hidden = is;
    stop.hidden = !is;
    view.clear.disabled = is;
    log.setAttribute("aria-busy", String(is));
  };

  const ask = async (text) => {
    const message = text.trim();
    if (!message || underWay) return;
    const control = new AbortController();
    underWay = control;
    warn(null);
    log.querySelector(".suggestions")?.remove();
    const question = user(message);
    const answer = assistant("");
    answer.made.classList.add("waiting");
    answer.words.append(make("p", { class: "waits" }, texts.answering));
    busy(true);
    say(texts.answering);
    toEnd();
    let said = "";
    let drawn = 0;
    const draw = () => {
      drawn = 0;
      const { text: words, isThinking } = withoutThoughts(said);
      if (isThinking || !words.trim()) {
        if (isThinking) answer.words.firstChild.textContent = texts.thinking;
        return;
      }
      const follows = isAtEnd();
      if (answer.made.classList.contains("waiting")) {
        answer.words.replaceChildren();
        answer.made.classList.remove("waiting");
      }
      answer.show(words);
      if (follows) toEnd();
    };
    const tell = (part) => {
      said += part;
      // Background tabs get no animation frames.
      drawn ||= document.hidden ? setTimeout(draw, 100) : requestAnimationFrame(draw);
    };
    let problem = null;
    try {
      await server.ask(message, control.signal, tell);
    } catch (error) {
      if (error.name !== "AbortError") problem = error instanceof Refused ? error.message : texts.broken;
    }
    draw();
    underWay = null;
    busy(false);
    if (answer.made.classList.contains("waiting")) {
      // Without an answer, the question returns to the input.
      answer.made.remove();
      question.made.remove();
      if (!box.value.trim()) box.value = message;
      fit();
      problem ??= control.signal.aborted ? null : texts.broken;
      if (!log.querySelector(".message.user")) begin();
    }
    if (problem) warn(problem);
    say(problem ? "" : control.signal.aborted ? texts.stopped : texts.answered);
  };

  const clear = async () => {
    try {
      await server.forget();
      begin();
      warn(null);
      say(texts.cleared);
    } catch (error) {
      warn(error instanceof Refused ? error.message : texts.broken);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (underWay) return;
    const { value } = box;
    box.value = "";
    fit();
    ask(value);
  });
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  stop.addEventListener("click", () => { underWay?.abort(); box.focus(); });

  const { sure } = view;
  const askSure = (is) => {
    sure.hidden = !is;
    (is ? sure.querySelector(".yes") : view.clear).focus();
  };
  view.clear.addEventListener("click", () => askSure(sure.hidden));
  sure.querySelector(".no").addEventListener("click", () => askSure(false));
  sure.querySelector(".yes").addEventListener("click", async () => {
    sure.hidden = true;
    box.focus();
    await clear();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || sure.hidden) return;
    // Escape closes the confirmation, not the window.
    event.stopImmediatePropagation();
    askSure(false);
  });

  return { opened: () => { loading ??= load(); } };
};
