// The filter bar: lists close when one is done with them, and long ones can be narrowed. All of them work without it.
"use strict";

{
  const picks = [...document.querySelectorAll("details.pick")];

  document.addEventListener("click", (event) => {
    picks.forEach((one) => {
      if (one.open && !one.contains(event.target)) one.open = false;
    });
  });

  picks.forEach((one) => {
    const field = one.querySelector("[data-narrow]");
    one.addEventListener("toggle", () => {
      if (one.open && field && matchMedia("(pointer: fine)").matches) field.focus();
    });
    one.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && one.open) {
        one.open = false;
        one.querySelector("summary").focus();
        event.stopPropagation(); // it closes this list, and nothing behind it
      }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      if (event.target.matches("input:not([data-narrow])")) return;
      const links = [...one.querySelectorAll(".pick-body a")].filter((link) => link.offsetParent);
      const next = links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
      if (!one.open || next >= links.length) return;
      event.preventDefault();
      (links[next] || field || one.querySelector("summary")).focus();
    });
  });

  // As names are compared in a search: without accents and capital letters.
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  document.querySelectorAll("[data-narrow]").forEach((field) => {
    const lines = [...document.getElementById(field.dataset.narrow).children];
    const nobody = document.querySelector(`[data-none="${field.dataset.narrow}"]`);
    field.parentElement.hidden = false;
    field.addEventListener("input", () => {
      const wanted = plain(field.value.trim());
      lines.forEach((line) => (line.hidden = !plain(line.textContent).includes(wanted)));
      nobody.hidden = lines.some((line) => !line.hidden);
    });
    field.addEventListener("keydown", (event) => {
      const found = lines.filter((line) => !line.hidden);
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (found.length === 1) found[0].querySelector("a").click();
    });
  });
}
