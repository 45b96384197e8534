// The button and the window of the widget, in a shadow tree that the page's styles do not reach.
const SVG = "http://www.w3.org/2000/svg";
const icon = (name) => {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of [["viewBox", "0 0 24 24"], ["aria-hidden", "true"], ["focusable", "false"]]) drawing.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
};
const button = (name, label, drawn) => make("button", { type: "button", class: name, "aria-label": label, title: label }, icon(drawn));

// Returns black or white, whichever is easier to read on a color.
const inkOn = (host, color) => {
  const probe = make("span", { hidden: true });
  probe.style.color = color;
  host.shadowRoot.append(probe);
  const [red, green, blue] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  probe.remove();
  const light = [red, green, blue].map((it) => (it / 255 <= 0.04045 ? it / 255 / 12.92 : ((it / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? "#000" : "#fff";
};

// Returns an image of the page, which is removed if it cannot be loaded.
const picture = (source, name, label = "") => {
  const image = make("img", { class: name, alt: label, decoding: "async", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.remove());
  image.src = source;
  return image;
};

const styled = (root, host, options, address) => {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(make("link", { rel: "stylesheet", href: address }));
  }
  const set = (name, value) => { if (value) host.style.setProperty(name, value); };
  for (const [name, color] of [["button", options.buttonColor], ["user", options.userColor], ["assistant", options.assistantColor]]) {
    set(`--cw-${name}`, color);
    if (color) set(`--cw-on-${name}`, inkOn(host, color));
  }
  set("--cw-width", options.width);
  set("--cw-height", options.height);
  set("--cw-text", options.textSize && `${options.textSize}px`);
  if (options.theme) host.setAttribute("theme", options.theme);
  host.setAttribute("position", options.position);
};

// Builds the closed window. `conversation.js` controls it.
const buildWindow = (options, texts, address) => {
  const host = make("div", { "data-carrel-widget": options.embed, lang: options.language });
  const root = host.attachShadow({ mode: "open" });
  const name = options.assistantName ?? texts.assistant;

  const launcher = button("launcher", texts.open, options.icon);
  launcher.setAttribute("aria-haspopup", "dialog");
  launcher.setAttribute("aria-expanded", "false");
  launcher.setAttribute("aria-controls", "window");

  const title = make("h2", { id: "title", class: options.brandImage ? "unseen" : "title" }, options.assistantName ?? texts.title);
  const brand = options.brandImage ? picture(options.brandImage, "brand") : options.assistantIcon && picture(options.assistantIcon, "face");
  brand?.addEventListener("error", () => { title.className = "title"; });
  const clear = button("quiet clear", texts.clear, "clear");
  const close = button("quiet close", texts.close, "close");
  const mail = options.supportEmail && make("a", { class: "quiet", href: `mailto:${options.supportEmail}`, "aria-label": texts.help, title: texts.help }, icon("mail"));
  const head = make("header", {}, brand, title, make("span", { class: "gap" }), mail, clear, close);

  const sure = make("div", { class: "sure", role: "group", "aria-label": texts.clear, hidden: true },
    make("span", {}, texts.clearAsk),
    make("button", { type: "button", class: "plain yes" }, texts.clearDo),
    make("button", { type: "button", class: "plain no" }, texts.cancel));

  const log = make("div", { class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": texts.title, tabindex: "0" });
  const status = make("p", { class: "unseen", role: "status" });
  const notice = make("p", { class: "notice", role: "alert", hidden: true });

  const box = make("textarea", {
    rows: "1", maxlength: "8000", "aria-label": texts.label, placeholder: texts.placeholder, dir: "auto", enterkeyhint: "send",
  });
  const send = button("send", texts.send, "send");
  send.type = "submit";
  const stop = button("send stop", texts.stop, "stop");
  stop.hidden = true;
  const form = make("form", { novalidate: true }, box, send, stop);

  const sponsor = options.sponsorText && make("p", { class: "sponsor" },
    (options.sponsorLink && linked(options.sponsorLink, options.sponsorText)) ?? options.sponsorText);

  const dialog = make("section", { id: "window", class: "window", role: "dialog", "aria-labelledby": "title", hidden: true },
    head, sure, log, status, notice, form, sponsor);
  root.append(launcher, dialog);
  document.body.append(host);
  styled(root, host, options, address);
  return { host, root, launcher, dialog, clear, close, sure, log, status, notice, box, send, stop, form, name };
};

// Creates a message: its author, and an element for its text.
const bubble = (view, options, texts, role) => {
  const isUser = role === "user";
  const words = make("div", { class: "words" });
  const face = !isUser && options.assistantIcon ? picture(options.assistantIcon, "face") : null;
  const isNamed = !isUser && options.assistantName !== null;
  const who = make("span", { class: isNamed ? "who" : "unseen" }, isNamed ? view.name : `${isUser ? texts.you : view.name}: `);
  const made = make("div", { class: `message ${isUser ? "user" : "assistant"}` }, face, make("div", { class: "said" }, who, words));
  view.log.append(made);
  return { made, words };
};
