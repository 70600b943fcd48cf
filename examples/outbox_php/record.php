<?php
// A host in PHP: a booking is cancelled and its entry recorded in one transaction of the host's own database, with PDO.
//
//     DATABASE_DSN='pgsql:host=localhost;dbname=clinic;user=app' php record.php bk_99812
//
// The role needs `GRANT indelible_recorder TO app`. The log's process takes the document from there.
declare(strict_types=1);

/** Record one event document for a clinic, in the transaction of $database. Returns the key of its row. */
function record(PDO $database, string $clinic, array $document): string
{
    // A browser may send bytes that are no UTF-8; they must not abort a booking.
    $json = json_encode($document, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE);
    $statement = $database->prepare('SELECT indelible.record(?, CAST(? AS json))');
    $statement->execute([$clinic, $json]);
    return $statement->fetchColumn();
}

function cancel(PDO $database, string $booking, array $actor, array $request): void
{
    $database->beginTransaction();
    try {
        $update = $database->prepare(
            "UPDATE booking SET state = 'cancelled' WHERE id = ? AND state = 'booked' RETURNING client_id, starts_at"
        );
        $update->execute([$booking]);
        $row = $update->fetch(PDO::FETCH_ASSOC);
        if ($row === false) {
            throw new RuntimeException('no such booking that could be cancelled');
        }
        record($database, 'c_lisbon', [
            'action' => 'booking.cancelled',
            'actor' => $actor,
            'target' => ['kind' => 'booking', 'id' => $booking],
            'client' => ['id' => $row['client_id']],
            'context' => ['starts_at' => (new DateTimeImmutable($row['starts_at']))->format(DATE_RFC3339), 'late' => true],
            'request' => $request,
        ]);
        $database->commit();
    } catch (Throwable $error) {
        if ($database->inTransaction()) {
            $database->rollBack(); // neither a change nor an entry
        }
        throw $error;
    }
}

$database = new PDO(getenv('DATABASE_DSN'), options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
try {
    $actor = ['kind' => 'staff', 'id' => 'usr_12', 'name' => 'Maria Fernandes'];
    cancel($database, $argv[1], $actor, ['channel' => 'staff_web', 'user_agent' => getenv('USER_AGENT') ?: 'curl']);
    echo "cancelled and recorded\n";
} catch (Throwable $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
