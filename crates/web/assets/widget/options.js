// Options of the widget, from `data-*` attributes of the script element.
const CORNERS = ["bottom-right", "bottom-left", "top-right", "top-left"];
const ICONS = {
  plus: "M12 5v14M5 12h14",
  chatBubble: "M4 5h16v11H9l-5 4z",
  support: "M4 14v-2a8 8 0 0 1 16 0v2M4 14h3v5H4zM17 14h3v5h-3zM20 19c0 2-3 3-6 3",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM20 20l-4-4",
  search2: "M10 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM21 20l-6-5M10 8v6M7 11h6",
  magic: "M5 20 16 9M14 4v4M12 6h4M19 11v4M17 13h4M8 4v2M7 5h2",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  close: "M6 6l12 12M18 6 6 18",
  clear: "M4 12a8 8 0 1 0 3-6.2L4 8M4 3v5h5",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
};

// Returns an address with one of the schemes, none of which runs code.
const safeAddress = (text, schemes) => {
  try {
    const address = new URL(text, document.baseURI);
    return schemes.includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
};
const safeImage = (text) => {
  if (!text) return null;
  return /^data:image\//i.test(text) ? text : safeAddress(text, ["http:", "https:"]);
};

// Returns a style value if the browser supports it.
const safeStyle = (property, text) => (text && CSS.supports(property, text) ? text : null);
const asLength = (text) => (/^\d+(\.\d+)?$/.test(text ?? "") ? `${text}px` : text);

const readOptions = (script) => {
  const { dataset } = script;
  const given = (name) => (dataset[name] ?? "").trim() || null;
  const fallback = new URL("../api/embed", script.src || document.baseURI).href;
  const base = safeAddress(given("baseApiUrl") ?? fallback, ["http:", "https:"]) ?? fallback;
  const temperature = Number.parseFloat(given("temperature") ?? "");
  const size = Number.parseFloat(given("textSize") ?? "");
  return {
    embed: given("embedId"),
    base: base.replace(/\/+$/, ""),
    prompt: given("prompt"),
    model: given("model"),
    temperature: Number.isFinite(temperature) ? temperature : null,
    username: given("username"),
    icon: ["plus", "chatBubble", "support", "search2", "search", "magic"].find((it) => it === given("chatIcon")) ?? "chatBubble",
    brandImage: safeImage(given("brandImageUrl")),
    assistantIcon: safeImage(given("assistantIcon")),
    assistantName: given("assistantName"),
    greeting: given("greeting"),
    buttonColor: safeStyle("color", given("buttonColor")),
    userColor: safeStyle("color", given("userBgColor")),
    assistantColor: safeStyle("color", given("assistantBgColor")),
    position: CORNERS.includes(given("position")) ? given("position") : CORNERS[0],
    width: safeStyle("width", asLength(given("windowWidth"))),
    height: safeStyle("height", asLength(given("windowHeight"))),
    textSize: size >= 8 && size <= 48 ? size : null,
    opensOnLoad: given("openOnLoad") === "on",
    supportEmail: /^[^\s@?&]+@[^\s@?&]+$/.test(given("supportEmail") ?? "") ? given("supportEmail") : null,
    sponsorText: "noSponsor" in dataset ? null : given("sponsorText"),
    sponsorLink: safeAddress(given("sponsorLink") ?? "", ["http:", "https:"]),
    suggestions: (given("defaultMessages") ?? "").split(",").map((it) => it.trim()).filter(Boolean).slice(0, 12),
    theme: ["light", "dark"].find((it) => it === given("theme")) ?? null,
    language: chooseLanguage([given("language"), ...(navigator.languages ?? [navigator.language])].filter(Boolean)),
  };
};
