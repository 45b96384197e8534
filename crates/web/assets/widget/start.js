// Starts the widget of the script element that loaded this file.
const start = (script) => {
  const options = readOptions(script);
  if (!options.embed) {
    console.warn("The chat widget has no data-embed-id, so there is nothing to show.");
    return;
  }
  const texts = TEXTS[options.language];
  const address = script.src.replace(/\.js(\?.*)?$/, ".css");
  const view = buildWindow(options, texts, address);
  const conversation = converse(view, options, texts);
  const { launcher, dialog, close, box } = view;

  const open = (focuses) => {
    dialog.hidden = false;
    launcher.hidden = true;
    launcher.setAttribute("aria-expanded", "true");
    conversation.opened();
    if (focuses) box.focus();
  };
  const shut = () => {
    dialog.hidden = true;
    launcher.hidden = false;
    launcher.setAttribute("aria-expanded", "false");
    launcher.focus();
  };
  launcher.addEventListener("click", () => open(true));
  close.addEventListener("click", shut);
  dialog.addEventListener("keydown", (event) => {
    // Input in the widget must not trigger shortcuts of the page.
    event.stopPropagation();
    if (event.key === "Escape") shut();
  });
  // A window that opens by itself does not take the focus.
  if (options.opensOnLoad) open(false);
};

const script = document.currentScript ?? document.querySelector("script[data-embed-id]");
if (script && document.body) start(script);
else if (script) document.addEventListener("DOMContentLoaded", () => start(script));
