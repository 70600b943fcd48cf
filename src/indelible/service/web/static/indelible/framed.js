// The log in a frame that is as high as what it shows, so that the host's page scrolls and not the frame. That page has
// viewer.js, which says which part of the frame is seen: what lies over the page (an entry, the keys) is put there.
// Without it, or in a page that is not one of the hosts, the frame scrolls by itself, and nothing here does anything.
"use strict";

(() => {
  if (window.parent === window) return;
  const hosts = document.currentScript.dataset.hosts.split(" ");
  const root = document.documentElement;
  const LEAST = 420; // pixels: a list to choose from opens below its button
  const ROOM_AROUND = 16;
  let host = ""; // the origin that showed that it is the host's: only it is told anything
  let told = 0;
  let seen = { top: 0, bottom: 0, room: 0 };

  const isHost = (origin) => hosts.some((one) => {
    const [scheme, below] = one.split("://*");
    return below ? origin.startsWith(`${scheme}://`) && origin.endsWith(below) : origin === one;
  });
  const say = (what) => window.parent.postMessage({ indelible: "log", ...what }, host);

  function height() {
    let most = Math.max(LEAST, document.body.getBoundingClientRect().height);
    document.querySelectorAll(".pick[open] > .pick-body, .menu[open] > ul, .suggestions:not([hidden])").forEach((one) => {
      most = Math.max(most, one.getBoundingClientRect().bottom + ROOM_AROUND);
    });
    if (document.querySelector(".panel.open:not(.alone), dialog[open]")) most = Math.max(most, seen.room);
    return Math.ceil(most);
  }

  function size() {
    if (!host) return;
    const now = height();
    if (now !== told) say({ height: (told = now) });
  }

  window.addEventListener("message", ({ origin, source, data }) => {
    if (source !== window.parent || !data || data.indelible !== "seen" || !isHost(origin)) return;
    if (![data.top, data.bottom, data.room].every(Number.isFinite)) return;
    const isFirst = !host;
    host = origin;
    seen = data;
    root.classList.add("sized");
    root.style.setProperty("--seen-top", `${Math.max(0, data.top)}px`);
    root.style.setProperty("--seen-height", `${Math.max(0, data.bottom - data.top)}px`);
    root.style.setProperty("--room", `${data.room}px`);
    if (isFirst) {
      say({ height: (told = height()), move: 0 });
      new ResizeObserver(size).observe(document.body);
    } else size();
  });

  // What opens over the page does not change how high the page is.
  ["toggle", "htmx:afterSettle", "click", "keyup", "input"].forEach((name) => {
    document.addEventListener(name, () => requestAnimationFrame(size), true);
  });
  new MutationObserver(size).observe(root, { attributes: true, subtree: true, attributeFilter: ["hidden", "open", "class"] });

  // The browser does not scroll a page of another site for us: what the keys lead to is brought into sight by the host.
  document.addEventListener("focusin", ({ target }) => {
    if (!host || target.closest(".panel, dialog")) return;
    const { top, bottom } = target.getBoundingClientRect();
    if (bottom - top > seen.bottom - seen.top) return;
    if (top < seen.top) say({ move: top - seen.top - ROOM_AROUND });
    else if (bottom > seen.bottom) say({ move: bottom - seen.bottom + ROOM_AROUND });
  });

  window.parent.postMessage({ indelible: "log" }, "*"); // that it is there, which says nothing
})();
