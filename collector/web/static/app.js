// What pages do beyond HTML. Each page is useful without it.
"use strict";

// --- regions that renew themselves: only what differs is touched, nothing is asked while nobody looks
document.addEventListener("htmx:beforeRequest", (event) => {
  const region = event.detail.elt;
  if (region.hasAttribute("data-live") && (document.hidden || busyIn(region))) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  if (!region.hasAttribute("data-live") || event.detail.xhr.status !== 200) return;
  event.detail.shouldSwap = false;
  const fresh = document.createElement("template");
  fresh.innerHTML = event.detail.serverResponse;
  const focused = document.activeElement;
  renew(region, fresh.content);
  if (focused.id && focused !== document.activeElement) document.getElementById(focused.id)?.focus({ preventScroll: true });
  htmx.process(region);
  ready(region);
});

// Nodes that stay keep the focus, what is marked and what is folded open; those with an id are found wherever they go.
function renew(old, fresh) {
  const known = new Map([...old.children].filter((node) => node.id).map((node) => [node.id, node]));
  let at = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    while (at && node.nodeType === Node.ELEMENT_NODE && at.nodeType !== node.nodeType) {
      const blank = at;
      at = at.nextSibling;
      blank.remove();
    }
    const twin = node.id ? known.get(node.id) : alike(at, node);
    if (twin && twin === at) at = at.nextSibling;
    else old.insertBefore(twin || node, at);
    if (twin) update(twin, node);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}

function alike(at, node) {
  while (at && (at.id || at.nodeName !== node.nodeName)) at = at.nextSibling;
  return at;
}

function update(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeName === "TIME" && old.dateTime === fresh.dateTime) return;  // its text is the reader's
  const stays = (name) => name === "open" && old.matches("details, dialog");
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !stays(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !stays(name)) old.setAttribute(name, value);
  }
  renew(old, fresh);
}

// An open menu, a field being filled in or a marked text in a region wait for the next turn.
function busyIn(region) {
  const active = document.activeElement;
  const filling = region.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName);
  const marked = !getSelection().isCollapsed && region.contains(getSelection().anchorNode);
  return filling || marked || region.querySelector("details[open][data-keep], dialog[open]") !== null;
}

// --- times in the reader's own zone, or how long ago they were
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (isNaN(at) || !time.dateTime.includes("T")) continue;
    const local = at.toLocaleString(undefined, {
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    });
    const counts = "age" in time.dataset;
    time.title = counts ? local : time.textContent;
    time.textContent = counts ? age(at) : local;
    time.dataset.local = "";
  }
}

function age(at) {
  const seconds = Math.abs(Date.now() - at) / 1000;
  const [span, unit] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([one]) => seconds >= one) || [];
  if (!span) return "just now";
  const text = `${Math.floor(seconds / span)} ${unit}`;
  return at < Date.now() ? `${text} ago` : `in ${text}`;
}
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-age][data-local]")) {
    const text = age(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}, 15000);

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

// --- printing
document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });

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

// --- a secret that a link carries behind its #, which no server sees, goes into its field and out of the address
function takeFragment(root) {
  const field = root.querySelector("[data-fragment]");
  if (!field || location.hash.length < 9 || field.value) return;
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

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
  for (const button of root.querySelectorAll("[data-copy], [data-print]")) button.hidden = false;
  takeFragment(root);
}
addEventListener("DOMContentLoaded", () => {
  ready(document);
  if (!matchMedia("(max-width: 800px)").matches) return;
  for (const one of document.querySelectorAll("details.menu-all, details.fold")) one.open = false;
});
document.addEventListener("htmx:afterSwap", (event) => ready(event.detail.target));
