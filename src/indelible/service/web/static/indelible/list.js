// The list: a row opens its entry in the panel beside, keys walk, what is new announces itself. Without it the label of
// each row leads to the entry's own page.
"use strict";

const LOOKS_EVERY = 2000; // milliseconds between two looks for new entries, while the page is seen

const panel = () => document.getElementById("panel");
const rows = () => [...document.querySelectorAll("tr.entry")];
const labelOf = (row) => row.querySelector("a.label");
const isOpen = () => panel().classList.contains("open");
let opener = null; // the label whose entry is in the panel, which gets the focus back

function mark(row) {
  document.querySelectorAll("tr[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
  if (row) row.setAttribute("aria-current", "true");
}

function shut() {
  panel().classList.remove("open");
  panel().replaceChildren();
  document.body.classList.remove("panel-open");
  mark(null);
  const label = opener;
  opener = null;
  if (!label || !label.isConnected) return;
  label.focus({ preventScroll: true });
  // Going back to an address with a place (#main, #entries) gives that place the focus, after this.
  if (window.location.hash) setTimeout(() => label.focus({ preventScroll: true }));
}

// The list stands in the history behind its panel: "Back" closes it, as the button and Escape do.
function close() {
  if (!isOpen()) return;
  if (window.history.state && window.history.state.panel) window.history.back();
  else shut();
}

window.addEventListener("popstate", (event) => {
  if (event.state && event.state.panel) window.location.reload();
  else if (isOpen()) shut();
});

function walk(step) {
  const every = rows();
  const here = isOpen() && opener ? opener.closest("tr") : document.activeElement.closest("tr.entry");
  const next = every[here ? every.indexOf(here) + step : 0];
  if (next) {
    if (isOpen()) labelOf(next).click();
    else labelOf(next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  } else if (step > 0) document.querySelector("#older a[hx-get]")?.click();
}

const typing = (place) => place.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  const dialog = document.querySelector("dialog[open]");
  if (event.key === "Escape" && !dialog && !document.querySelector("details.menu[open]")) close();
  if (dialog || typing(event.target)) return;
  const inRows = event.target.closest("tr.entry");
  const step = { j: 1, k: -1, ArrowDown: inRows && 1, ArrowUp: inRows && -1 }[event.key];
  if (step) walk(step);
  else if (event.key === "/") document.getElementById("f-words").focus();
  else if (event.key === "?") document.getElementById("keys").showModal();
  else return;
  event.preventDefault();
});

// A link opened in a tab of its own is the browser's business, not the panel's.
document.addEventListener("click", (event) => {
  if (event.target.closest("a[hx-get]") && (event.ctrlKey || event.metaKey || event.shiftKey)) event.stopPropagation();
}, true);

document.addEventListener("click", (event) => {
  const place = event.target;
  if (place.closest("[data-close]")) close();
  else if (place.closest("[data-walk]")) walk(Number(place.closest("[data-walk]").dataset.walk));
  else if (place.closest("[data-keys]")) document.getElementById("keys").showModal();
  else {
    const row = place.closest("tr.entry");
    const chosen = String(window.getSelection());
    if (row && !chosen && !place.closest("a, button, summary, details.click li, input")) labelOf(row).click();
  }
});

// What is cut off is said in full to whoever points at it.
document.addEventListener("mouseover", (event) => {
  const line = event.target.closest(".entries .first, .entries .detail, .entries .who .name, .entries .who small, .click > summary");
  if (line) line.title = line.scrollWidth > line.clientWidth ? line.textContent : "";
});

let before = 0; // rows that were there before older ones came

document.addEventListener("htmx:beforeRequest", (event) => {
  const { target, elt } = event.detail;
  if (target.id === "panel" && !panel().contains(elt)) opener = elt;
  if (target.id === "older") before = rows().length;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "panel") {
    const address = opener ? opener.getAttribute("href") : window.location.href;
    if (isOpen()) window.history.replaceState({ panel: true }, "", address);
    else window.history.pushState({ panel: true }, "", address);
    panel().classList.add("open");
    document.body.classList.add("panel-open");
    mark(opener && opener.closest("tr"));
    panel().scrollTop = 0;
    (panel().querySelector("h2") || panel()).focus({ preventScroll: true });
  } else if (event.detail.target.id === "older" || event.detail.elt.id === "older") {
    const first = rows()[before];
    if (first) labelOf(first).focus({ preventScroll: true });
  }
});

document.querySelectorAll(".keys-hint").forEach((hint) => (hint.hidden = !matchMedia("(hover: hover)").matches));

const news = document.getElementById("new");
if (news) setInterval(() => document.visibilityState === "visible" && htmx.trigger(news, "look"), LOOKS_EVERY);
