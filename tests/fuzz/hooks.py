"""What a schema cannot say of a good request: which ids exist, which time is still to come, whose cursor it is,
which fields exclude each other.

Left to chance, nearly every request would name what nobody has, and be answered before anything was done. So in the parts
of a request that are meant to be right, such values are replaced by ones of `seed.py`, in turn; one in ten stays as it
was. What is meant to be wrong stays wrong.
"""

import atexit
import itertools
import json
import os
import re

import schemathesis
from schemathesis.core.parameters import ParameterLocation

with open(os.environ["PARLOR_FUZZ_IDS"], encoding="utf-8") as file:
    IDS = json.load(file)
#: Who acts in this run: `server` or `user`.
ACTING = os.environ["PARLOR_FUZZ_AS"]

# What takes away for good, or shuts out, or makes the acting user leave, is for what is there to be lost. Were it not,
# one such request would turn the answers to all later ones into 401, 403 and 404.
PATHS = [
    (r"DELETE .*/channels/\{id\}$", "channels_to_delete"),
    (r"(PUT|PATCH) .*/channels/\{id\}$", "channels_to_change"),
    (r"POST .*/channels/\{id\}/(truncate|members/batch)$", "channels_to_change"),
    (r"POST .*/channels/\{id\}/(leave|transfer)$", "channels_to_leave"),
    (r"(PATCH|DELETE) .*/channels/\{id\}/members/\{user_id\}$", "channels_to_change"),
    (r"POST .*/channels/\{id\}/invite/", "channels_inviting"),
    (r"POST .*/messages/\{id\}/poll/close$", "polls_to_lose"),
    (r"(DELETE .*/messages/\{id\}|POST .*/undelete)$", "messages_to_lose"),
    (r"DELETE .*/tasks/\{id\}$", "tasks_to_lose"),
    (r"DELETE .*/user_groups/\{id\}$", "groups_to_lose"),
    (r"DELETE .*/scheduled_messages/\{id\}$", "scheduled_to_lose"),
    (r"DELETE .*/pending_messages/\{id\}$", "pending_to_withdraw"),
    (r"POST .*/pending_messages/\{id\}/", "pending_to_lose"),
    (r"DELETE .*/users/\{id\}$", "users_to_lose"),
    (r"POST .*/users/\{id\}/(de|re)activate$", "users_to_lose"),
    (r"/(channels|room|rooms)/\{id\}", "channels"),
    (r"/messages/\{id\}/poll", "polls"),
    (r"/messages/\{id\}/location", "locations"),
    (r"/(scheduled|pending)_messages/\{id\}", r"\1"),
    (r"/messages/\{id\}", "messages"),
    (r"/user_groups/\{id\}", "groups"),
    (r"/(users|tasks|jobs|imports|exports|user_deletions)/\{id\}", r"\1"),
]
#: Fields of bodies and queries, however deep inside.
FIELDS = {
    "access_code": "codes",
    "around": "messages",
    "assignee_id": "users",
    "channel": "topics",
    "channel_id": "channels",
    "channel_ids": "channels",
    "closes_at": "times",
    "due_at": "times",
    "expires_at": "times",
    "groups": "groups",
    "mentions": "users",
    "message_id": "messages",
    "option": "options",
    "options": "options",
    "parent_id": "messages",
    "remind_at": "times",
    "reply_to_id": "messages",
    "send_at": "times",
    "to": "users",
    "until": "times",
    "user_id": "users",
    "user_ids": "users",
    "visible_to": "users",
    "X-Api-Key": "public_keys",
}
#: The same where one operation means something else by the name.
FIELDS_OF = {
    "POST /api/v1/channels": {"options": None},
    "POST /api/v1/channels/{id}/messages": {"options": None},
    "POST /api/v1/rooms/{id}/messages": {"options": None},
    "POST /api/v1/channels/{id}/scheduled_messages": {"options": None},
    "POST /api/v1/channels/{id}/transfer": {"user_id": "users_to_lose"},
    "POST /api/v1/channels/{id}/truncate": {"options": None},
    "POST /api/v1/tokens/revoke": {"user_id": "users_to_lose"},
    "GET /api/v1/search/messages": {"to": "times", "from": "times"},
}
#: Where `user_id` says whom it is about; elsewhere it says for whom the server acts, and users do not give it.
ABOUT_OTHERS = {"POST /api/v1/channels/{id}/transfer", "POST /api/v1/tokens/revoke", "GET /api/v1/search/messages"}
#: Where it is only the document's text that says that the server must name a user.
FOR_USERS = {
    "POST /api/v1/channels/{id}/ephemeral_messages",
    "POST /api/v1/channels/{id}/messages",
    "POST /api/v1/channels/{id}/scheduled_messages",
    "POST /api/v1/messages/{id}/forward",
    "POST /api/v1/messages/{id}/poll/options",
    "POST /api/v1/messages/{id}/react",
    "POST /api/v1/messages/{id}/reactions",
    "POST /api/v1/rooms/{id}/messages",
    "PUT /api/v1/messages/{id}/poll/votes",
}
#: Fields that exclude each other.
ALTERNATIVES = [
    ({"before"}, {"after"}, {"around"}),
    ({"message"}, {"before"}),
    ({"custom"}, {"custom_set", "custom_unset"}),
]

turns = {kind: itertools.cycle(values) for kind, values in IDS.items()}
numbers = itertools.count()
tenths = itertools.cycle([True] * 9 + [False])
#: The last cursor that each operation gave out.
cursors = {}
#: The operations that were carried out.
done = set()


@atexit.register
def say_what_was_done():
    with open(os.environ["PARLOR_FUZZ_DONE"], "w", encoding="utf-8") as file:
        json.dump(sorted(done), file)


@schemathesis.hook
def before_call(context, case, kwargs):
    label = case.operation.label
    kinds = FIELDS | FIELDS_OF.get(label, {})
    if meant_well(case, ParameterLocation.PATH) and case.path_parameters:
        put_path(label, case.path_parameters)
    if meant_well(case, ParameterLocation.HEADER) and case.headers:
        put_headers(case.headers)
    if meant_well(case, ParameterLocation.QUERY) and isinstance(case.query, dict):
        put_fields(case.query, kinds)
        agree(label, case.query)
        act_for(label, case.query)
    if meant_well(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        put_fields(case.body, kinds)
        agree(label, case.body)
        act_for(label, case.body)


@schemathesis.hook
def after_call(context, case, response):
    if 200 <= response.status_code < 300:
        done.add(case.operation.label)
    if response.status_code == 200 and response.headers.get("content-type", [""])[0] == "application/json":
        answer = response.json()
        cursor = isinstance(answer, dict) and (answer.get("next") or answer.get("cursor"))
        if isinstance(cursor, str):
            cursors[case.operation.label] = cursor


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return json.dumps(value).encode() + b"\n"


@schemathesis.deserializer("application/x-ndjson")
def first_line(context, response):
    return json.loads(response.content.partition(b"\n")[0])


def meant_well(case, location):
    component = case.meta and case.meta.components.get(location)
    return component is not None and component.mode.is_positive


def put_path(label, path):
    kind = next((match.expand(kind) for pattern, kind in PATHS if (match := re.search(pattern, label))), None)
    for name in path:
        named = {"id": kind, "user_id": "users_to_lose"}.get(name)
        # Nobody who acts may be hit by chance, so here none is left as it was.
        if named in turns and ("_to_" in named or next(tenths)):
            path[name] = next(turns[named])


def put_headers(headers):
    if "X-Api-Key" in headers:
        headers["X-Api-Key"] = next(turns["public_keys"])
    # The same key again is the same request again, which is worth a try, but not each time.
    if "Idempotency-Key" in headers and next(tenths):
        headers["Idempotency-Key"] = f"key-{next(numbers)}"


def put_fields(fields, kinds):
    if "text" in fields and next(tenths):
        fields["text"] = fields["text"] or "Hello"
        # An id belongs to the first message that has it.
        fields.pop("id", None)
    for name, value in fields.items():
        kind = kinds.get(name)
        if isinstance(value, dict):
            put_fields(value, kinds)
        elif isinstance(value, list) and kind and all(isinstance(item, str) for item in value):
            count = min(len(value), len(IDS[kind]))
            fields[name] = [next(turns[kind]) for _ in range(count)] if next(tenths) else value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    put_fields(item, kinds)
        elif isinstance(value, str) and kind and next(tenths):
            fields[name] = next(turns[kind])


def agree(label, fields):
    """Lets the fields of one request fit to each other."""
    if fields.get("cursor") is not None:
        fields["cursor"] = cursors.get(label)
        if fields["cursor"] is None:
            del fields["cursor"]
    for alternatives in ALTERNATIVES:
        given = [names for names in alternatives if names & fields.keys()]
        for names in given[1:] if next(numbers) % 2 else given[:-1]:
            for name in names:
                fields.pop(name, None)
    if "invite" in fields and "expires_at" in fields:
        fields["invite"] = True


def act_for(label, fields):
    """A server says for whom it acts, a user does not."""
    if label in ABOUT_OTHERS or not next(tenths):
        return
    if ACTING == "user" and "user_id" in fields:
        del fields["user_id"]
    elif ACTING == "server" and label in FOR_USERS:
        fields["user_id"] = next(turns["users"])
