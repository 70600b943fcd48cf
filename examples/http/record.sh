#!/bin/sh
# Records a cancelled booking over HTTP and shows what the log has about it, with curl 7.76 or later.
#
#     echo "Authorization: Bearer ind_live_…" >key.header && chmod 600 key.header
#     INDELIBLE_URL=https://log.example CLINIC=c_lisbon sh record.sh key.header bk_99812 req_5f2c
#
# The key is in a file and the document comes by standard input: what stands in a command line, others on this machine
# can read. The document has a key of its own (here that of the request), so it may be sent any number of times.
set -eu
header=$1 booking=$2 key=$3
entries=$INDELIBLE_URL/api/v1/clinics/$CLINIC/entries

# --retry is for what passes by itself: no connection, 408, 429, 502, 503, 504, and as long as Retry-After says.
curl --silent --show-error --fail-with-body --max-time 30 --retry 6 --retry-connrefused --retry-max-time 120 \
    --header @"$header" --header "Content-Type: application/json" --data-binary @- "$entries?wait=entry" <<DOCUMENT
{
  "action": "booking.cancelled",
  "actor": {"kind": "staff", "id": "usr_12", "name": "Maria Fernandes"},
  "target": {"kind": "booking", "id": "$booking"},
  "context": {"late": true},
  "key": "$key"
}
DOCUMENT
echo

# The newest entries that a filter means. The answer's "older" is what the next page begins at: &after=…
curl --silent --show-error --fail-with-body --max-time 30 --retry 5 --retry-connrefused \
    --header @"$header" --get --data-urlencode "q=target:$booking" --data "limit=50" "$entries"
echo
