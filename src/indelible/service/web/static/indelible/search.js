// The search box: suggestions while one types, and a search of every text that goes on by itself and can be stopped.
// Without this file the box is sent as it is, and a link looks further back.
"use strict";

(() => {
  const box = document.getElementById("f-words");
  const list = document.getElementById("f-found");
  const said = document.getElementById("f-said");
  if (!box || !list) return;

  const PAUSE = 120; // milliseconds after the last key: a request for each letter is one too many
  const SHORTEST = 2;
  const AGAIN = 1000; // while names are still being read
  let timer = 0;
  let asking = null; // the request on its way, which a newer one makes stale
  let active = null; // the option that Enter opens

  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");

  const options = () => [...list.querySelectorAll("[role=option]")];
  const isOpen = () => !list.hidden;

  function choose(option) {
    if (active) active.setAttribute("aria-selected", "false");
    active = option || null;
    if (!active) return box.removeAttribute("aria-activedescendant");
    active.setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", active.id);
    active.scrollIntoView({ block: "nearest" });
  }

  function close() {
    clearTimeout(timer);
    if (asking) asking.abort();
    choose(null);
    list.hidden = true;
    list.replaceChildren();
    said.textContent = "";
    box.setAttribute("aria-expanded", "false");
  }

  async function ask() {
    const typed = box.value.trim();
    if (asking) asking.abort();
    if (typed.length < SHORTEST) return close();
    asking = new AbortController();
    const { signal } = asking;
    const address = `${box.closest("[data-suggest]").dataset.suggest}?q=${encodeURIComponent(typed)}`;
    try {
      const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return close(); // too long, or signed out
      const text = await answer.text();
      if (!signal.aborted && document.activeElement === box) show(text);
    } catch {
      if (!signal.aborted) close(); // no connection: the box can still be sent
    }
  }

  function show(text) {
    const chosen = active && active.getAttribute("href");
    choose(null);
    list.innerHTML = text;
    const found = options();
    found.forEach((option, at) => (option.id = `f-option-${at}`));
    list.hidden = !found.length;
    list.scrollTop = 0;
    box.setAttribute("aria-expanded", String(isOpen()));
    said.textContent = isOpen() ? list.firstElementChild.dataset.said : "";
    if (chosen) choose(found.find((option) => option.getAttribute("href") === chosen));
    if ("again" in list.firstElementChild.dataset) timer = setTimeout(ask, AGAIN);
  }

  function move(by) {
    const steps = options().filter((option) => !option.classList.contains("story"));
    const at = steps.indexOf(active && active.classList.contains("story") ? active.previousElementSibling : active);
    const next = at < 0 ? (by > 0 ? 0 : steps.length - 1) : at + by;
    choose(steps[next]); // beyond the ends it is the box again
  }

  box.addEventListener("input", (event) => {
    if (event.isComposing) return;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  box.addEventListener("compositionend", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });

  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (isOpen()) move(key === "ArrowDown" ? 1 : -1);
      else ask();
    } else if (key === "ArrowRight" && active && active.nextElementSibling) {
      event.preventDefault();
      choose(active.nextElementSibling); // the story beside it
    } else if (key === "ArrowLeft" && active && active.classList.contains("story")) {
      event.preventDefault();
      choose(active.previousElementSibling);
    } else if (key === "Enter" && isOpen() && active) {
      event.preventDefault();
      active.click();
    } else if (key === "Escape" && isOpen()) {
      event.preventDefault();
      event.stopPropagation(); // it closes nothing else
      close();
    } else if (key === "Tab" || key === "Enter") close();
  });

  // A press keeps the focus in the box, so that the list is still there when it ends.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("blur", close);
  window.addEventListener("pagehide", close);
})();

// Free text is looked for in steps, each a request that answers at once.
(() => {
  const bar = document.getElementById("f-progress");
  if (!bar) return;
  const ENOUGH = 50; // entries that fill a page: then the reader says whether to go on
  const status = bar.querySelector("[role=status]");
  const day = bar.querySelector("[data-day]");
  const stop = bar.querySelector("[data-stop]");
  const next = () => document.querySelector("#older a[data-follow]");
  const count = () => document.querySelectorAll("tr.entry, [data-entry]").length;
  const with_day = (text, value) => text.replace("{day}", value);
  let running = null;

  async function look() {
    let reached = "";
    let failed = false;
    running = new AbortController();
    bar.hidden = false;
    stop.hidden = false;
    document.body.classList.add("searching"); // the way on by hand stands in the list meanwhile, unseen
    status.textContent = bar.dataset.looking;
    for (let link = next(); link && count() < ENOUGH; link = next()) {
      reached = link.dataset.follow;
      day.textContent = with_day(bar.dataset.to, reached);
      try {
        const headers = { "HX-Request": "true", "HX-Target": "older" };
        const answer = await fetch(link.href, { headers, signal: running.signal });
        if (!answer.ok || answer.redirected) throw new Error("not the next part of the list");
        const part = await answer.text();
        if (running.signal.aborted) break;
        const table = link.closest("#older").parentElement;
        link.closest("#older").outerHTML = part;
        if (window.htmx) window.htmx.process(table);
      } catch {
        failed = true;
        break;
      }
    }
    finish(reached, failed || running.signal.aborted);
  }

  function finish(reached, stopped) {
    const link = next();
    const to = link ? link.dataset.follow : reached;
    const said = stopped ? "stopped" : link || document.querySelector("#older a[hx-get]") ? "enough" : count() ? "all" : "nothing";
    document.body.classList.remove("searching");
    day.textContent = "";
    stop.hidden = true;
    status.textContent = with_day(bar.dataset[said], to);
  }

  stop.addEventListener("click", () => running && running.abort());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && running && !stop.hidden && !event.defaultPrevented) running.abort();
  });
  if (next() && count() < ENOUGH) look();
})();
