// Before anything is painted: the light the reader has chosen here, if any.
"use strict";
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* Storage may be switched off; the system's choice holds. */ }
})();
