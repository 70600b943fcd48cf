"""The log over HTTP, under /api/v1: recording, reading, proving and managing, for programs with a key.

straight     past what pages need, to the operation
application  every operation, and what each refusal answers
openapi      what the operations have in common, and the document that describes them
shapes       what they answer, for that document
routes       the router that has all of them
callers      whose key it is, and what it opens
bodies       documents out of a body
accepting    one thread that puts what many requests send into the service's outbox together
arrivals     what became of it in the log, for who waits
recording    the operations that record
reading      lists, entries, stories, completeness
view_recording  that a key reads is recorded, once a day
places       where a list goes on, as text that nobody can make up
proving      bodies, proofs, checkpoints; proofs makes them
exporting    files, as the export page has them (`service/file_answer.py`)
describing   what can be recorded, and the page that shows all of this
answers      JSON, text and bytes, with an ETag
managing     clinics, who belongs to them, keys, anonymizing
viewing      passes for the log in a host's own page
"""
