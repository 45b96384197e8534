// A job that was seen under way tells of its end on whatever page is open then.
"use strict";
(() => {
  const KEY = "watched-jobs";
  const PAUSE = 4_000;
  const MOST = 10;
  const watched = () => { try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; } };
  const watch = (jobs) => { try { localStorage.setItem(KEY, JSON.stringify(jobs.slice(-MOST))); } catch { /* Then nothing is told. */ } };

  const tell = (job, part) => {
    const notice = document.createElement("div");
    notice.className = "notice";
    const link = document.createElement("a");
    link.href = `/jobs/${job}`;
    link.textContent = `${part.querySelector(".strong").textContent} · ${part.querySelector("a").textContent}`;
    link.dir = "auto";
    notice.append(link);
    document.getElementById("notices").append(notice);
    window.passNotice(notice);
  };
  // The part of a job, if it is over; nothing while it goes on; null if nobody can say.
  const ended = async (job) => {
    const answer = await fetch(`/jobs/${job}`, { headers: { accept: "text/html" } });
    if (answer.status >= 500) return undefined;
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-job]");
    if (!part) return null;
    return "over" in part.dataset ? part : undefined;
  };
  const look = async () => {
    const shown = (job) => document.getElementById(`job-${job}`)?.matches("[data-job]");
    const running = [...document.querySelectorAll("[data-job]:not([data-over])")].map((part) => part.dataset.job);
    const before = watched();
    const jobs = [...new Set([...before, ...running])];
    const left = [];
    for (const job of jobs) {
      // On its own page a job shows its end itself.
      if (running.includes(job)) left.push(job);
      if (shown(job)) continue;
      const part = await ended(job).catch(() => undefined);
      if (part) tell(job, part);
      else if (part === undefined) left.push(job);
    }
    if (left.join() !== before.join()) watch(left);
  };
  const again = () => look().catch(() => {}).then(() => setTimeout(again, PAUSE));
  document.addEventListener("DOMContentLoaded", () => { if (document.getElementById("side")) setTimeout(again, 1_000); });
})();
