// What the pages do beyond links and forms. Everything here has a way without it.
"use strict";

const panel = () => document.getElementById("panel");
let opener = null; // the link that opened the panel, which gets the focus back

function closePanel() {
  const open = panel();
  if (!open || !open.classList.contains("open")) return;
  open.classList.remove("open");
  open.replaceChildren();
  document.body.classList.remove("panel-open");
  markCurrent(null);
  const place = window.history.state && window.history.state.list;
  if (place) window.history.replaceState(null, "", place);
  if (opener && opener.isConnected) opener.focus();
  opener = null;
}

function markCurrent(row) {
  document.querySelectorAll("tr[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
  if (row) row.setAttribute("aria-current", "true");
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return; // not allowed here: the text can be selected by hand
  }
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-close], [data-print], [data-copy], [data-copy-from]");
  if (!button) return;
  event.preventDefault();
  if ("close" in button.dataset) closePanel();
  else if ("print" in button.dataset) window.print();
  else if ("copy" in button.dataset) copy(new URL(button.dataset.copy, location.href).href, button);
  else {
    const source = document.getElementById(button.dataset.copyFrom);
    copy(source.value ?? source.textContent, button);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else closePanel();
  }
});

// A menu closes when one clicks beside it.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target && event.detail.target.id === "panel" && !panel().contains(event.detail.elt)) {
    opener = event.detail.elt;
  }
  if (event.detail.target && event.detail.target.id === "older") {
    event.detail.target.dataset.rows = document.querySelectorAll("tr.entry, tr.signin").length;
  }
});

let rowsBefore = 0;
document.addEventListener("htmx:beforeSwap", (event) => {
  // An answer that is a page of its own (signed out, not there) replaces the page, not a part of it.
  if (event.detail.xhr.status >= 400) window.location.reload();
  if (event.detail.target.id === "older") rowsBefore = Number(event.detail.target.dataset.rows || 0);
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "panel") {
    const open = panel();
    open.classList.add("open");
    document.body.classList.add("panel-open");
    markCurrent(opener && opener.closest("tr"));
    const list = (window.history.state && window.history.state.list) || location.href;
    window.history.replaceState({ list }, "", opener ? opener.getAttribute("href") : location.href);
    open.scrollTop = 0;
    (open.querySelector("h2") || open).focus();
  } else if (event.detail.target.id === "older" || event.detail.elt.id === "older") {
    const rows = document.querySelectorAll("tr.entry, tr.signin");
    const link = rows[rowsBefore] && rows[rowsBefore].querySelector(".when a");
    if (link) link.focus({ preventScroll: true });
  }
});

// On a phone the list comes first: the fields behind the search open on a tap.
document.querySelectorAll("[data-toggle]").forEach((button) => {
  const fields = document.getElementById(button.dataset.toggle);
  const show = (open) => {
    fields.classList.toggle("closed", !open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.hidden = false;
  show(!matchMedia("(max-width: 47rem)").matches);
  button.addEventListener("click", () => show(fields.classList.contains("closed")));
});

// Paper unfolds nothing: what is folded up is printed too, also where the stylesheet cannot open it.
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details.click, details.fields").forEach((one) => (one.open = true));
});

// Buttons that need this file are there only with it.
document.querySelectorAll("[data-print], [data-copy-from]").forEach((button) => button.removeAttribute("hidden"));

// Arrow keys change a closed list at every step: who chooses with them says when it is done, with Enter or "Show".
let byArrow = false;
document.addEventListener("pointerdown", () => (byArrow = false), true);
document.addEventListener("focusin", () => (byArrow = false));
document.addEventListener("keydown", (event) => {
  if (event.target.tagName !== "SELECT") return;
  if (event.key !== "Enter") byArrow = true;
  else if (byArrow && event.target.closest("form.filter")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
}, true);

// A choice of days leaves the two dates behind, and the other way round.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filter");
  if (!form) return;
  if (event.target.name === "days" && event.target.value) {
    form.querySelectorAll("input[type=date]").forEach((input) => (input.value = ""));
  } else if (event.target.type === "date" && form.elements.days) form.elements.days.value = "";
  if (event.target.tagName === "SELECT" && !byArrow) form.requestSubmit();
});
