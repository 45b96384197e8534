// Runs before the first paint: applies the theme that the reader has chosen.
"use strict";
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* Without storage, the system theme applies. */ }
})();
