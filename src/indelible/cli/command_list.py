"""The list of commands: the name of each, where it is, and the first paragraph of its help."""

from __future__ import annotations

from typing import ClassVar

import typer

from .lazy_commands import CommandGroup, Listed
from .options import QUERY_SETTINGS


class ClinicCommands(CommandGroup):
    """The commands of `indelible clinic`."""

    listed: ClassVar = {
        "add": Listed("commands.setup:add", "Start the log of a clinic."),
        "list": Listed("commands.setup:list_clinics", "List the clinics of this database."),
        "set-time-zone": Listed(
            "commands.setup:set_time_zone",
            "Move a clinic to another time zone from now on. Entries keep the zone that they were recorded in.",
        ),
        "close": Listed(
            "commands.lifetime:close",
            "End a clinic's account: write its final bundle, record the end, and destroy its keys. "
            "It cannot be undone.",
        ),
    }


clinics = typer.Typer(cls=ClinicCommands, no_args_is_help=True, help="Add clinics and change their settings.")


class KeepCommands(CommandGroup):
    """The commands of `indelible keep`."""

    listed: ClassVar = {
        "copy": Listed(
            "commands.keep:copy",
            "Make the one current copy of the keep in another folder. An older copy there is overwritten.",
        ),
        "renew": Listed(
            "commands.keep:renew",
            "Begin a new keep where it is lost for good. Nobody can read a name that was recorded before; proofs stay.",
        ),
    }


keeps = typer.Typer(
    cls=KeepCommands, no_args_is_help=True, help="What must die when somebody is erased, outside the database."
)


class KeyCommands(CommandGroup):
    """The commands of `indelible key`."""

    listed: ClassVar = {
        "add": Listed(
            "commands.key:add", "Make a key and print it, once. It is recorded in the log of each clinic that it opens."
        ),
        "list": Listed(
            "commands.key:list_keys",
            "List the keys of a clinic, or of the platform, also those that ended. What they are is not shown.",
        ),
        "revoke": Listed("commands.key:revoke", "End a key now. It is recorded."),
    }


api_keys = typer.Typer(
    cls=KeyCommands, no_args_is_help=True, help="Keys with which programs record and read over HTTP."
)


class OutboxCommands(CommandGroup):
    """The commands of `indelible outbox`."""

    listed: ClassVar = {
        "sql": Listed(
            "commands.outbox:print_sql",
            "Print the outbox's SQL, for the host's own migrations. It may be run again, in one transaction.",
        ),
        "install": Listed(
            "commands.outbox:install",
            "Make the outbox in a host's database, or bring it up to date. What waits there stays.",
        ),
        "check": Listed(
            "commands.outbox:check",
            "Look over the outbox and who may do what with it. Exit code 2 where something is to be mended.",
        ),
        "held": Listed(
            "commands.drain:held", "List the documents that could not be recorded, and why. What they say is not shown."
        ),
        "retry": Listed(
            "commands.drain:retry", "Let a held document wait again, as it is or corrected; the next pass takes it."
        ),
        "replay": Listed(
            "commands.drain:replay",
            "Let documents wait again that were kept since a time, for a log that was restored from an older backup.",
        ),
        "adopt": Listed(
            "commands.drain:adopt",
            "Drain from this database from now on, where it was moved or restored, or belongs to this log as another "
            "one.",
        ),
    }


outboxes = typer.Typer(cls=OutboxCommands, no_args_is_help=True, help="The outbox in a host's own database.")


class AllCommands(CommandGroup):
    """The commands of `indelible`."""

    listed: ClassVar = {
        "init": Listed("commands.setup:init", "Make a new log: the database, the keep, and the master key."),
        "record": Listed("commands.record:record", "Record one event document."),
        "import": Listed(
            "commands.record:import_file",
            "Record a file of event documents. A bad line is reported with its number, and the others go in.",
        ),
        "list": Listed(
            "commands.entries:list_entries", "List entries, newest first. Days are the clinic's.", QUERY_SETTINGS
        ),
        "tail": Listed(
            "commands.tail:tail",
            "Show the last entries, newest last, and with -f new ones as they are recorded.",
            QUERY_SETTINGS,
        ),
        "show": Listed("commands.entries:show", "Show one entry with every field."),
        "export": Listed(
            "commands.entries:export",
            "Export the filtered list. The export is itself recorded before the first byte is written.",
            QUERY_SETTINGS,
        ),
        "story": Listed(
            "commands.entries:story",
            "Tell all that happened to one booking, voucher, service, client or colleague, oldest first.",
        ),
        "bundle": Listed(
            "commands.lifetime:bundle",
            "Write an evidence file: entries with all that it takes to check them offline. "
            "The export is itself recorded.",
            QUERY_SETTINGS,
        ),
        "verify": Listed(
            "commands.verification:verify",
            "Check every entry, value, number and signature. Exit code 0 intact, 1 not intact, 2 could not tell.",
        ),
        "checkpoint": Listed(
            "commands.verification:checkpoint",
            "Sign the log as it stands and print the signed checkpoint, to be kept somewhere else.",
        ),
        "letter": Listed(
            "commands.letter:letter",
            "Print the letter about a clinic's last seven days, or send what is due. Exit code 1 where a letter still "
            "waits.",
        ),
        "anonymize": Listed(
            "commands.lifetime:anonymize",
            "Destroy a client's names, texts, IP addresses and devices on every entry. It cannot be undone.",
        ),
        "backup": Listed(
            "commands.lifetime:backup",
            "Copy the database, while it is used, and the accounts. The master key and the keep are not in the copy.",
        ),
        "restore": Listed(
            "commands.lifetime:restore", "Put a backup where no database is, and say what the keep knows beyond it."
        ),
        "upgrade": Listed(
            "commands.lifetime:upgrade",
            "Bring a database of an older release to this one's schema. Make a backup first.",
        ),
        "adopt": Listed(
            "commands.setup:adopt",
            "Trust the database's last checkpoint, where the keep's signed heads are lost for good.",
        ),
        "actions": Listed(
            "commands.actions:actions", "List the actions that can be recorded, or show one with all its fields."
        ),
        "drain": Listed(
            "commands.drain:drain", "Take the documents of a host's outbox into the log, until it is stopped."
        ),
        "completeness": Listed(
            "commands.completeness:completeness",
            "Show how many changes of a host's guarded tables have an entry. Exit code 2 where a guard does not stand.",
        ),
        "doctor": Listed(
            "commands.doctor:doctor", "Look over the log and the hosts' outboxes. Exit code 2 where something is bad."
        ),
        "keep": Listed("command_list:keeps", "What must die when somebody is erased, outside the database."),
        "key": Listed("command_list:api_keys", "Keys with which programs record and read over HTTP."),
        "outbox": Listed("command_list:outboxes", "The outbox in a host's own database."),
        "demo": Listed(
            "commands.demo:demo", "Fill a clinic with a year of life and show its log, here or in the browser."
        ),
        "clinic": Listed("command_list:clinics", "Add clinics and change their settings."),
        "clock": Listed("commands.setup:clock", "The machine's clock, where it cannot be believed."),
        "serve": Listed(
            "commands.serve:app", "Serve the log in the browser; the first start prints a link to make the owner."
        ),
    }
