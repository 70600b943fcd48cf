// For a page that shows the log in a frame: <script src="https://log.example/viewer.js" async></script>. It makes the
// frame as high as what it shows, and tells it which part of it is seen: below data-top pixels that a head covers, and
// within the part of the page that scrolls, where that is not the window.
(() => {
  const ours = new URL(document.currentScript.src).origin;
  const known = new Map(); // a window that greeted us, and its frame
  const scroller = (frame) => {
    const root = document.documentElement;
    let one = frame.parentElement;
    for (; one && one !== root; one = one.parentElement) {
      if (one === document.body && getComputedStyle(root).overflowY === "visible") return null; // then it is the window's
      if (/auto|scroll/.test(getComputedStyle(one).overflowY) && one.scrollHeight > one.clientHeight) return one;
    }
    return null;
  };
  const tell = () => known.forEach((frame, shown) => {
    if (!frame.isConnected) return known.delete(shown);
    const { top, bottom } = frame.getBoundingClientRect();
    const around = scroller(frame)?.getBoundingClientRect();
    const from = Math.max(around?.top ?? 0, Number(frame.dataset.top) || 0);
    const to = Math.min(around?.bottom ?? innerHeight, innerHeight);
    shown.postMessage({ indelible: "seen", top: Math.max(0, from - top), bottom: Math.min(bottom, to) - top, room: to - from }, ours);
  });
  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== ours || !data || !data.indelible) return;
    const frame = [...document.querySelectorAll("iframe")].find((one) => one.contentWindow === source);
    if (!frame) return;
    known.set(source, frame);
    if (data.height > 0) frame.style.height = `${Math.min(data.height, 50000)}px`;
    if (data.move) (scroller(frame) ?? window).scrollBy(0, data.move);
    tell();
  });
  let waits = 0;
  const soon = () => { waits ||= requestAnimationFrame(() => { waits = 0; tell(); }); };
  addEventListener("scroll", soon, { passive: true, capture: true });
  addEventListener("resize", soon);
})();
