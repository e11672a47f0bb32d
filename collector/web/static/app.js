// What pages do beyond HTML. Each page is useful without it.
"use strict";

// --- regions that renew themselves: nothing is touched while nothing has changed, nothing is asked while nobody looks
const shown = new Map();

document.addEventListener("htmx:beforeRequest", (event) => {
  const region = event.detail.elt;
  if (region.hasAttribute("data-live") && (document.hidden || busyIn(region))) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  if (!region.hasAttribute("data-live") || event.detail.xhr.status !== 200) return;
  const text = event.detail.serverResponse;
  if (shown.get(region.id) === text) event.detail.shouldSwap = false;
  shown.set(region.id, text);
});

// An open menu, a field being filled in or a marked text in a region wait for the next turn.
function busyIn(region) {
  const active = document.activeElement;
  const filling = region.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName);
  const marked = !getSelection().isCollapsed && region.contains(getSelection().anchorNode);
  return filling || marked || region.querySelector("details[open][data-keep], dialog[open]") !== null;
}

// --- times in the reader's own zone
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (isNaN(at) || !time.dateTime.includes("T")) continue;
    time.title = time.textContent;
    time.textContent = at.toLocaleString(undefined, {
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    });
    time.dataset.local = "";
  }
}

// --- copying
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.closest(".copy").querySelector("code, input").textContent;
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    getSelection().selectAllChildren(button.closest(".copy").querySelector("code"));
    say(button, "Marked: press Ctrl+C");
  }
});

function say(button, text) {
  const before = button.textContent;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, 1500);
}

// --- forms: asked about before they do harm, sent once, filters sent when they change
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = event.submitter?.dataset.confirm || form.dataset.confirm;
  if (question && !confirm(question)) { event.preventDefault(); return; }
  if (form.method === "post" && !form.hasAttribute("hx-post")) {
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.hasAttribute("data-auto")) form.requestSubmit();
});

// --- all boxes of a table at once
document.addEventListener("change", (event) => {
  const name = event.target.dataset.all;
  if (!name) return;
  for (const box of document.getElementsByName(name)) box.checked = event.target.checked;
});

// --- menus close with Escape and with a click elsewhere
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  if (open) { open.open = false; open.querySelector("summary").focus(); }
});

function ready(root) {
  localise(root);
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}
addEventListener("DOMContentLoaded", () => {
  ready(document);
  const menu = document.querySelector("details.menu-all");
  if (menu && matchMedia("(max-width: 800px)").matches) menu.open = false;
});
document.addEventListener("htmx:afterSwap", (event) => ready(event.detail.target));
