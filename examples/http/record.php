<?php
// Records a cancelled booking over HTTP and reads what the log has about it. PHP 8.1 or later, no package, no extension.
//
//     INDELIBLE_URL=https://log.example INDELIBLE_KEY=ind_live_… CLINIC=c_lisbon php record.php bk_99812
declare(strict_types=1);

const PASSING = [408, 429, 502, 503, 504];

/** Ask, again where that may help. Only for what may be sent twice: reading, and a document with a key. */
function ask(string $path, ?string $body = null, int $tries = 10): array
{
    $url = getenv('INDELIBLE_URL') . '/api/v1/clinics/' . rawurlencode(getenv('CLINIC')) . $path;
    $options = [
        'method' => $body === null ? 'GET' : 'POST',
        'header' => ['Authorization: Bearer ' . getenv('INDELIBLE_KEY'), 'Content-Type: application/json'],
        'content' => $body ?? '',
        'timeout' => 30,
        'follow_location' => 0, // the key goes nowhere else
        'ignore_errors' => true,
    ];
    for ($tried = 1; ; $tried++) {
        $http_response_header = [];
        $answer = @file_get_contents($url, false, stream_context_create(['http' => $options]));
        $status = preg_match('#^HTTP/\S+ (\d+)#', $http_response_header[0] ?? '', $found) ? (int) $found[1] : 0;
        if ($answer !== false && $status && !(in_array($status, PASSING, true) && $tried < $tries)) {
            $members = json_decode($answer, true, flags: JSON_THROW_ON_ERROR);
            if ($status >= 300) {
                throw new RuntimeException("$status: " . ($members['detail'] ?? '')); // names the field, holds no value
            }
            return $members;
        }
        if ($tried === $tries) {
            throw new RuntimeException('the log cannot be reached; the same document, with its key, may be sent later');
        }
        $header = implode("\n", preg_grep('/^Retry-After: \d+$/i', $http_response_header));
        $asked = (int) filter_var($header, FILTER_SANITIZE_NUMBER_INT) ?: 0;
        usleep((int) (1e6 * max(abs($asked), min(10, 0.25 * 2 ** $tried) * random_int(50, 100) / 100)));
    }
}

/** Record one document. Its key is made before the first try, so that all of them are one. */
function record(array $document): array
{
    $document += ['key' => bin2hex(random_bytes(16))];
    // A browser may send bytes that are no UTF-8; they must not abort a booking.
    return ask('/entries?wait=entry', json_encode($document, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE));
}

/** Yield the entries that a filter means, newest first, all of one moment. */
function entries(string $filter): Generator
{
    $after = null;
    do {
        $page = ask('/entries?' . http_build_query(['q' => $filter, 'after' => $after])); // leaves out what is null
        yield from $page['entries'];
        $after = $page['older'];
    } while ($after !== null);
}

$booking = $argv[1];
try {
    $receipt = record([
        'action' => 'booking.cancelled',
        'actor' => ['kind' => 'staff', 'id' => 'usr_12', 'name' => 'Maria Fernandes'],
        'target' => ['kind' => 'booking', 'id' => $booking],
        'context' => ['late' => true],
    ]);
    echo $receipt['status'], ' ', $receipt['number'], "\n";
    foreach (entries("target:$booking") as $entry) {
        echo $entry['seq'], ' ', $entry['label'], "\n";
    }
} catch (Throwable $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
