"""Fills an app with one of everything, and says what there is to ask for.

A request with an id that nobody has is answered 404 before the interesting code runs. So the run is offered ids that
exist, by kind, and `hooks.py` puts them where requests name such a thing.

What can be destroyed exists twice: what is in `messages` stays for the whole run, and what is in `messages_to_lose` is
there for the requests that delete. Of channels there are some for each fate: to delete, to leave, to change.
"""

import http.client
import json
import random
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone

#: Who acts in the run as a user.
ACTING = "ann"
PEOPLE = [ACTING, "ben", "carla", "dev"]
#: People to deactivate, to remove and to shut out.
TO_LOSE = [f"lost-{number}" for number in range(1, 9)]
#: How many of each thing there are to destroy.
SPARE = 8


class Api:
    """Calls the API with one token, and wants each call to succeed."""

    def __init__(self, url, token):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
        self.token = token

    def __call__(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        self.connection.request(method, f"/api/v1{path}", content, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise SystemExit(f"seed: {method} {path}: {answer.status} {text}")
        return json.loads(text) if text else None


class Seed:
    """One app's world."""

    def __init__(self, url, secret):
        self.url = url
        self.server = Api(url, secret)
        self.random = random.Random(1)
        self.ids = {"users": list(PEOPLE), "users_to_lose": list(TO_LOSE), "options": ["1", "2"]}
        self.users = {}

    def note(self, kind, value):
        self.ids.setdefault(kind, []).append(value)
        return value

    def soon(self, **distance):
        """A time from now on, far enough ahead that nothing comes due during the run unless it shall."""
        return (datetime.now(timezone.utc) + timedelta(**distance)).isoformat()

    def people(self):
        named = [{"id": name, "name": name.title(), "custom": {"team": "red"}} for name in PEOPLE + TO_LOSE]
        self.server("PUT", "/users", {"users": named})
        for name in PEOPLE:
            token = self.server("POST", "/tokens", {"user": {"id": name}, "expires_in": 86_400})["token"]
            self.users[name] = Api(self.url, token)

    def channel(self, owner, kind="team", list_name="channels", people=PEOPLE, **more):
        members = [{"user_id": name} for name in people if name != owner]
        body = {"type": kind, "id": f"{list_name}-{kind}-{self.random.getrandbits(32):08x}", "members": members, **more}
        channel = self.users[owner]("POST", "/channels", body)
        self.note(list_name, channel["id"])
        return channel

    def message(self, author, channel, list_name="messages", **body):
        message_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.users[author]("POST", f"/channels/{channel['id']}/messages", {"id": message_id, "text": "Hello", **body})
        return self.note(list_name, message_id)

    def conversation(self, channel):
        """Every kind of message, and what hangs on one."""
        ann, ben = self.users["ann"], self.users["ben"]
        own = self.message("ann", channel, text="Shall we *meet* at https://example.com?", content_type="markdown")
        other = self.message("ben", channel, text="@ann lunch at noon", mentions=["ann"], custom={"a": {"b": [1]}})
        ann("POST", f"/messages/{other}/reactions", {"type": "like"})
        ben("POST", f"/messages/{own}/reactions", {"type": "like", "score": 3})
        self.message("ben", channel, text="In the thread", parent_id=own)
        self.message("ann", channel, text="And outside of it", parent_id=own, show_in_channel=True)
        self.message("ann", channel, text="As you said", reply_to_id=other)
        self.message("ben", channel, text="Psst", visible_to=["ann"])
        self.message("ann", channel, text="", attachments=[{"type": "image", "url": "https://example.com/a.png"}])
        ann("PATCH", f"/messages/{own}", {"text": "Shall we meet at one?"})
        ann("POST", f"/messages/{own}/pin", {})
        ann("PUT", f"/messages/{other}/star")
        ann("PUT", f"/messages/{other}/reminder", {"remind_at": self.soon(days=1), "note": "answer"})
        ann("PUT", f"/channels/{channel['id']}/draft", {"text": "I was about to"})
        poll = self.message("ann", channel, "polls", text="Where to?", poll={"options": ["Sea", "Hills"]})
        ann("PUT", f"/messages/{poll}/poll/votes", {"options": ["1"]})
        self.message("ben", channel, "polls", text="When?", poll={"options": ["Now", "Later"], "suggestions": True})
        here = {"type": "location", "lat": 52.5, "lon": 13.4, "expires_at": self.soon(hours=12)}
        self.message("ann", channel, "locations", text="I am here", attachments=[here])
        gone = self.message("ann", channel, text="Not this")
        ann("DELETE", f"/messages/{gone}")
        task = ann("POST", f"/messages/{other}/task", {"title": "Book a table", "assignee_id": "ann"})
        self.note("tasks", task["id"])
        later = {"text": "Good morning", "send_at": self.soon(days=1)}
        planned = ann("POST", f"/channels/{channel['id']}/scheduled_messages", later)
        self.note("scheduled", planned["id"])

    def to_destroy(self, channel):
        """The same things once more, for those who delete."""
        ann = self.users["ann"]
        for number in range(SPARE):
            message = self.message("ann", channel, "messages_to_lose", text=f"Number {number}")
            task = ann("POST", f"/messages/{message}/task", {})
            self.note("tasks_to_lose", task["id"])
            later = {"text": "Good night", "send_at": self.soon(days=2)}
            planned = ann("POST", f"/channels/{channel['id']}/scheduled_messages", later)
            self.note("scheduled_to_lose", planned["id"])
            poll = {"options": ["Yes", "No"]}
            self.message("ann", channel, "polls_to_lose", text=f"Question {number}", poll=poll)
            group = self.server("POST", "/user_groups", {"name": f"spare {number}", "user_ids": ["ben"]})
            self.note("groups_to_lose", group["id"])
            for fate in ("channels_to_delete", "channels_to_leave", "channels_to_change"):
                self.message("ann", self.channel("ann", list_name=fate, people=[*PEOPLE, *TO_LOSE]), "messages_in_spares")

    def waiting(self):
        """Messages that wait for approval, invitations, and work in the background."""
        asking = self.channel("ann", config={"messages_need_approval": True})
        asked = self.channel("ben", config={"messages_need_approval": True})
        for number in range(SPARE):
            self.message("ben", asking, "pending_to_lose", text=f"May I say {number}?")
            self.message("ann", asked, "pending", text=f"May I, too, say {number}?")
            self.message("ann", asked, "pending_to_withdraw", text=f"Or {number}?")
        invited = [{"user_id": name} for name in TO_LOSE[:2]]
        self.users["ann"]("POST", f"/channels/{asking['id']}/members", {"members": invited, "invite": True})
        for _ in range(SPARE):
            inviting = self.channel("ben", list_name="channels_inviting", people=["carla"])
            members = [{"user_id": "ann"}]
            self.users["ben"]("POST", f"/channels/{inviting['id']}/members", {"members": members, "invite": True})
        code = self.users["ann"]("POST", f"/channels/{asking['id']}/access_code")["access_code"]
        self.note("codes", code)
        job = self.server("POST", "/channels/batch", {"channels": [{"type": "team", "id": "made-in-a-job"}]})
        self.note("jobs", job["job"]["id"])

    def moving(self):
        """What moves in, what moves out, and who leaves."""
        for _ in range(SPARE):
            self.note("imports", self.server("POST", "/imports")["id"])
        self.note("exports", self.server("POST", f"/users/{ACTING}/export")["id"])
        self.note("user_deletions", self.server("DELETE", "/users/lost-8")["id"])

    def everything(self):
        self.people()
        group = self.server("POST", "/user_groups", {"name": "Red", "user_ids": PEOPLE[:3]})
        self.note("groups", group["id"])
        own = self.channel("ann", name="General", tags=["work"], config={"watching_events": True})
        self.conversation(own)
        self.to_destroy(own)
        self.conversation(self.channel("ann", kind="commerce", custom={"stock": 3}))
        self.conversation(self.channel("ann", kind="messaging"))
        # Where the acting user is an ordinary member, and where it is none.
        self.conversation(self.channel("ben", kind="messaging", custom={"orders": 3}))
        self.channel("ben", kind="livestream", people=["carla"], config={"open": True})
        self.message("carla", self.channel("carla", people=["dev"]), "messages_of_others")
        self.waiting()
        self.moving()
        self.ids["topics"] = [f"chat:channel:{channel}" for channel in self.ids["channels"]]
        self.ids["times"] = [self.soon(hours=hours) for hours in (2, 12, 48)]
        return self.ids


def fill(url, keys):
    """Fills the app whose keys these are: what is there, by kind, and the acting user's token."""
    seed = Seed(url, keys["secret"])
    ids = seed.everything()
    ids["public_keys"] = [keys["public_key"]]
    return ids, seed.users[ACTING].token
