// Records a cancelled booking over HTTP and reads what the log has about it. Node 20 or later, no package.
//
//     INDELIBLE_URL=https://log.example INDELIBLE_KEY=ind_live_… CLINIC=c_lisbon node record.mjs bk_99812
import { setTimeout as sleep } from "node:timers/promises";

const api = `${process.env.INDELIBLE_URL}/api/v1/clinics/${process.env.CLINIC}`;
const PASSING = new Set([408, 429, 502, 503, 504]);

/** Ask, again where that may help. Only for what may be sent twice: reading, and a document with a key. */
async function ask(path, options = {}, tries = 10) {
  for (let tried = 1; ; tried++) {
    let response;
    try {
      response = await fetch(api + path, {
        ...options,
        headers: { Authorization: `Bearer ${process.env.INDELIBLE_KEY}`, ...options.headers },
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      if (tried === tries) throw error; // no connection, or it was lost
    }
    if (response && !(PASSING.has(response.status) && tried < tries)) {
      const answer = await response.json();
      if (!response.ok) throw new Error(`${response.status}: ${answer.detail}`); // names the field, holds no value
      return answer;
    }
    const asked = Number(response?.headers.get("Retry-After")) || 0;
    await sleep(1000 * Math.max(asked, Math.min(10, 0.25 * 2 ** tried) * (0.5 + Math.random() / 2)));
  }
}

/** Record one document. Its key is made before the first try, so that all of them are one. */
function record(document) {
  const body = JSON.stringify({ key: crypto.randomUUID(), ...document });
  return ask("/entries?wait=entry", { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

/** Yield the entries that a filter means, newest first, all of one moment. */
async function* entries(filter) {
  for (let after = ""; after !== null; ) {
    const page = await ask(`/entries?${new URLSearchParams({ q: filter, ...(after && { after }) })}`);
    yield* page.entries;
    after = page.older;
  }
}

const booking = process.argv[2];
try {
  const receipt = await record({
    action: "booking.cancelled",
    actor: { kind: "staff", id: "usr_12", name: "Maria Fernandes" },
    target: { kind: "booking", id: booking },
    context: { late: true },
  });
  console.log(receipt.status, receipt.number);
  for await (const entry of entries(`target:${booking}`)) console.log(entry.seq, entry.label);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
