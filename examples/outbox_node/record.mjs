// A host in JavaScript: a booking is cancelled and its entry recorded in one transaction of the host's own database. The
// table is that of ../fastapi_clinic: two hosts, one outbox, one log.
//
//     npm install && DATABASE_URL=postgresql://app@localhost/clinic node record.mjs bk_99812
//
// The role needs `GRANT indelible_recorder TO app`. The log's process takes the document from there.
// `npm run types && npm run check` checks the documents against the catalogue, without a build.
import pg from "pg";

/**
 * Record one event document for a clinic, in the transaction of `client`. Returns the key of its row.
 * @param {pg.Client} client
 * @param {string} clinic
 * @param {import("./indelible.js").Document} document
 * @returns {Promise<string>}
 */
async function record(client, clinic, document) {
  const { rows } = await client.query("SELECT indelible.record($1, $2::json) AS key", [clinic, JSON.stringify(document)]);
  return rows[0].key;
}

/**
 * @param {pg.Client} client
 * @param {string} booking
 * @param {import("./indelible.js").Actor} actor
 * @param {import("./indelible.js").Request} request
 */
async function cancel(client, booking, actor, request) {
  await client.query("BEGIN");
  try {
    const { rows } = await client.query(
      "UPDATE booking SET state = 'cancelled' WHERE id = $1 AND state = 'booked' RETURNING client_id, starts_at",
      [booking],
    );
    if (rows.length === 0) throw new Error("no such booking that could be cancelled");
    await record(client, "c_lisbon", {
      action: "booking.cancelled",
      actor,
      target: { kind: "booking", id: booking },
      client: { id: rows[0].client_id },
      context: { starts_at: rows[0].starts_at.toISOString(), late: true },
      request,
    });
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK"); // neither a change nor an entry
    throw error;
  }
}

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
try {
  /** @type {import("./indelible.js").Actor} */
  const actor = { kind: "staff", id: "usr_12", name: "Maria Fernandes" };
  await cancel(client, process.argv[2], actor, { channel: "staff_web", user_agent: process.env.USER_AGENT ?? "curl" });
  console.log("cancelled and recorded");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await client.end();
}
