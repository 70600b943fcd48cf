// What the pages do beyond links and forms. Everything here has a way without it.
"use strict";

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
  const button = event.target.closest("[data-print], [data-copy], [data-copy-from]");
  if (!button) return;
  event.preventDefault();
  if ("print" in button.dataset) window.print();
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
    }
  }
});

// A menu closes when one clicks beside it.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

// An answer that is a page of its own (signed out, not there) replaces the page, not a part of it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) window.location.reload();
});

// An entry that was opened beside its list and then loaded anew stands before the list in one document's history: what
// "Back" names is fetched, as this page cannot turn into it. A jump within the page changes neither path nor query.
const shown = window.location.pathname + window.location.search;
window.addEventListener("popstate", () => {
  if (!document.getElementById("panel") && window.location.pathname + window.location.search !== shown) window.location.reload();
});

// Paper unfolds nothing: what is folded up is printed too, also where the stylesheet cannot open it.
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details.click, details.fields").forEach((one) => (one.open = true));
});

// Buttons that need this file are there only with it.
document.querySelectorAll("[data-print], [data-copy-from]").forEach((button) => button.removeAttribute("hidden"));
