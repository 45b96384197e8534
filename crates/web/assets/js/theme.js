// Runs before the first paint: applies the theme that the reader has chosen, and determines the locale for
// the page's language.
"use strict";
window.pageLocale = (() => {
  const { lang } = document.documentElement;
  const main = (tag) => tag.split("-")[0];
  const usual = new Intl.DateTimeFormat().resolvedOptions().locale;
  return main(usual) === main(lang) ? usual : lang;
})();
// The reader's offset from UTC, for lists grouped by day.
document.cookie = `carrel_zone=${-new Date().getTimezoneOffset()}; Path=/; Max-Age=34560000; SameSite=Strict`;
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* Without storage, the system theme applies. */ }
})();
