// The zone that this browser is in, as the first choice; whoever chose another keeps it.
"use strict";

document.querySelectorAll("select[data-zone]").forEach((select) => {
  const chosen = Array.from(select.options).find((one) => one.defaultSelected);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = Array.from(select.options).some((one) => one.value === here);
  if (known && chosen && select.value === chosen.value) select.value = here;
});
