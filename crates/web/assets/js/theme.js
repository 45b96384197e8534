// Before anything is painted: the light the reader has chosen here, if any; and how the page's language is
// written where they live.
"use strict";
window.pageLocale = (() => {
  const { lang } = document.documentElement;
  const main = (tag) => tag.split("-")[0];
  const usual = new Intl.DateTimeFormat().resolvedOptions().locale;
  return main(usual) === main(lang) ? usual : lang;
})();
// Which day it is where the reader lives, for lists by date.
document.cookie = `carrel_zone=${-new Date().getTimezoneOffset()}; Path=/; Max-Age=34560000; SameSite=Strict`;
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* Storage may be switched off; the system's choice holds. */ }
})();
