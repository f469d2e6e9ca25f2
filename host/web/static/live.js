// Keeps the parts of a page marked data-live fresh: fetches them again every few seconds while the page is seen.
// Plain requests, no event stream: one of those would hold up the shutdown of the host.
"use strict";

const EVERY_MS = 3000;

async function refresh(part) {
  const response = await fetch(part.dataset.live, { credentials: "same-origin" });
  if (response.redirected) return location.reload(); // signed out: the page itself asks to sign in
  if (!response.ok) return;
  const text = await response.text();
  if (text === part.shown) return; // a selection or an open detail stays as it is
  const open = new Map([...part.querySelectorAll("details[id]")].map((d) => [d.id, d.open]));
  part.innerHTML = text;
  part.shown = text;
  for (const [id, isOpen] of open) {
    const details = part.querySelector("#" + id);
    if (details) details.open = isOpen;
  }
}

async function tick() {
  for (const part of document.querySelectorAll("[data-live]")) {
    if (document.hidden) break;
    try {
      await refresh(part);
      document.body.classList.remove("away");
    } catch {
      document.body.classList.add("away"); // the host does not answer: what is shown is old
    }
  }
  setTimeout(tick, EVERY_MS);
}

setTimeout(tick, EVERY_MS);
