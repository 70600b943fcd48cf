// A host with Prisma: a booking is cancelled and its entry recorded in one interactive transaction.
//
//     npm install && npx prisma generate && DATABASE_URL=postgresql://app@localhost/clinic node record.mjs bk_99812
//
// The role needs `GRANT indelible_recorder TO app`. The log's process takes the document from there.
import { PrismaPg } from "@prisma/adapter-pg";
import client from "@prisma/client";

/** Record one event document for a clinic, in the transaction `tx`. Returns the key of its row. */
async function record(tx, clinic, document) {
  // What stands in ${} is sent as a parameter and never becomes part of the statement.
  const [row] = await tx.$queryRaw`SELECT indelible.record(${clinic}, ${JSON.stringify(document)}::json)::text AS key`;
  return row.key;
}

async function cancel(prisma, booking, actor, request) {
  await prisma.$transaction(async (tx) => {
    const { count } = await tx.booking.updateMany({
      where: { id: booking, state: "booked" },
      data: { state: "cancelled" },
    });
    if (count === 0) throw new Error("no such booking that could be cancelled"); // an error rolls back
    const { clientId, startsAt } = await tx.booking.findUniqueOrThrow({ where: { id: booking } });
    await record(tx, "c_lisbon", {
      action: "booking.cancelled",
      actor,
      target: { kind: "booking", id: booking },
      client: { id: clientId },
      context: { starts_at: startsAt, late: true }, // JSON writes a Date with its offset, Z
      request,
    });
  });
}

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL });
const prisma = new client.PrismaClient({ adapter });
try {
  const actor = { kind: "staff", id: "usr_12", name: "Maria Fernandes" };
  await cancel(prisma, process.argv[2], actor, { channel: "staff_web", user_agent: process.env.USER_AGENT ?? "curl" });
  console.log("cancelled and recorded");
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await prisma.$disconnect();
}
