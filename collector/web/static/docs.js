// The reference of the API: one request is sent from the page. The key is in its field and nowhere else: it has no name,
// so that no form ever sends it, and is neither stored nor part of an address.
"use strict";

const form = document.getElementById("try-form");
const key = document.getElementById("try-key");
const path = document.getElementById("try-path");
const told = document.getElementById("try-answer");
const body = document.getElementById("try-body");

form.hidden = false;
document.getElementById("by-hand").hidden = true;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const target = new URL(path.value, location.origin);
  if (target.origin !== location.origin) { say("The path must be one of this collector."); return; }
  const secret = key?.value.trim();
  if (secret && !/^[\x21-\x7e]+$/.test(secret)) { say("A key has no spaces and no letters with accents."); return; }
  say("Sent …");
  const began = performance.now();
  try {
    const answer = await fetch(target, {
      headers: secret ? { Authorization: `Bearer ${secret}` } : {},
      credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
    });
    show(answer, await answer.text(), Math.round(performance.now() - began));
  } catch {
    say("No answer: is the collector in reach?");
  }
});

function say(text) {
  told.textContent = text;
  body.hidden = true;
}

function show(answer, text, ms) {
  const left = answer.headers.get("x-ratelimit-remaining");
  const limit = left === null ? "" : `, ${left} of ${answer.headers.get("x-ratelimit-limit")} requests left`;
  say(`${answer.status} ${answer.statusText} after ${ms} ms${limit}`);
  try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
  body.textContent = text.slice(0, 20000);
  body.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-try]");
  if (!button) return;
  path.value = button.dataset.try;
  document.getElementById("try").scrollIntoView();
  (key && !key.value ? key : path).focus();
});

// Operations open for whoever comes by their address; `Try it` shows where a script runs.
function ready() {
  for (const button of document.querySelectorAll("[data-try]")) button.hidden = false;
  const wanted = location.hash && document.getElementById(location.hash.slice(1));
  if (wanted?.tagName === "DETAILS") { wanted.open = true; wanted.scrollIntoView(); }
}
addEventListener("hashchange", ready);
document.addEventListener("htmx:afterSwap", ready);
ready();
