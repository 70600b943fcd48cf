"""Clients that were merged are one person: the story follows, and who is anonymized is asked about whole."""

from __future__ import annotations

import pytest

from indelible.read.merging import merged_with
from indelible.read.story import story
from indelible.record.document import Staff
from indelible.testing.logs import event

BY = Staff("usr_12", "Maria Fernandes")


def booked(log, client, number):
    log.record_document(event(number, action="booking.created", client={"id": client, "name": f"Name {client}"},
                              context={}))  # fmt: skip


def merged(log, away, stays):
    log.record_document(event(
        action="client.merged", target={"kind": "client", "id": stays, "name": f"Name {stays}"}, client=None,
        context={"merged": {"id": away, "name": f"Name {away}"}},
    ))  # fmt: skip


def told(log, subject):
    return [(one.view.seq, one.why) for one in story(log.reading(), subject).entries]


def test_the_story_of_each_record_has_the_entries_of_both(log):
    booked(log, "cli_1", 1)
    booked(log, "cli_2", 2)
    booked(log, "cli_3", 3)
    merged(log, "cli_2", "cli_1")
    assert told(log, "client/cli_1") == [(1, "itself"), (2, "merged"), (4, "itself")]
    assert told(log, "cli_2") == [(1, "merged"), (2, "itself"), (4, "itself")]
    assert told(log, "client/cli_3") == [(3, "itself")]


def test_records_that_were_merged_one_after_the_other_are_one_person(log):
    for number in (1, 2, 3):
        booked(log, f"cli_{number}", number)
    merged(log, "cli_3", "cli_2")
    merged(log, "cli_2", "cli_1")
    assert merged_with(log.reading(), "cli_1") == ("cli_2", "cli_3")
    assert merged_with(log.reading(), "cli_3") == ("cli_1", "cli_2")
    assert [seq for seq, _ in told(log, "client/cli_3")] == [1, 2, 3, 4, 5]


def test_a_client_who_is_only_mentioned_in_a_merge_is_another_person(log):
    booked(log, "cli_1", 1)
    log.record_document(event(
        action="client.merged", target={"kind": "client", "id": "cli_8"}, client=None,
        context={"merged": {"id": "cli_9"}}, people=[{"role": "mentioned", "id": "cli_1"}],
    ))  # fmt: skip
    assert merged_with(log.reading(), "cli_1") == ()


def test_anonymizing_one_record_says_which_others_are_left_and_no_story_leads_there_any_more(log):
    booked(log, "cli_1", 1)
    booked(log, "cli_2", 2)
    merged(log, "cli_2", "cli_1")
    done = log.anonymize("cli_2", requested_by="client", actor=BY)
    assert done.merged == ("cli_1",)
    assert told(log, "client/cli_1") == [(1, "itself"), (3, "itself")]
    assert log.anonymize("cli_1", requested_by="client", actor=BY).merged == ()


def test_a_circle_of_merges_ends(log):
    merged(log, "cli_2", "cli_1")
    merged(log, "cli_1", "cli_2")
    assert merged_with(log.reading(), "cli_1") == ("cli_2",)


@pytest.mark.parametrize("nobody", ["cli_404", "usr_12"])
def test_who_is_no_client_was_merged_with_nobody(log, nobody):
    booked(log, "cli_1", 1)
    assert merged_with(log.reading(), nobody) == ()
